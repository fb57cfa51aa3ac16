//! B8I: a file that starts programs, or a program in an odd place, is made immutable.

use std::borrow::Cow;

use super::persistence::starts_programs;
use crate::{
    detect::{Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless},
    model::{EventType, SignalClass},
    process::{Command, Process, resolve},
};

/// The signal. The full form makes a file immutable. The weak form is a step: somebody clears the flag, as an intruder
/// does with the files of rivals, and an administrator with his own.
pub const IMMUTABLE: SignalInfo = SignalInfo {
    id: "B8I",
    class: SignalClass::Behavior,
    weight: 5,
    full_weight: 20,
    kind: SignalKind::Sign,
    name: "File made immutable",
    description: "A file that starts programs, or a program in an odd place, was made immutable, so that even root cannot remove it at once.",
    catches: "A miner that resists its removal.",
    techniques: &["T1222.002"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[IMMUTABLE],
    wants: &[EventType::Exec],
    evictions: None,
    create: |_| Box::new(Stateless(inspect)),
};

fn inspect(context: &DetectionContext<'_>) -> Option<Finding> {
    let command = context.command?;
    if !command.is(&["chattr"]) {
        return None;
    }
    let sets = sets_flag(&command);
    let clears = command.arguments().any(|flags| changes(flags, '-'));
    if !sets && !clears {
        return None;
    }
    let path = protected_path(context.process, &command)?;
    let name = &context.process.view.name;
    if sets {
        let finding = Finding::new(IMMUTABLE, context, format!("'{name}' made {path} immutable"));
        return Some(finding.full().value("path", &*path));
    }
    let info = SignalInfo { kind: SignalKind::Step, ..IMMUTABLE };
    Some(Finding::new(info, context, format!("'{name}' cleared the flags of {path}")).value("path", &*path))
}

/// Whether a process makes a file immutable that serves an intruder.
pub fn makes_immutable(process: &Process, command: &Command<'_>) -> bool {
    command.is(&["chattr"]) && sets_flag(command) && protected_path(process, command).is_some()
}

fn sets_flag(command: &Command<'_>) -> bool {
    command.arguments().any(|flags| changes(flags, '+'))
}

/// Returns the first path of a command that serves an intruder if it is immutable.
fn protected_path<'a>(process: &Process, command: &Command<'a>) -> Option<Cow<'a, str>> {
    let directory = &process.view.directory;
    let is_path = |argument: &&str| !argument.starts_with(['+', '-', '=']);
    let mut paths = command.arguments().filter(is_path).map(|path| resolve(directory, path));
    paths.find(|path| is_protected(path))
}

/// Whether an argument changes the flag that makes a file immutable (`i`) or open for appending only (`a`). The options
/// of chattr are capital letters, `-f`, `-v` and `-p`.
fn changes(argument: &str, sign: char) -> bool {
    argument.strip_prefix(sign).is_some_and(|flags| {
        flags.contains(['i', 'a']) && flags.bytes().all(|flag| flag.is_ascii_alphabetic())
    })
}

/// Whether an immutable file at this path serves an intruder. Administrators protect the accounts and the resolver's
/// settings so.
fn is_protected(path: &str) -> bool {
    // The directories of cron are protected as a whole.
    starts_programs(path)
        || path == "/etc/ld.so.preload"
        || matches!(
            path.trim_end_matches('/'),
            "/var/spool/cron" | "/var/spool/cron/crontabs" | "/etc/cron.d"
        )
        || (PathKind::of(path).is_odd() && !path.ends_with("/.user.ini"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Host, findings_of};

    #[test]
    fn what_is_protected_decides() {
        /// Command line, signals.
        type Case<'a> = (&'a [&'a str], &'a [(&'a str, u8)]);
        let cases: [Case<'_>; 12] = [
            (&["chattr", "+i", "/var/spool/cron/root"], &[("B8I", 20)]),
            (&["chattr", "+ia", "/root/.ssh/authorized_keys"], &[("B8I", 20)]),
            (&["chattr", "-R", "+i", "/var/spool/cron/"], &[("B8I", 20)]),
            (&["chattr", "+i", "/tmp/.x/m"], &[("B8I", 20)]),
            (&["chattr", "+i", "/etc/ld.so.preload"], &[("B8I", 20)]),
            (&["chattr", "-iae", "/root/.ssh/authorized_keys"], &[("B8I", 5)]),
            (&["chattr", "+i", "/etc/resolv.conf"], &[]),
            (&["chattr", "+i", "/etc/passwd"], &[]),
            (&["chattr", "+C", "/var/lib/postgresql"], &[]),
            (&["chattr", "+i", "/www/site/.user.ini"], &[]),
            (&["chattr", "-R", "-f", "/etc/cron.d"], &[]),
            (&["lsattr", "+i", "/etc/crontab"], &[]),
        ];
        for (arguments, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, &format!("/usr/bin/{}", arguments[0]), arguments);
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?}");
        }
    }
}
