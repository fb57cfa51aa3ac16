//! `minerwatch run`: the daemon.

use std::path::PathBuf;

use super::{ExitReason, Failure, block_on, hooks::HookArguments, logging};
use crate::{
    config::Config,
    pipeline::{self, RunOptions},
};

/// Watch this host until told to stop, in the foreground
///
/// Without a configuration, alerts go to standard output as JSON, one object per line. SIGTERM and SIGINT
/// drain what is under way and end; SIGHUP reads the configuration again, and a broken one is refused.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The configuration file (see docs/configuration.md)
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch run                                     alerts on standard output
  sudo minerwatch run --config /etc/minerwatch.toml       as a service does it
  sudo minerwatch run | jq .message                       only the sentence of each alert";

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
