//! CPU quotas of cgroups.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Throttling of a busy process's cgroup by its CPU quota in the last seconds (`cpu.max`, in version 1
/// `cpu.cfs_quota_us`; Documentation/scheduler/sched-bwc.rst).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuQuota {
    /// Path of the cgroup with the quota: the process's own cgroup or the nearest ancestor that has a quota.
    pub cgroup: Arc<str>,
    /// CPU time that the cgroup may use per period, in microseconds.
    pub quota: u64,
    /// Length of a period, in microseconds. 0 only in a damaged recording.
    pub period: u64,
    /// Length of the observed window, in nanoseconds.
    pub window: u64,
    /// Number of periods in the window in which the cgroup was runnable.
    pub periods: u64,
    /// Number of periods in which the cgroup was throttled.
    pub throttled: u64,
    /// Time that the cgroup was throttled, summed over all processors, in nanoseconds.
    pub throttled_time: u64,
    /// CPU time of the process itself, in nanoseconds.
    pub on_cpu: u64,
}

impl CpuQuota {
    /// Returns the quota as a number of processors.
    pub fn processors(&self) -> f64 {
        self.quota as f64 / self.period.max(1) as f64
    }

    /// Returns the share of the periods in which the cgroup was throttled, 0 to 1.
    pub fn throttled_share(&self) -> f64 {
        self.throttled.min(self.periods) as f64 / self.periods.max(1) as f64
    }

    /// Returns the share of the quota that the process used; 1 is the whole quota.
    pub fn used_share(&self) -> f64 {
        let allowed = self.processors() * self.window as f64;
        if allowed > 0.0 { self.on_cpu as f64 / allowed } else { 0.0 }
    }
}
