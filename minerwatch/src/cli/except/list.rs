//! `minerwatch except list`: lists exceptions.

use std::fmt::Write as _;

use super::{
    super::{ExitReason, Failure, counted::counted, streams::write_stdout},
    Place, now, plain,
};
use crate::{
    config::{Config, Detection},
    except::{ExceptionStatus, ListedException, Source},
    model::Moment,
    pipeline,
};

/// List exceptions, with their age, their expiry and how many alerts they hid
///
/// Shows the exceptions of the running daemon, or those of a configuration. Only a running daemon knows how many alerts
/// were hidden: the count begins with its start.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Write one JSON object instead of text for people
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

const EXAMPLES: &str = "\
Examples:
  sudo minerwatch except list
  minerwatch except list --config /etc/minerwatch.toml --json | jq '.list[] | select(.expired)'";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    let Arguments { json, place } = arguments;
    let now = now();
    let daemon = place.daemon(false)?;
    let status = match (place.config()?, daemon) {
        (None, Some(daemon)) => daemon,
        (config, daemon) => read(&config.unwrap_or_default(), place, daemon, now)?,
    };
    if *json {
        let mut line = serde_json::to_string(&status).map_err(anyhow::Error::from)?;
        line.push('\n');
        write_stdout(&line)?;
    } else {
        write_stdout(&text(&status, now))?;
    }
    Ok(ExitReason::Fine)
}

/// Reads the exceptions of a configuration. The counts come from the daemon, if it uses the same file.
fn read(
    config: &Config,
    place: &Place,
    daemon: Option<ExceptionStatus>,
    now: Moment,
) -> Result<ExceptionStatus, Failure> {
    let path = place.config.as_deref();
    let file = config.detection.exceptions_path(path).display().to_string();
    let set = pipeline::exceptions(config, path).map_err(anyhow::Error::from)?;
    let mut status = pipeline::exception_status(&set, None, now);
    if let Some(daemon) = daemon.filter(|daemon| daemon.file.as_ref() == Some(&file)) {
        status.hidden = daemon.hidden;
        for own in &mut status.list {
            let same = daemon.list.iter().find(|other| other.exception.id == own.exception.id);
            own.hidden = same.and_then(|other| other.hidden);
        }
    }
    status.file = Some(file);
    Ok(status)
}

fn text(status: &ExceptionStatus, now: Moment) -> String {
    let mut text = String::new();
    for ListedException { exception, expired, hidden } in &status.list {
        let state = match (exception.expires, expired) {
            (None, _) => "never expires".to_owned(),
            (Some(when), true) => format!("EXPIRED {when}"),
            (Some(when), false) => {
                format!("expires {when}, in {}", counted(when.days_since(now), "day", "days"))
            }
        };
        let added = match (exception.added, &exception.added_by) {
            (Some(when), by) => {
                let age = counted(now.days_since(when), "day", "days");
                format!("added {age} ago by {}", by.as_deref().unwrap_or("nobody known"))
            }
            (None, Some(by)) => format!("added by {by}"),
            (None, None) => "added by nobody known".to_owned(),
        };
        let hid = match hidden {
            Some(count) => format!("hid {}", counted(*count, "alert", "alerts")),
            None => "no daemon was asked what it hid".to_owned(),
        };
        let place = match exception.source {
            Source::Configuration => ", in the configuration",
            Source::File | Source::Command => "",
        };
        let _ = writeln!(text, "{}  {exception}", exception.id);
        let _ = writeln!(text, "    {}", plain(&exception.reason));
        let _ = writeln!(text, "    {}, {state}, {hid}{place}", plain(&added));
    }
    let file = status.file.as_deref().unwrap_or(Detection::DEFAULT_EXCEPTIONS_FILE);
    if let Some(error) = &status.error {
        let _ = writeln!(text, "WRONG: the daemon does not use the file: {error}");
    }
    let ExceptionStatus { active, expired, hidden, .. } = status;
    let all = counted(active + expired, "exception", "exceptions");
    let _ = write!(text, "{all}, {expired} expired; file {file}");
    let is_known = status.list.iter().any(|own| own.hidden.is_some());
    if is_known {
        let _ = write!(text, "; {} hidden in all", counted(*hidden, "alert", "alerts"));
    }
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::except::{Exception, ExceptionSet};

    #[test]
    fn the_list_says_age_expiry_and_counts() {
        let one = |text: &str| toml::from_str::<Exception>(text).expect("an exception");
        let set = ExceptionSet::new(vec![
            one(
                "id = 'a'\nuser = 'ml'\nreason = 'ours'\nadded = 2026-11-01\nadded_by = 'ada'\nexpires = 2027-01-30",
            ),
            one(
                "id = 'b'\nunit = 'x.service'\nreason = 'old'\nsignal = ['C9']\nexpires = 2026-11-01\nsource = 'file'",
            ),
        ]);
        let now = Moment::parse("2026-11-28").expect("a date");
        let hidden = crate::incident::HiddenAlerts { all: 3, by_exception: [("a".to_owned(), 3)].into() };
        let mut status = pipeline::exception_status(&set, Some(&hidden), now);
        status.file = Some("/etc/e.toml".to_owned());
        insta::assert_snapshot!(text(&status, now), @r"
        a  user=ml
            ours
            added 27 days ago by ada, expires 2027-01-30, in 63 days, hid 3 alerts, in the configuration
        b  unit=x.service signal=C9
            old
            added by nobody known, EXPIRED 2026-11-01, hid 0 alerts
        2 exceptions, 1 expired; file /etc/e.toml; 3 alerts hidden in all
        ");
    }
}
