//! A recording as the source of the pipeline, in place of the kernel's rings.

use std::{fmt::Display, io, time::Duration};

use super::{
    TICK, settings,
    stages::{OutputSink, Pipeline, PipelineSettings},
};
use crate::{
    config::Config,
    ecs::HostContext,
    engine::EngineSettings,
    enrich::geo,
    feeds, host,
    model::{BootTime, Event},
    probe::NoProbes,
    recording::Header,
};

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Events.
    pub events: u64,
    /// Lines that were no events.
    pub damaged: u64,
}

/// Sends a recording through the pipeline. With a configuration the alerts are those that the daemon would have given
/// with it, as far as its lists and databases can be read here; without one everything from `noted` up is an alert.
///
/// Fails only when the sink does. `on_damaged` is told of each line that is passed over.
pub fn replay<E: Display>(
    header: &Header,
    config: Option<&Config>,
    events: impl Iterator<Item = Result<Event, E>>,
    sink: &mut impl OutputSink,
    mut on_damaged: impl FnMut(E),
) -> io::Result<Replayed> {
    let engine = match config {
        Some(config) => settings::engine(config, header.processors),
        None => EngineSettings { processors: header.processors, ..EngineSettings::default() },
    };
    let host = HostContext {
        name: header.host.as_str().into(),
        boot_id: header.boot_id.as_str().into(),
        clock: header.wall_clock_at_boot,
    };
    let mut pipeline = Pipeline::new(PipelineSettings { engine, host }, NoProbes);
    if let Some(config) = config {
        let sources = feeds::with_synced(config);
        let lists = feeds::load(&sources, host::unix_seconds(), None);
        lists.log();
        pipeline.set_indicators(lists.indicators);
        pipeline.set_geo(geo::open(&sources, None));
    }
    let mut clock = Ticks::default();
    let mut replayed = Replayed::default();
    for event in events {
        match event {
            Ok(event) => {
                replayed.events += 1;
                clock.advance(event.time, |now| pipeline.tick(now, sink))?;
                pipeline.take(event, sink)?;
            }
            Err(error) => {
                replayed.damaged += 1;
                on_damaged(error);
            }
        }
    }
    sink.flush()?;
    Ok(replayed)
}

/// The ticks between events, as the daemon's clock would have given them.
#[derive(Debug, Default)]
struct Ticks {
    last: Option<BootTime>,
}

impl Ticks {
    const INTERVAL: Duration = TICK;
    /// A gap longer than so many ticks is crossed in one step: only a forged recording has one.
    const MOST: u128 = 7 * 86_400;

    fn advance(&mut self, now: BootTime, mut tick: impl FnMut(BootTime) -> io::Result<()>) -> io::Result<()> {
        let mut last = *self.last.get_or_insert(now);
        if now.since(last).as_nanos() / Self::INTERVAL.as_nanos() > Self::MOST {
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
    use crate::model::{Alert, EventBody, EventKind, Exit, ProcessKey, Subject, WallClock};

    #[derive(Default)]
    struct Seen(Vec<u64>);

    impl OutputSink for Seen {
        fn wants(&self, _kind: EventKind, _pid: u32) -> bool {
            false
        }

        fn event(&mut self, _line: &[u8], _kind: EventKind, _pid: u32) -> io::Result<()> {
            Ok(())
        }

        fn alert(&mut self, _line: &[u8], _alert: &Alert) -> io::Result<()> {
            Ok(())
        }

        fn raw(&mut self, event: &Event) -> io::Result<()> {
            self.0.push(event.time.0);
            Ok(())
        }

        fn flush(&mut self) -> io::Result<()> {
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
    fn a_damaged_line_is_passed_over_and_counted() {
        let header = Header::new("host", "boot", WallClock { boot: 0 }, 1);
        let mut seen = Seen::default();
        let mut damaged = Vec::new();
        let events = [Ok(event(1)), Err("cut off"), Ok(event(2))];
        let replayed = replay(&header, None, events.into_iter(), &mut seen, |error| damaged.push(error));
        assert_eq!(replayed.expect("the sink takes everything"), Replayed { events: 2, damaged: 1 });
        assert_eq!((seen.0, damaged), (vec![1, 2], vec!["cut off"]));
    }

    #[test]
    fn time_passes_between_events_but_not_for_ever() {
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
