//! C6: threads that call `sched_yield` at a steady rate.
//!
//! RandomX miners yield once per hash, and each hash takes about the same time. BLAS, OpenMP and garbage collectors
//! yield in bursts while they wait for each other; spinning locks yield far more often. Yields are counted per second
//! of CPU time, so that throttling does not change the rate.

use std::{ops::RangeInclusive, time::Duration};

use super::{BUSY_PROCESSES, SCHEDULING_EVICTED, variation::mean_and_variation};
use crate::{
    detect::{Declaration, DetectionContext, Finding, PerProcess, ProcessStates, SignalInfo, SignalKind},
    model::{CpuUsage, Decimal, EventBody, EventType, SignalClass, Threshold},
};

/// Length of the blocks over which yields are counted, in seconds. A thread's CPU time is counted only when the thread
/// leaves its CPU; a block is long enough to even this out.
const BLOCK_SECONDS: u64 = 3;
/// Minimum length of a block, because reports may come a little early.
const SHORTEST_BLOCK: Duration = Duration::from_millis(BLOCK_SECONDS * 1_000 - 100);
/// Number of blocks that are compared.
const BLOCKS: usize = 10;
/// Maximum window of a report. After a longer window the block starts again, because the process rested.
const LONGEST_REPORT: Duration = Duration::from_secs(6);
/// Yields per second of CPU time. A RandomX hash takes 0.2 to 50 ms.
const RATES: RangeInclusive<f64> = 20.0..=5_000.0;
/// Coefficient of variation below which yields are regular.
const REGULAR: f64 = 0.10;

/// The signal.
pub const YIELD_PERIODICITY: SignalInfo = SignalInfo {
    id: "C6",
    class: SignalClass::Compute,
    weight: 25,
    full_weight: 25,
    kind: SignalKind::Sign,
    name: "Gives way as regularly as a metronome",
    description: "Its threads called sched_yield 20 to 5000 times per second of CPU time for 30 seconds, varying by less than 10 %. RandomX miners yield once per hash; other programs yield in bursts or far more often.",
    catches: "The rhythm of hashing, at any speed and under any name.",
    techniques: &["T1496.001"],
};

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[YIELD_PERIODICITY],
    wants: &[EventType::Cpu, EventType::Exit],
    evictions: SCHEDULING_EVICTED,
    create: |_| Box::new(PerProcess::new(BUSY_PROCESSES, inspect)),
};

/// The yields and times of the current block.
#[derive(Clone, Copy, Debug, Default)]
struct Block {
    yields: u64,
    on_cpu: u64,
    window: u64,
}

/// The yield rates of one process.
#[derive(Clone, Debug)]
struct YieldRates {
    /// `CpuUsage::yields` in the last report.
    counted: u64,
    block: Block,
    /// Yields per second of CPU time in the last blocks.
    rates: [f64; BLOCKS],
    /// Number of blocks since the start or the last finding.
    filled: usize,
    next: usize,
}

fn inspect(processes: &mut ProcessStates<YieldRates>, context: &DetectionContext<'_>) -> Option<Finding> {
    let EventBody::Cpu(usage) = &context.event.body else { return None };
    if usage.yields == 0 {
        return None;
    }
    let process = processes.entry(&context.key(), || YieldRates::new(usage.yields));
    let (mean, variation) = process.add(usage)?;
    if !RATES.contains(&mean) || variation >= REGULAR {
        return None;
    }
    process.filled = 0;
    let detail =
        format!("gave way {mean:.0} times per second of CPU time, varying by {:.1} %", variation * 100.0);
    let rates = Threshold::between(Decimal::new(*RATES.start(), 0), Decimal::new(*RATES.end(), 0));
    let over = format!(", over {} s", BLOCK_SECONDS * BLOCKS as u64);
    let finding = Finding::new(YIELD_PERIODICITY, context, detail)
        .measured("yields_per_cpu_second", Decimal::new(mean, 1), rates)
        .measured(
            "variation",
            Decimal::new(variation, 3),
            Threshold::below(Decimal::new(REGULAR, 1)).note(over),
        )
        .value("threads", usage.threads);
    Some(finding)
}

