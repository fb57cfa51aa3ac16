//! Levels of log messages.

use serde::{Deserialize, Serialize};

/// The level of a log message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Something stopped the daemon or a part of it.
    Error,
    /// Something limits the daemon.
    Warn,
    /// What the daemon does.
    Info,
    /// How the daemon does its work.
    Debug,
    /// All messages.
    Trace,
}

impl LogLevel {
    /// The name of the level.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}
