//! `minerwatch explain`: explains why an incident has its verdict.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
};

use anyhow::{Context, anyhow};

use super::{
    ExitReason, Failure, block_on, clean,
    counted::counted,
    logging,
    present::{ColorArguments, Presenter},
    render::Explanation,
    streams::{ended_by_reader, tell, write_stdout},
};
use crate::{
    config::Control,
    control::{ConnectError, ControlClient, Lines},
};

/// Explain why an incident has its verdict
///
/// Shows each signal with its values, thresholds and current points, how the points add up, what the next verdict would
/// need, and the chain of steps. Asks the running daemon, which also knows incidents without an alert, or reads alerts
/// from a file. Without INCIDENT it explains all incidents that have a verdict.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The incident's id, as alerts show it
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    #[command(flatten)]
    plan: PlanArguments,
    /// Include incidents that have no verdict yet
    #[arg(long, conflicts_with = "incident")]
    all: bool,
    /// Write one JSON object per incident instead of text for people
    #[arg(long)]
    json: bool,
    /// Read alerts as JSON lines from this file instead of asking the daemon; `-` for standard input
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET, conflicts_with = "from")]
    socket: PathBuf,
    #[command(flatten)]
    color: ColorArguments,
}

/// Options for the plan to clean up.
#[derive(Clone, Copy, Debug, clap::Args)]
struct PlanArguments {
    /// Show how to clean up: what to stop, remove and restore, in order
    #[arg(long, requires = "incident", conflicts_with = "all")]
    clean: bool,
    /// With --clean, write a shell script that asks before each step
    #[arg(long, requires = "clean", conflicts_with = "json")]
    script: bool,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch explain                          explain every incident that has a verdict
  sudo minerwatch explain 4340-7760d-4727c34e36e   explain one of them
  sudo minerwatch explain 4340-7760d-4727c34e36e --clean            show how to clean up
  sudo minerwatch explain 4340-7760d-4727c34e36e --clean --script   the same as a script that asks
  minerwatch explain --from alerts.json            explain the alerts in a file, without a daemon
  minerwatch replay host.jsonl --json | minerwatch explain --from -
                                                   explain what a recording shows";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { incident, plan, all, json, from, socket, color } = arguments;
    let incident = incident.as_deref();
    if let (true, Some(incident)) = (plan.clean, incident) {
        return show_plan(arguments, incident, *json, plan.script);
    }
    let mut found = match from {
        Some(file) => read(file, incident)?,
        None => block_on(ask(socket, incident))?,
    };
    if let (Some(id), true) = (incident, found.is_empty()) {
        let place = from.as_ref().map_or_else(|| "the daemon".to_owned(), |file| file.display().to_string());
        return Err(Failure::new(
            ExitReason::Failed,
            anyhow!("{place} has no incident {id}; without an id `minerwatch explain` shows all it has"),
        ));
    }
    let before = found.len();
    if !all && incident.is_none() {
        found.retain(Explanation::has_verdict);
    }
    let hidden = before - found.len();
    let mut presenter = Presenter::new(*json, *color);
    let shown = found.iter().try_for_each(|explanation| presenter.explain(explanation));
    ended_by_reader(shown.and_then(|()| presenter.flush()))?;
    if hidden > 0 {
        let hidden = counted(hidden, "more incident has", "more incidents have");
        tell(format_args!("{hidden} no verdict yet; --all shows them"));
    } else if found.is_empty() {
        tell("no incident");
    }
    Ok(ExitReason::Fine)
}

