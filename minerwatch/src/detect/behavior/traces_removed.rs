//! B8L: logs and histories of commands are removed.

use crate::{
    detect::{Declaration, DetectionContext, Finding, SignalInfo, SignalKind, Stateless},
    model::{EventBody, EventType, FileAction, FileChange, SignalClass},
    process::{Command, Process, Role, base_name},
};

/// The signal. It is a step, because builds of machine images remove logs, too.
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
        const LOGS: [&str; 20] = [
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
            "dpkg.log",
            "daemon.log",
            "user.log",
            "audit.log",
        ];
        const JOURNALS: [&str; 2] = ["/var/log/journal/", "/run/log/journal/"];
        if HISTORIES.contains(&base_name(path)) {
            return Some(Self::History);
        }
        if JOURNALS.iter().any(|directory| path.starts_with(directory)) {
            let is_journal = [".journal", ".journal~"].iter().any(|end| path.ends_with(end));
            return is_journal.then_some(Self::Log);
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
    if (is_inside && change.host_path.is_none()) || change.is_of_other_system() {
        return None;
    }
    let keeper = Command::of(process).is(&[
        "logrotate",
        "rsyslogd",
        "syslog-ng",
        "journald",
        "systemd-journald",
        // What it removes is judged by its command line.
        "journalctl",
        "auditd",
    ]);
    if keeper || matches!(process.role, Role::PackageManager | Role::Init | Role::ContainerRuntime) {
        return None;
    }
    match change.action {
        FileAction::Delete => Some((trace, change.place(), "deleted")),
        // A shell or a line of code that opens a log of the system for writing empties it. A shell for a person writes its
        // own history at its end.
        FileAction::Write if is_overwritten(trace, process) => Some((trace, change.place(), "overwrote")),
        // Editors and `sed -i` put another file into the place of a log.
        FileAction::Rename if is_replaced(context, change, trace) => {
            Some((trace, change.place(), "replaced"))
        }
        FileAction::Mount => Some((trace, change.place(), "mounted something over")),
        FileAction::Symlink if change.link_target() == Some("/dev/null") => {
            Some((trace, change.place(), "linked to nowhere"))
        }
        _ => None,
    }
}

/// Whether a process that opens a log or a history for writing removes what was in it.
fn is_overwritten(trace: Trace, process: &Process) -> bool {
    // No dropped program has a reason to write the logs of the system.
    let by_code = || match trace {
        Trace::Log => matches!(process.role, Role::Shell | Role::Interpreter),
        Trace::History => process.role == Role::Shell && runs_commands(process),
    };
    process.is_dropped() || by_code()
}

/// Whether a shell runs a script or the commands of its arguments. Such a shell has no history.
fn runs_commands(process: &Process) -> bool {
    let flags = process.view.arguments.get(1).and_then(|argument| argument.strip_prefix('-'));
    let is_told =
        flags.is_some_and(|flags| !flags.starts_with('-') && flags.contains('c') && !flags.contains('i'));
    process.script.is_some() || is_told
}

/// Whether a process that renames a file to a log or a history replaces it. Shells write a history so, and savelog(8) and
/// a restored backup bring logs into their place.
fn is_replaced(context: &DetectionContext<'_>, change: &FileChange, trace: Trace) -> bool {
    let is = |process: &Process, names: &[&str]| Command::of(process).is(names);
    let process = context.process;
    match trace {
        // No shell exchanges its history for another file.
        Trace::History => change.exchange.is_some() || is(process, &["sed"]),
        Trace::Log => {
            let parent = context.table.parent_of(process);
            !is(process, &["rsync", "tar", "savelog"])
                && !parent.is_some_and(|parent| is(parent, &["savelog", "logrotate"]))
        }
    }
}

