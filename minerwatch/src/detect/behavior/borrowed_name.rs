//! B4P: a program in an odd place carries the name of a program of the system.

use super::{is_built_here, shown_names};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
    process::{Process, base_name, is_in_system_directory},
};

/// The signal.
pub const BORROWED_NAME: SignalInfo = SignalInfo {
    id: "B4P",
    class: SignalClass::Behavior,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Program named like one of the system",
    description: "A program in a temporary or hidden place, or without a file, carries the name of a daemon of the system, or a program says that it is the system's file of such a daemon.",
    catches: "A miner that stands in a list of processes as sshd, cron or a part of systemd.",
    techniques: &["T1036.005"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[BORROWED_NAME],
    wants: &[EventType::Exec, EventType::RunningProcess, EventType::Inspection],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// The daemons that every host may run, and that nobody unpacks to a temporary directory. Databases and web servers are
/// left out, because tests start them there.
const DAEMONS: [&str; 32] = [
    "sshd",
    "cron",
    "crond",
    "atd",
    "anacron",
    "init",
    "systemd",
    "udevd",
    "agetty",
    "dbus-daemon",
    "dbus-broker",
    "rsyslogd",
    "syslogd",
    "auditd",
    "polkitd",
    "NetworkManager",
    "ModemManager",
    "wpa_supplicant",
    "chronyd",
    "ntpd",
    "acpid",
    "irqbalance",
    "avahi-daemon",
    "cupsd",
    "rngd",
    "smartd",
    "lvmetad",
    "dhclient",
    "rpcbind",
    "networkd",
    "accounts-daemon",
    "udisksd",
];

/// Servers. A program outside the system directories that claims the path of one of these is reported. Databases are
/// left out, because their files have several names.
const SERVERS: [&str; 7] = ["httpd", "apache2", "nginx", "klogd", "named", "dnsmasq", "getty"];

/// Maximum length of the kernel's name of a task in bytes (`TASK_COMM_LEN` in `include/linux/sched.h`, without the NUL).
const MAX_COMM: usize = 15;

fn is_daemon(name: &str) -> bool {
    DAEMONS.contains(&name) || name.starts_with("systemd-")
}

/// Returns the path of a system program in `argv[0]` of a process that runs another file. A symbolic link usually has the
/// same name as the file that it leads to, and in a container the image decides where programs lie.
fn claimed<'a>(process: &Process, own: &'a str) -> Option<&'a str> {
    let executable = &process.view.executable;
    let own = own.split(' ').next().filter(|own| own.starts_with('/') && is_in_system_directory(own))?;
    let name = base_name(own);
    let file = base_name(executable.path.strip_suffix(" (deleted)").unwrap_or(&executable.path));
    let is_link = file.contains(name) || name.contains(file) || matches!(file, "busybox" | "toybox");
    let is_elsewhere = executable.path.starts_with('/')
        && !is_in_system_directory(&executable.path)
        && process.container_id().is_none();
    (is_elsewhere && !is_link && (is_daemon(name) || SERVERS.contains(&name))).then_some(own)
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let [name, own] = shown_names(context)?;
    let view = &context.process.view;
    let executable = &view.executable;
    if let Some(claimed) = claimed(context.process, own) {
        let detail = format!("'{}' calls itself '{claimed}', a program of the system", executable.path);
        let finding = Finding::new(BORROWED_NAME, context, detail);
        return Some(finding.value("name", claimed).value("path", &executable.path));
    }
    // An image chooses the places of its programs, and a deleted daemon of the system waits for its restart.
    let has_no_file = executable.flags.memfd;
    if !has_no_file && !PathKind::of(&executable.path).is_odd() {
        return None;
    }
    let file = base_name(executable.path.strip_suffix(" (deleted)").unwrap_or(&executable.path));
    let own = own.split([' ', ':']).next().unwrap_or("");
    let own = base_name(own.trim_start_matches('-'));
    let mut daemons = [file, own, name].into_iter().filter(|name| is_daemon(name)).peekable();
    let borrowed = *daemons.peek()?;
    // A program that was built here has the name that its authors gave it. The kernel cuts a long name.
    let is_own = |name: &str| name == file || (name.len() == MAX_COMM && file.starts_with(name));
    if daemons.all(is_own) && !has_no_file && is_fresh_build(context) {
        return None;
    }
    let detail = format!("'{}' calls itself '{borrowed}', like a daemon of the system", executable.path);
    Some(Finding::new(BORROWED_NAME, context, detail).value("name", borrowed).value("path", &executable.path))
}

fn is_fresh_build(context: &DetectionContext<'_>) -> bool {
    let executable = &context.process.view.executable;
    let container = context.process.container_id().map(AsRef::as_ref);
    let written = context.known.written.find(&executable.path, executable.file, container);
    written.is_some_and(|written| is_built_here(context.table, context.process, written))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    #[test]
    fn places_and_claims_count() {
        let cases: [(&str, &[&str], bool); 18] = [
            ("/tmp/sshd", &["sshd"], true),
            ("/var/tmp/.x/systemd-logind", &["x"], true),
            ("/home/me/.x/a", &["/usr/sbin/cron", "-f"], true),
            ("/memfd:a (deleted)", &["sshd: root@pts/0"], true),
            ("/usr/sbin/sshd", &["sshd"], false),
            ("/usr/sbin/sshd (deleted)", &["sshd"], false),
            ("/opt/openssh/sbin/sshd", &["sshd"], false),
            ("/tmp/pg/bin/postgres", &["postgres"], false),
            ("/tmp/x", &["x"], false),
            ("/opt/w", &["/usr/sbin/sshd"], true),
            ("/root/w", &["/usr/sbin/httpd -DSSL"], true),
            ("/opt/w", &["/lib/systemd/systemd-logind"], true),
            ("/opt/w", &["/usr/bin/java"], false),
            ("/opt/w", &["sshd"], false),
            ("/opt/openssh/sbin/sshd", &["/usr/sbin/sshd"], false),
            ("/opt/bin/busybox", &["/usr/sbin/crond"], false),
            ("/nix/store/a-openssh/bin/x", &["/usr/sbin/sshd"], false),
            ("/memfd:runc_cloned:/proc/self/exe (deleted)", &["runc", "init"], false),
        ];
        for (path, arguments, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, path, arguments);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{path} {arguments:?}");
        }
    }
}
