//! A response without the daemon: because its configuration allows none, or because no daemon runs.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, anyhow};

use crate::{
    cli::{ExitReason, Failure},
    config::Config,
    control::RespondRequest,
    host,
    model::ResponseReport,
    respond::{Actor, Answer, KnownCase, Order, Responder, ResponseSettings, Task},
};

/// The configuration of the service.
const USUAL: &str = "/etc/minerwatch.toml";

fn only_root(what: &str) -> Result<(), Failure> {
    if rustix::process::geteuid().is_root() {
        return Ok(());
    }
    Err(Failure::new(ExitReason::Unsupported, anyhow!("{what}, so this command acts itself, and needs root")))
}

fn person() -> Actor {
    Actor::Person { uid: rustix::process::getuid().as_raw(), pid: std::process::id() }
}

/// Applies stages with a responder of its own, which stays until the leases end.
pub fn respond(case: KnownCase, request: &RespondRequest) -> Result<Vec<ResponseReport>, Failure> {
    only_root("the daemon's configuration has no `response.enabled = true`")?;
    let KnownCase { alert, settings, .. } = case;
    let alert = alert.ok_or_else(|| {
        let message =
            format!("there is no open incident {}; `minerwatch explain` shows all", request.incident);
        Failure::new(ExitReason::Failed, anyhow!(message))
    })?;
    let stages = request.stages.iter().map(|stage| (*stage, request.lease)).collect();
    let task = Task::Apply { alert: Box::new(alert), stages, only: request.pid, dry_run: request.dry_run };
    let order = Order { id: 1, by: person(), issued: host::now(), task };
    let reports = with_responder(&settings, &order).context("the responder")?;
    Ok(reports)
}

fn with_responder(settings: &ResponseSettings, order: &Order) -> anyhow::Result<Vec<ResponseReport>> {
    let mut child = Command::new("/proc/self/exe")
        .arg("responder")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        // It may stay for hours, and must not hold the terminal.
        .stderr(Stdio::null())
        .spawn()
        .context("it cannot be started")?;
    let mut input = child.stdin.take().context("its input is missing")?;
    let output = child.stdout.take().context("its output is missing")?;
    writeln!(input, "{}\n{}", serde_json::to_string(settings)?, serde_json::to_string(order)?)?;
    let mut reports = Vec::new();
    for line in BufReader::new(output).lines() {
        let answer: Answer = serde_json::from_str(&line?).context("its answer makes no sense")?;
        if answer.id == order.id {
            reports.extend(answer.report);
            if answer.done {
                return Ok(reports);
            }
        }
    }
    anyhow::bail!("it ended before it had finished")
}

/// Undoes what the ledger has about an incident. `settings` come from the daemon, or the state directory is found by the
/// configuration.
pub fn release_from_ledger(
    incident: &str,
    settings: Option<ResponseSettings>,
    config: Option<&Path>,
    state: Option<PathBuf>,
) -> Result<Vec<ResponseReport>, Failure> {
    let why = if settings.is_some() {
        "the daemon's configuration has no `response.enabled = true`"
    } else {
        "no daemon is running"
    };
    only_root(why)?;
    let settings = match (settings, state) {
        (_, Some(state)) => ResponseSettings::of_state(state),
        (Some(settings), None) => settings,
        (None, None) => ResponseSettings::of_state(state_directory(config)?),
    };
    let mut reports = Vec::new();
    let task = Task::Release { incident: incident.to_owned() };
    let order = Order { id: 1, by: person(), issued: host::now(), task };
    Responder::new(settings).handle(&order, &mut |report| reports.push(report));
    Ok(reports)
}

fn state_directory(config: Option<&Path>) -> Result<PathBuf, Failure> {
    let usual = Path::new(USUAL);
    let config = config.or_else(|| usual.exists().then_some(usual));
    let config = config.map(Config::load).transpose().map_err(anyhow::Error::from)?;
    Ok(config.unwrap_or_default().state.directory)
}
