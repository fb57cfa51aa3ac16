//! What a sink tells people, through the daemon's log.

use std::{fmt, io};

/// What a person should know about a sink; each is given once.
#[derive(Debug)]
pub enum Notice {
    /// It stopped working.
    Failing {
        /// The sink.
        sink: String,
        /// Why.
        error: io::Error,
        /// Bytes it can keep meanwhile.
        capacity: usize,
    },
    /// It works again, and what waited is written.
    Recovered {
        /// The sink.
        sink: String,
        /// Events given up meanwhile.
        events_dropped: u64,
        /// Alerts given up meanwhile.
        alerts_dropped: u64,
    },
    /// It ended and could not write these lines.
    GivenUp {
        /// The sink.
        sink: String,
        /// Lines lost.
        lines: u64,
        /// Why.
        error: io::Error,
    },
    /// It works, but something beside the writing failed (moving a full file away).
    Degraded {
        /// The sink.
        sink: String,
        /// What happened and what follows from it.
        problem: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing { sink, error, capacity } => write!(
                formatter,
                "cannot write to {sink}: {error}. Lines are kept in memory (up to {} KiB) and written when \
                 it works again; {}",
                capacity / 1024,
                remedy(error),
            ),
            Self::Recovered { sink, events_dropped: 0, alerts_dropped: 0 } => {
                write!(formatter, "{sink} works again; nothing was lost")
            }
            Self::Recovered { sink, events_dropped, alerts_dropped } => write!(
                formatter,
                "{sink} works again; the backlog had no room for {events_dropped} events and \
                 {alerts_dropped} alerts, which are lost"
            ),
            Self::GivenUp { sink, lines, error } => {
                write!(formatter, "{lines} lines could not be written to {sink} before the end: {error}")
            }
            Self::Degraded { sink, problem } => write!(formatter, "{sink}: {problem}"),
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
