//! User settings for what counts as load.

use std::time::Duration;

/// The thresholds for load (C9, C9H, C9J).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadThresholds {
    /// Share of one processor that a process must use.
    pub process_share: f64,
    /// How long the process must use that share.
    pub process_span: Duration,
    /// Share of all processors that must be in use.
    pub host_share: f64,
    /// How long the host must use that share.
    pub host_span: Duration,
    /// Minimum rise of a program's CPU use relative to its own last 24 hours; 5.0 is +500 %.
    pub jump: f64,
}

impl LoadThresholds {
    /// The default thresholds, as operations teams ask for them.
    pub const DEFAULT: Self = Self {
        process_share: 0.70,
        process_span: Duration::from_secs(300),
        host_share: 0.90,
        host_span: Duration::from_secs(300),
        jump: 5.0,
    };
}

impl Default for LoadThresholds {
    fn default() -> Self {
        Self::DEFAULT
    }
}
