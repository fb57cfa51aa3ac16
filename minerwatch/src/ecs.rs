//! Events and alerts as JSON with the names of the Elastic Common Schema, one object per line.
//!
//! `docs/events.md` describes every field; a test fails when they differ. Encoding an event allocates nothing: the
//! structures borrow, and the line is appended to a buffer that the caller reuses.

mod alert;
mod alert_fields;
mod command_line;
mod dns;
mod document;
mod event;
mod load;
mod names;
mod network;
mod process;
#[cfg(test)]
mod tests;
mod timestamp;
mod values;

use serde::Serialize;

use crate::model::{Alert, BootTime, Event, HostContext, ProcessView, SignalId, Verdict, WallClock};
use timestamp::Timestamp;

/// The version of the Elastic Common Schema whose names and values are used.
pub const ECS_VERSION: &str = "9.4.0";

/// An event, with what the engine knew about its process when it happened.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The event.
    pub event: &'a Event,
    /// Its process, if known.
    pub process: Option<&'a ProcessView>,
    /// The parent of its process, if known.
    pub parent: Option<&'a ProcessView>,
    /// The name that the peer's address was last resolved from, if the answer was seen.
    pub domain: Option<&'a str>,
    /// Counts the objects this daemon sends, so that a reader sees a gap.
    pub sequence: u64,
}

/// What the catalogue says about one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalText {
    /// Its name for people.
    pub name: &'static str,
    /// MITRE ATT&CK techniques it is evidence of (`T1496.001`).
    pub techniques: &'static [&'static str],
}

/// Finds a signal in the catalogue.
pub type SignalLookup = fn(&SignalId) -> Option<SignalText>;

/// Makes lines.
#[derive(Clone, Debug)]
pub struct Encoder {
    host: HostContext,
    signals: SignalLookup,
}

impl Encoder {
    /// An encoder for one host.
    pub fn new(host: HostContext, signals: SignalLookup) -> Self {
        Self { host, signals }
    }

    /// Uses a wall clock that was set since.
    pub fn set_clock(&mut self, clock: WallClock) {
        self.host.clock = clock;
    }

    /// Appends the event's line with its newline. Returns `false` if this kind of event has no line: the hash of a
    /// file, for example, appears with the processes that run it.
    pub fn event(&self, observed: &Observed<'_>, lines: &mut Vec<u8>) -> bool {
        self.encode_event(observed, lines)
    }

    /// Appends the alert's line with its newline.
    pub fn alert(&self, alert: &Alert, sequence: u64, lines: &mut Vec<u8>) {
        self.encode_alert(alert, sequence, lines);
    }

    /// Appends the line of an incident's current state with its newline; `verdict` is `None` for an incident below
    /// the lowest verdict.
    pub fn incident(&self, state: &Alert, verdict: Option<Verdict>, sequence: u64, lines: &mut Vec<u8>) {
        self.encode_incident(state, verdict, "incident-state", sequence, lines);
    }

    fn time(&self, time: BootTime) -> Timestamp {
        Timestamp(self.host.clock.unix_nanoseconds(time))
    }
}

/// Appends one object and a newline; on an error nothing is appended.
fn append(document: &impl Serialize, lines: &mut Vec<u8>) -> bool {
    let before = lines.len();
    match serde_json::to_writer(&mut *lines, document) {
        Ok(()) => {
            lines.push(b'\n');
            true
        }
        // A growing buffer takes every byte, and every key is a string.
        Err(error) => {
            debug_assert!(false, "a document could not be written: {error}");
            lines.truncate(before);
            false
        }
    }
}
