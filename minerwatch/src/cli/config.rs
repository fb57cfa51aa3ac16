//! `minerwatch config`: checks and shows the configuration, without a daemon.

mod check;
mod default;
mod show;
mod unit;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{ExitReason, Failure, logging};
use crate::config::Effective;

/// Check and show the configuration
///
/// The environment variables `MINERWATCH_SECTION__KEY` override the keys of the file, as they do for the daemon. Needs
/// neither a daemon nor root.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Arguments),
    Show(show::Arguments),
    Default(default::Arguments),
    Unit(unit::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  minerwatch config default > minerwatch.toml   write a file to start from
  minerwatch config check minerwatch.toml       check it before the daemon reads it
  minerwatch config show minerwatch.toml        show all values, with defaults and environment
  minerwatch config unit minerwatch.toml        print the systemd drop-in that its outputs need";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    match &arguments.command {
        Command::Check(arguments) => check::main(arguments),
        Command::Show(arguments) => show::main(arguments),
        Command::Default(arguments) => default::main(arguments),
        Command::Unit(arguments) => unit::main(arguments),
    }
}

/// The configuration that a command is about.
#[derive(Debug, clap::Args)]
struct ConfigFile {
    /// The configuration file; without it, /etc/minerwatch.toml if it exists, else the defaults
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

/// The configuration file of the service.
const SERVICE_FILE: &str = "/etc/minerwatch.toml";

impl ConfigFile {
    /// Reads the configuration.
    fn load(&self) -> Result<Effective, Failure> {
        load(self.file.as_deref())
    }
}

/// Reads a configuration file, or that of the service if none is given and it exists.
pub(super) fn load(file: Option<&Path>) -> Result<Effective, Failure> {
    let of_service = || Some(Path::new(SERVICE_FILE)).filter(|path| path.exists());
    let path = file.or_else(of_service);
    Effective::load(path).map_err(|error| anyhow::Error::from(error).into())
}

/// Returns the name of a configuration in messages.
fn name_of(effective: &Effective) -> String {
    match &effective.path {
        Some(path) => path.display().to_string(),
        None => {
            format!("no file is given and {SERVICE_FILE} does not exist; the defaults with the environment")
        }
    }
}
