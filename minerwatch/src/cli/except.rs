//! `minerwatch except`: adds, lists, tries out and removes exceptions.

mod add;
mod criteria;
mod edit;
mod list;
mod remove;
mod test;

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Subcommand;

use super::{ExitReason, Failure, block_on, logging};
use crate::{
    config::{Config, Control, Detection},
    control::{ConnectError, ControlClient},
    except::ExceptionStatus,
    host,
    model::Moment,
};

/// Add, list, try out and remove exceptions: what is not alerted about
///
/// An exception hides the alerts about the suspects that match all its keys. It never hides a conclusive signal that it
/// does not name. Exceptions are kept in a file of their own, beside the configuration; docs/exceptions.md describes
/// them.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Add(add::Arguments),
    List(list::Arguments),
    Test(test::Arguments),
    Remove(remove::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch except add --path /opt/ml/train --user ml --reason 'our training job'
  sudo minerwatch except list
  minerwatch except test alerts.json --user ml
  sudo minerwatch except remove 7c1d9f02";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    match &arguments.command {
        Command::Add(arguments) => add::main(arguments),
        Command::List(arguments) => list::main(arguments),
        Command::Test(arguments) => test::main(arguments),
        Command::Remove(arguments) => remove::main(arguments),
    }
}

/// Which exceptions a command is about.
#[derive(Debug, clap::Args)]
struct Place {
    /// The configuration whose exceptions are meant; without it, those of the running daemon
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
}

impl Place {
    /// Reads the configuration, if one is given.
    fn config(&self) -> Result<Option<Config>, Failure> {
        let config = self.config.as_deref().map(Config::load).transpose();
        config.map_err(|error| Failure::from(anyhow::Error::from(error)))
    }

    /// Returns the path of the file of exceptions: of the configuration, else of the running daemon, else the default.
    fn file(&self) -> Result<PathBuf, Failure> {
        if let Some(config) = self.config()? {
            return Ok(config.detection.exceptions_path(self.config.as_deref()));
        }
        let of_daemon = self.daemon(false)?.and_then(|status| status.file).map(PathBuf::from);
        Ok(of_daemon.unwrap_or_else(|| PathBuf::from(Detection::DEFAULT_EXCEPTIONS_FILE)))
    }

    /// Asks the running daemon for its exceptions. With `reload`, it reads them again first. Returns `None` if no daemon
    /// is running, or if it may not be asked.
    fn daemon(&self, reload: bool) -> Result<Option<ExceptionStatus>, Failure> {
        block_on(async {
            let client = match ControlClient::connect(&self.socket).await {
                Ok(client) => client,
                Err(ConnectError::NotRunning(_) | ConnectError::Denied(_)) => return Ok(None),
                Err(error @ ConnectError::Io { .. }) => return Err(Failure::new(ExitReason::Failed, error)),
            };
            let answer = client.exceptions(reload).await.context("asking the daemon for its exceptions")?;
            let status = serde_json::from_str(&answer).context("the daemon's answer makes no sense")?;
            Ok(Some(status))
        })
    }
}

/// Returns a text of unknown origin as it may be written to a terminal: without control characters.
fn plain(text: &str) -> String {
    let shown = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    text.chars().map(shown).collect()
}

/// Returns the current time.
fn now() -> Moment {
    Moment::from_unix(host::unix_seconds())
}

/// Says whether the daemon uses a file of exceptions that was just changed.
fn in_use(place: &Place, file: &Path) -> Result<String, Failure> {
    Ok(match place.daemon(true)? {
        None => "no daemon was asked; it reads the file when it starts".to_owned(),
        Some(ExceptionStatus { error: Some(error), .. }) => {
            return Err(Failure::new(
                ExitReason::Failed,
                anyhow::anyhow!("the file was changed, but the daemon does not use it: {error}"),
            ));
        }
        Some(ExceptionStatus { file: Some(own), .. }) if Path::new(&own) != file => {
            format!("the running daemon reads another file, {own}")
        }
        Some(_) => "the daemon uses it now".to_owned(),
    })
}