fn by_command<'a>(command: &Command<'a>) -> Option<(Trace, &'a str, &'static str)> {
    if command.is(&["journalctl"]) {
        return empties_journal(command).then_some((Trace::Log, "/var/log/journal", "emptied"));
    }
    let traces = || {
        // dd(1) has names for its operands, and reads what `if` names.
        let path = |word: &'a str| word.strip_prefix("of=").unwrap_or(word);
        let is_written = |word: &&str| !word.starts_with("if=");
        command
            .operands()
            .filter(is_written)
            .map(path)
            .find_map(|path| Trace::of(path).map(|trace| (trace, path)))
    };
    let (verb, is_removal) = if command.is(&["truncate"]) {
        ("emptied", true)
    } else if command.is(&["shred"]) {
        ("overwrote", true)
    } else if command.is(&["dd"]) {
        ("overwrote", command.arguments().any(|argument| argument.starts_with("of=")))
    } else if command.is(&["tee"]) {
        ("overwrote", !command.has("-a") && !command.has("--append"))
    } else if command.is(&["ln", "cp"]) {
        ("replaced", command.has("/dev/null"))
    } else {
        return None;
    };
    let (trace, path) = is_removal.then(traces).flatten()?;
    Some((trace, path, verb))
}

/// Whether an option of journalctl(1) removes nearly all of the journal. An administrator who needs space keeps some days.
fn empties_journal(command: &Command<'_>) -> bool {
    /// Time that a vacuum must keep, in seconds: one hour.
    const KEPT_TIME: u64 = 3_600;
    /// Size that a vacuum must keep, in bytes: that by which a journal file grows (`FILE_SIZE_INCREASE` in
    /// `src/libsystemd/sd-journal/journal-file.c` of systemd).
    const KEPT_SIZE: u64 = 8 << 20;
    // 0 removes nothing.
    let removes = |name, value| match name {
        "--vacuum-time" => span(value).is_some_and(|kept| (1..KEPT_TIME).contains(&kept)),
        "--vacuum-size" => size(value).is_some_and(|kept| (1..KEPT_SIZE).contains(&kept)),
        _ => false,
    };
    let values = command.arguments().skip(1).map(Some).chain([None]);
    command.arguments().zip(values).any(|(option, next)| match option.split_once('=') {
        Some((name, value)) => removes(name, value),
        None => next.is_some_and(|value| removes(option, value)),
    })
}

/// Splits a number from the unit that follows it. A fraction is rounded up.
fn number(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|next: char| !next.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let count: u64 = digits.parse().ok()?;
    match unit.strip_prefix('.') {
        Some(rest) => {
            Some((count.saturating_add(1), rest.trim_start_matches(|next: char| next.is_ascii_digit())))
        }
        None => Some((count, unit.trim())),
    }
}

/// Returns a time span as systemd.time(7) defines it, in seconds, less than one as one. Of several parts, the first counts.
fn span(text: &str) -> Option<u64> {
    let (count, unit) = number(text)?;
    let unit = unit.split(|next: char| !next.is_ascii_alphabetic()).next().unwrap_or("");
    let seconds = match unit {
        "us" | "usec" | "ms" | "msec" => return Some(count.min(1)),
        "" | "s" | "sec" | "second" | "seconds" => 1,
        "m" | "min" | "minute" | "minutes" => 60,
        "h" | "hr" | "hour" | "hours" => 3_600,
        _ => 86_400,
    };
    Some(count.saturating_mul(seconds))
}

