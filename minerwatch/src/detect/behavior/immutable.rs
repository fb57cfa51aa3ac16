//! B8I: a file that starts programs, or a program in an odd place, is made immutable.

use std::borrow::Cow;

use super::{persistence::starts_programs, service_entry};
use crate::{
    detect::{
        Declaration, DetectionContext, Finding, PathKind, SignalInfo, SignalKind, Stateless,
        is_ordinary_program,
    },
    model::{EventType, SignalClass},
    process::{Command, Process, ProcessTable, Role, base_name, resolve},
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
    let is_named = command.is(&["chattr"]);
    if !is_named && !looks_like_chattr(context, &command) {
        return None;
    }
    let sets = sets_flag(&command);
    let clears = command.arguments().any(|flags| changes(flags, '-'));
    if !sets && !clears {
        return None;
    }
    let is_wanted = if is_named { is_protected } else { is_start };
    let path = path_of(context.process, &command, is_wanted)?;
    if is_of_playbook(context.table, context.process, &command) {
        return None;
    }
    let name = &context.process.view.name;
    if sets {
        let finding = Finding::new(IMMUTABLE, context, format!("'{name}' made {path} immutable"));
        return Some(finding.full().value("path", &*path));
    }
    let info = SignalInfo { kind: SignalKind::Step, ..IMMUTABLE };
    Some(Finding::new(info, context, format!("'{name}' cleared the flags of {path}")).value("path", &*path))
}

/// Whether a process makes a file immutable that serves an intruder.
pub fn makes_immutable(table: &ProcessTable, process: &Process, command: &Command<'_>) -> bool {
    command.is(&["chattr"])
        && sets_flag(command)
        && path_of(process, command, is_protected).is_some()
        && !is_of_playbook(table, process, command)
}

fn sets_flag(command: &Command<'_>) -> bool {
    command.arguments().any(|flags| changes(flags, '+'))
}

/// Returns the first path of a command that is wanted.
fn path_of<'a>(
    process: &Process,
    command: &Command<'a>,
    is_wanted: impl Fn(&str) -> bool,
) -> Option<Cow<'a, str>> {
    let directory = &process.view.directory;
    let mut paths = command.arguments().filter(is_path).map(|path| resolve(directory, path));
    paths.find(|path| is_wanted(path))
}

/// Whether an argument changes the flag that makes a file immutable (`i`) or open for appending only (`a`). The options
/// of chattr are capital letters, `-f`, `-v` and `-p`.
fn changes(argument: &str, sign: char) -> bool {
    argument.strip_prefix(sign).is_some_and(|flags| {
        flags.contains(['i', 'a']) && flags.bytes().all(|flag| flag.is_ascii_alphabetic())
    })
}

fn is_path(argument: &&str) -> bool {
    !argument.starts_with(['+', '-', '='])
}

/// Whether a command has the grammar of chattr(1): options, flags and absolute paths. Intruders rename the tool, so that
/// rivals do not find it. Only setting a flag counts, because `-i` is an option of many programs.
fn looks_like_chattr(context: &DetectionContext<'_>, command: &Command<'_>) -> bool {
    /// The flags of chattr(1).
    const FLAGS: &str = "aAcCdDeEFijImNPsStTuxV";
    let is_flags = |argument: &str| {
        argument
            .strip_prefix('+')
            .is_some_and(|flags| !flags.is_empty() && flags.chars().all(|flag| FLAGS.contains(flag)))
    };
    let is_part = |argument: &str| {
        argument.starts_with('/') || matches!(argument, "-R" | "-f" | "-V") || is_flags(argument)
    };
    let has_other_grammar = matches!(context.process.role, Role::TextViewer | Role::Shell | Role::LoginShell);
    !has_other_grammar
        && command.arguments().any(|flags| is_flags(flags) && changes(flags, '+'))
        && command.arguments().all(is_part)
}

