//! B8L: logs and histories of commands are removed.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, FileChange, SignalClass},
    process::{Command, Role, base_name},
};

/// The signal. It is a step, because whoever builds an image of a machine removes its logs, too.
pub const TRACES_REMOVED: SignalInfo = SignalInfo {
    id: "B8L",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Step,
    name: "Logs or command history removed",
    description: "A log of the system or the history of a shell was deleted, emptied or linked to nowhere. Whoever builds an image of a machine does so too.",
    catches: "An intruder who removes the traces of the way in.",
    techniques: &["T1070.002", "T1070.003"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TRACES_REMOVED],
    wants: &[EventType::Exec, EventType::File],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

/// A kind of traces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trace {
    Log,
    History,
}

impl Trace {
    fn of(path: &str) -> Option<Self> {
        const HISTORIES: [&str; 7] = [
            ".bash_history",
            ".zsh_history",
            ".ash_history",
            ".sh_history",
            ".ksh_history",
            ".python_history",
            ".mysql_history",
        ];
        const LOGS: [&str; 17] = [
            "wtmp",
            "btmp",
            "lastlog",
            "utmp",
            "faillog",
            "secure",
            "auth.log",
            "messages",
            "syslog",
            "cron",
            "cron.log",
            "maillog",
            "mail.log",
            "kern.log",
            "boot.log",
            "yum.log",
            "audit.log",
        ];
        if HISTORIES.contains(&base_name(path)) {
            return Some(Self::History);
        }
        if let Some(log) = path.strip_prefix("/var/log/") {
            let log = log.strip_prefix("audit/").unwrap_or(log);
            return LOGS.contains(&log).then_some(Self::Log);
        }
        matches!(path, "/var/spool/mail/root" | "/var/mail/root" | "/run/utmp" | "/var/run/utmp")
            .then_some(Self::Log)
    }

    fn technique(self) -> &'static str {
        match self {
            Self::Log => "T1070.002",
            Self::History => "T1070.003",
        }
    }
}

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let (trace, path, verb) = match &context.event.body {
        EventBody::File(change) => by_change(context, change)?,
        EventBody::Exec(_) => by_command(&context.command?)?,
        _ => return None,
    };
    let detail = format!("'{}' {verb} {path}", context.process.view.name);
    Some(Finding::new(TRACES_REMOVED, context, detail).value("path", path).technique(trace.technique()))
}

fn by_change<'a>(
    context: &DetectionContext<'_>,
    change: &'a FileChange,
) -> Option<(Trace, &'a str, &'static str)> {
    let trace = Trace::of(change.place())?;
    let process = context.process;
    let is_inside = process.container_id().is_some();
    if is_inside && change.host_path.is_none() {
        return None;
    }
    let keeper = Command::of(process).is(&[
        "logrotate",
        "rsyslogd",
        "syslog-ng",
        "journald",
        "systemd-journald",
        "auditd",
    ]);
    if keeper || matches!(process.role, Role::PackageManager | Role::Init | Role::ContainerRuntime) {
        return None;
    }
    match change.action {
        FileAction::Delete => Some((trace, change.place(), "deleted")),
        // A shell that opens a log of the system for writing empties it. It writes its own history at its end.
        FileAction::Write if trace == Trace::Log && process.role == Role::Shell => {
            Some((trace, change.place(), "overwrote"))
        }
        FileAction::Symlink if change.link_target() == Some("/dev/null") => {
            Some((trace, change.place(), "linked to nowhere"))
        }
        _ => None,
    }
}

fn by_command<'a>(command: &Command<'a>) -> Option<(Trace, &'a str, &'static str)> {
    let traces = || command.operands().find_map(|path| Trace::of(path).map(|trace| (trace, path)));
    let (verb, is_removal) = if command.is(&["truncate"]) {
        ("emptied", true)
    } else if command.is(&["shred"]) {
        ("overwrote", true)
    } else if command.is(&["ln", "cp"]) {
        ("replaced", command.has("/dev/null"))
    } else {
        return None;
    };
    let (trace, path) = is_removal.then(traces).flatten()?;
    Some((trace, path, verb))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    #[test]
    fn traces_are_removed_by_deeds_and_by_commands() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
        host.delete(script, "/root/.bash_history");
        host.write(script, "/var/log/wtmp");
        host.spawn(script, "/usr/bin/ln", &["ln", "-sf", "/dev/null", "/root/.bash_history"]);
        host.spawn(script, "/usr/bin/truncate", &["truncate", "-s", "0", "/var/log/auth.log"]);
        host.symlink(script, "/dev/null", "/home/x/.zsh_history");
        host.symlink(script, "/home/x/shared", "/home/y/.zsh_history");
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B8L", 15); 5]);
    }

    #[test]
    fn log_rotation_shells_and_readers_are_quiet() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let rotate = host.spawn(init, "/usr/sbin/logrotate", &["logrotate", "/etc/logrotate.conf"]);
        host.rename(rotate, "/var/log/auth.log", "/var/log/auth.log.1");
        host.write(rotate, "/var/log/wtmp");
        host.delete(rotate, "/var/log/syslog.7.gz");
        let bash = host.spawn(init, "/usr/bin/bash", &["bash"]);
        host.write(bash, "/root/.bash_history");
        host.write(bash, "/var/log/backup.log");
        host.spawn(bash, "/usr/bin/tail", &["tail", "-f", "/var/log/syslog"]);
        host.spawn(bash, "/usr/bin/cp", &["cp", "/var/log/auth.log", "/root/"]);
        let inside = host.fork(init);
        host.enter(inside, "4f1c");
        host.exec(inside, init, "/bin/sh", "/bin/sh", &["sh", "-c", "x"]);
        host.delete(inside, "/root/.bash_history");
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }
}
