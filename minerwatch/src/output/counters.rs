//! What an output counts.

use super::Class;

/// What an output did so far, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events written.
    pub events: u64,
    /// Alerts written.
    pub alerts: u64,
    /// Events given up because the backlog was full.
    pub events_dropped: u64,
    /// Alerts given up because the backlog was full.
    pub alerts_dropped: u64,
    /// Lines that wait now.
    pub waiting: u64,
    /// Bytes they take.
    pub waiting_bytes: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
}

impl Counters {
    /// Counts one line that was written.
    pub fn written(&mut self, class: Class) {
        match class {
            Class::Event => self.events += 1,
            Class::Alert => self.alerts += 1,
        }
    }

    /// Counts one line that was given up.
    pub fn dropped(&mut self, class: Class) {
        match class {
            Class::Event => self.events_dropped += 1,
            Class::Alert => self.alerts_dropped += 1,
        }
    }
}
