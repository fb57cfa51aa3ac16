//! C5: half the host's processors kept busy for a minute by one process.

use rustc_hash::FxHashMap;

use crate::{
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, CpuUsage, ProcessKey},
};

#[derive(Clone, Copy, Debug)]
struct Busy {
    since: BootTime,
    until: BootTime,
    /// When it was last told, so that it is told once a span and not with every report.
    told: Option<BootTime>,
}

/// The processes that are busy just now. BoundedMap: at most two per processor can be, and whoever stopped
/// longest ago makes room.
#[derive(Debug)]
pub struct BusyProcesses {
    capacity: usize,
    busy: FxHashMap<ProcessKey, Busy>,
}

impl BusyProcesses {
    /// Watches at most so many.
    pub fn new(capacity: usize) -> Self {
        Self { capacity, busy: FxHashMap::default() }
    }

    /// Adds one report of a process's use; a finding once it has been busy for the span, and again each
    /// span it goes on.
    pub fn sustained(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        let needed = tuning::BUSY_SHARE * f64::from(context.processors.div_ceil(2));
        let used = usage.on_cpu as f64 / usage.window.max(1) as f64;
        if used < needed {
            self.busy.remove(&context.key());
            return None;
        }
        let start = BootTime(context.at().0.saturating_sub(usage.window));
        if self.busy.len() >= self.capacity && !self.busy.contains_key(&context.key()) {
            let oldest = self.busy.iter().map(|(key, busy)| (busy.until, *key)).min();
            if let Some((_, key)) = oldest {
                self.busy.remove(&key);
            }
        }
        let busy = self.busy.entry(context.key()).or_insert(Busy { since: start, until: start, told: None });
        if start.since(busy.until) > tuning::BUSY_PAUSE {
            *busy = Busy { since: start, until: start, told: None };
        }
        busy.until = busy.until.max(context.at());
        let last = busy.told.unwrap_or(busy.since);
        if busy.until.since(last) < tuning::BUSY_SPAN {
            return None;
        }
        busy.told = Some(busy.until);
        let span = busy.until.since(busy.since).as_secs();
        let detail = format!("kept {used:.1} of {} processors busy for {span} s", context.processors);
        Some(
            Finding::new(signals::SUSTAINED_CPU, context, detail)
                .against("processors_used", &format!("{used:.2}"), &format!("at least {needed:.2}"))
                .against("seconds", &span, "at least 60")
                .with("nice", &usage.nice)
                .with("policy", usage.policy.name())
                .with("threads", &usage.threads),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.busy.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Host, findings, findings_on, seconds};

    fn after(burn: impl Fn(&mut Host, crate::model::ProcessKey), processors: u32) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        burn(&mut host, worker);
        findings_on(&host, processors).iter().filter(|(id, _)| *id == "C5").count()
    }

    #[test]
    fn a_minute_at_half_the_processors() {
        assert_eq!(after(|host, key| host.burn(key, 1.0, 61), 2), 1);
        assert_eq!(after(|host, key| host.burn(key, 2.0, 61), 4), 1);
        assert_eq!(after(|host, key| host.burn(key, 1.8, 61), 3), 1);
        assert_eq!(after(|host, key| host.burn(key, 1.0, 61), 4), 0, "a quarter is too little");
        assert_eq!(after(|host, key| host.burn(key, 0.8, 61), 1), 0, "not busy enough");
        assert_eq!(after(|host, key| host.burn(key, 1.0, 58), 1), 0, "too short");
        assert_eq!(after(|host, key| host.burn(key, 1.0, 190), 1), 3, "told once a minute");
    }

    #[test]
    fn a_break_begins_anew() {
        let broken = |host: &mut Host, key| {
            host.burn(key, 1.0, 40);
            host.wait(seconds(10));
            host.burn(key, 1.0, 40);
        };
        assert_eq!(after(broken, 1), 0);
        let idle = |host: &mut Host, key| {
            host.burn(key, 1.0, 40);
            host.burn(key, 0.1, 1);
            host.burn(key, 1.0, 40);
        };
        assert_eq!(after(idle, 1), 0);
    }

    #[test]
    fn an_empty_window_is_no_division() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        host.burn(init, 0.0, 3);
        assert!(findings(&host).is_empty());
    }
}
