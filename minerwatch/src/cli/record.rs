//! `minerwatch record`: writes events into a file that can be replayed.

use std::{path::PathBuf, time::Duration};

use super::{ExitReason, Failure, block_on, counted::counted, hooks::HookArguments, logging, streams::tell};
use crate::pipeline;

/// Record everything the sensor sees into a new file, for `minerwatch replay`
///
/// A recording holds command lines, paths and addresses of this host, so protect the file as you protect the host. Only
/// its owner can read the file. An existing file is not overwritten, and a symbolic link is not followed.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The file to create
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Stop after N seconds; by default, record until Ctrl-C
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch record /root/host.jsonl --seconds 60   record for one minute
  sudo minerwatch replay /root/host.jsonl                judge the same events again";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { file, seconds, hooks } = arguments;
    let options = hooks.options(None)?;
    let duration = seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
    let recorded =
        block_on(async { pipeline::record(file, duration, &options).await.map_err(Failure::from) })?;
    tell(format_args!("{} in {}", counted(recorded.events, "event", "events"), file.display()));
    if recorded.lost > 0 {
        let lost = counted(recorded.lost, "event was", "events were");
        tell(format_args!("{lost} lost, so the recording has gaps"));
    }
    Ok(ExitReason::Fine)
}
