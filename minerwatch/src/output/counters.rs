//! Counters of an output.

use super::Class;

/// Counters of an output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Number of written events.
    pub events: u64,
    /// Number of written alerts.
    pub alerts: u64,
    /// Number of events dropped because the backlog was full.
    pub events_dropped: u64,
    /// Number of alerts dropped because the backlog was full.
    pub alerts_dropped: u64,
    /// Number of lines that are waiting now.
    pub waiting: u64,
    /// Size of the backlog, in bytes.
    pub waiting_bytes: u64,
    /// Number of failed writes.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
}

impl Counters {
    /// Counts a written line.
    pub fn written(&mut self, class: Class) {
        match class {
            Class::Event => self.events += 1,
            Class::Alert => self.alerts += 1,
        }
    }

    /// Counts a dropped line.
    pub fn dropped(&mut self, class: Class) {
        match class {
            Class::Event => self.events_dropped += 1,
            Class::Alert => self.alerts_dropped += 1,
        }
    }
}