impl YieldRates {
    fn new(counted: u64) -> Self {
        Self { counted, block: Block::default(), rates: [0.0; BLOCKS], filled: 0, next: 0 }
    }

    /// Adds a report. Returns the mean and the coefficient of variation of the rates, if the report completes a block
    /// and there are enough blocks.
    fn add(&mut self, usage: &CpuUsage) -> Option<(f64, f64)> {
        let yields = usage.yields.saturating_sub(std::mem::replace(&mut self.counted, usage.yields));
        if u128::from(usage.window) > LONGEST_REPORT.as_nanos() {
            // Do not mix yields and times from before and after a rest.
            self.block = Block::default();
            return None;
        }
        self.block.yields = self.block.yields.saturating_add(yields);
        self.block.on_cpu = self.block.on_cpu.saturating_add(usage.on_cpu);
        self.block.window = self.block.window.saturating_add(usage.window);
        if u128::from(self.block.window) < SHORTEST_BLOCK.as_nanos() {
            return None;
        }
        let block = std::mem::take(&mut self.block);
        let slot = self.rates.get_mut(self.next)?;
        *slot = block.yields as f64 * 1e9 / block.on_cpu.max(1) as f64;
        self.next = (self.next + 1) % BLOCKS;
        self.filled += 1;
        (self.filled >= BLOCKS).then(|| mean_and_variation(&self.rates))
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{CpuReport, Host, findings, seconds};

    /// The yields and the CPU time of a given second.
    type Second = fn(u64) -> (u64, f64);

    /// Returns the number of C6 findings for a process that runs for `seconds`.
    fn found(seconds: u64, second: Second) -> usize {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        let mut yields = 1;
        for number in 0..seconds {
            let (count, processors) = second(number);
            yields += count;
            host.report(worker, CpuReport { processors, yields, ..CpuReport::default() });
        }
        findings(&host).iter().filter(|(id, _)| *id == "C6").count()
    }

    #[test]
    fn yields_must_be_regular_and_as_frequent_as_hashes() {
        let cases: [(&str, u64, Second, usize); 12] = [
            ("a hash each 2.5 ms", 40, |_| (400, 1.0), 1),
            ("hashes take not quite the same time", 40, |second| (390 + second % 3 * 10, 1.0), 1),
            ("throttled", 40, |second| (400 >> (second % 3), 1.0 / f64::from(1 << (second % 3))), 1),
            ("two threads", 40, |_| (800, 2.0), 1),
            ("reported again each half minute", 70, |_| (400, 1.0), 2),
            ("too short to tell", 25, |_| (400, 1.0), 0),
            ("too seldom", 90, |_| (10, 1.0), 0),
            ("stress-ng --yield, a spinning lock", 90, |_| (60_000, 1.0), 0),
            ("BLAS in bursts", 90, |second| (if second % 7 < 2 { 2_000 } else { 30 }, 1.0), 0),
            ("garbage collection", 90, |second| (if second % 20 == 0 { 4_000 } else { 100 }, 1.0), 0),
            ("a load that grows", 90, |second| (100 + second * 10, 1.0), 0),
            ("no yields", 90, |_| (0, 1.0), 0),
        ];
        for (name, seconds, second, expected) in cases {
            assert_eq!(found(seconds, second), expected, "{name}");
        }
    }

    #[test]
    fn reports_over_long_rests_are_not_compared() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
        for number in 1..60 {
            host.wait(seconds(20));
            host.report(
                worker,
                CpuReport { window: 20, processors: 0.5, yields: number * 8_000, ..CpuReport::default() },
            );
        }
        assert_eq!(findings(&host), []);
    }
}
