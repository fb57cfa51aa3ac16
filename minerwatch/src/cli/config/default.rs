//! `minerwatch config default`: prints a configuration file to start from.

use super::{ExitReason, Failure};
use crate::{cli::streams::write_stdout, config::reference};

/// Print a configuration file to start from, with every key, its default and its meaning
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  minerwatch config default > minerwatch.toml   write the file
  minerwatch config default | less              look a key up";

pub(super) fn main(_: &Arguments) -> Result<ExitReason, Failure> {
    write_stdout(&reference::example())?;
    Ok(ExitReason::Fine)
}
