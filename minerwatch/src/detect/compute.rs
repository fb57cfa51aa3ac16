//! The detectors of what a process does with the processor and with memory. A miner has to compute, whatever it is
//! called and wherever it connects.

pub mod connection_gated_load;
pub mod gpu;
pub mod host_load;
pub mod huge_pages;
pub mod load_jump;
pub mod load_pattern;
pub mod long_load;
pub mod memory;
pub mod monitor_evasion;
pub mod msr;
pub mod quota_throttled;
pub mod rounding;
pub mod sigstop_throttle;
pub mod sustained;
pub mod yield_periodicity;

mod streak;
mod variation;

use super::{DetectionContext, Finding, LoadThresholds};
use crate::model::{BootTime, CpuUsage};

// The incident's sentence and its score name these signals.
pub use host_load::HOST_LOAD;
pub use load_jump::LOAD_JUMP;
pub use load_pattern::INTERMITTENT_LOAD;
pub use long_load::LONG_LOAD;
pub use quota_throttled::QUOTA_THROTTLED;
pub use rounding::ROUNDING_MODES;
pub use sustained::SUSTAINED_CPU;

/// Busy processes that a detector follows at once.
const BUSY_PROCESSES: usize = 1_024;
/// The counter of what detectors of CPU use forgot for others.
const SCHEDULING_EVICTED: Option<&str> = Some("scheduling_evicted");

/// Adds how the process is scheduled. Batch jobs run with the same settings, so these give no points.
fn with_scheduling(finding: Finding, usage: &CpuUsage) -> Finding {
    finding.value("nice", usage.nice).value("policy", usage.policy.name()).value("threads", usage.threads)
}

/// The processors that a process used over the time of the report.
fn processors_used(usage: &CpuUsage) -> f64 {
    usage.on_cpu as f64 / usage.window.max(1) as f64
}

/// When the time that a report speaks of began.
fn start_of(context: &DetectionContext<'_>, window: u64) -> BootTime {
    BootTime(context.at().0.saturating_sub(window))
}
