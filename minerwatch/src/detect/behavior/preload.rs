//! B6: a library is forced into every program.
//!
//! Profilers change the list, too: their installers, and their agents when they update. Then the signal keeps its points, but
//! it is a step and not a sign. The origin of the writer decides, because an intruder cannot choose it. Nothing is excused
//! below a network service, for a program without a file or in a hidden place, and for a program that was written while
//! minerwatch ran. Hidden processes (B5) and mining are reported as before.

use super::service_entry;
use crate::{
    detect::{
        Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless, WrittenFile,
    },
    model::{ChainKind, EventBody, EventType, FileAction, SignalClass},
    process::{Process, Role, Taint},
};

/// The list of libraries that every program loads.
const PRELOAD_LIST: &str = "/etc/ld.so.preload";

/// The signal.
pub const PRELOAD: SignalInfo = SignalInfo {
    id: "B6",
    class: SignalClass::Behavior,
    weight: 45,
    full_weight: 45,
    kind: SignalKind::Sign,
    name: "Library forced into every program",
    description: "/etc/ld.so.preload was changed outside the package manager: the way userland rootkits hide processes and files.",
    catches: "A rootkit at the moment it is set up, before it hides the rest.",
    techniques: &["T1574.006"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[PRELOAD],
    wants: &[EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::File(change) = &context.event.body else { return None };
    if change.place() != PRELOAD_LIST || !change.puts_file() || change.is_of_other_system() {
        return None;
    }
    let verb = if change.action == FileAction::Mount { "mounted something over" } else { "wrote" };
    let detail = format!("'{}' {verb} {PRELOAD_LIST}", context.process.view.name);
    let by = usual_writer(context);
    let info = by.map_or(PRELOAD, |_| SignalInfo { kind: SignalKind::Step, ..PRELOAD });
    let mut finding = Finding::new(info, context, detail).value("path", PRELOAD_LIST).step(
        context,
        ChainKind::Persist,
        PRELOAD_LIST,
    );
    finding.persists = true;
    Some(match by {
        Some(words) => finding.value("usual_writer", words),
        None => finding,
    })
}

/// Returns the kind of writer in words, if it changes the list as part of its usual work.
fn usual_writer(context: &DetectionContext<'_>) -> Option<&'static str> {
    let (table, process) = (context.table, context.process);
    if process.container_id().is_some() || service_entry(table, process.key()).is_some() {
        return None;
    }
    let tree = || table.tree_path(process.key(), |_| false);
    if context.known.restores.is_by(process, table) {
        Some("the restore of a system")
    } else if process.session && tree().all(may_be_installer) {
        Some("an installer that a person started")
    } else if is_vendor_program(process) && tree().all(|part| was_there(context, part)) {
        Some("an installed agent")
    } else {
        None
    }
}

/// Whether a process can be part of an installer: its file may lie in a temporary directory, but not in a hidden one.
fn may_be_installer(process: &Process) -> bool {
    let file = process.program_path();
    let is_open = match PathKind::of(file) {
        PathKind::Ordinary => true,
        PathKind::Temporary => ["/tmp/", "/var/tmp/"].iter().any(|place| file.starts_with(place)),
        PathKind::Hidden | PathKind::Deep => false,
    };
    is_open
        && !file.contains("/.")
        && !process.view.executable.flags.has_no_file()
        && matches!(process.taint, None | Some(Taint::Dropped))
        // A name in brackets is a disguise, also in an installer.
        && !process.view.arguments.first().is_some_and(|name| name.starts_with('['))
}

/// Whether a process runs a program of a vendor. Shells and tools of the system do not count, because their caller decides
/// what they write.
fn is_vendor_program(process: &Process) -> bool {
    process.program_path().starts_with("/opt/")
        && matches!(process.role, Role::Other | Role::Interpreter | Role::Agent)
}

/// Whether the program of a process was there before: it lies in an ordinary place, and only a package manager or an installer
/// in a person's session wrote it while minerwatch ran. A file that its writer fetched from another host counts as new.
fn was_there(context: &DetectionContext<'_>, process: &Process) -> bool {
    let executable = &process.view.executable;
    let written = &context.known.written;
    let is_by_person = |known: &WrittenFile| known.by_person && !known.fetched;
    let is_old = |path: &str, file| {
        !PathKind::of(path).is_odd() && written.find(path, file, None).is_none_or(is_by_person)
    };
    let is_explained = match process.taint {
        None => true,
        Some(Taint::Dropped) => {
            written.find(&executable.path, executable.file, None).is_some_and(is_by_person)
        }
        Some(Taint::Fileless | Taint::FetchesForService) => false,
    };
    is_explained
        && !executable.flags.has_no_file()
        && !executable.flags.foreign
        && is_old(&executable.path, executable.file)
        && process.script.as_deref().is_none_or(|script| is_old(script, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::ProcessKey,
        testing::{Host, findings, findings_of, kinds_of},
    };

    fn kinds(host: &Host) -> Vec<SignalKind> {
        kinds_of(&[&DETECTOR], host)
    }

    #[test]
    fn only_a_write_outside_the_package_manager_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let dpkg = host.spawn(init, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
        host.create(dpkg, "/etc/ld.so.preload", 0o644);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.delete(script, "/etc/ld.so.preload");
        host.create(script, "/etc/ld.so.preload.bak", 0o644);
        host.rename_elsewhere(script, "/etc/.x", "/etc/ld.so.preload", None);
        assert!(findings(&host).is_empty());
        host.rename(script, "/etc/.x", "/etc/ld.so.preload");
        assert_eq!(findings(&host), [("B6", 45)]);
    }

    /// Runs `act`, whose last event writes the list. Returns whether B6 is a sign.
    fn is_sign(act: fn(&mut Host, ProcessKey) -> ProcessKey) -> bool {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let writer = act(&mut host, init);
        host.create(writer, "/etc/ld.so.preload", 0o644);
        let found = kinds(&host);
        assert_eq!(found.len(), 1);
        found[0] == SignalKind::Sign
    }

    fn log_in(host: &mut Host, init: ProcessKey) -> ProcessKey {
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        host.spawn(sshd, "/usr/bin/bash", &["-bash"])
    }

    #[test]
    fn installers_of_persons_and_installed_agents_take_a_step() {
        assert!(!is_sign(|host, init| {
            let login = log_in(host, init);
            let shell = host.spawn(login, "/usr/bin/dash", &["sh", "/tmp/OneAgent-Linux.sh"]);
            host.spawn(shell, "/usr/bin/tee", &["tee", "-a", "/etc/ld.so.preload"])
        }));
        assert!(!is_sign(|host, init| {
            let login = log_in(host, init);
            host.create(login, "/tmp/installer", 0o755);
            host.spawn(login, "/tmp/installer", &["/tmp/installer"])
        }));
        assert!(!is_sign(|host, init| host.spawn(init, "/opt/vendor/agent/bin/agent", &["agent"])));
        assert!(!is_sign(|host, init| {
            let login = log_in(host, init);
            let tar = host.spawn(login, "/usr/bin/tar", &["tar", "xf", "agent.tgz"]);
            host.create(tar, "/opt/vendor/agent/bin/agent", 0o755);
            host.spawn(init, "/opt/vendor/agent/bin/agent", &["agent"])
        }));
    }

    #[test]
    fn who_imitates_an_installer_or_an_agent_shows_a_sign() {
        assert!(is_sign(|host, init| host.spawn_script(init, "/usr/bin/dash", "/opt/vendor/agent/run.sh")));
        // The program was written while minerwatch ran.
        assert!(is_sign(|host, init| {
            let shell = host.spawn(init, "/usr/bin/dash", &["sh", "/root/x.sh"]);
            host.create(shell, "/opt/vendor/agent/bin/agent", 0o755);
            host.spawn(init, "/opt/vendor/agent/bin/agent", &["agent"])
        }));
        assert!(is_sign(|host, init| {
            let login = log_in(host, init);
            let curl = host.spawn(login, "/usr/bin/curl", &["curl", "-o", "/opt/vendor/agent/bin/agent"]);
            host.create(curl, "/opt/vendor/agent/bin/agent", 0o755);
            host.spawn(init, "/opt/vendor/agent/bin/agent", &["agent"])
        }));
        assert!(is_sign(|host, init| {
            let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server"]);
            host.spawn(redis, "/opt/vendor/agent/bin/agent", &["agent"])
        }));
        for path in ["/dev/shm/x", "/root/.x/x", "/tmp/.x/x", "/memfd:x (deleted)"] {
            let mut host = Host::new();
            let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
            let login = log_in(&mut host, init);
            let writer = host.spawn(login, path, &[path]);
            host.create(writer, "/etc/ld.so.preload", 0o644);
            assert!(kinds(&host).contains(&SignalKind::Sign), "{path}");
        }
    }

    #[test]
    fn a_link_counts_like_a_write() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.symlink(script, "/tmp/p", "/etc/ld.so.preload");
        host.link(script, "/etc/ld.so.preload", "/root/copy");
        assert_eq!(findings(&host), [("B6", 45)]);
    }

    #[test]
    fn an_exchange_counts_in_both_directions() {
        for (one, other) in [("/etc/.x", "/etc/ld.so.preload"), ("/etc/ld.so.preload", "/etc/.x")] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let dpkg = host.spawn(init, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
            host.exchange(dpkg, one, other);
            let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
            host.exchange(script, "/etc/ld.so.cache", "/etc/ld.so.cache~");
            assert!(findings(&host).is_empty());
            host.exchange(script, one, other);
            assert_eq!(findings(&host), [("B6", 45)], "{one}");
        }
    }

    #[test]
    fn a_mount_over_the_list_counts() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let tool = host.spawn(init, "/usr/bin/mount", &["mount", "--bind", "/tmp/l", "/etc/ld.so.preload"]);
        host.mount(tool, None, "/etc/ld.so.conf");
        assert_eq!(findings_of(&[&DETECTOR], &host), []);
        host.mount(tool, Some("/tmp/l"), "/etc/ld.so.preload");
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B6", 45)]);
    }
}
