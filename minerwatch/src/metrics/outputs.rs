//! The counters of one output.

use serde::Serialize;

use crate::output;

/// The counters of one output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutputMetrics {
    /// Event lines written.
    pub events: u64,
    /// Alert lines written.
    pub alerts: u64,
    /// Event lines dropped because the backlog was full.
    pub events_dropped: u64,
    /// Alert lines dropped because the backlog was full.
    pub alerts_dropped: u64,
    /// Lines in the backlog now.
    pub waiting: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
    /// The spool, if the output has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spool: Option<SpoolMetrics>,
}

/// The spool of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SpoolMetrics {
    /// Its size now, in bytes.
    pub bytes: u64,
    /// Its maximum size, in bytes.
    pub limit_bytes: u64,
    /// Age of its oldest line, in seconds; 0 if it is empty.
    pub oldest_seconds: u64,
}

impl From<output::Counters> for OutputMetrics {
    fn from(counters: output::Counters) -> Self {
        // The waiting bytes are not exported.
        let output::Counters {
            events,
            alerts,
            events_dropped,
            alerts_dropped,
            waiting,
            waiting_bytes: _,
            failures,
            failing,
        } = counters;
        Self { events, alerts, events_dropped, alerts_dropped, waiting, failures, failing, spool: None }
    }
}
