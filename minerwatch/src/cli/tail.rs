//! `minerwatch tail`: shows the live stream of events and alerts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::{
    ExitReason, Failure, block_on,
    hooks::HookArguments,
    logging,
    present::{ColorArguments, Presenter},
    streams::{ended_by_reader, is_broken_pipe, of_stdout, tell},
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient, Lines, TailRequest},
    model::{EventKind, KindSet},
    pipeline::{self, ForegroundOptions},
};

/// Show events and alerts live
///
/// Events and alerts come from the running daemon. If no daemon is running, this command loads a sensor of its own.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write one JSON object per line instead of text for people
    #[arg(long)]
    json: bool,
    /// Show alerts only
    #[arg(long, conflicts_with = "kind")]
    alerts: bool,
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = parse_kind, help = kinds_help())]
    kind: Vec<EventKind>,
    /// Show only events of this process, and alerts that suspect it
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// If no daemon is running, use the lists and thresholds of this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    color: ColorArguments,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch tail                                show everything
  sudo minerwatch tail --kind exec,connect            show programs that start or connect
  sudo minerwatch tail --alerts                       wait for alerts
  sudo minerwatch tail --pid $(pidof nginx)           show one process
  sudo minerwatch tail --json | jq -c .process.args   hand events to another program";

fn kinds_help() -> String {
    format!(
        "Show only these kinds of event, and alerts: {}. `payload` stands for DNS answers and TLS greetings",
        KindSet::ALL
    )
}

fn parse_kind(name: &str) -> Result<EventKind, String> {
    EventKind::from_name(name).ok_or_else(|| format!("the kinds are {}", KindSet::ALL))
}

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, alerts, kind, pid, socket, config, color, hooks } = arguments;
    let options = hooks.options(config.as_deref())?;
    let is_chosen = config.is_some() || !hooks.hooks.is_empty();
    let kinds = if kind.is_empty() { KindSet::ALL } else { kind.iter().copied().collect() };
    let request = TailRequest { kinds, pid: *pid, alerts: *alerts };
    let mut presenter = Presenter::new(*json, *color);
    block_on(stream(socket, request, &options, is_chosen, &mut presenter))?;
    Ok(ExitReason::Fine)
}

async fn stream(
    socket: &Path,
    request: TailRequest,
    options: &ForegroundOptions,
    is_chosen: bool,
    presenter: &mut Presenter,
) -> Result<(), Failure> {
    match ControlClient::connect(socket).await {
        Ok(_) if is_chosen => {
            let error = anyhow!(
                "a daemon is running, and the events come from its hooks and lists. Give --hook and --config to \
                 `minerwatch run`, or give another --socket so that this command loads a sensor of its own"
            );
            Err(Failure::new(ExitReason::Usage, error))
        }
        Ok(client) => {
            let lines = client.tail(request).await.context("asking the daemon")?;
            tokio::select! {
                result = follow(lines, presenter) => result,
                _ = tokio::signal::ctrl_c() => ended_by_reader(presenter.flush()),
            }
        }
        Err(ConnectError::NotRunning(_)) => {
            tell("no daemon is running, so this command loads a sensor of its own; Ctrl-C ends it");
            let result =
                pipeline::tail(request, options, &mut |lines| of_stdout(presenter.show_now(lines))).await;
            result.or_else(|error| if is_broken_pipe(&error) { Ok(()) } else { Err(error.into()) })
        }
        Err(error @ ConnectError::Denied(_)) => Err(Failure::new(ExitReason::Unsupported, error)),
        Err(error @ ConnectError::Io { .. }) => Err(Failure::new(ExitReason::Failed, error)),
    }
}

async fn follow(mut lines: Lines, presenter: &mut Presenter) -> Result<(), Failure> {
    while let Some(line) = lines.next().await.context("reading from the daemon")? {
        let shown = presenter.show(line.as_bytes());
        // Flush only when no complete line is waiting, so that one write carries many lines.
        let shown = shown.and_then(|()| if lines.has_more() { Ok(()) } else { presenter.flush() });
        if shown.is_err() {
            return ended_by_reader(shown);
        }
    }
    tell("the daemon has ended");
    Ok(())
}
