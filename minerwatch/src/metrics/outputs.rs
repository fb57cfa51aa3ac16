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
    /// Event lines dropped because neither the queue nor the spool had space.
    pub events_dropped: u64,
    /// Alert lines dropped because neither the queue nor the spool had space.
    pub alerts_dropped: u64,
    /// Lines in the queue now.
    pub waiting: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
    /// Why the last failed write failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// Lines that the destination refused for ever. They are in the dead-letter file.
    pub refused: u64,
    /// Whether the output has ended, because the reader of standard output has gone.
    pub ended: bool,
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
    /// Alerts in it now.
    pub alerts: u64,
    /// Events in it now.
    pub events: u64,
    /// Lines that could not be written to it.
    pub failures: u64,
    /// Damaged spools that were set aside.
    pub damaged: u64,
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
            last_error,
            refused,
            spool,
            ended,
        } = counters;
        let spool = spool.map(Into::into);
        Self {
            events,
            alerts,
            events_dropped,
            alerts_dropped,
            waiting,
            failures,
            failing,
            last_error,
            refused,
            ended,
            spool,
        }
    }
}

impl From<output::SpoolCounters> for SpoolMetrics {
    fn from(counters: output::SpoolCounters) -> Self {
        let output::SpoolCounters { alerts, events, bytes, limit_bytes, oldest_seconds, failures, damaged } =
            counters;
        Self { bytes, limit_bytes, oldest_seconds, alerts, events, failures, damaged }
    }
}
