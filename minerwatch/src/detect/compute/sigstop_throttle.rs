//! C10: work throttled from outside, by stopping and continuing the process many times a second.

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, CpuUsage, ProcessKey},
};

#[derive(Clone, Copy, Debug)]
struct Rhythm {
    /// `stops` at the last report.
    counted: u64,
    since: BootTime,
    stops: u64,
    told: bool,
}

/// The processes that are stopped now and then.
#[derive(Debug)]
pub struct SigstopThrottle(BoundedMap<ProcessKey, Rhythm>);

impl SigstopThrottle {
    /// Follows at most so many.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Takes a report in; a finding once it was stopped often enough for the span.
    pub fn report(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        if usage.stops == 0 {
            return None;
        }
        let start = BootTime(context.at().0.saturating_sub(usage.window));
        let new = || Rhythm { counted: usage.stops, since: context.at(), stops: 0, told: false };
        let rhythm = self.0.entry(&context.key(), new);
        // All threads of a process stop at once.
        let threads = u64::from(usage.threads.max(1));
        let stops = usage.stops.saturating_sub(std::mem::replace(&mut rhythm.counted, usage.stops)) / threads;
        let often = stops as f64 * 1e9 / usage.window.max(1) as f64 > tuning::STOP_RATE;
        if !often {
            (rhythm.since, rhythm.stops, rhythm.told) = (context.at(), 0, false);
            return None;
        }
        if rhythm.stops == 0 {
            rhythm.since = start;
        }
        rhythm.stops += stops;
        let lasted = context.at().since(rhythm.since);
        if rhythm.told || lasted < tuning::STOP_SPAN {
            return None;
        }
        rhythm.told = true;
        let rate = rhythm.stops as f64 / lasted.as_secs_f64();
        let detail = format!("was stopped and continued {rate:.1} times a second for {} s", lasted.as_secs());
        Some(
            Finding::new(signals::SIGSTOP_THROTTLE, context, detail)
                .against("stops_per_second", &format!("{rate:.1}"), "above 2")
                .against("seconds", &lasted.as_secs(), "at least 10"),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.0.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Burn, Host, findings};

    fn found(each: impl Iterator<Item = u64>) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        let mut stops = 0;
        for more in each {
            stops += more;
            host.report(worker, Burn { processors: 0.4, stops, ..Burn::default() });
        }
        findings(&host).iter().filter(|(id, _)| *id == "C10").count()
    }

    #[test]
    fn stopped_all_the_time() {
        // `Burn` has two threads, and each of them stops.
        assert_eq!(found((0..30).map(|_| 20)), 1, "told once");
        assert_eq!(found((0..8).map(|_| 20)), 0, "too short");
        assert_eq!(found((0..60).map(|_| 4)), 0, "twice a second is not more than twice");
        assert_eq!(found((0..60).map(|second| if second % 5 == 0 { 20 } else { 0 })), 0, "now and then");
        assert_eq!(found([2].into_iter().chain((0..60).map(|_| 0))), 0, "somebody pressed Ctrl-Z");
    }
}
