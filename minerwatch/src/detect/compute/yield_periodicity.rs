//! C6: threads that give way by `sched_yield` as regularly as a metronome.
//!
//! `RandomX` miners yield once per hash, and a hash takes the same time again and again. BLAS, OpenMP and
//! garbage collectors yield in bursts while they wait for each other, spinning locks far more often.
//! Counted per second of CPU time, so that throttling changes nothing.

use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{CpuUsage, ProcessKey},
};

/// Yields and time of one stretch.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    yields: u64,
    on_cpu: u64,
    window: u64,
}

#[derive(Clone, Debug)]
struct YieldSample {
    /// `yields` at the last report.
    counted: u64,
    block: Block,
    rates: [f64; tuning::BEAT_BLOCKS],
    filled: usize,
    next: usize,
}

/// The beat of every process that yields.
#[derive(Debug)]
pub struct YieldPeriodicity(BoundedMap<ProcessKey, YieldSample>);

impl YieldPeriodicity {
    /// Listens to at most so many.
    pub fn new(capacity: usize) -> Self {
        Self(BoundedMap::new(capacity))
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.0.evicted()
    }

    /// Takes a report in; a finding once the beat was regular for the whole span, and again each span.
    pub fn beat(&mut self, context: &DetectionContext<'_>, usage: &CpuUsage) -> Option<Finding> {
        if usage.yields == 0 {
            return None;
        }
        let beat = self.0.entry(&context.key(), || YieldSample {
            counted: usage.yields,
            block: Block::default(),
            rates: [0.0; tuning::BEAT_BLOCKS],
            filled: 0,
            next: 0,
        });
        let yields = usage.yields.saturating_sub(std::mem::replace(&mut beat.counted, usage.yields));
        if u128::from(usage.window) > tuning::BEAT_GAP.as_nanos() {
            // It rested: yields and time of before do not belong together.
            beat.block = Block::default();
            return None;
        }
        beat.block.yields += yields;
        beat.block.on_cpu += usage.on_cpu;
        beat.block.window += usage.window;
        if u128::from(beat.block.window) < tuning::BEAT_BLOCK.as_nanos() {
            return None;
        }
        let block = std::mem::take(&mut beat.block);
        let slot = beat.rates.get_mut(beat.next)?;
        *slot = block.yields as f64 * 1e9 / block.on_cpu.max(1) as f64;
        beat.next = (beat.next + 1) % tuning::BEAT_BLOCKS;
        beat.filled += 1;
        if beat.filled < tuning::BEAT_BLOCKS {
            return None;
        }
        let (mean, variation) = spread(&beat.rates);
        if !tuning::BEAT_RATES.contains(&mean) || variation >= tuning::BEAT_VARIATION {
            return None;
        }
        beat.filled = 0;
        let detail =
            format!("gave way {mean:.0} times per second of CPU time, varying by {:.1} %", variation * 100.0);
        let finding = Finding::new(signals::YIELD_PERIODICITY, context, detail)
            .against("yields_per_cpu_second", &format!("{mean:.1}"), "20 to 5000")
            .against("variation", &format!("{variation:.3}"), "below 0.1, over 30 s");
        Some(finding.with("threads", &usage.threads))
    }

    /// Forgets a process that ended.
    pub fn forget(&mut self, key: ProcessKey) {
        self.0.remove(&key);
    }
}

/// Mean and coefficient of variation; without a mean the variation is without bound.
pub(super) fn spread(values: &[f64]) -> (f64, f64) {
    let count = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let variation = if mean > 0.0 { variance.sqrt() / mean } else { f64::INFINITY };
    (mean, variation)
}

#[cfg(test)]
mod tests {
    use crate::engine::testing::{Burn, Host, findings, seconds};

    /// How often C6 is found when each second has so many yields and so much CPU time.
    fn beats(seconds: impl Iterator<Item = (u64, f64)>) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        let mut yields = 1;
        for (count, processors) in seconds {
            yields += count;
            host.report(worker, Burn { processors, yields, ..Burn::default() });
        }
        findings(&host).iter().filter(|(id, _)| *id == "C6").count()
    }

    #[test]
    fn regular_yields_are_found() {
        assert_eq!(beats((0..40).map(|_| (400, 1.0))), 1);
        assert_eq!(
            beats((0..40).map(|second| (390 + second % 3 * 10, 1.0))),
            1,
            "a hash is not quite constant"
        );
        assert_eq!(
            beats((0..40).map(|second| (400 >> (second % 3), 1.0 / f64::from(1 << (second % 3))))),
            1,
            "throttled"
        );
        assert_eq!(beats((0..40).map(|_| (800, 2.0))), 1, "two threads");
        assert_eq!(beats((0..70).map(|_| (400, 1.0))), 2, "told again each half minute");
    }

    #[test]
    fn others_yield_otherwise() {
        assert_eq!(beats((0..25).map(|_| (400, 1.0))), 0, "too short to tell");
        assert_eq!(beats((0..90).map(|_| (10, 1.0))), 0, "too seldom");
        assert_eq!(beats((0..90).map(|_| (60_000, 1.0))), 0, "stress-ng --yield, a spinning lock");
        assert_eq!(
            beats((0..90).map(|second| (if second % 7 < 2 { 2_000 } else { 30 }, 1.0))),
            0,
            "BLAS in bursts"
        );
        assert_eq!(
            beats((0..90).map(|second| (if second % 20 == 0 { 4_000 } else { 100 }, 1.0))),
            0,
            "garbage collection"
        );
        assert_eq!(beats((0..90).map(|second| (100 + second * 10, 1.0))), 0, "a load that grows");
        assert_eq!(beats((0..90).map(|_| (0, 1.0))), 0);
    }

    #[test]
    fn a_rest_is_no_beat() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        for number in 1..60 {
            host.wait(seconds(20));
            host.report(
                worker,
                Burn { window: 20, processors: 0.5, yields: number * 8_000, ..Burn::default() },
            );
        }
        assert_eq!(findings(&host), []);
    }
}
