//! `minerwatch config unit`: prints the systemd drop-in that a configuration needs.

use super::{ConfigFile, ExitReason, Failure};
use crate::{cli::streams::write_stdout, config::drop_in};

/// Print the systemd drop-in that the configured outputs need
///
/// The service may write only to its own directories and use no network. The drop-in allows what the configuration needs,
/// and no more. If it needs nothing, the command prints a comment.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    #[command(flatten)]
    file: ConfigFile,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch config unit                               print it for /etc/minerwatch.toml
  mkdir -p /etc/systemd/system/minerwatch.service.d
  minerwatch config unit > /etc/systemd/system/minerwatch.service.d/outputs.conf
                                                       install it, before `systemctl daemon-reload`";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    write_stdout(&drop_in(&arguments.file.load()?.config))?;
    Ok(ExitReason::Fine)
}
