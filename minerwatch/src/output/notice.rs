//! What the daemon's log says about an output.

use std::{fmt, io};

/// What a person should know about an output; each is given once.
#[derive(Debug)]
pub enum Notice {
    /// It stopped working.
    Failing {
        /// The output.
        output: String,
        /// Why.
        error: io::Error,
        /// Bytes of lines it can keep meanwhile.
        capacity: usize,
    },
    /// It works again, and what waited is written.
    Recovered {
        /// The output.
        output: String,
        /// Events given up meanwhile.
        events_dropped: u64,
        /// Alerts given up meanwhile.
        alerts_dropped: u64,
    },
    /// It ended and could not write these lines.
    GivenUp {
        /// The output.
        output: String,
        /// Lines lost.
        lines: u64,
        /// Why.
        error: io::Error,
    },
    /// It works, but something other than writing failed (moving a full file away).
    Degraded {
        /// The output.
        output: String,
        /// What happened and what follows from it.
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

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space there",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "make it writable",
        io::ErrorKind::NotFound => "create its directory",
        _ => "check the device it is on",
    }
}
