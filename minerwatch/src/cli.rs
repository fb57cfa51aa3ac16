//! The command line, with one file per command. Results go to standard output, messages to standard error.

mod alert;
mod clean;
mod completions;
mod config;
mod counted;
mod doctor;
mod evidence;
mod except;
mod explain;
mod failure;
mod hooks;
mod intel;
mod logging;
mod man;
mod output;
mod present;
mod record;
mod release;
pub mod render;
mod replay;
mod respond;
mod responder;
mod run;
mod scan;
mod status;
mod streams;
mod tail;
mod watch_clean;

use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

pub use failure::{ExitReason, Failure};
use streams::{is_broken_pipe, tell};

/// Finds cryptocurrency miners on this host from inside the kernel, and shows how they got there
#[derive(Debug, Parser)]
#[command(name = "minerwatch", version, max_term_width = 100, after_long_help = EXAMPLES)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, and it is read once")]
enum Command {
    Run(run::Arguments),
    Tail(tail::Arguments),
    Doctor(doctor::Arguments),
    Scan(scan::Arguments),
    Explain(explain::Arguments),
    Record(record::Arguments),
    Replay(replay::Arguments),
    Intel(intel::Arguments),
    Except(except::Arguments),
    Config(config::Arguments),
    Status(status::Arguments),
    Output(output::Arguments),
    Alert(alert::Arguments),
    Respond(respond::Arguments),
    Release(release::Arguments),
    WatchClean(watch_clean::Arguments),
    Evidence(evidence::Arguments),
    Completions(completions::Arguments),
    Man(man::Arguments),
    Responder(responder::Arguments),
}

const EXAMPLES: &str = "\
Start here:
  minerwatch doctor                    check what minerwatch can see on this host
  minerwatch tail                      show processes, connections and file changes live
  minerwatch scan                      check whether something is mining right now
  minerwatch run > alerts.json         keep watching, and write alerts as JSON
  minerwatch explain                   show why an alert was raised
  minerwatch status                    show whether the running daemon is well
  minerwatch config check              check the configuration before the daemon reads it

Exit codes:
  0   success
  1   failed while it ran
  2   wrong usage or configuration
  3   this kernel or these privileges do not allow it
  10  found: `scan` and `replay` found an incident with the verdict `suspected` or `mining`,
      `intel lookup` found the value on a list, `except test` found alerts that would be
      hidden, or `status --check` found a daemon that is not well";

/// Runs the command that the arguments of this process name, and returns its exit code.
pub fn main() -> ExitCode {
    let result = match Arguments::try_parse() {
        Ok(Arguments { command }) => run(command),
        Err(help_or_error) => print(&help_or_error),
    };
    match result {
        Ok(reason) => reason.into(),
        Err(failure) => {
            tell(&failure);
            failure.reason.into()
        }
    }
}

fn run(command: Command) -> Result<ExitReason, Failure> {
    match command {
        Command::Run(arguments) => run::main(arguments),
        Command::Tail(arguments) => tail::main(&arguments),
        Command::Doctor(arguments) => doctor::main(&arguments),
        Command::Scan(arguments) => scan::main(&arguments),
        Command::Explain(arguments) => explain::main(&arguments),
        Command::Record(arguments) => record::main(&arguments),
        Command::Replay(arguments) => replay::main(&arguments),
        Command::Intel(arguments) => intel::main(&arguments),
        Command::Except(arguments) => except::main(&arguments),
        Command::Output(arguments) => output::main(&arguments),
        Command::Alert(arguments) => alert::main(&arguments),
        Command::Config(arguments) => config::main(&arguments),
        Command::Status(arguments) => status::main(&arguments),
        Command::Respond(arguments) => respond::main(&arguments),
        Command::Release(arguments) => release::main(&arguments),
        Command::WatchClean(arguments) => watch_clean::main(&arguments),
        Command::Evidence(arguments) => evidence::main(&arguments),
        Command::Completions(arguments) => completions::main(&arguments),
        Command::Man(arguments) => man::main(&arguments),
        Command::Responder(_) => responder::main(),
    }
}

/// Prints the help or the version to standard output, or an argument error to standard error.
fn print(help_or_error: &clap::Error) -> Result<ExitReason, Failure> {
    let printed = help_or_error.print();
    if help_or_error.use_stderr() {
        return Ok(ExitReason::Usage);
    }
    match printed.context("standard output") {
        Err(error) if !is_broken_pipe(&error) => Err(error.into()),
        Ok(()) | Err(_) => Ok(ExitReason::Fine),
    }
}

