//! `minerwatch tail`: the live stream.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};

use super::{
    ExitReason, Failure, block_on,
    hooks::HookArguments,
    logging,
    present::{Presenter, ended_by_reader, is_broken_pipe},
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient, Lines, TailRequest},
    model::{EventKind, KindSet},
    pipeline::{self, ForegroundOptions},
};

/// Show what happens as it happens
///
/// The stream comes from the running daemon; where none runs, this command loads its own sensor for as long
/// as it shows the stream.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// One JSON object per line instead of text for people
    #[arg(long)]
    json: bool,
    /// Alerts only
    #[arg(long, conflicts_with = "kind")]
    alerts: bool,
    /// Only these kinds of event, and alerts: fork, exec, exit, connect, close, file, cpu, rounding, memory, snapshot, hash,
    /// payload (TLS clients and DNS answers), flow
    #[arg(long, value_name = "KIND", value_delimiter = ',', value_parser = parse_kind)]
    kind: Vec<EventKind>,
    /// Only what this process does, and alerts that suspect it
    #[arg(long, value_name = "PID")]
    pid: Option<u32>,
    /// The daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
    /// Where no daemon runs: lists and thresholds from its configuration, not those that come with the program
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    hooks: HookArguments,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch tail                              everything, for people
  sudo minerwatch tail --kind exec,connect          programs that start, and what they connect to
  sudo minerwatch tail --alerts                     wait for miners
  sudo minerwatch tail --pid $(pidof nginx)         one process
  sudo minerwatch tail --json | jq -c .process.args for programs";

fn parse_kind(name: &str) -> Result<EventKind, String> {
    EventKind::from_name(name).ok_or_else(|| format!("the kinds are {}", KindSet::ALL))
}

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { json, alerts, kind, pid, socket, config, hooks } = arguments;
    let watching = hooks.watching(config.as_deref())?;
    let is_chosen = config.is_some() || !hooks.hooks.is_empty();
    let kinds = if kind.is_empty() { KindSet::ALL } else { kind.iter().copied().collect() };
    let request = TailRequest { kinds, pid: *pid, alerts: *alerts };
    let mut presenter = Presenter::new(*json);
    block_on(stream(socket, request, &watching, is_chosen, &mut presenter))?;
    Ok(ExitReason::Fine)
}

async fn stream(
    socket: &Path,
    request: TailRequest,
    watching: &ForegroundOptions,
    is_chosen: bool,
    presenter: &mut Presenter,
) -> Result<(), Failure> {
    match ControlClient::connect(socket).await {
        Ok(_) if is_chosen => {
            let error = anyhow!(
                "a daemon is running, and the stream comes from its hooks and lists: give --hook and --config to \
                 `minerwatch run`, or name another --socket to watch beside it"
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
            eprintln!("minerwatch: no daemon is running, so this command watches by itself; Ctrl-C ends it");
            let result = pipeline::tail(request, watching, &mut |lines| presenter.show_now(lines)).await;
            result.or_else(|error| if is_broken_pipe(&error) { Ok(()) } else { Err(error.into()) })
        }
        Err(error @ ConnectError::Denied(_)) => Err(Failure::new(ExitReason::Unsupported, error)),
        Err(error @ ConnectError::Io { .. }) => Err(Failure::new(ExitReason::Failed, error)),
    }
}

async fn follow(mut lines: Lines, presenter: &mut Presenter) -> Result<(), Failure> {
    while let Some(line) = lines.next().await.context("reading from the daemon")? {
        let shown = presenter.show(line.as_bytes());
        // While more is at hand, one write serves many lines.
        let shown = shown.and_then(|()| if lines.has_more() { Ok(()) } else { presenter.flush() });
        if shown.is_err() {
            return ended_by_reader(shown);
        }
    }
    eprintln!("minerwatch: the daemon has ended");
    Ok(())
}
