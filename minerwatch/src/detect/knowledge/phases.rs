//! When a process worked and when it paused, derived from its CPU reports.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    model::{BootTime, CpuUsage, Event, EventBody, ProcessKey},
};

/// Minimum share of one processor, within a second, that counts as work.
const WORK_SHARE: f64 = 0.3;
/// Minimum time without work that counts as a pause. Reports come once per second.
const PAUSE: Duration = Duration::from_secs(3);
/// Maximum distance in time between a report and the start or end of work. The last report of a phase may precede the
/// end.
pub const REPORT_DELAY: Duration = Duration::from_millis(1_500);

/// A span of work. A process below the sensor's threshold sends no report, so the end of a phase is known only when the
/// next phase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// When the phase began.
    pub since: BootTime,
    /// The time of the last report in the phase.
    pub until: BootTime,
}

impl Phase {
    /// The length of the phase.
    pub fn span(self) -> Duration {
        self.until.since(self.since)
    }
}

/// A finished pause between two phases.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pause {
    /// The phase before the pause.
    pub before: Phase,
    /// When work began again.
    pub resumed: BootTime,
}

/// The latest phase of every process that works.
#[derive(Debug)]
pub struct Phases(BoundedMap<ProcessKey, Phase>);

impl Phases {
    /// Creates an empty tracker for at most `capacity` processes.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// The number of evicted processes.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Updates the phases from an event. Returns the pause that the event ended, if any.
    pub fn observe(&mut self, event: &Event) -> Option<Pause> {
        match &event.body {
            EventBody::Cpu(usage) => self.report(event.subject.key, event.time, usage),
            EventBody::Exit(_) => {
                self.0.remove(&event.subject.key);
                None
            }
            _ => None,
        }
    }

    fn report(&mut self, key: ProcessKey, at: BootTime, usage: &CpuUsage) -> Option<Pause> {
        // The window of the first report after a sleep includes the sleep.
        let judged = usage.window.min(1_000_000_000);
        if (usage.on_cpu as f64) < WORK_SHARE * judged as f64 {
            return None;
        }
        // Shorten the window here too: the process cannot have worked longer than it was on a CPU.
        let since = BootTime(at.0.saturating_sub(usage.window.min(usage.on_cpu)));
        let phase = self.0.entry(&key, || Phase { since, until: since });
        let before = *phase;
        if since.since(before.until) >= PAUSE {
            *phase = Phase { since, until: at };
            return Some(Pause { before, resumed: since });
        }
        phase.until = before.until.max(at);
        None
    }

    /// Returns every process that works now, with its latest phase.
    pub fn working(&self, now: BootTime) -> impl Iterator<Item = (ProcessKey, Phase)> {
        self.0
            .iter()
            .filter(move |(_, phase)| now.since(phase.until) < PAUSE)
            .map(|(key, phase)| (*key, *phase))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SchedulingPolicy;

    const SECOND: u64 = 1_000_000_000;

    fn usage(window: u64, on_cpu: u64) -> CpuUsage {
        CpuUsage {
            window,
            on_cpu,
            total_on_cpu: 0,
            voluntary: 0,
            involuntary: 0,
            yields: 0,
            stops: 0,
            threads: 1,
            nice: 0,
            policy: SchedulingPolicy::Other,
            allowed_processors: 1,
        }
    }

    #[test]
    fn a_pause_is_known_when_it_is_over() {
        let key = ProcessKey::new(1, 0);
        let at = |seconds: u64| BootTime(seconds * SECOND);
        let mut phases = Phases::new(8);
        for second in 1..=20 {
            assert_eq!(phases.report(key, at(second), &usage(SECOND, SECOND)), None);
        }
        assert_eq!(phases.report(key, at(22), &usage(2 * SECOND, SECOND)), None, "the pause is too short");
        assert_eq!(phases.report(key, at(30), &usage(SECOND, SECOND / 8)), None, "this is too little work");
        // The window of the first report after a long sleep includes the sleep.
        let pause = phases.report(key, at(52), &usage(22 * SECOND, SECOND));
        let before = Phase { since: at(0), until: at(22) };
        assert_eq!(pause, Some(Pause { before, resumed: at(51) }));
        assert_eq!(phases.working(at(53)).count(), 1);
        assert_eq!(phases.working(at(60)).count(), 0);
    }
}