/// Shows the plan to clean up after an incident.
fn show_plan(arguments: &Arguments, incident: &str, json: bool, script: bool) -> Result<ExitReason, Failure> {
    let plan_of = |line: &[u8]| clean::plan(line).filter(|plan| plan.incident == incident);
    let (plan, place) = match &arguments.from {
        Some(file) => {
            let lines = open(file)?.split(b'\n');
            // The last line about the incident knows most.
            let found = lines.map_while(Result::ok).filter_map(|line| plan_of(&line)).last();
            (found, file.display().to_string())
        }
        None => (block_on(ask_plan(&arguments.socket, incident))?, "the daemon".to_owned()),
    };
    let plan =
        plan.ok_or_else(|| Failure::new(ExitReason::Failed, anyhow!("{place} has no incident {incident}")))?;
    let shown = if script {
        clean::script(&plan)
    } else if json {
        serde_json::to_string(&plan).map_err(anyhow::Error::from)? + "\n"
    } else {
        clean::text(&plan)
    };
    write_stdout(&shown)?;
    Ok(ExitReason::Fine)
}

async fn ask_plan(socket: &Path, incident: &str) -> Result<Option<clean::Plan>, Failure> {
    let mut lines = explain(socket, Some(incident)).await?;
    let mut plan = None;
    while let Some(line) = lines.next().await.context("reading from the daemon")? {
        plan = clean::plan(line.as_bytes()).or(plan);
    }
    Ok(plan)
}

/// Opens a file of alerts, or standard input.
fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()));
    let opened = opened.map_err(|error| Failure::new(ExitReason::Usage, error))?;
    Ok(Box::new(BufReader::new(opened)))
}

/// Reads the latest state of each incident from a file of alerts, or only of the incident with this id. The incidents
/// are in the order of their first alerts.
fn read(file: &Path, incident: Option<&str>) -> Result<Vec<Explanation>, Failure> {
    let named = || format!("reading {}", file.display());
    collect(open(file)?, incident).with_context(named).map_err(Failure::from)
}

fn collect(lines: impl BufRead, incident: Option<&str>) -> io::Result<Vec<Explanation>> {
    let mut found: Vec<Explanation> = Vec::new();
    for line in lines.split(b'\n') {
        let Some(explanation) = Explanation::of(&line?) else { continue };
        if incident.is_some_and(|id| id != explanation.incident()) {
            continue;
        }
        match found.iter_mut().find(|known| known.incident() == explanation.incident()) {
            Some(known) => *known = explanation,
            None => found.push(explanation),
        }
    }
    Ok(found)
}

async fn explain(socket: &Path, incident: Option<&str>) -> Result<Lines, Failure> {
    let client = ControlClient::connect(socket).await.map_err(|error| match error {
        error @ ConnectError::NotRunning(_) => {
            let error = anyhow::Error::from(error);
            Failure::new(
                ExitReason::Failed,
                error.context("give a file of alerts with --from, or start `minerwatch run`"),
            )
        }
        error @ ConnectError::Denied(_) => Failure::new(ExitReason::Unsupported, error),
        error @ ConnectError::Io { .. } => Failure::new(ExitReason::Failed, error),
    })?;
    Ok(client.explain(incident.map(str::to_owned)).await.context("asking the daemon")?)
}

async fn ask(socket: &Path, incident: Option<&str>) -> Result<Vec<Explanation>, Failure> {
    let mut lines = explain(socket, incident).await?;
    let mut found = Vec::new();
    while let Some(line) = lines.next().await.context("reading from the daemon")? {
        found.extend(Explanation::of(line.as_bytes()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn the_latest_of_each_incident_counts() {
        let (_, alert) =
            samples::lines().into_iter().find(|(name, _)| *name == "alert").expect("there is one");
        let id = Explanation::of(alert.as_bytes()).expect("an alert").incident().to_owned();
        let later = alert.replace("downloaded", "uploaded");
        let other = alert.replace(&id, "other");
        let text = [alert.as_str(), "not json", &other, &later, "{}"].join("\n");
        let all = collect(text.as_bytes(), None).expect("memory");
        assert_eq!(all.iter().map(Explanation::incident).collect::<Vec<_>>(), [id.as_str(), "other"]);
        let shown = serde_json::to_string(&all).expect("plain data");
        assert!(shown.contains("uploaded"));
        assert_eq!(collect(text.as_bytes(), Some("other")).expect("memory").len(), 1);
        assert_eq!(collect(text.as_bytes(), Some("none")).expect("memory").len(), 0);
    }
}