/// Returns a size as journalctl(1) reads it, in bytes.
fn size(text: &str) -> Option<u64> {
    let (count, unit) = number(text)?;
    let bytes = match unit {
        "" | "B" => 1,
        "K" => 1 << 10,
        "M" => 1 << 20,
        _ => 1 << 30,
    };
    Some(count.saturating_mul(bytes))
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
    fn logs_are_emptied_by_any_tool() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let script = host.spawn(init, "/usr/bin/bash", &["bash", "-c", ": > ~/.bash_history"]);
        host.write(script, "/root/.bash_history");
        host.spawn(script, "/usr/bin/dd", &["dd", "if=/dev/null", "of=/var/log/auth.log"]);
        host.spawn(script, "/usr/bin/tee", &["tee", "/var/log/syslog"]);
        let python =
            host.spawn(script, "/usr/bin/python3.11", &["python3", "-c", "open('/var/log/wtmp','w')"]);
        host.write(python, "/var/log/wtmp");
        let sed = host.spawn(script, "/usr/bin/sed", &["sed", "-i", "/x/d", "/var/log/auth.log"]);
        host.rename(sed, "/var/log/sedAb12", "/var/log/auth.log");
        host.rename(sed, "/root/sedAb12", "/root/.bash_history");
        let find = host.spawn(script, "/usr/bin/find", &["find", "/var/log/journal", "-delete"]);
        host.delete(find, "/var/log/journal/4f1c/system.journal");
        assert_eq!(findings_of(&[&DETECTOR], &host), [("B8L", 15); 7]);
    }

    #[test]
    fn a_vacuum_to_nothing_is_no_retention() {
        let cases: [(&[&str], bool); 12] = [
            (&["journalctl", "--rotate", "--vacuum-time=1s"], true),
            (&["journalctl", "--vacuum-time", "10min"], true),
            (&["journalctl", "--vacuum-size=1"], true),
            (&["journalctl", "--vacuum-size=1M"], true),
            (&["journalctl", "--vacuum-time=2weeks"], false),
            (&["journalctl", "--vacuum-time=1d"], false),
            (&["journalctl", "--vacuum-time=100ms"], true),
            (&["journalctl", "--vacuum-time=0"], false),
            (&["journalctl", "--vacuum-size=500M"], false),
            (&["journalctl", "--vacuum-size=0.5G"], false),
            (&["journalctl", "--vacuum-size=1G"], false),
            (&["journalctl", "-u", "x", "--since=1s"], false),
        ];
        for (arguments, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, "/usr/bin/journalctl", arguments);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{arguments:?}");
        }
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
        host.rename(bash, "/root/.bash_history-01.tmp", "/root/.bash_history");
        host.spawn(bash, "/usr/bin/dd", &["dd", "if=/root/.bash_history", "of=/root/x"]);
        host.spawn(bash, "/usr/bin/tee", &["tee", "-a", "/var/log/syslog"]);
        host.spawn(bash, "/usr/bin/truncate", &["truncate", "-s0", "/var/log/app/app.log"]);
        let savelog = host.spawn_script(bash, "/usr/bin/dash", "/usr/bin/savelog");
        let mv = host.spawn(savelog, "/usr/bin/mv", &["mv", "/var/log/syslog.new", "/var/log/syslog"]);
        host.rename(mv, "/var/log/syslog.new", "/var/log/syslog");
        let journald = host.spawn(init, "/usr/lib/systemd/systemd-journald", &["systemd-journald"]);
        host.delete(journald, "/var/log/journal/4f1c/system@1.journal");
        let inside = host.fork(init);
        host.enter(inside, "4f1c");
        host.exec(inside, init, "/bin/sh", "/bin/sh", &["sh", "-c", "x"]);
        host.delete(inside, "/root/.bash_history");
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }

    #[test]
    fn an_exchanged_log_is_replaced_in_both_directions() {
        for (writer, from, to, is_found) in [
            ("/usr/bin/mv", "/tmp/empty", "/var/log/auth.log", true),
            ("/usr/bin/python3", "/root/x", "/root/.bash_history", true),
            ("/usr/bin/rsyslogd", "/var/log/syslog.new", "/var/log/syslog", false),
            ("/usr/bin/mv", "/var/log/app/app.log", "/var/log/app/app.log.1", false),
        ] {
            for (one, other) in [(from, to), (to, from)] {
                let mut host = Host::new();
                let init = host.boot("/sbin/init", &["init"]);
                let writer = host.spawn(init, writer, &[base_name(writer)]);
                host.exchange(writer, one, other);
                let expected: &[(&str, u8)] = if is_found { &[("B8L", 15)] } else { &[] };
                assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{one} {other}");
            }
        }
    }

    #[test]
    fn a_mount_over_a_log_or_a_history_removes_it() {
        for (place, is_found) in [
            ("/root/.bash_history", true),
            ("/var/log/auth.log", true),
            ("/var/log/app.log", false),
            ("/var/log", false),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let tool = host.spawn(init, "/usr/bin/mount", &["mount", "--bind", "/dev/null", place]);
            host.mount(tool, Some("/dev/null"), place);
            let expected: &[(&str, u8)] = if is_found { &[("B8L", 15)] } else { &[] };
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{place}");
        }
    }
}
