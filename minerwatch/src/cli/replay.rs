//! `minerwatch replay`: sends a recording through the same engine, without root.

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
    dissect::Dissector,
    ecs::{Encoder, HostContext, Observed},
    engine::{Engine, EngineSettings},
    model::{Alert, BootTime, Effect, Event, Observation, Verdict},
    pipeline,
    recording::Reader,
};

/// Judge a recording again and write its alerts; needs no root
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
  zcat host.jsonl.gz | minerwatch replay - --json   read a compressed recording";

pub(super) fn main(arguments: &Arguments) -> Result<ExitReason, Failure> {
    logging::start_quiet();
    let Arguments { file, json, events, measure, color } = arguments;
    let reader = Reader::new(open(file)?)
        .map_err(anyhow::Error::from)
        .with_context(|| file.display().to_string())
        .map_err(|error| Failure::new(ExitReason::Usage, error))?;
    let header = reader.header();
    let settings = EngineSettings { processors: header.processors, ..EngineSettings::default() };
    let host = HostContext {
        name: header.host.as_str().into(),
        boot_id: header.boot_id.as_str().into(),
        clock: header.wall_clock_at_boot,
    };
    let mut output = Lines {
        encoder: Encoder::new(host, pipeline::signal_text),
        presenter: Presenter::new(*json, *color),
        events: *events,
        sequence: 0,
        buffer: Vec::new(),
    };
    let result = if *measure {
        let read: Vec<_> = reader.collect();
        let start = Instant::now();
        let result = replay(read.into_iter(), settings, &mut output);
        measured(&result, start.elapsed());
        result
    } else {
        replay(reader, settings, &mut output)
    };
    let result = result.and_then(|summary| {
        output.presenter.flush()?;
        Ok(summary)
    });
    let summary = match result.map_err(anyhow::Error::from) {
        Err(error) if is_broken_pipe(&error) => return Ok(ExitReason::Fine),
        result => result.context("standard output")?,
    };
    let Summary { events, alerts, damaged, .. } = summary;
    tell(format_args!(
        "{}, {}, {}",
        counted(events, "event", "events"),
        counted(alerts, "alert", "alerts"),
        counted(damaged, "damaged line", "damaged lines")
    ));
    Ok(summary.conclude())
}

