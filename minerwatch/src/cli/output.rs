//! `minerwatch output`: tests the outputs of the configuration.

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::{ExitReason, Failure, config, logging, streams::write_stdout};
use crate::{
    output::OutputSettings,
    pipeline::{self, OutputTest, WrongUsage},
};

/// The output of this process, which belongs to the command and not to the daemon.
const STDOUT: &str = "standard output";

/// Test the outputs
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Test(TestArguments),
}

/// Send one test alert to outputs, and show whether the other side takes it
///
/// The alert has the action `output-test` and says that it is a test. It goes the way of a real alert: the same
/// connection, credentials and format. The daemon need not run, so an output can be tested before it is enabled. Without
/// a name, all outputs are tested. The exit code is 1 if an output does not take the alert.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
struct TestArguments {
    /// Outputs to test, by the names that `minerwatch status` shows, or the last word of a name
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// The configuration file; without it, /etc/minerwatch.toml if it exists, else the defaults
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write a JSON object for each output
    #[arg(long)]
    json: bool,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch output test                                 test all outputs of the service
  minerwatch output test soc --config new.toml                test one before the daemon uses it";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Command::Test(arguments) = &arguments.command;
    test(arguments)
}

fn test(arguments: &TestArguments) -> Result<ExitReason, Failure> {
    let config = config::load(arguments.config.as_deref())?.config;
    let all = config.sink.all();
    let chosen = chosen(&all, &arguments.names)?;
    let mut all_taken = true;
    for settings in chosen {
        let name = settings.name();
        if name == STDOUT {
            continue;
        }
        let outcome = pipeline::test_output(settings, &config);
        all_taken &= outcome.taken;
        write_stdout(&if arguments.json { as_json(&name, &outcome) } else { as_text(&name, &outcome) })?;
    }
    Ok(if all_taken { ExitReason::Fine } else { ExitReason::Failed })
}

/// Returns the outputs with these names, or all of them.
fn chosen<'a>(
    all: &[&'a dyn OutputSettings],
    names: &[String],
) -> Result<Vec<&'a dyn OutputSettings>, Failure> {
    if names.is_empty() {
        let known: Vec<&dyn OutputSettings> =
            all.iter().copied().filter(|settings| settings.name() != STDOUT).collect();
        if known.is_empty() {
            return Err(usage(
                "the configuration has no output but standard output, which the service manager reads",
            ));
        }
        return Ok(known);
    }
    let find = |name: &String| {
        let is_it = |settings: &&&dyn OutputSettings| {
            settings.name() == *name || settings.name().rsplit(' ').next() == Some(name)
        };
        all.iter().find(is_it).copied().ok_or_else(|| {
            let known: Vec<String> = all.iter().map(|settings| settings.name()).collect();
            usage(&format!("there is no output `{name}`; the configuration has: {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}

fn usage(message: &str) -> Failure {
    Failure::from(anyhow::Error::from(WrongUsage(message.to_owned())))
}

fn as_text(name: &str, outcome: &OutputTest) -> String {
    let OutputTest { taken, words, took } = outcome;
    let milliseconds = took.as_millis();
    let said = if words.is_empty() { String::new() } else { format!(": {words}") };
    if *taken {
        format!("{name} took the test alert after {milliseconds} ms{said}\n")
    } else {
        format!("{name} did not take the test alert{said}\n")
    }
}

fn as_json(name: &str, outcome: &OutputTest) -> String {
    let OutputTest { taken, words, took } = outcome;
    let object =
        json!({ "output": name, "taken": taken, "words": words, "took_ms": took.as_secs_f64() * 1_000.0 });
    format!("{object}\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn config(text: &str) -> Config {
        Config::parse(text, std::path::Path::new("m.toml")).unwrap()
    }

    #[test]
    fn outputs_are_chosen_by_their_names() {
        let config = config("[[sink.file]]\npath = '/a b/c'\n[[sink.file]]\npath = '/d'");
        let all = config.sink.all();
        let names = |wanted: &[&str]| {
            let wanted: Vec<String> = wanted.iter().map(|&name| name.to_owned()).collect();
            chosen(&all, &wanted)
                .map(|chosen| chosen.iter().map(|settings| settings.name()).collect::<Vec<_>>())
                .map_err(|failure| failure.to_string())
        };
        assert_eq!(names(&[]), Ok(vec!["/a b/c".to_owned(), "/d".to_owned()]));
        assert_eq!(names(&["/d"]), Ok(vec!["/d".to_owned()]));
        assert_eq!(
            names(&["x"]),
            Err("there is no output `x`; the configuration has: standard output, /a b/c, /d".to_owned())
        );
    }

    #[test]
    fn a_file_takes_a_marked_alert() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("alerts.json");
        let config = config(&format!("[[sink.file]]\npath = '{}'", path.display()));
        let outcome = pipeline::test_output(config.sink.all()[1], &config);
        assert!(outcome.taken, "{outcome:?}");
        let alert: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert_eq!(alert["event"]["action"], "output-test");
        assert_eq!(alert["event"]["kind"], "alert");
        assert!(alert["message"].as_str().is_some_and(|message| message.starts_with("TEST")));
        let missing = self::config("[[sink.file]]\npath = '/nonexistent/x'");
        let outcome = pipeline::test_output(missing.sink.all()[1], &missing);
        assert!(!outcome.taken && outcome.words.contains("/nonexistent/x"), "{outcome:?}");
        assert!(as_text("x", &outcome).starts_with("x did not take the test alert: "));
    }
}
