//! What counts as load; the user may choose.

use std::time::Duration;

/// What counts as load (C9, C9H, C9J).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LoadThresholds {
    /// Share of one processor that a process must use.
    pub process_share: f64,
    /// How long.
    pub process_span: Duration,
    /// Share of all processors that must be in use.
    pub host_share: f64,
    /// How long.
    pub host_span: Duration,
    /// By how much a program's use must have risen over its own last 24 hours; 5.0 is +500 %.
    pub jump: f64,
}

impl LoadThresholds {
    /// What operations people ask for.
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
