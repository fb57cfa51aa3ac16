//! Detectors of CPU, GPU and memory use. A miner has to compute, whatever its name and wherever it connects.

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
pub mod steady_workers;
pub mod sustained;
pub mod yield_periodicity;

mod busy;
mod short_lived;
mod streak;
mod variation;

use super::{DetectionContext, Finding, LoadThresholds};
use crate::model::{BootTime, CpuUsage};

// The message and the score of an incident refer to these signals.
pub use host_load::HOST_LOAD;
pub use huge_pages::HUGE_PAGES;
pub use load_jump::LOAD_JUMP;
pub use load_pattern::INTERMITTENT_LOAD;
pub use long_load::LONG_LOAD;
pub use memory::{DATASET, SCRATCHPADS};
pub use msr::MSR;
pub use quota_throttled::QUOTA_THROTTLED;
pub use rounding::{NODE_ARITHMETIC, ROUNDING_MODES, is_burst};
pub use sustained::SUSTAINED_CPU;

/// Maximum number of busy processes that a detector tracks.
const BUSY_PROCESSES: usize = 1_024;
/// The metrics counter for evictions from the state of CPU-use detectors.
const SCHEDULING_EVICTED: Option<&str> = Some("scheduling_evicted");

/// Adds the scheduling settings of the process as evidence. The settings give no points, because batch jobs use the
/// same settings.
fn with_scheduling(finding: Finding, usage: &CpuUsage) -> Finding {
    finding.value("nice", usage.nice).value("policy", usage.policy.name()).value("threads", usage.threads)
}

/// Returns the average number of processors that the process used during the window of the report.
fn processors_used(usage: &CpuUsage) -> f64 {
    usage.on_cpu as f64 / usage.window.max(1) as f64
}

/// Returns when the window of a report began. `window` is in nanoseconds.
fn start_of(context: &DetectionContext<'_>, window: u64) -> BootTime {
    BootTime(context.at().0.saturating_sub(window))
}
