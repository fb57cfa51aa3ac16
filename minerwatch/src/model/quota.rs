//! What a cgroup's limit of CPU time does to a process.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How much of its time the cgroup of a busy process was held back by its quota (`cpu.max`, in version 1
/// `cpu.cfs_quota_us`; Documentation/scheduler/sched-bwc.rst), over some seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    /// The limited cgroup: the process's own, or the next one above that has a limit. Path below the hierarchy's root.
    pub cgroup: Arc<str>,
    /// Microseconds of CPU time that it may use in each period.
    pub quota: u64,
    /// Microseconds of a period, never 0 in what this program makes.
    pub period: u64,
    /// Nanoseconds that were looked at.
    pub window: u64,
    /// Periods within them in which the cgroup wanted to run.
    pub periods: u64,
    /// Those of them in which it was held back.
    pub throttled: u64,
    /// Nanoseconds it was held back, all processors together.
    pub throttled_time: u64,
    /// Nanoseconds the process itself was on a CPU.
    pub on_cpu: u64,
}

impl CpuQuota {
    /// What it may use, in processors.
    pub fn processors(&self) -> f64 {
        self.quota as f64 / self.period.max(1) as f64
    }

    /// The share of the periods in which it was held back, 0 to 1.
    pub fn throttled_share(&self) -> f64 {
        self.throttled.min(self.periods) as f64 / self.periods.max(1) as f64
    }

    /// How much of what the cgroup may use the process took, as a share.
    pub fn used_share(&self) -> f64 {
        let allowed = self.processors() * self.window as f64;
        if allowed > 0.0 { self.on_cpu as f64 / allowed } else { 0.0 }
    }
}
