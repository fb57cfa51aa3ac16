//! Asks the user before anything is installed on this machine.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result, bail};

/// The environment variable that answers yes to every question, like `--yes`.
pub const VARIABLE: &str = "XTASK_YES";

static GIVEN: AtomicBool = AtomicBool::new(false);

/// Answers yes to every question of this run.
pub fn give() {
    GIVEN.store(true, Ordering::Relaxed);
}

/// What to do when something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Install,
    Ask,
    Refuse,
}

/// Decides whether to install, to ask or to refuse. In CI nobody can be asked, and the machine exists to be set up.
fn policy(is_given: bool, is_ci: bool, is_terminal: bool) -> Policy {
    match (is_given || is_ci, is_terminal) {
        (true, _) => Policy::Install,
        (false, true) => Policy::Ask,
        (false, false) => Policy::Refuse,
    }
}

/// Shows what is missing, and returns `Ok` if it may be installed. If nobody can be asked, the error contains the
/// command line with `--yes`.
pub fn ask(missing: &[String]) -> Result<()> {
    let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
    let is_given = GIVEN.load(Ordering::Relaxed) || is_set(VARIABLE);
    let policy = policy(is_given, is_set("CI"), io::stdin().is_terminal());
    eprintln!("setup: missing on this machine, each with the command that installs it:");
    for need in missing {
        eprintln!("  {need}");
    }
    match policy {
        Policy::Install => Ok(()),
        Policy::Ask => {
            eprint!("Install now? [Y/n] ");
            io::stderr().flush().context("cannot write the question")?;
            let mut answer = String::new();
            let length = io::stdin().read_line(&mut answer).context("cannot read the answer")?;
            if length > 0 && is_yes(&answer) {
                return Ok(());
            }
            bail!("nothing was installed")
        }
        Policy::Refuse => {
            bail!("nothing is installed without being asked for; to install, run: {}", with_yes(env::args()))
        }
    }
}

/// Whether an answer means yes. Enter alone means yes.
fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_ascii_lowercase().as_str(), "" | "y" | "yes")
}

/// Returns the command line that started this program, with `--yes` added.
fn with_yes(arguments: impl Iterator<Item = String>) -> String {
    let words = ["cargo", "xtask", "--yes"].map(str::to_owned);
    words.into_iter().chain(arguments.skip(1)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_person_is_asked() {
        let cases = [
            // --yes, CI, terminal
            (false, false, true, Policy::Ask),
            (false, false, false, Policy::Refuse),
            (true, false, false, Policy::Install),
            (true, false, true, Policy::Install),
            (false, true, false, Policy::Install),
            (false, true, true, Policy::Install),
        ];
        for (is_given, is_ci, is_terminal, expected) in cases {
            assert_eq!(policy(is_given, is_ci, is_terminal), expected, "{is_given} {is_ci} {is_terminal}");
        }
    }

    #[test]
    fn enter_and_yes_are_a_yes() {
        for (answer, expected) in
            [("\n", true), ("y\n", true), ("Yes\n", true), ("n\n", false), ("no\n", false), ("what\n", false)]
        {
            assert_eq!(is_yes(answer), expected, "{answer:?}");
        }
    }

    #[test]
    fn the_refusal_has_the_whole_command() {
        let arguments = ["/target/debug/xtask", "test", "--full"].map(str::to_owned).into_iter();
        assert_eq!(with_yes(arguments), "cargo xtask --yes test --full");
    }
}
