//! `minerwatch replay`: sends a recording through the daemon's pipeline, without root.

use std::{
    fs::File,
    io::{self, BufRead, BufReader},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context;

use super::{
    ExitReason, Failure,
    counted::counted,
    logging,
    present::{ColorArguments, Presenter},
    streams::{is_broken_pipe, tell},
};
use crate::{
    config::Config,
    except::ExceptionSet,
    model::{Alert, EventKind, Verdict},
    pipeline::{self, EventInfo, OutputSink, Replayed},
    recording::Reader,
};

/// Run detection on a recording and write the alerts; needs no root
///
/// The same recording gives the same alerts on every host, because time comes from the recording. A damaged line is
/// reported and skipped. The exit code is 10 if an incident with the verdict `suspected` or `mining` was found.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The recording; `-` for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Write one JSON object per line instead of text for people
    #[arg(long)]
    json: bool,
    /// Write events too, not only alerts
    #[arg(long)]
    events: bool,
    /// Use the thresholds, limits, minimum verdict, exceptions, lists and databases of this configuration
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Read the whole recording first, then report how many events per second the engine judged
    #[arg(long, conflicts_with = "events")]
    measure: bool,
    #[command(flatten)]
    color: ColorArguments,
}

const EXAMPLES: &str = "\
Examples:
  minerwatch replay host.jsonl                      show the alerts
  minerwatch replay host.jsonl --events             show the events as well
  minerwatch replay host.jsonl --config lab.toml    try out other thresholds and lists
  zcat host.jsonl.gz | minerwatch replay - --json   read a compressed recording";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { file, json, events, config: path, measure, color } = arguments;
    let config = path
        .as_deref()
        .map(Config::load)
        .transpose()
        .map_err(|error| Failure::new(ExitReason::Usage, anyhow::Error::from(error)))?;
    let reader = Reader::new(open(file)?)
        .map_err(anyhow::Error::from)
        .with_context(|| file.display().to_string())
        .map_err(|error| Failure::new(ExitReason::Usage, error))?;
    let header = reader.header().clone();
    let mut lines =
        Lines { presenter: Presenter::new(*json, *color), events: *events, alerts: 0, verdict: None };
    let exceptions = match &config {
        Some(own) => pipeline::exceptions(own, path.as_deref()).map_err(anyhow::Error::from)?,
        None => ExceptionSet::default(),
    };
    let config = config.as_ref();
    let result = if *measure {
        let read: Vec<_> = reader.collect();
        let start = Instant::now();
        let result = pipeline::replay(&header, config, exceptions, read.into_iter(), &mut lines, tell);
        measured(&result, start.elapsed());
        result
    } else {
        pipeline::replay(&header, config, exceptions, reader, &mut lines, tell)
    };
    let replayed = match result.map_err(anyhow::Error::from) {
        Err(error) if is_broken_pipe(&error) => return Ok(ExitReason::Fine),
        result => result.context("standard output")?,
    };
    let Replayed { events, damaged } = replayed;
    tell(format_args!(
        "{}, {}, {}",
        counted(events, "event", "events"),
        counted(lines.alerts, "alert", "alerts"),
        counted(damaged, "damaged line", "damaged lines")
    ));
    Ok(conclude(lines.verdict, damaged))
}

/// Returns the exit code. An incident that was found takes precedence over a damaged line.
fn conclude(verdict: Option<Verdict>, damaged: u64) -> ExitReason {
    match verdict {
        Some(Verdict::Suspected | Verdict::Mining) => ExitReason::Found,
        Some(Verdict::Noted) | None if damaged > 0 => ExitReason::Failed,
        Some(Verdict::Noted) | None => ExitReason::Fine,
    }
}

fn measured(result: &io::Result<Replayed>, elapsed: Duration) {
    if let Ok(Replayed { events, .. }) = result {
        let rate = *events as f64 / elapsed.as_secs_f64();
        tell(format_args!("the engine judged {events} events in {elapsed:.1?}, {rate:.0} a second"));
    }
}

fn open(file: &Path) -> Result<Box<dyn BufRead>, Failure> {
    if file.as_os_str() == "-" {
        return Ok(Box::new(BufReader::new(io::stdin())));
    }
    let opened = File::open(file).with_context(|| format!("cannot open {}", file.display()));
    Ok(Box::new(BufReader::new(opened.map_err(|error| Failure::new(ExitReason::Usage, error))?)))
}

/// Writes lines to standard output, and remembers the highest verdict.
struct Lines {
    presenter: Presenter,
    /// Whether events are shown in addition to alerts.
    events: bool,
    alerts: u64,
    /// The highest verdict so far.
    verdict: Option<Verdict>,
}

impl OutputSink for Lines {
    fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
        self.events
    }

    fn event(&mut self, line: &[u8], _: EventInfo) -> io::Result<()> {
        self.presenter.show(line)
    }

    fn alert(&mut self, line: &[u8], alert: &Alert) -> io::Result<()> {
        self.alerts += 1;
        self.verdict = self.verdict.max(Some(alert.verdict));
        self.presenter.show_now(line)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.presenter.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_verdict_decides_the_exit_code() {
        assert_eq!(conclude(None, 0), ExitReason::Fine);
        assert_eq!(conclude(None, 1), ExitReason::Failed);
        assert_eq!(conclude(Some(Verdict::Noted), 0), ExitReason::Fine);
        assert_eq!(conclude(Some(Verdict::Suspected), 0), ExitReason::Found);
        assert_eq!(conclude(Some(Verdict::Mining), 9), ExitReason::Found);
    }
}