/// Runs a future on a single-threaded runtime, so that events stay in order and the other cores stay free for the host.
fn block_on<T>(future: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::from(anyhow::Error::from(error)))?.block_on(future)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::model::EventKind;

    #[test]
    fn clap_accepts_the_definition() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn command_lines_are_parsed_or_refused() {
        for line in [
            "run",
            "run --config /etc/minerwatch.toml",
            "tail",
            "tail --json --kind exec,connect --pid 7",
            "tail --alerts",
            "tail --kind exec --kind exit",
            "tail --hook file=tracepoint --hook payload=off",
            "tail --color always",
            "doctor --json",
            "scan --json --seconds 3",
            "record /tmp/x --seconds 5",
            "replay /tmp/x --json",
            "replay -",
            "explain",
            "explain 4340-7760d-4727c34e36e --json",
            "explain --from -",
            "explain 1-1-1 --clean --script",
            "explain 1-1-1 --clean --json --from alerts.json",
            "intel check",
            "intel check a.txt b/ --config /etc/minerwatch.toml --strict --json",
            "except add --path /opt/x --user ml --signal C9,N4 --signal C1 --reason x --expires 30d",
            "except list --json --config /etc/minerwatch.toml",
            "except test alerts.json --user ml",
            "except test host.jsonl --json",
            "except remove 7c1d9f02",
            "output test",
            "output test soc --config m.toml --json",
            "alert test --seconds 5",
            "config check",
            "config check /etc/minerwatch.toml",
            "config show --json m.toml",
            "config default",
            "config unit m.toml",
            "status",
            "status --json --check --socket /tmp/s --color never",
            "intel lookup pool.example --list a.txt --list b.json --allow c.txt",
            "respond 4340-7760d-4727c34e36e --freeze --for 1h",
            "respond 1-1-1 --isolate --throttle --stop --quarantine --pid 7 --dry-run --json --socket /tmp/s",
            "release 1-1-1 --json --socket /tmp/s --config m.toml",
            "release 1-1-1 --state /tmp/state",
            "watch-clean",
            "watch-clean 1-1-1 --for 7d --json --socket /tmp/s",
            "watch-clean 1-1-1 --end",
            "completions zsh",
            "man /tmp/man1",
            "evidence 1-1-1 -o case.tar.gz",
            "evidence 1-1-1 --output case --pid 7 --no-memory --redact --max-mib 64 --max-seconds 5 --socket /tmp/s",
        ] {
            let words = std::iter::once("minerwatch").chain(line.split(' '));
            assert!(Arguments::try_parse_from(words).is_ok(), "{line}");
        }
        for line in [
            "",
            "tail --alerts --kind exec",
            "tail --kind exce",
            "tail --pid -1",
            "tail --hook file=kprobe",
            "tail --color blue",
            "replay",
            "scan --seconds 0",
            "mine",
            "intel",
            "intel lookup",
            "except",
            "except add --user ml",
            "except remove",
            "config",
            "config check a b",
            "config default a",
            "status now",
            "respond 1-1-1",
            "respond --freeze",
            "respond 1-1-1 --freeze --for 1",
            "respond 1-1-1 --observe",
            "evidence 1-1-1",
            "explain --clean",
            "explain 1-1-1 --script",
            "completions",
            "completions ksh",
            "man",
            "watch-clean --for 1h",
            "watch-clean --end",
            "watch-clean 1-1-1 --end --for 1h",
            "release",
            "release 1-1-1 --config m.toml --state /tmp/state",
        ] {
            let words = std::iter::once("minerwatch").chain(line.split(' '));
            let error = Arguments::try_parse_from(words).expect_err(line);
            assert_eq!(error.exit_code(), 2, "{line}");
        }
    }

    #[test]
    fn the_help_of_tail_lists_every_kind() {
        let mut command = Arguments::command();
        let tail = command.find_subcommand_mut("tail").expect("it exists");
        let help = tail.render_long_help().to_string();
        let words: Vec<&str> = help.split(|letter: char| !letter.is_alphanumeric()).collect();
        for kind in EventKind::ALL {
            assert!(words.contains(&kind.name()), "{}: {help}", kind.name());
        }
    }

    #[test]
    fn every_command_shows_examples() {
        let check = |path: &str, command: &clap::Command| {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.contains(path), "{path}: {help}");
            assert!(help.lines().all(|line| line.chars().count() <= 100), "{path}: {help}");
        };
        for command in Arguments::command().get_subcommands() {
            let path = format!("minerwatch {}", command.get_name());
            check(&path, command);
            for command in command.get_subcommands() {
                check(&format!("{path} {}", command.get_name()), command);
            }
        }
    }
}
