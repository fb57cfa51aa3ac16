//! Feeds the pipeline with the events of a recording instead of the kernel's records.

use std::{fmt::Display, io, sync::Arc, time::Duration};

use tracing::warn;

use super::{
    TICK, settings,
    stages::{OutputSink, Pipeline, PipelineSettings},
};
use crate::{
    config::Config,
    ecs::EncoderSettings,
    engine::EngineSettings,
    enrich::geo,
    except::ExceptionSet,
    feeds, host,
    model::{AccountHasher, AgentContext, BootTime, Event, HostContext},
    probe::NoProbes,
    recording::Header,
};

/// Counters of a replay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events processed.
    pub events: u64,
    /// Damaged lines that were skipped.
    pub damaged: u64,
}

/// Sends a recording through the pipeline. With a configuration, the alerts are those of a daemon with that
/// configuration, if its lists and databases are readable here. Without a configuration, every verdict from `noted` up
/// causes an alert. What `exceptions` match causes none.
///
/// Calls `on_damaged` for each line that is skipped. Fails only if the sink fails.
pub fn replay<E: Display>(
    header: &Header,
    config: Option<&Config>,
    exceptions: ExceptionSet,
    events: impl Iterator<Item = Result<Event, E>>,
    sink: &mut impl OutputSink,
    mut on_damaged: impl FnMut(E),
) -> io::Result<Replayed> {
    let (engine, encoder) = match config {
        Some(config) => (
            EngineSettings {
                accounts: settings::accounts(config).unwrap_or_else(|error| {
                    warn!("{error:#}; accounts have no hash");
                    AccountHasher::without_key()
                }),
                ..settings::engine(config, header.processors)
            },
            settings::encoder(config, host_of(header), agent_of(header)),
        ),
        None => (
            EngineSettings { processors: header.processors, ..EngineSettings::default() },
            EncoderSettings { agent: agent_of(header), ..EncoderSettings::new(host_of(header)) },
        ),
    };
    let clock = header.wall_clock_at_boot;
    let mut pipeline = Pipeline::new(PipelineSettings { engine, encoder }, NoProbes);
    if let Some(config) = config {
        let sources = feeds::with_synced(config);
        let lists = feeds::load(&sources, host::unix_seconds(), None);
        lists.log();
        pipeline.set_indicators(lists.indicators);
        pipeline.set_geo(geo::open(&sources.geo_databases, &sources.home_countries, None));
    }
    pipeline.set_exceptions(Arc::new(exceptions), clock);
    let mut ticks = Ticks::default();
    let mut replayed = Replayed::default();
    for event in events {
        match event {
            Ok(event) => {
                replayed.events += 1;
                process(event, &mut pipeline, &mut ticks, sink)?;
            }
            Err(error) => {
                replayed.damaged += 1;
                on_damaged(error);
            }
        }
    }
    settle(&mut pipeline, &mut ticks, sink)?;
    pipeline.flush(sink)?;
    Ok(replayed)
}

/// Time after the last event for which the engine is ticked: longer than the interval of an incident's alerts.
const SETTLE: Duration = Duration::from_secs(61);

fn host_of(header: &Header) -> HostContext {
    HostContext {
        name: header.host.as_str().into(),
        id: header.host_id.as_deref().map(Into::into),
        boot_id: header.boot_id.as_str().into(),
        clock: header.wall_clock_at_boot,
    }
}

/// The agent is the one that saw the events. So another version of the program gives the same lines.
fn agent_of(header: &Header) -> AgentContext {
    AgentContext { id: None, version: header.version.as_str().into() }
}

/// Creates the pipeline for a recording.
pub(super) fn pipeline(header: &Header, engine: EngineSettings) -> Pipeline<NoProbes> {
    let encoder = EncoderSettings { agent: agent_of(header), ..EncoderSettings::new(host_of(header)) };
    Pipeline::new(PipelineSettings { engine, encoder }, NoProbes)
}

/// Ticks the engine for a while after the last event, so that an update which waits for its time is sent.
pub(super) fn settle(
    pipeline: &mut Pipeline<NoProbes>,
    ticks: &mut Ticks,
    sink: &mut impl OutputSink,
) -> io::Result<()> {
    match ticks.last {
        Some(last) => ticks.advance(last.plus(SETTLE), |now| pipeline.tick(now, sink)),
        None => Ok(()),
    }
}

/// Ticks the engine until the time of an event, and processes the event.
pub(super) fn process(
    mut event: Event,
    pipeline: &mut Pipeline<NoProbes>,
    ticks: &mut Ticks,
    sink: &mut impl OutputSink,
) -> io::Result<()> {
    ticks.advance(event.time, |now| pipeline.tick(now, sink))?;
    pipeline.process(&mut event, sink)
}

