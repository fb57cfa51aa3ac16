//! `minerwatch run`: runs the daemon.

use std::path::PathBuf;

use super::{ExitReason, Failure, block_on, hooks::HookArguments, logging};
use crate::{
    config::Effective,
    pipeline::{self, RunOptions},
};

/// Run the daemon in the foreground until it is stopped
///
/// Without a configuration, alerts go to standard output as JSON, one object per line. SIGTERM and SIGINT stop the
/// daemon after it has written everything it has received. SIGHUP and a change of the file reload the configuration.
/// An invalid configuration is refused, and the old one stays in use. The environment variables `MINERWATCH_SECTION__KEY`
/// override the keys of the file.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The configuration file; docs/configuration.md describes it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch run                                 write alerts to standard output
  sudo minerwatch run --config /etc/minerwatch.toml   run as the service does
  sudo minerwatch run | jq .message                   show only the sentence of each alert";

pub(super) fn main(arguments: Arguments) -> Result<ExitReason, Failure> {
    let Arguments { config, hooks } = arguments;
    let effective = Effective::load(config.as_deref()).map_err(anyhow::Error::from)?;
    let (set_log_level, log) = logging::start(effective.config.log.level);
    let start_log_thread = log.clone();
    let options = RunOptions {
        effective,
        hooks: hooks.hooks,
        set_log_level: Box::new(set_log_level),
        start_log_thread: Box::new(move || start_log_thread.start()),
    };
    let outcome = block_on(async { Box::pin(pipeline::run(options)).await.map_err(Failure::from) });
    log.finish();
    outcome.map(|()| ExitReason::Fine)
}
