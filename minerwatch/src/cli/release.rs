//! `minerwatch release`: undoes a response.

use std::path::PathBuf;

use anyhow::Context as _;

use super::{
    ExitReason, Failure, block_on, logging,
    respond::{case, connect, release_from_ledger, reports_of, show},
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient},
};

/// Undo what was done to the suspects of an incident
///
/// Undoes every stage except a stop: the isolation, the throttle, the freeze, the quarantine. The suspects go back to
/// their cgroups, with the limits they had. Works also when the daemon was killed or is not running: everything that is
/// needed is on disk, in the state directory.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The incident's id, as alerts show it
    #[arg(value_name = "INCIDENT")]
    incident: String,
    /// Write one JSON object instead of text for people
    #[arg(long)]
    json: bool,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Do it without the daemon; this configuration file names the state directory
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do it without the daemon, from this state directory
    #[arg(long, value_name = "DIRECTORY", conflicts_with = "config")]
    state: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch release 4340-7760d-4727c34e36e                        undo what was done
  sudo minerwatch release 4340-7760d-4727c34e36e --config m.toml        the same without the daemon";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { incident, json, socket, config, state } = arguments;
    let from_ledger = |settings| release_from_ledger(incident, settings, config.as_deref(), state.clone());
    // A user who names the ledger wants no daemon, for example because it hangs.
    let is_running = config.is_none()
        && state.is_none()
        && block_on(async {
            Ok(!matches!(ControlClient::connect(socket).await, Err(ConnectError::NotRunning(_))))
        })?;
    let reports = if is_running {
        let answered = block_on(async {
            let lines =
                connect(socket).await?.release(incident.clone()).await.context("asking the daemon")?;
            reports_of(lines).await
        });
        match answered {
            Ok(Some(reports)) if !reports.is_empty() => reports,
            Ok(None) => from_ledger(Some(case(socket, incident)?.settings))?,
            // The daemon ended before it had answered.
            Ok(Some(_)) => from_ledger(None)?,
            Err(failure) if is_gone(&failure) => from_ledger(None)?,
            Err(failure) => return Err(failure),
        }
    } else {
        from_ledger(None)?
    };
    show(&reports, *json)
}

/// Whether the daemon ended while it was asked.
fn is_gone(failure: &Failure) -> bool {
    use std::io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    failure.error.chain().any(|cause| {
        let error = cause.downcast_ref::<std::io::Error>();
        error.is_some_and(|error| matches!(error.kind(), BrokenPipe | ConnectionReset | UnexpectedEof))
    })
}
