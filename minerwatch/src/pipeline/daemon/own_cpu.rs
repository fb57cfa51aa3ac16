//! Measures the CPU time of this process.

use std::{collections::VecDeque, time::Duration, time::Instant};

use crate::{host, metrics::CpuMetrics};

/// Number of seconds that count as recent.
const RECENT: usize = 60;

/// The CPU time of this process, at each of the last seconds.
#[derive(Debug, Default)]
pub struct OwnCpu {
    samples: VecDeque<(Instant, Duration)>,
}

impl OwnCpu {
    /// Takes a sample. Call this about once per second.
    pub fn sample(&mut self) {
        self.add(Instant::now(), host::cpu_time());
    }

    fn add(&mut self, now: Instant, used: Duration) {
        if self.samples.len() > RECENT {
            self.samples.pop_front();
        }
        self.samples.push_back((now, used));
    }

    /// Returns the CPU time since the start of the process and in the last minute.
    pub fn metrics(&self) -> CpuMetrics {
        self.metrics_at(Instant::now(), host::cpu_time())
    }

    fn metrics_at(&self, now: Instant, used: Duration) -> CpuMetrics {
        let (recent, of) = match self.samples.front() {
            Some((then, before)) => (used.saturating_sub(*before), now.saturating_duration_since(*then)),
            None => (Duration::ZERO, Duration::ZERO),
        };
        CpuMetrics {
            total_ms: milliseconds(used),
            recent_ms: milliseconds(recent),
            recent_of_ms: milliseconds(of),
        }
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_minute_is_kept() {
        let mut own = OwnCpu::default();
        let start = Instant::now();
        let second = Duration::from_secs;
        assert_eq!(own.metrics_at(start, second(3)).recent_of_ms, 0);
        for number in 0..200 {
            own.add(start + second(number), Duration::from_millis(10 * number));
        }
        let metrics = own.metrics_at(start + second(199), second(2));
        assert_eq!(metrics, CpuMetrics { total_ms: 2_000, recent_ms: 610, recent_of_ms: 60_000 });
        assert_eq!(own.samples.len(), RECENT + 1);
    }

    #[test]
    fn work_takes_cpu_time() {
        let before = host::cpu_time();
        let mut sum = 0_u64;
        while host::cpu_time() == before {
            sum = std::hint::black_box(sum + 1);
        }
        assert!(host::cpu_time() > before);
    }
}