fn measured(result: &io::Result<Summary>, elapsed: Duration) {
    if let Ok(Summary { events, .. }) = result {
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

/// Where events and alerts of a replay go.
trait Output {
    fn event(&mut self, event: &Event, observation: &Observation) -> io::Result<()>;
    fn alert(&mut self, alert: &Alert) -> io::Result<()>;
}

/// Lines of JSON to standard output.
struct Lines {
    encoder: Encoder,
    presenter: Presenter,
    events: bool,
    sequence: u64,
    buffer: Vec<u8>,
}

impl Output for Lines {
    fn event(&mut self, event: &Event, observation: &Observation) -> io::Result<()> {
        if !self.events {
            return Ok(());
        }
        let Observation { process, parent, domain } = observation;
        let observed = Observed {
            event,
            process: process.as_deref(),
            parent: parent.as_deref(),
            domain: domain.as_deref(),
            sequence: self.sequence,
        };
        self.buffer.clear();
        if self.encoder.event(&observed, &mut self.buffer) {
            self.sequence += 1;
        }
        self.presenter.show(&self.buffer)
    }

    fn alert(&mut self, alert: &Alert) -> io::Result<()> {
        self.buffer.clear();
        self.encoder.alert(alert, self.sequence, &mut self.buffer);
        self.sequence += 1;
        self.presenter.show_now(&self.buffer)
    }
}

/// The result of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Summary {
    events: u64,
    alerts: u64,
    damaged: u64,
    verdict: Option<Verdict>,
}

impl Summary {
    /// An incident that was found decides before a line that could not be read.
    fn conclude(self) -> ExitReason {
        match self.verdict {
            Some(Verdict::Suspected | Verdict::Mining) => ExitReason::Found,
            Some(Verdict::Noted) | None if self.damaged > 0 => ExitReason::Failed,
            Some(Verdict::Noted) | None => ExitReason::Fine,
        }
    }
}

/// Sends events through an engine of their own. Only a failing output is an error.
fn replay<E: std::fmt::Display>(
    events: impl Iterator<Item = Result<Event, E>>,
    settings: EngineSettings,
    output: &mut impl Output,
) -> io::Result<Summary> {
    let mut engine = Engine::new(settings);
    let mut clock = Ticks::default();
    let mut summary = Summary::default();
    let mut effects = Vec::new();
    let mut dissector = Dissector::default();
    for event in events {
        match event {
            Ok(mut event) => {
                summary.events += 1;
                dissector.dissect(&mut event);
                clock.advance(event.time, |now| engine.tick(now, &mut effects));
                engine.ingest(&event, true, &mut effects);
                for effect in std::mem::take(&mut effects) {
                    match effect {
                        Effect::Observed(observation) => output.event(&event, &observation)?,
                        Effect::Alert(alert) => {
                            summary.alerts += 1;
                            summary.verdict = summary.verdict.max(Some(alert.verdict));
                            output.alert(&alert)?;
                        }
                        Effect::Request(request) => engine.unanswered(&request, &mut effects),
                    }
                }
            }
            Err(error) => {
                summary.damaged += 1;
                tell(&error);
            }
        }
    }
    Ok(summary)
}

/// The ticks between events, as the daemon's clock would have given them.
#[derive(Debug, Default)]
struct Ticks {
    last: Option<BootTime>,
}

impl Ticks {
    const INTERVAL: Duration = pipeline::TICK;
    /// A gap of more ticks than this is crossed in one step: only a forged recording has one.
    const MOST: u128 = 7 * 86_400;

    fn advance(&mut self, now: BootTime, mut tick: impl FnMut(BootTime)) {
        let mut last = *self.last.get_or_insert(now);
        if now.since(last).as_nanos() / Self::INTERVAL.as_nanos() > Self::MOST {
            tick(now);
            last = now;
        }
        while now.since(last) >= Self::INTERVAL {
            last = last.plus(Self::INTERVAL);
            tick(last);
        }
        self.last = Some(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventBody, Exit, ProcessKey, Subject};

    #[derive(Default)]
    struct Seen {
        events: Vec<u64>,
        alerts: u64,
    }

    impl Output for Seen {
        fn event(&mut self, event: &Event, _observation: &Observation) -> io::Result<()> {
            self.events.push(event.time.0);
            Ok(())
        }

        fn alert(&mut self, _alert: &Alert) -> io::Result<()> {
            self.alerts += 1;
            Ok(())
        }
    }

    fn event(time: u64) -> Event {
        let key = ProcessKey::from_ticks(1, 1);
        Event {
            time: BootTime(time),
            subject: Subject { key, tid: 1, uid: 0, gid: 0, cgroup: 0, container: None },
            body: EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 }),
        }
    }

    #[test]
    fn a_damaged_line_is_skipped_and_counted() {
        let mut seen = Seen::default();
        let events = [Ok(event(1)), Err("cut off"), Ok(event(2))];
        let summary = replay(events.into_iter(), EngineSettings::default(), &mut seen).expect("it writes");
        assert_eq!(seen.events, [1, 2]);
        assert_eq!((summary.events, summary.damaged), (2, 1));
        assert_eq!(summary.conclude(), ExitReason::Failed);
    }

    #[test]
    fn the_worst_verdict_decides() {
        let conclude = |verdict, damaged| Summary { damaged, verdict, ..Summary::default() }.conclude();
        assert_eq!(conclude(None, 0), ExitReason::Fine);
        assert_eq!(conclude(Some(Verdict::Noted), 0), ExitReason::Fine);
        assert_eq!(conclude(Some(Verdict::Suspected), 0), ExitReason::Found);
        assert_eq!(conclude(Some(Verdict::Mining), 9), ExitReason::Found);
    }

    #[test]
    fn gaps_between_events_are_filled_with_ticks() {
        let mut ticks = Ticks::default();
        let mut seen = Vec::new();
        let second = 1_000_000_000;
        for now in [5 * second, 5 * second + 1, 7 * second, 6 * second, 8 * second] {
            ticks.advance(BootTime(now), |now| seen.push(now.0 / second));
        }
        assert_eq!(seen, [6, 7, 8]);
        let mut count = 0;
        ticks.advance(BootTime(u64::MAX), |_| count += 1);
        assert_eq!(count, 1);
    }
}
