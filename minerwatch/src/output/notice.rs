//! Messages for the daemon's log about an output.

use std::{fmt, io};

/// A change of an output that is reported once.
#[derive(Debug)]
pub enum Notice {
    /// The output stopped working.
    Failing {
        /// Name of the output.
        output: String,
        /// The error of the last write.
        error: io::Error,
        /// Capacity of the backlog, in bytes.
        capacity: usize,
    },
    /// The output works again, and the backlog has been written.
    Recovered {
        /// Name of the output.
        output: String,
        /// Number of events dropped in the meantime.
        events_dropped: u64,
        /// Number of alerts dropped in the meantime.
        alerts_dropped: u64,
    },
    /// The output ended before all lines were written.
    GivenUp {
        /// Name of the output.
        output: String,
        /// Number of lost lines.
        lines: u64,
        /// The error of the last write.
        error: io::Error,
    },
    /// The output works, but another action failed, such as the rotation of a full file.
    Degraded {
        /// Name of the output.
        output: String,
        /// The problem and its consequences.
        problem: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing { output, error, capacity } => write!(
                formatter,
                "cannot write to {output}: {error}. Lines are kept in memory (up to {} KiB) and written when \
                 it works again; {}",
                capacity / 1024,
                remedy(error),
            ),
            Self::Recovered { output, events_dropped: 0, alerts_dropped: 0 } => {
                write!(formatter, "{output} works again; nothing was lost")
            }
            Self::Recovered { output, events_dropped, alerts_dropped } => write!(
                formatter,
                "{output} works again; lost because the backlog was full: events {events_dropped}, alerts \
                 {alerts_dropped}"
            ),
            Self::GivenUp { output, lines, error } => {
                write!(
                    formatter,
                    "{output}: lines that could not be written before the end: {lines} ({error})"
                )
            }
            Self::Degraded { output, problem } => write!(formatter, "{output}: {problem}"),
        }
    }
}

pub(super) fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space there",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "make it writable",
        io::ErrorKind::NotFound => "create its directory",
        _ => "check the device it is on",
    }
}
