//! `minerwatch run`: runs the daemon.

use std::path::PathBuf;

use super::{ExitReason, Failure, block_on, hooks::HookArguments, logging};
use crate::{
    config::Config,
    pipeline::{self, RunOptions},
};

/// Run the daemon in the foreground until it is stopped
///
/// Without a configuration, alerts go to standard output as JSON, one object per line. SIGTERM and SIGINT stop the
/// daemon after it has written everything it has received. SIGHUP reloads the configuration. An invalid configuration
/// is refused, and the old one stays in use.
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
    let Arguments { config: config_path, hooks } = arguments;
    let config = match &config_path {
        Some(path) => Config::load(path).map_err(anyhow::Error::from)?,
        None => Config::default(),
    };
    let set_log_level = Box::new(logging::start(config.log.level));
    let options = RunOptions { config, config_path, hooks: hooks.hooks, set_log_level };
    block_on(async { pipeline::run(options).await.map_err(Failure::from) })?;
    Ok(ExitReason::Fine)
}
