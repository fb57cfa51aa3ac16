//! The commands of minerwatch, and which of them need root.

/// A command of minerwatch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command {
    /// The command's name on the command line.
    pub name: &'static str,
    /// Whether the command needs root, either to load the sensor or to open the daemon's control socket.
    pub needs_root: bool,
    /// An option with which the command does not need root.
    pub unless: Option<&'static str>,
}

const fn command(name: &'static str, needs_root: bool) -> Command {
    Command { name, needs_root, unless: None }
}

/// All commands. A test compares their names with `minerwatch --help`.
pub const ALL: &[Command] = &[
    command("run", true),
    command("tail", true),
    command("doctor", true),
    command("scan", true),
    // `explain` asks the daemon. With `--from` it reads a file of the user instead.
    Command { unless: Some("--from"), ..command("explain", true) },
    command("record", true),
    command("replay", false),
    command("intel", false),
    // `except` edits the file of exceptions and asks the daemon; `except test` does neither.
    Command { unless: Some("--config"), ..command("except", true) },
    command("config", false),
    command("status", true),
    // `output test` may read secrets that only root may read. With `--config` it is about a file of the user.
    Command { unless: Some("--config"), ..command("output", true) },
    command("alert", true),
    command("respond", true),
    // `release` works without the daemon, but needs root all the same.
    command("release", true),
    command("watch-clean", true),
    command("evidence", true),
    command("completions", false),
    command("man", false),
    command("help", false),
];

/// Whether minerwatch needs root for these arguments. An unknown command does not need root, because minerwatch only
/// reports the error.
pub fn needs_root<S: AsRef<str>>(arguments: &[S]) -> bool {
    let has = |option: &str| {
        let with_value = format!("{option}=");
        arguments.iter().any(|argument| {
            let argument = argument.as_ref();
            argument == option || argument.starts_with(&with_value)
        })
    };
    if ["--help", "-h", "--version", "-V"].into_iter().any(has) {
        return false;
    }
    let mut names = arguments.iter().map(AsRef::as_ref).filter(|argument| !argument.starts_with('-'));
    names.next().is_some_and(|name| {
        ALL.iter()
            .any(|command| command.name == name && command.needs_root && !command.unless.is_some_and(has))
    })
}

#[cfg(test)]
mod tests {
    use super::needs_root;

    #[test]
    fn only_what_looks_at_the_host_or_asks_the_daemon_needs_root() {
        let cases: &[(&[&str], bool)] = &[
            (&["run"], true),
            (&["tail", "--json"], true),
            (&["scan", "--seconds", "3"], true),
            (&["doctor"], true),
            (&["record", "host.jsonl"], true),
            (&["status", "--json"], true),
            (&["config", "check"], false),
            (&["respond", "1-1-1", "--freeze"], true),
            (&["release", "1-1-1", "--state", "/tmp/state"], true),
            (&["explain"], true),
            (&["explain", "--from", "alerts.json"], false),
            (&["explain", "--from=-"], false),
            (&["replay", "incident.jsonl"], false),
            (&["intel", "check"], false),
            (&["help"], false),
            (&["--help"], false),
            (&["tail", "--help"], false),
            (&["--version"], false),
            (&["rules", "list"], false),
            (&["completions"], false),
            (&["mine"], false),
        ];
        for (arguments, expected) in cases {
            assert_eq!(needs_root(arguments), *expected, "{arguments:?}");
        }
    }
}
