//! `minerwatch respond`: isolates, throttles, freezes, stops or quarantines the suspects of an incident.

mod direct;
mod period;
mod reports;

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

pub(super) use self::{direct::release_from_ledger, reports::show};
use super::{ExitReason, Failure, block_on, logging};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient, Lines, RespondRequest},
    model::{ResponseReport, Stage},
    respond::{KnownCase, RESPONSE_OFF},
};
pub(super) use period::Period;

/// Isolate, throttle, freeze, stop or quarantine the suspects of an incident
///
/// Acts on the suspects whose own verdict is mining, and on everything that they started. `minerwatch release` undoes all
/// stages except --stop. The stages are applied in the order of this list, whatever the order of the options. If the
/// configuration has `response.enabled`, the daemon acts, and it also undoes a stage when its lease ends. Otherwise this
/// command acts itself, and needs root.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The incident's id, as alerts show it
    #[arg(value_name = "INCIDENT")]
    incident: String,
    #[command(flatten)]
    stages: Stages,
    /// Undo the stages after this time: `90s`, `30m`, `1h`, `2d`
    #[arg(long = "for", value_name = "TIME")]
    lease: Option<Period>,
    /// Act only on this process and its children, also if its verdict is lower than mining
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Change nothing, and say what would be changed
    #[arg(long)]
    dry_run: bool,
    /// Write one JSON object per report instead of text for people
    #[arg(long)]
    json: bool,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
}

/// The stages.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
struct Stages {
    /// Let the suspects connect only to this host and to allowed addresses
    #[arg(long)]
    isolate: bool,
    /// Give the suspects a few per cent of one processor
    #[arg(long)]
    throttle: bool,
    /// Stop the suspects from running, until they are released
    #[arg(long)]
    freeze: bool,
    /// Kill the suspects and everything that they started
    #[arg(long)]
    stop: bool,
    /// Move the suspects' executables aside
    #[arg(long)]
    quarantine: bool,
}

impl Stages {
    fn list(&self) -> Vec<Stage> {
        let Self { isolate, throttle, freeze, stop, quarantine } = *self;
        let all = [
            (isolate, Stage::Isolate),
            (throttle, Stage::Throttle),
            (freeze, Stage::Freeze),
            (stop, Stage::Stop),
            (quarantine, Stage::Quarantine),
        ];
        all.into_iter().filter_map(|(is_wanted, stage)| is_wanted.then_some(stage)).collect()
    }
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch respond 4340-7760d-4727c34e36e --freeze --for 1h      freeze it for an hour
  sudo minerwatch respond 4340-7760d-4727c34e36e --isolate --freeze     cut it off, and freeze it
  sudo minerwatch respond 4340-7760d-4727c34e36e --stop --dry-run       say what would be killed
  sudo minerwatch release 4340-7760d-4727c34e36e                        undo all of it";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { incident, stages, lease, pid, dry_run, json, socket } = arguments;
    let request = RespondRequest {
        incident: incident.clone(),
        stages: stages.list(),
        pid: *pid,
        lease: lease.map(Period::seconds),
        dry_run: *dry_run,
    };
    let answered = block_on(async {
        let lines = connect(socket).await?.respond(request.clone()).await.context("asking the daemon")?;
        reports_of(lines).await
    })?;
    let reports = match answered {
        Some(reports) => reports,
        None => direct::respond(case(socket, incident)?, &request)?,
    };
    show(&reports, *json)
}

/// Connects to the daemon.
pub(super) async fn connect(socket: &Path) -> Result<ControlClient, Failure> {
    ControlClient::connect(socket).await.map_err(|error| match error {
        error @ ConnectError::NotRunning(_) => {
            let error = anyhow::Error::from(error);
            Failure::new(ExitReason::Failed, error.context("start `minerwatch run`, or name its socket with --socket"))
        }
        ConnectError::Denied(path) => Failure::new(
            ExitReason::Unsupported,
            anyhow!(
                "this user may not ask the daemon at {}: run the command as root, or as a member of the group that \
                 response.group names",
                path.display()
            ),
        ),
        error @ ConnectError::Io { .. } => Failure::new(ExitReason::Failed, error),
    })
}

/// Reads reports. Returns `None` if the daemon's configuration allows no response.
pub(super) async fn reports_of(mut lines: Lines) -> Result<Option<Vec<ResponseReport>>, Failure> {
    let mut reports = Vec::new();
    while let Some(line) = lines.next().await.map_err(anyhow::Error::from)? {
        if line == RESPONSE_OFF {
            return Ok(None);
        }
        reports.push(serde_json::from_str(line).context("the daemon's answer makes no sense")?);
    }
    Ok(Some(reports))
}

/// Asks the daemon what it knows about an incident.
pub(super) fn case(socket: &Path, incident: &str) -> Result<KnownCase, Failure> {
    block_on(async {
        let answer = connect(socket).await?.case(incident.to_owned()).await.context("asking the daemon")?;
        Ok(serde_json::from_str(&answer).context("the daemon's answer makes no sense")?)
    })
}
