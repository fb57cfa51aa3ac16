//! `minerwatch except test`: shows which alerts exceptions would have hidden.

mod alerts;
mod recording;

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, BufRead, BufReader, Cursor, Read as _},
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use serde::Serialize;

use self::alerts::SentAlert;
use super::{
    super::{
        ExitReason, Failure,
        counted::counted,
        streams::{tell, write_stdout},
    },
    Place,
    criteria::CriteriaArguments,
    plain,
};
use crate::{
    config::Config,
    except::{Decision, Exception, ExceptionSet, Facts, Match, ShownSignal, Source, Subject},
    incident::verdict_without,
    model::{SignalId, Verdict},
    pipeline,
};

/// Show which alerts of a recording, or of a file of alerts, exceptions would have hidden
///
/// A recording is sent through the detection twice, with and without the exceptions. In a file of alerts, each alert is
/// judged by itself: it names only the latest process of its suspect. Without options that describe an exception, all
/// exceptions of the configuration or of the running daemon are tried. The exit code is 10 if alerts would be hidden.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// A recording, or alerts as JSON lines; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    criteria: CriteriaArguments,
    /// Write one JSON object per alert instead of text for people
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch except test alerts.json --path /opt/ml/train --user ml
                                        what would this exception have hidden?
  minerwatch except test host.jsonl --config /etc/minerwatch.toml
                                        what do the exceptions of this configuration hide?
  journalctl -u minerwatch -o cat | minerwatch except test - --user ci --signal C9";

/// Maximum length of the first line that is looked at, in bytes.
const MAX_FIRST: u64 = 1 << 16;

/// What exceptions do about one alert.
#[derive(Debug, Serialize)]
struct Outcome {
    hidden: bool,
    /// The ids of the exceptions with an effect.
    exceptions: Vec<String>,
    /// The signals that would not count.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    removed: Vec<SignalId>,
    /// Why an exception that matches does not hide the alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    why_not: Option<String>,
    #[serde(flatten)]
    alert: SentAlert,
}

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { file, criteria, json, place } = arguments;
    let config = place.config()?;
    let set = exceptions(criteria, config.as_ref(), place)?;
    let (first, lines) = open(file)?;
    let named = || file.display().to_string();
    let outcomes = if first.contains("\"minerwatch_recording\"") {
        recording::outcomes(lines, config.as_ref(), &set).with_context(named)
    } else {
        alerts::outcomes(lines, &set, config.as_ref()).with_context(named)
    };
    let outcomes = outcomes.map_err(|error| Failure::new(ExitReason::Usage, error))?;
    for outcome in &outcomes {
        if *json {
            let mut line = serde_json::to_string(outcome).map_err(anyhow::Error::from)?;
            line.push('\n');
            write_stdout(&line)?;
        } else {
            write_stdout(&text(outcome))?;
        }
    }
    let hidden = outcomes.iter().filter(|outcome| outcome.hidden).count() as u64;
    let all = counted(outcomes.len() as u64, "alert", "alerts");
    tell(format_args!(
        "{all}, {hidden} would be hidden by {}",
        counted(set.iter().count() as u64, "exception", "exceptions")
    ));
    Ok(if hidden > 0 { ExitReason::Found } else { ExitReason::Fine })
}

/// Returns the exceptions to try.
fn exceptions(
    criteria: &CriteriaArguments,
    config: Option<&Config>,
    place: &Place,
) -> Result<ExceptionSet, Failure> {
    if !criteria.is_empty() {
        let entry = criteria.entry("given on the command line")?;
        return Ok(ExceptionSet::new(vec![entry.to_exception(Source::Command)]));
    }
    if config.is_none()
        && let Some(daemon) = place.daemon(false)?
    {
        return Ok(ExceptionSet::new(daemon.list.into_iter().map(|own| own.exception).collect()));
    }
    let default = Config::default();
    let set = pipeline::exceptions(config.unwrap_or(&default), place.config.as_deref());
    Ok(set.map_err(anyhow::Error::from)?)
}

/// Opens a file. Returns its first line, and all its lines.
fn open(file: &Path) -> Result<(String, Box<dyn BufRead>), Failure> {
    let mut lines: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(BufReader::new(io::stdin()))
    } else {
        let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()));
        Box::new(BufReader::new(opened.map_err(|error| Failure::new(ExitReason::Usage, error))?))
    };
    let mut first = Vec::new();
    let named = || format!("cannot read {}", file.display());
    (&mut lines).take(MAX_FIRST).read_until(b'\n', &mut first).with_context(named)?;
    let text = String::from_utf8_lossy(&first).into_owned();
    Ok((text, Box::new(Cursor::new(first).chain(lines))))
}

/// Judges one alert by what it says about its suspect. `least` is the lowest verdict that raises an alert.
fn judge(alert: SentAlert, set: &ExceptionSet, least: Verdict) -> Outcome {
    let facts = [Facts::of(&alert.view)];
    let subject = Subject { processes: &facts, peers: &alert.peers };
    let signals: Vec<ShownSignal<'_>> = alert
        .signals
        .iter()
        .map(|signal| ShownSignal { id: &signal.id, conclusive: signal.conclusive })
        .collect();
    let Decision { by, hides, excused, waits: _ } = set.decide(&subject, &signals, alert.at);
    let left = verdict_without(&alert.signals, &excused, alert.time);
    let hidden = hides || (!excused.is_empty() && left < Some(least));
    let exceptions = by.iter().map(|exception| exception.id.clone()).collect();
    let matches = |exception: &&Exception| {
        exception.signals.is_empty()
            && !exception.is_expired(alert.at)
            && exception.matches(&subject) == Match::Yes
    };
    let why_not = set.iter().find(matches).filter(|_| !hidden).and_then(|exception| {
        let left = alert.signals.iter().find(|signal| signal.conclusive && !excused.contains(&signal.id))?;
        Some(format!("{} is conclusive, and {} does not name it", left.id, exception.id))
    });
    Outcome { hidden, exceptions, removed: excused, why_not, alert }
}

fn text(outcome: &Outcome) -> String {
    let Outcome { hidden, exceptions, removed, why_not, alert } = outcome;
    let mut text = if *hidden { "hidden  ".to_owned() } else { "sent    ".to_owned() };
    let SentAlert { incident, timestamp, verdict, message, .. } = alert;
    let (incident, message) = (plain(incident), plain(message));
    let _ = writeln!(text, "{}  {}  incident {incident}", plain(timestamp), plain(verdict));
    let _ = writeln!(text, "        {message}");
    if !exceptions.is_empty() {
        let _ = write!(text, "        by exception {}", exceptions.join(", "));
        if !removed.is_empty() {
            let ids: Vec<String> = removed.iter().map(ToString::to_string).collect();
            let _ = write!(text, ", without {}", plain(&ids.join(", ")));
        }
        text.push('\n');
    }
    if let Some(why_not) = why_not {
        let _ = writeln!(text, "        {}", plain(why_not));
    }
    text
}
