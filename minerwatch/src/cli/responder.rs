//! `minerwatch responder`: the process that carries out a response. The daemon and `minerwatch respond` start it.

use super::{ExitReason, Failure, logging};
use crate::respond::server;

/// Carry out orders from standard input; the daemon starts this process by itself
#[derive(Debug, clap::Args)]
#[command(
    hide = true,
    after_help = "Examples:\n  minerwatch responder   started by the daemon, not by people"
)]
pub(super) struct Arguments {}

pub(super) fn main() -> Result<ExitReason, Failure> {
    logging::start_quiet();
    server::run()?;
    Ok(ExitReason::Fine)
}
