//! C9: load that lasts, as operations people ask for it: one process (C9), or the whole host (C9H).

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals},
    model::{BootTime, CpuUsage, ProcessKey},
};

use super::streak::Streak;

/// What counts as load; the user may choose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadThresholds {
    /// Share of one processor that a process must use.
    pub process_share: f64,
    /// How long.
    pub process_span: Duration,
    /// Share of all processors that must be in use.
    pub host_share: f64,
    /// How long.
    pub host_span: Duration,
    /// By how much a program's use must have risen over its own last 24 hours; 5.0 is +500 %.
    pub jump: f64,
}

impl LoadThresholds {
    /// What operations people ask for.
    pub const DEFAULT: Self = Self {
        process_share: 0.70,
        process_span: Duration::from_secs(300),
        host_share: 0.90,
        host_span: Duration::from_secs(300),
        jump: 5.0,
    };
}

impl Default for LoadThresholds {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// Processes that use more than their share, each on its own account.
#[derive(Debug)]
pub struct LongLoad {
    thresholds: LoadThresholds,
    processes: BoundedMap<ProcessKey, Streak>,
    host: HostLoad,
}

impl LongLoad {
    /// Follows at most so many processes.
    pub fn new(thresholds: LoadThresholds, capacity: usize) -> Self {
        Self { thresholds, processes: BoundedMap::new(capacity), host: HostLoad::default() }
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.processes.evicted()
    }

    /// One process above its share for the whole span.
    pub fn process(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        let LoadThresholds { process_share: needed, process_span: span, .. } = self.thresholds;
        let used = usage.on_cpu as f64 / usage.window.max(1) as f64;
        if used < needed {
            self.processes.remove(&context.key());
            return None;
        }
        let start = BootTime(context.at().0.saturating_sub(usage.window));
        let new = || Streak::new(start);
        let pause = crate::detect::tuning::BUSY_PAUSE;
        let lasted =
            self.processes.entry(&context.key(), new).extend(start, context.at(), pause, span)?.as_secs();
        let detail =
            format!("used {used:.1} processors, and more than {:.0} % of one for {lasted} s", needed * 100.0);
        Some(
            about(Finding::new(signals::LONG_LOAD, context, detail), usage)
                .against("processors_used", &format!("{used:.2}"), &format!("above {needed:.2}"))
                .against("seconds", &lasted, &format!("at least {}", span.as_secs())),
        )
    }

    /// The whole host above its share for the whole span; told of whoever uses most of it.
    pub fn host(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        let LoadThresholds { host_share: needed, host_span: span, .. } = self.thresholds;
        let (share, lasted) = self.host.report(context, usage, needed, span)?;
        let detail = format!(
            "uses most of a host whose processors have been busy to {:.0} % for {} s",
            share * 100.0,
            lasted.as_secs()
        );
        Some(
            about(Finding::new(signals::HOST_LOAD, context, detail), usage)
                .against("host_share", &format!("{share:.2}"), &format!("at least {needed:.2}"))
                .against("seconds", &lasted.as_secs(), &format!("at least {}", span.as_secs())),
        )
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.processes.remove(&key);
    }
}

/// What else people look at; common with batch jobs, so without points.
fn about(finding: Finding, usage: &CpuUsage) -> Finding {
    finding.with("nice", &usage.nice).with("policy", usage.policy.name()).with("threads", &usage.threads)
}

/// CPU time is added up in slots of this length.
const SLOT: Duration = Duration::from_secs(10);

/// What all processes together use, as far as they are reported.
#[derive(Debug, Default)]
struct HostLoad {
    slot: u64,
    on_cpu: u64,
    /// The share of the last full slot, and how many full slots in a row reached the share.
    last: f64,
    full: u64,
    told: u64,
    /// Who used most in the current slot, and in the last.
    current: Option<(u64, ProcessKey)>,
    greatest: Option<ProcessKey>,
}

impl HostLoad {
    fn report(
        &mut self,
        context: &DetectionContext<'_>,
        usage: &CpuUsage,
        needed: f64,
        span: Duration,
    ) -> Option<(f64, Duration)> {
        let length = u64::try_from(SLOT.as_nanos()).unwrap_or(u64::MAX);
        let slot = context.at().0 / length;
        if slot > self.slot {
            self.last = self.on_cpu as f64 / (length as f64 * f64::from(context.processors));
            // Reports come a little after the time they speak of, so a full slot need not be quite full.
            self.full = if slot == self.slot + 1 && self.last >= needed { self.full + 1 } else { 0 };
            if self.full == 0 {
                self.told = 0;
            }
            self.greatest = self.current.take().map(|(_, key)| key);
            self.slot = slot;
            self.on_cpu = 0;
        }
        // A window that began before the slot counts where it ended; it evens out.
        self.on_cpu += usage.on_cpu;
        if self.current.is_none_or(|(most, _)| usage.on_cpu > most) {
            self.current = Some((usage.on_cpu, context.key()));
        }
        let slots = (span.as_secs() / SLOT.as_secs()).max(1);
        if self.full < self.told + slots || self.greatest != Some(context.key()) {
            return None;
        }
        self.told = self.full;
        Some((self.last, SLOT * u32::try_from(self.full).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        engine::testing::{Host, findings_on, seconds},
        model::ProcessKey,
    };

    fn found(id: &str, processors: u32, act: impl Fn(&mut Host, ProcessKey)) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        act(&mut host, worker);
        findings_on(&host, processors).iter().filter(|(found, _)| *found == id).count()
    }

    #[test]
    fn one_process_for_five_minutes() {
        assert_eq!(found("C9", 8, |host, key| host.burn(key, 0.75, 302)), 1);
        assert_eq!(found("C9", 8, |host, key| host.burn(key, 0.75, 602)), 2, "told each five minutes");
        assert_eq!(found("C9", 8, |host, key| host.burn(key, 0.65, 900)), 0);
        assert_eq!(found("C9", 8, |host, key| host.burn(key, 3.0, 290)), 0);
        let broken = |host: &mut Host, key| {
            for _ in 0..4 {
                host.burn(key, 1.0, 200);
                host.wait(seconds(10));
            }
        };
        assert_eq!(found("C9", 8, broken), 0);
    }

    #[test]
    fn the_whole_host_for_five_minutes() {
        assert_eq!(found("C9H", 2, |host, key| host.burn(key, 1.95, 330)), 1);
        assert_eq!(found("C9H", 2, |host, key| host.burn(key, 1.7, 900)), 0);
        assert_eq!(found("C9H", 4, |host, key| host.burn(key, 2.0, 900)), 0);
        assert_eq!(found("C9H", 2, |host, key| host.burn(key, 1.95, 250)), 0);
    }

    #[test]
    fn a_busy_host_is_told_of_its_busiest_process() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let most = host.spawn(init, "/usr/bin/most", &["most"]);
        let less = host.spawn(init, "/usr/bin/less", &["less"]);
        for _ in 0..170 {
            // Each second one of them reports, of two seconds' use.
            host.burn(most, 2.6, 1);
            host.report(less, crate::engine::testing::Burn { processors: 1.3, ..Default::default() });
        }
        let found = findings_on(&host, 2);
        assert_eq!(found.iter().filter(|(id, _)| *id == "C9H").count(), 1, "{found:?}");
    }
}
