//! CPU quotas of cgroups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// How much the CPU quota of a busy process's cgroup throttled it in the last seconds (`cpu.max`, in version 1
/// `cpu.cfs_quota_us`; Documentation/scheduler/sched-bwc.rst).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    /// Path of the cgroup with the quota: the process's own or its nearest ancestor that has one.
    pub cgroup: Arc<str>,
    /// CPU time it may use per period, microseconds.
    pub quota: u64,
    /// Length of a period, microseconds. 0 only in a damaged recording.
    pub period: u64,
    /// Length of the observed window, nanoseconds.
    pub window: u64,
    /// Periods of the window in which the cgroup was runnable.
    pub periods: u64,
    /// Periods in which it was throttled.
    pub throttled: u64,
    /// Time it was throttled, summed over all processors, nanoseconds.
    pub throttled_time: u64,
    /// CPU time of the process itself, nanoseconds.
    pub on_cpu: u64,
}

impl CpuQuota {
    /// The quota in processors.
    pub fn processors(&self) -> f64 {
        self.quota as f64 / self.period.max(1) as f64
    }

    /// The share of the periods in which it was throttled, 0 to 1.
    pub fn throttled_share(&self) -> f64 {
        self.throttled.min(self.periods) as f64 / self.periods.max(1) as f64
    }

    /// The share of the quota that the process used; 1 is the whole quota.
    pub fn used_share(&self) -> f64 {
        let allowed = self.processors() * self.window as f64;
        if allowed > 0.0 { self.on_cpu as f64 / allowed } else { 0.0 }
    }
}