/// Ticks the engine between the events, as the daemon does.
#[derive(Debug, Default)]
pub(super) struct Ticks {
    last: Option<BootTime>,
}

impl Ticks {
    const INTERVAL: Duration = TICK;
    /// Maximum number of ticks for one gap. A longer gap gets one tick, so that a forged recording cannot make a replay
    /// endless.
    const MAX_GAP: u128 = 7 * 86_400;

    fn advance(&mut self, now: BootTime, mut tick: impl FnMut(BootTime) -> io::Result<()>) -> io::Result<()> {
        let mut last = *self.last.get_or_insert(now);
        if now.since(last).as_nanos() / Self::INTERVAL.as_nanos() > Self::MAX_GAP {
            tick(now)?;
            last = now;
        }
        while now.since(last) >= Self::INTERVAL {
            last = last.plus(Self::INTERVAL);
            tick(last)?;
        }
        self.last = Some(last);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{EventBody, EventKind, Exit, ProcessKey, WallClock},
        pipeline::stages::EventInfo,
        testing,
    };

    /// Collects the times of events.
    #[derive(Default)]
    struct Times(Vec<u64>);

    impl OutputSink for Times {
        fn raw(&mut self, event: &Event) -> io::Result<()> {
            self.0.push(event.time.0);
            Ok(())
        }
    }

    fn event(time: u64) -> Event {
        let exit = EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 });
        testing::event(BootTime(time), ProcessKey::from_ticks(1, 1), exit)
    }

    #[test]
    fn a_damaged_line_is_skipped_and_counted() {
        let header = Header::new("host", "boot", WallClock { boot: 0 }, 1);
        let mut times = Times::default();
        let mut damaged = Vec::new();
        let events = [Ok(event(1)), Err("cut off"), Ok(event(2))];
        let replayed =
            replay(&header, None, ExceptionSet::default(), events.into_iter(), &mut times, |error| {
                damaged.push(error);
            });
        assert_eq!(replayed.expect("the sink takes everything"), Replayed { events: 2, damaged: 1 });
        assert_eq!((times.0, damaged), (vec![1, 2], vec!["cut off"]));
    }

    /// Keeps the lines of events.
    #[derive(Default)]
    struct Lines(Vec<u8>);

    impl OutputSink for Lines {
        fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
            true
        }

        fn event(&mut self, line: &[u8], _: EventInfo) -> io::Result<()> {
            self.0.extend_from_slice(line);
            Ok(())
        }
    }

    /// The host and the agent are those of the recording, so that the same recording gives the same lines everywhere.
    #[test]
    fn the_lines_depend_on_the_recording_alone() {
        let mut header = Header::new("host", "boot", WallClock { boot: 0 }, 1);
        header.version = "0.0.7".to_owned();
        let object = |header: &Header, config: Option<&Config>| {
            let mut lines = Lines::default();
            let events = [Ok::<_, &str>(event(1))];
            replay(header, config, ExceptionSet::default(), events.into_iter(), &mut lines, |_| {})
                .expect("the sink takes everything");
            serde_json::from_slice::<serde_json::Value>(&lines.0).expect("a line")
        };
        let plain = object(&header, None);
        assert_eq!(plain["host"], serde_json::json!({"name": "host", "boot": {"id": "boot"}}));
        assert_eq!(plain["agent"], serde_json::json!({"type": "minerwatch", "version": "0.0.7"}));
        header.host_id = Some("0f1e".to_owned());
        let config =
            Config::parse("[fields]\ntags = ['lab']", std::path::Path::new("m.toml")).expect("allowed");
        let configured = object(&header, Some(&config));
        assert_eq!((&configured["host"]["id"], &configured["tags"][0]), (&"0f1e".into(), &"lab".into()));
    }

    #[test]
    fn gaps_between_events_are_filled_with_ticks_up_to_a_limit() {
        let mut ticks = Ticks::default();
        let mut seen = Vec::new();
        let second = 1_000_000_000;
        for now in [5 * second, 5 * second + 1, 7 * second, 6 * second, 8 * second] {
            let tick = |now: BootTime| {
                seen.push(now.0 / second);
                Ok(())
            };
            ticks.advance(BootTime(now), tick).expect("nothing fails");
        }
        assert_eq!(seen, [6, 7, 8]);
        let mut count = 0;
        let tick = |_| {
            count += 1;
            Ok(())
        };
        ticks.advance(BootTime(u64::MAX), tick).expect("nothing fails");
        assert_eq!(count, 1);
    }
}
