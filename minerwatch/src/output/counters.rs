//! The counters of an output.

use super::Class;

/// The counters of one output since its start, unless a field says "now".
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Number of delivered events.
    pub events: u64,
    /// Number of delivered alerts.
    pub alerts: u64,
    /// Number of events dropped because neither the queue nor the spool had space.
    pub events_dropped: u64,
    /// Number of alerts dropped because neither the queue nor the spool had space.
    pub alerts_dropped: u64,
    /// Number of lines that are waiting in memory now.
    pub waiting: u64,
    /// Size of the lines that are waiting in memory now, in bytes.
    pub waiting_bytes: u64,
    /// Number of failed deliveries.
    pub failures: u64,
    /// Whether the last delivery failed.
    pub failing: bool,
    /// The error of the last failed delivery. It stays when the output works again.
    pub last_error: Option<String>,
    /// Number of lines that the destination refused for ever. They are in the dead-letter file.
    pub refused: u64,
    /// Counters of the spool. `None` for an output without a spool.
    pub spool: Option<SpoolCounters>,
    /// Whether the output has ended because the reader of standard output closed the pipe.
    pub ended: bool,
}

/// The counters of a spool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SpoolCounters {
    /// Number of alerts in the spool now.
    pub alerts: u64,
    /// Number of events in the spool now.
    pub events: u64,
    /// Size of the lines in the spool now, in bytes.
    pub bytes: u64,
    /// Maximum size of the spool, in bytes.
    pub limit_bytes: u64,
    /// Age of the oldest line in the spool now, in seconds.
    pub oldest_seconds: u64,
    /// Number of lines that could not be written to the spool.
    pub failures: u64,
    /// Number of damaged spools that were set aside.
    pub damaged: u64,
}

impl Counters {
    /// Counts delivered lines.
    pub fn written(&mut self, class: Class, count: u64) {
        match class {
            Class::Event => self.events += count,
            Class::Alert => self.alerts += count,
        }
    }

    /// Counts dropped lines.
    pub fn dropped(&mut self, class: Class, count: u64) {
        match class {
            Class::Event => self.events_dropped += count,
            Class::Alert => self.alerts_dropped += count,
        }
    }
}
