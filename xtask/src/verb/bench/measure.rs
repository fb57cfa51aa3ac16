//! Measures the time of operations.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use xtask::operations::Operation;

/// Pins this process, and the processes it starts from here on, to the last CPU it may use. Interrupts tend to go to
/// the first CPU.
pub fn pin_to_one_cpu() -> Result<()> {
    let allowed = sched_getaffinity(None).context("cannot tell which CPUs may be used")?;
    let last = (0..CpuSet::MAX_CPU).rfind(|cpu| allowed.is_set(*cpu)).context("no CPU may be used")?;
    let mut one = CpuSet::new();
    one.set(last);
    sched_setaffinity(None, &one).context("cannot stay on one CPU")
}

/// Returns the time of each operation in nanoseconds. Every operation gets an equal share of `time` for its batches,
/// and the shortest batch counts, because a disturbance can only make a batch longer.
pub fn turn(operations: &[&Operation], time: Duration) -> Result<Vec<f64>> {
    let share = time / u32::try_from(operations.len()).unwrap_or(u32::MAX).max(1);
    operations
        .iter()
        .map(|operation| {
            let until = Instant::now() + share;
            let mut cheapest = f64::INFINITY;
            loop {
                let batch = (operation.run)(operation.batch)
                    .with_context(|| format!("measuring {}", operation.name))?;
                cheapest = cheapest.min(batch.as_secs_f64() * 1e9 / f64::from(operation.batch));
                if Instant::now() >= until {
                    return Ok(cheapest);
                }
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_has_the_shortest_batch() {
        const FAKE: Operation =
            Operation { name: "fake", batch: 10, run: |count| Ok(Duration::from_nanos(7) * count) };
        assert_eq!(turn(&[&FAKE], Duration::ZERO).unwrap(), [7.0]);
    }

    #[test]
    fn a_failing_operation_is_named() {
        const FAKE: Operation = Operation { name: "fake", batch: 1, run: |_| Err(anyhow::anyhow!("no")) };
        let error = turn(&[&FAKE], Duration::ZERO).unwrap_err();
        assert_eq!(format!("{error:#}"), "measuring fake: no");
    }
}
