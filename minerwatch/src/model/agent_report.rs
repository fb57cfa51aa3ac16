//! What the daemon says about itself: its start, its end, a sign of life each minute, and its health.

use std::time::Duration;

use super::{BootTime, Health};

/// What the daemon says about itself.
#[derive(Clone, Debug)]
pub struct AgentReport {
    /// The time.
    pub time: BootTime,
    /// When this run of the daemon began.
    pub started: BootTime,
    /// What happened.
    pub news: AgentNews,
    /// One sentence for people.
    pub message: String,
    /// The beginning of the hash of the configuration in use.
    pub config_hash: String,
    /// The losses and the data sources of the sensor.
    pub health: Health,
    /// Age of the oldest line that waits on the disk for an output; zero if none waits.
    pub spool_age: Duration,
}

/// What happened to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentNews {
    /// The daemon watches from now on.
    Started,
    /// The daemon is alive.
    Heartbeat,
    /// The daemon ends, for this reason.
    Stopping(&'static str),
    /// The sensor sees less than it should. This is an alert.
    Degraded {
        /// The reason, as a word.
        reason: &'static str,
        /// The severity of the alert, 0 to 100.
        severity: u32,
    },
    /// The reason for which the sensor was degraded is over. This is an alert.
    Restored {
        /// The reason, as a word.
        reason: &'static str,
    },
    /// A person tests an output. This is an alert.
    OutputTest,
}

impl AgentNews {
    /// Returns whether the report is an alert. Otherwise it is an event.
    pub fn is_alert(&self) -> bool {
        matches!(self, Self::Degraded { .. } | Self::Restored { .. } | Self::OutputTest)
    }
}
