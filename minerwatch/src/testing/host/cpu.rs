//! CPU use of simulated processes, as the kernel side reports it.

use super::Host;
use crate::{
    model::{CpuQuota, CpuUsage, EventBody, ProcessKey, Rounding, SchedulingPolicy},
    testing::seconds,
};

/// One CPU report, for [`Host::report`].
#[derive(Clone, Copy, Debug)]
pub struct CpuReport {
    /// Length of the window, in seconds.
    pub window: u64,
    /// Average number of processors in use during the window.
    pub processors: f64,
    /// Number of yields since the process started.
    pub yields: u64,
    /// Number of stops since the process started.
    pub stops: u64,
}

impl Default for CpuReport {
    fn default() -> Self {
        Self { window: 1, processors: 1.0, yields: 0, stops: 0 }
    }
}

impl Host {
    /// Uses `processors` for `span` seconds, with one CPU report per second.
    pub fn burn(&mut self, key: ProcessKey, processors: f64, span: u64) {
        for second in 1..=span {
            self.wait(seconds(1));
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
            let on_cpu = (processors * 1e9) as u64;
            self.happen(
                key,
                EventBody::Cpu(CpuUsage {
                    window: 1_000_000_000,
                    on_cpu,
                    total_on_cpu: on_cpu * second,
                    voluntary: 0,
                    involuntary: second,
                    threads: 2,
                    nice: 0,
                    yields: 0,
                    stops: 0,
                    policy: SchedulingPolicy::Other,
                    allowed_processors: 1,
                }),
            );
        }
    }

    /// Advances the clock by the window of the report, then appends the report.
    pub fn report(&mut self, key: ProcessKey, report: CpuReport) {
        let CpuReport { window, processors, yields, stops } = report;
        self.wait(seconds(window));
        let window = window * 1_000_000_000;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let on_cpu = (processors * window as f64) as u64;
        self.happen(
            key,
            EventBody::Cpu(CpuUsage {
                window,
                on_cpu,
                total_on_cpu: on_cpu,
                voluntary: 0,
                involuntary: 0,
                yields,
                stops,
                threads: 2,
                nice: 0,
                policy: SchedulingPolicy::Other,
                allowed_processors: 1,
            }),
        );
    }

    /// Reports ten seconds under a quota of half a processor. The process uses the share `used` of the quota and is
    /// throttled in `throttled` of 100 periods.
    pub fn throttled(&mut self, key: ProcessKey, throttled: u64, used: f64) {
        self.wait(seconds(10));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
        let on_cpu = (used * 5e9) as u64;
        let quota = CpuQuota {
            cgroup: "/kubepods/pod1".into(),
            quota: 50_000,
            period: 100_000,
            window: 10_000_000_000,
            periods: 100,
            throttled,
            throttled_time: 0,
            on_cpu,
        };
        self.happen(key, EventBody::Quota(Box::new(quota)));
    }

    /// Reports the samples of a process's rounding modes, counted since its start.
    pub fn sample_rounding(&mut self, key: ProcessKey, rounding: Rounding) {
        self.happen(key, EventBody::Rounding(rounding));
    }
}
