//! `minerwatch watch-clean`: watches a cleaned incident for a return.

use std::{fmt::Write as _, path::PathBuf};

use anyhow::Context as _;
use serde_json::Value;

use super::{
    ExitReason, Failure, block_on,
    clean::shown,
    logging,
    respond::{Period, connect},
    streams::write_stdout,
};
use crate::{
    config::Control,
    control::WatchRequest,
    ecs::read::{items, text as field, texts},
};

/// Watch a cleaned incident for its return
///
/// Run this after you ended the suspects of an incident and removed what they left. The incident is closed and watched for
/// 72 hours. It opens again under its id, with an alert whose reason is `returned`, in these cases: a program of a suspect
/// starts; a process mines with the same peer or for the same account; or a place that starts programs, and that the
/// incident had changed, is changed again. The last case leaves out people who logged in, package managers and management
/// agents. If nothing comes back, an alert with the reason `stayed-clean` says so at the end.
///
/// An incident that ends by itself is watched in the same way, for `detection.watch_hours`. Without INCIDENT, the command
/// lists the watched incidents.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The incident's id, as alerts show it
    #[arg(value_name = "INCIDENT")]
    incident: Option<String>,
    /// Watch for this time: `90s`, `30m`, `1h`, `2d`. Without it: 72 hours
    #[arg(long = "for", value_name = "TIME", requires = "incident")]
    span: Option<Period>,
    /// Watch the incident no longer
    #[arg(long, requires = "incident", conflicts_with = "span")]
    end: bool,
    /// Write one JSON object per incident instead of text for people
    #[arg(long)]
    json: bool,
    /// Path of the daemon's control socket
    #[arg(long, value_name = "PATH", default_value = Control::DEFAULT_SOCKET)]
    socket: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch watch-clean 4340-7760d-4727c34e36e             the incident was cleaned: watch it
  sudo minerwatch watch-clean 4340-7760d-4727c34e36e --for 7d    watch it for a week
  sudo minerwatch watch-clean                                    list the watched incidents
  sudo minerwatch watch-clean 4340-7760d-4727c34e36e --end       watch it no longer";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { incident, span, end, json, socket } = arguments;
    let request = WatchRequest { incident: incident.clone(), seconds: span.map(Period::seconds), end: *end };
    let text = block_on(async {
        let mut lines = connect(socket).await?.watch(request).await.context("asking the daemon")?;
        let mut text = String::new();
        while let Some(line) = lines.next().await.map_err(anyhow::Error::from)? {
            if *json {
                text.push_str(line);
                text.push('\n');
            } else {
                append(line, &mut text);
            }
        }
        Ok(text)
    })?;
    let text = match (incident, text.is_empty() && !json) {
        (Some(id), true) => format!("incident {id} is watched no longer\n"),
        (None, true) => "no incident is watched\n".to_owned(),
        _ => text,
    };
    write_stdout(&text)?;
    Ok(ExitReason::Fine)
}

/// Appends a watched incident as text for people, with what counts as its return.
fn append(line: &str, text: &mut String) {
    let Ok(watched) = serde_json::from_str::<Value>(line) else { return };
    let word = |name| shown(field(&watched, name).unwrap_or_default());
    // Seconds are exact enough for people.
    let until = word("until").split('.').next().unwrap_or_default().to_owned();
    let _ = writeln!(text, "incident {} ({}): watched until {until}Z", word("incident"), word("verdict"));
    for (label, name) in [("program", "programs"), ("place", "places"), ("account", "accounts")] {
        for item in texts(&watched, name) {
            let _ = writeln!(text, "  {label:<8} {}", shown(item));
        }
    }
    for peer in items(&watched, "peers") {
        let address = shown(field(peer, "address").unwrap_or_default());
        let name = field(peer, "name").map(|name| format!(" ({})", shown(name))).unwrap_or_default();
        let _ = writeln!(text, "  {:<8} {address}{name}", "peer");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_see_what_an_incident_is_watched_for() {
        let line = r#"{"incident":"1-2-3","verdict":"mining","since":"2026-11-30T11:00:00.000000001Z",
            "until":"2026-12-03T11:00:00.000000001Z","programs":["/tmp/.x/kworker\u001b[31m"],
            "places":["/etc/cron.d/x"],"peers":[{"address":"10.0.0.5:443","name":"pool.example"}],"accounts":["44AF"]}"#;
        let mut text = String::new();
        append(line, &mut text);
        assert_eq!(
            text,
            "incident 1-2-3 (mining): watched until 2026-12-03T11:00:00Z\n  program  /tmp/.x/kworker\\u{1b}[31m\n  \
             place    /etc/cron.d/x\n  account  44AF\n  peer     10.0.0.5:443 (pool.example)\n"
        );
        append("not json", &mut text);
    }
}