/// Whether a module of Ansible called the process, for a file that a playbook protects by `attributes: +i`.
///
/// Anybody can give a script the name of a module, but an intruder cannot choose the ancestors of a process. So the process
/// must not come through a network service, and every program of its tree must have a file in an ordinary place. A playbook
/// protects neither a program in an odd place nor `/etc/ld.so.preload`.
fn is_of_playbook(table: &ProcessTable, process: &Process, command: &Command<'_>) -> bool {
    /// Number of processes between chattr and its module: the process itself, and perhaps a shell.
    const MAX_ANCESTORS: usize = 4;
    let is_module = |ancestor: &Process| {
        let script = ancestor.script.as_deref().unwrap_or_default();
        script.contains("/.ansible")
            && script.contains("/ansible-tmp-")
            && base_name(script).starts_with("AnsiballZ_")
    };
    let is_ordinary = |ancestor: &Process| {
        // Over SSH, a module may lie in /tmp (`remote_tmp`).
        let is_sent =
            || process.session && is_module(ancestor) && !ancestor.view.executable.flags.has_no_file();
        is_ordinary_program(ancestor) || is_sent()
    };
    table.ancestry(process.key()).take(MAX_ANCESTORS).any(is_module)
        && path_of(process, command, is_odd_to_protect).is_none()
        && table.tree_path(process.key(), |_| false).all(is_ordinary)
        && service_entry(table, process.key()).is_none()
}

/// Whether no playbook protects the file at this path: `/etc/ld.so.preload`, or a program in an odd place.
fn is_odd_to_protect(path: &str) -> bool {
    path == "/etc/ld.so.preload" || PathKind::of(path).is_odd()
}

/// Whether the file at a path starts programs or lets somebody in, wherever it lies.
fn is_start(path: &str) -> bool {
    starts_programs(path) || matches!(base_name(path), "authorized_keys" | "crontab")
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
        let cases: [Case<'_>; 19] = [
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
            (&["lsattr", "-R", "/etc/crontab"], &[]),
            (&["tntrecht", "+i", "/etc/cron.daily/q"], &[("B8I", 20)]),
            (&["tntrecht", "-R", "+ia", "/srv/home/x/.ssh/authorized_keys"], &[("B8I", 20)]),
            (&["tntrecht", "-i", "/etc/crontab"], &[]),
            (&["tntrecht", "+i", "/srv/x"], &[]),
            (&["tool", "+i", "--all", "/etc/crontab"], &[]),
            (&["vim", "+i", "/etc/crontab"], &[]),
            (&["date", "+i"], &[]),
        ];
        for (arguments, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            host.spawn(init, &format!("/usr/bin/{}", arguments[0]), arguments);
            assert_eq!(findings_of(&[&DETECTOR], &host), expected, "{arguments:?}");
        }
    }

    #[test]
    fn a_playbook_protects_its_files() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let module = "/root/.ansible/tmp/ansible-tmp-17.3-9-1/AnsiballZ_file.py";
        let python = host.spawn(init, "/usr/bin/python3.11", &["/usr/bin/python3", module]);
        host.spawn(python, "/usr/bin/chattr", &["/usr/bin/chattr", "+i", "/etc/systemd/system/a.service"]);
        assert!(findings_of(&[&DETECTOR], &host).is_empty());
    }

    #[test]
    fn a_script_with_only_the_name_of_a_module_is_found() {
        const UNIT: &str = "/etc/systemd/system/a.service";
        const MODULE: &str = "/root/.ansible/tmp/ansible-tmp-17.3-9-1/AnsiballZ_file.py";
        /// The program that starts the module, and what is protected.
        type Case<'a> = (&'a str, &'a str, bool);
        let cases: [Case<'_>; 6] = [
            ("/usr/bin/bash", UNIT, false),
            ("/usr/bin/redis-server", UNIT, true),
            ("/tmp/.x/m", UNIT, true),
            ("/memfd:a (deleted)", UNIT, true),
            ("/usr/bin/bash", "/tmp/.x/m", true),
            ("/usr/bin/bash", "/etc/ld.so.preload", true),
        ];
        for (caller, path, is_found) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let caller = host.spawn(init, caller, &["x", "/srv/x.sh"]);
            let python = host.spawn(caller, "/usr/bin/python3.11", &["/usr/bin/python3", MODULE]);
            host.spawn(python, "/usr/bin/chattr", &["chattr", "+i", path]);
            assert_eq!(!findings_of(&[&DETECTOR], &host).is_empty(), is_found, "{path}");
        }
    }
}
