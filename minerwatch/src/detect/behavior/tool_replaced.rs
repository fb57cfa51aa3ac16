//! B8T: a tool with which people look at processes and files is replaced, or moved away. It is a step only if a whole system is
//! restored ([`crate::detect::Restores`]).

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, SignalClass},
    process::{Command, Role, base_name, is_in_system_directory},
};

/// The signal. The weak form is a tool in `/usr/local`, where administrators install newer versions. It is a step.
pub const TOOL_REPLACED: SignalInfo = SignalInfo {
    id: "B8T",
    class: SignalClass::Behavior,
    weight: 10,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Tool of the system replaced",
    description: "A tool that shows processes, files or connections, fetches files or lets people in was replaced or moved away outside the package manager, or, in the weak form, another one of its name was put before it.",
    catches: "Tools that lie about what runs, and tools that only the intruder finds.",
    techniques: &["T1554"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TOOL_REPLACED],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// The tools that show what runs and what is there.
const SHOWS: [&str; 25] = [
    "ps",
    "top",
    "htop",
    "pstree",
    "pgrep",
    "ls",
    "dir",
    "find",
    "netstat",
    "ss",
    "lsof",
    "lsattr",
    "who",
    "w",
    "last",
    "lastlog",
    "md5sum",
    "sha256sum",
    "stat",
    "dmesg",
    "lsmod",
    "ip",
    "pidof",
    "free",
    "uptime",
];
/// The tools that an intruder keeps for himself.
const SERVES: [&str; 8] = ["kill", "pkill", "killall", "chattr", "curl", "wget", "crontab", "systemctl"];
/// The programs that let people in.
const LETS_IN: [&str; 4] = ["sshd", "sudo", "login", "su"];
/// The tools of every host that one of the same name in `/usr/local` hides, because shells look there first.
const HIDDEN: [&str; 10] = ["ps", "netstat", "ss", "top", "ls", "lsof", "kill", "pidof", "free", "uptime"];

/// Whether a path is that of a tool in `/usr/local` that comes before the system's.
fn hides_tool(path: &str) -> bool {
    const DIRECTORIES: [&str; 2] = ["/usr/local/bin/", "/usr/local/sbin/"];
    let mut names = DIRECTORIES.iter().filter_map(|directory| path.strip_prefix(directory));
    names.any(|name| HIDDEN.contains(&name))
}

/// Whether a path is that of a tool of the system.
fn is_tool(path: &str) -> bool {
    const DIRECTORIES: [&str; 4] = ["/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"];
    let mut names = DIRECTORIES.iter().filter_map(|directory| path.strip_prefix(directory));
    names.any(|name| SHOWS.contains(&name) || SERVES.contains(&name) || LETS_IN.contains(&name))
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    // The event about the other file of an exchange says what is at the old path now.
    let is_moved = change.action == FileAction::Rename && change.exchange.is_none();
    let old_path = change.old_path.as_deref().filter(|_| is_moved);
    let place = Some(change.place()).filter(|_| change.puts_file());
    let (path, verb) = match (place, old_path) {
        (Some(path), _) if is_tool(path) && change.action == FileAction::Mount => {
            (path, "mounted something over")
        }
        (Some(path), _) if is_tool(path) => (path, "replaced"),
        (Some(path), _) if hides_tool(path) => (path, "put another one before"),
        (_, Some(path)) if is_tool(path) => (path, "moved away"),
        _ => return None,
    };
    let tool = base_name(path);
    let process = context.process;
    let is_inside = process.container_id().is_some() || change.elsewhere;
    if (is_inside && change.host_path.is_none()) || is_usual_writer(context) {
        return None;
    }
    let detail = format!("'{}' {verb} the system's '{tool}' ({path})", process.view.name);
    let finding = |info| Finding::new(info, context, detail).value("path", path);
    // A restore replaces every tool. It moves none away, so that always counts.
    let is_restored = || verb == "replaced" && context.known.restores.is_by(process, context.table);
    let step = SignalInfo { kind: SignalKind::Step, ..TOOL_REPLACED };
    Some(if !is_tool(path) {
        finding(step)
    } else if is_restored() {
        finding(step).full().value("usual_writer", "the restore of a system")
    } else {
        finding(TOOL_REPLACED).full()
    })
}

/// Whether the process installs programs as its task.
fn is_usual_writer(context: &DetectionContext<'_>) -> bool {
    let process = context.process;
    let installs = || {
        let command = Command::of(process);
        let is_link = command.is(&["update-alternatives", "alternatives"])
            && command.operands().all(|operand| !operand.starts_with('/') || is_in_system_directory(operand));
        // The other applets of busybox write what they are told.
        let is_applet = command.is(&["busybox"]) && command.is(&["--install"]);
        let is_tool = command.is(&["dpkg-divert", "ostree", "bootc", "transactional-update"]);
        let script = process.script.as_deref();
        let is_of_system = process.is_of_system() && script.is_none_or(is_in_system_directory);
        is_of_system && (is_link || is_applet || is_tool)
    };
    matches!(process.role, Role::Init | Role::PackageManager | Role::ContainerRuntime) || installs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of, kinds_of};

    #[test]
    fn only_tools_that_somebody_else_replaces_count() {
        let cases: [(&str, &str, &str, Option<u8>); 13] = [
            ("/usr/bin/mv", "/usr/bin/ps", "/usr/bin/ps.original", Some(25)),
            ("/usr/bin/mv", "/usr/bin/wget", "/usr/bin/wge", Some(25)),
            ("/usr/bin/cp", "/tmp/x", "/bin/netstat", Some(25)),
            ("/usr/bin/dpkg", "/usr/bin/ps.dpkg-new", "/usr/bin/ps", None),
            ("/usr/bin/update-alternatives", "/usr/bin/w.dpkg-tmp", "/usr/bin/w", None),
            ("/usr/bin/install", "/tmp/x", "/usr/local/bin/top", Some(10)),
            ("/usr/bin/install", "/tmp/x", "/usr/local/bin/curl", None),
            ("/usr/bin/mv", "/usr/local/bin/top", "/tmp/top", None),
            ("/usr/bin/cp", "/tmp/x", "/usr/sbin/sshd", Some(25)),
            ("/usr/bin/cp", "/tmp/x", "/usr/bin/pidof", Some(25)),
            ("/usr/bin/install", "/tmp/x", "/usr/bin/mytool", None),
            ("/usr/bin/mv", "/home/me/bin/ps", "/home/me/bin/ps.old", None),
            ("/usr/bin/dockerd", "/usr/bin/.wh.ps", "/usr/bin/ps", None),
        ];
        for (writer, from, to, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, &["x"]);
            host.rename(writer, from, to);
            let expected: Vec<_> = expected.map(|points| ("B8T", points)).into_iter().collect();
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{from} {to}");
        }
    }

    /// The kinds of the findings when a process below `caller` writes many files and then a tool.
    fn kinds_after(caller: &str, files: u32, old: &str) -> Vec<SignalKind> {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let caller = host.spawn(init, caller, &["x"]);
        let rsync = host.spawn(caller, "/usr/bin/rsync", &["rsync", "-aI", "/mnt/backup/", "/"]);
        for number in 0..files {
            host.create(rsync, &format!("/etc/d{}/f{number}", number % 40), 0o644);
        }
        host.rename(rsync, old, if old == "/usr/bin/ps" { "/usr/bin/.ps" } else { "/usr/bin/ps" });
        kinds_of(&[&DETECTOR], &host)
    }

    #[test]
    fn a_tool_among_all_files_of_a_system_is_a_step() {
        let temporary = "/usr/bin/.ps.Xy1";
        assert_eq!(kinds_after("/usr/bin/borgmatic", 500, temporary), [SignalKind::Step]);
        assert_eq!(kinds_after("/usr/bin/borgmatic", 20, temporary), [SignalKind::Sign], "few files");
        assert_eq!(kinds_after("/usr/bin/redis-server", 500, temporary), [SignalKind::Sign], "a service");
        assert_eq!(kinds_after("/tmp/x", 500, temporary), [SignalKind::Sign], "an odd place");
        assert_eq!(kinds_after("/usr/bin/borgmatic", 500, "/usr/bin/ps"), [SignalKind::Sign], "moved away");
    }

    #[test]
    fn who_links_a_tool_to_something_else_is_no_installer() {
        let cases: [(&str, &[&str], bool); 6] = [
            (
                "/usr/bin/update-alternatives",
                &["update-alternatives", "--install", "/usr/bin/top", "top", "/mnt/evil", "100"],
                true,
            ),
            ("/usr/bin/update-alternatives", &["update-alternatives", "--set", "top", "/mnt/evil"], true),
            (
                "/usr/bin/update-alternatives",
                &["update-alternatives", "--install", "/usr/bin/top", "top", "/usr/bin/htop", "100"],
                false,
            ),
            ("/bin/busybox", &["busybox", "cp", "/tmp/x", "/usr/bin/top"], true),
            ("/bin/busybox", &["mv", "/tmp/x", "/usr/bin/top"], true),
            ("/bin/busybox", &["busybox", "--install", "-s"], false),
        ];
        for (writer, arguments, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let writer = host.spawn(init, writer, arguments);
            host.symlink(writer, "/mnt/evil", "/usr/bin/top");
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{arguments:?}");
        }
    }

    #[test]
    fn the_tools_of_an_image_that_is_built_are_not_those_of_the_host() {
        for (host_path, is_found) in [(None, false), (Some("/usr/bin/ps"), true)] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let dpkg = host.spawn(init, "/srv/image/usr/bin/dpkg", &["dpkg", "--unpack", "x.deb"]);
            host.rename_elsewhere(dpkg, "/bin/ps.dpkg-new", "/bin/ps", host_path);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{host_path:?}");
        }
    }

    #[test]
    fn an_exchanged_tool_is_replaced_in_both_directions() {
        let cases: [(&str, &str, &str, Option<u8>); 7] = [
            ("/usr/bin/python3", "/tmp/x", "/usr/bin/ps", Some(25)),
            ("/usr/bin/mv", "/usr/sbin/.sshd", "/usr/sbin/sshd", Some(25)),
            ("/usr/bin/mv", "/opt/top", "/usr/local/bin/top", Some(10)),
            ("/usr/bin/dpkg", "/usr/bin/ps.dpkg-new", "/usr/bin/ps", None),
            ("/usr/bin/mv", "/usr/bin/mytool", "/usr/bin/mytool.new", None),
            ("/usr/bin/mv", "/opt/app/current", "/opt/app/next", None),
            ("/usr/bin/mv", "/home/me/bin/ps", "/home/me/bin/ps.new", None),
        ];
        for (writer, from, to, expected) in cases {
            let expected: Vec<_> = expected.map(|points| ("B8T", points)).into_iter().collect();
            for (one, other) in [(from, to), (to, from)] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let writer = host.spawn(init, writer, &["x"]);
                host.exchange(writer, one, other);
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_mount_over_a_tool_replaces_it() {
        for (place, expected) in [
            ("/usr/bin/ps", Some(25)),
            ("/usr/sbin/sshd", Some(25)),
            ("/usr/local/bin/top", Some(10)),
            ("/usr/bin/mytool", None),
            ("/usr/bin", None),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let tool = host.spawn(init, "/usr/bin/mount", &["mount", "--bind", "/tmp/x", place]);
            host.mount(tool, Some("/tmp/x"), place);
            let expected: Vec<_> = expected.map(|points| ("B8T", points)).into_iter().collect();
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{place}");
        }
    }
}
