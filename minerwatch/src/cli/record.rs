//! `minerwatch record`: events into a file, to be replayed.

use std::{path::PathBuf, time::Duration};

use super::{ExitReason, Failure, block_on, hooks::HookArguments, logging};
use crate::pipeline;

/// Write everything the sensor sees into a file, for `replay`
///
/// The recording holds command lines, paths and addresses of this host: treat it as such. It is made
/// readable for its owner only, and an existing file is not overwritten.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The file to make
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How long to record; until Ctrl-C if not given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch record /tmp/host.jsonl --seconds 60   one minute
  minerwatch replay /tmp/host.jsonl                     the same events through the engine, without root";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { file, seconds, hooks } = arguments;
    let watching = hooks.watching(None)?;
    let duration = seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let recorded =
        block_on(async { pipeline::record(file, duration, &watching).await.map_err(Failure::from) })?;
    eprintln!("minerwatch: {} events in {}", recorded.events, file.display());
    if recorded.lost > 0 {
        eprintln!("minerwatch: {} events were lost, so the recording has gaps", recorded.lost);
    }
    Ok(ExitReason::Fine)
}
