//! `minerwatch completions`: prints a script that completes the command line in a shell.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{ExitReason, Failure, streams::write_stdout};

/// Print a script that completes commands and options in a shell
///
/// The packages and install.sh install the scripts for bash, zsh and fish.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The shell that the script is for
    shell: Shell,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch completions bash > /etc/bash_completion.d/minerwatch
  minerwatch completions zsh > ~/.zfunc/_minerwatch               a directory of fpath
  minerwatch completions fish > ~/.config/fish/completions/minerwatch.fish";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    write_stdout(&script(arguments.shell))?;
    Ok(ExitReason::Fine)
}

fn script(shell: Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut super::Arguments::command(), "minerwatch", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn the_script_of_every_shell_has_commands_and_options() {
        for shell in Shell::value_variants() {
            let script = script(*shell);
            for word in ["minerwatch", "doctor", "hook"] {
                assert!(script.contains(word), "{shell} {word}");
            }
        }
    }
}
