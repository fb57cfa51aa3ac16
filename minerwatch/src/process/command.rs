//! The command that a process runs: its name, and what it is told.

use std::sync::Arc;

use super::{Process, base_name};

/// The command of a process: a program or a script, with its arguments.
///
/// One file may be many programs (`busybox`, `xtables-nft-multi`), so a command has two names: that of its file, and that
/// under which it was called.
#[derive(Clone, Copy, Debug)]
pub struct Command<'a> {
    file: &'a str,
    called: &'a str,
    arguments: &'a [Arc<str>],
}

impl<'a> Command<'a> {
    /// Returns the command of a process. For a script, these are the name and the arguments of the script.
    pub fn of(process: &'a Process) -> Self {
        let view = &process.view;
        let arguments = &view.arguments[..];
        if let Some(script) = process.script.as_deref() {
            let name = base_name(script);
            let place = arguments.iter().position(|argument| base_name(argument) == name);
            if let Some(rest) = place.and_then(|place| arguments.get(place + 1..)) {
                return Self { file: name, called: name, arguments: rest };
            }
        }
        let file = base_name(&view.executable.path);
        let called = arguments.first().map_or("", |name| base_name(name));
        let rest = arguments.get(1..).unwrap_or_default();
        match (called, rest) {
            ("busybox" | "toybox", [applet, rest @ ..]) => Self { file, called: applet, arguments: rest },
            _ => Self { file, called, arguments: rest },
        }
    }

    /// Whether the command has one of these names.
    pub fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.file) || names.contains(&self.called)
    }

    /// The name of the file: the program, or the script.
    pub fn file(&self) -> &'a str {
        self.file
    }

    /// Whether one of the arguments is this word.
    pub fn has(&self, word: &str) -> bool {
        self.arguments().any(|argument| argument == word)
    }

    /// The arguments.
    pub fn arguments(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.arguments.iter().map(|argument| &**argument)
    }

    /// The values of an option with a value: `-t 1`, `-t1`, `-t=1`, `-mt 1` (after flags in one word), `--target 1` and
    /// `--target=1`. The command may have other options that look the same after its operands.
    pub fn values(&self, short: Option<char>, long: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let mut arguments = self.arguments();
        std::iter::from_fn(move || {
            loop {
                let argument = arguments.next()?;
                let value = match argument.strip_prefix("--") {
                    Some(rest) => {
                        rest.strip_prefix(long).filter(|rest| rest.is_empty() || rest.starts_with('='))
                    }
                    None => argument.strip_prefix('-').and_then(|cluster| {
                        let (flags, value) = cluster.split_once(short?)?;
                        flags.chars().all(|flag| flag.is_ascii_alphabetic()).then_some(value)
                    }),
                };
                match value {
                    Some("") => return arguments.next(),
                    Some(value) => return Some(value.strip_prefix('=').unwrap_or(value)),
                    None => {}
                }
            }
        })
    }

    /// Whether a long option without a value is set: `--privileged`, `--privileged=true`.
    pub fn is_set(&self, long: &str) -> bool {
        let value = |argument: &'a str| argument.strip_prefix("--")?.strip_prefix(long);
        self.arguments().filter_map(value).any(|value| matches!(value, "" | "=true" | "=1"))
    }

    /// The arguments that are no options.
    pub fn operands(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.arguments().filter(|argument| !argument.starts_with('-'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        process::{ProcessTable, TableLimits},
        testing::Host,
    };

    #[test]
    fn options_are_known_in_every_spelling() {
        let arguments: Vec<Arc<str>> = [
            "-at1",
            "-t",
            "2",
            "-mt",
            "3",
            "--target=4",
            "--target",
            "5",
            "-t=6",
            "--target-dir=x",
            "-x/t7",
            "--on",
            "--off=false",
            "--mode=true",
            "-t",
        ]
        .map(Arc::from)
        .into();
        let command = Command { file: "x", called: "x", arguments: &arguments };
        assert_eq!(command.values(Some('t'), "target").collect::<Vec<_>>(), ["1", "2", "3", "4", "5", "6"]);
        assert_eq!(command.values(None, "zone").next(), None);
        assert!(command.is_set("on") && command.is_set("mode"));
        assert!(!command.is_set("off") && !command.is_set("o"));
    }

    #[test]
    fn a_command_is_a_program_a_script_or_an_applet() {
        /// Executable, name, command line; and the name and the arguments of the command.
        type Case<'a> = (&'a str, &'a str, &'a [&'a str], &'a str, &'a [&'a str]);
        let cases: [Case<'_>; 5] = [
            ("/usr/sbin/xtables-nft-multi", "iptables", &["iptables", "-F"], "iptables", &["-F"]),
            (
                "/usr/bin/python3.11",
                "/usr/sbin/ufw",
                &["python3", "/usr/sbin/ufw", "disable"],
                "ufw",
                &["disable"],
            ),
            (
                "/usr/bin/dash",
                "/usr/sbin/service",
                &["sh", "/usr/sbin/service", "x", "stop"],
                "service",
                &["x", "stop"],
            ),
            ("/bin/busybox", "busybox", &["busybox", "chattr", "+i", "/x"], "chattr", &["+i", "/x"]),
            ("/usr/bin/x", "x", &[], "x", &[]),
        ];
        for (path, invoked, arguments, name, expected) in cases {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let key = host.fork(init);
            host.exec(key, init, path, invoked, arguments);
            let mut table = ProcessTable::new(TableLimits::default());
            host.events().iter().for_each(|event| table.apply(event));
            let command = Command::of(table.get(key).unwrap());
            assert!(command.is(&[name]), "{arguments:?}");
            assert_eq!(command.arguments().collect::<Vec<_>>(), expected, "{arguments:?}");
        }
    }
}
