//! Events and alerts as JSON with the names of the Elastic Common Schema, one object per line.
//!
//! `docs/events.md` describes every field; a test compares the page with the output. The structures borrow, and the
//! caller reuses the buffer for the lines. So encoding an event allocates nothing, except for the lists of a DNS
//! answer.

mod agent;
mod agent_fields;
mod alert;
mod alert_fields;
mod command_line;
mod common;
mod cut;
mod dns;
mod document;
mod event;
mod event_id;
mod limits;
mod load;
mod names;
mod network;
mod place;
mod process;
pub mod read;
mod response;
mod response_fields;
mod shorten;
#[cfg(test)]
mod templates;
#[cfg(test)]
pub(crate) mod tests;
mod timestamp;
mod values;
mod watched;

use std::sync::Arc;

use serde::Serialize;

use crate::model::{
    AgentContext, AgentReport, Alert, BootTime, Event, ExtraFields, HostContext, IncidentId, ProcessView,
    ResponseReport, SignalId, Verdict, WallClock, WatchedIncident,
};
use crate::redact::Redactor;
use event_id::EventIds;
use timestamp::Timestamp;

/// The version of the Elastic Common Schema whose names and values are used.
pub const ECS_VERSION: &str = "9.4.0";

/// The fields whose members have names that depend on the data. An index maps each as one flattened field, so that any
/// number of different alerts adds no mapped field. No other object has such members.
pub const FLATTENED: &[&str] =
    &["container.labels", "labels", "minerwatch.hooks", "minerwatch.lost", "minerwatch.signals.evidence"];

/// Maximum size of an alert's line, unless the configuration says otherwise, in bytes.
pub const MAX_ALERT_BYTES: usize = 15 << 10;

/// An event, and the engine's knowledge about its process at the time of the event.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The event.
    pub event: &'a Event,
    /// The process of the event, if known.
    pub process: Option<&'a ProcessView>,
    /// The parent of the process, if known.
    pub parent: Option<&'a ProcessView>,
    /// The domain name that last resolved to the peer's address, if the DNS answer was seen.
    pub domain: Option<&'a str>,
    /// The reported incident that the process belongs to, if any.
    pub incident: Option<IncidentId>,
    /// The number of this object among the objects that this daemon sent, so that a reader can detect a gap.
    pub sequence: u64,
}

/// The catalogue entry of one signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignalText {
    /// The name for people.
    pub name: &'static str,
    /// The MITRE ATT&CK techniques that the signal indicates (`T1496.001`).
    pub techniques: &'static [&'static str],
}

/// Finds the catalogue entry of a signal.
pub type SignalLookup = fn(&SignalId) -> Option<SignalText>;

/// Settings of an [`Encoder`].
#[derive(Clone, Debug)]
pub struct EncoderSettings {
    /// The host that the events come from.
    pub host: HostContext,
    /// The program that reports the events.
    pub agent: AgentContext,
    /// The fields that the configuration adds.
    pub fields: ExtraFields,
    /// The name of the Kubernetes cluster, in objects about pods.
    pub cluster: Option<Arc<str>>,
    /// Removes secrets from every object.
    pub redactor: Option<Arc<Redactor>>,
    /// Maximum size of an alert's line, in bytes. A larger alert is cut.
    pub max_alert_bytes: usize,
}

impl EncoderSettings {
    /// Settings for a host, with the defaults of the configuration and without an id of the installation.
    pub fn new(host: HostContext) -> Self {
        Self {
            host,
            agent: AgentContext::this(None),
            fields: ExtraFields::default(),
            max_alert_bytes: MAX_ALERT_BYTES,
            cluster: None,
            redactor: None,
        }
    }

    /// Returns the fields that every object contains, as one JSON object.
    pub fn common(&self) -> String {
        common::object(self)
    }
}

/// Encodes events and alerts as lines of JSON.
#[derive(Clone, Debug)]
pub struct Encoder {
    settings: EncoderSettings,
    signals: SignalLookup,
    /// The end of every line: the fields that every object contains.
    line_end: Box<[u8]>,
    ids: EventIds,
}

impl Encoder {
    /// Creates an encoder for one host.
    pub fn new(settings: &EncoderSettings, signals: SignalLookup) -> Self {
        Self {
            signals,
            line_end: common::line_end(settings),
            ids: EventIds::new(&settings.host),
            settings: settings.clone(),
        }
    }

    /// Replaces the wall clock, after the clock of the host was set.
    pub fn set_clock(&mut self, clock: WallClock) {
        self.settings.host.clock = clock;
    }

    /// Returns an encoder for another boot of the host.
    #[must_use]
    pub fn of_boot(&self, boot_id: Arc<str>, clock: WallClock) -> Self {
        let host = HostContext { boot_id, clock, ..self.settings.host.clone() };
        Self::new(&EncoderSettings { host, ..self.settings.clone() }, self.signals)
    }

    /// Appends the event's line with its newline. Returns `false` if this kind of event has no line. For example, the
    /// hash of a file appears in the lines of the processes that run the file.
    pub fn event(&self, observed: &Observed<'_>, lines: &mut Vec<u8>) -> bool {
        self.encode_event(observed, lines)
    }

    /// Appends the alert's line with its newline. An alert that is too large is cut.
    pub fn alert(&self, alert: &Alert, sequence: u64, lines: &mut Vec<u8>) {
        self.encode_alert(alert, sequence, lines);
    }

    /// Appends the line of an incident's current state with its newline. `verdict` is `None` for an incident below the
    /// lowest verdict. The state was asked for, so it has no id and is not cut.
    pub fn incident(&self, state: &Alert, verdict: Option<Verdict>, sequence: u64, lines: &mut Vec<u8>) {
        self.encode_state(state, verdict, sequence, lines);
    }

    /// Appends the line of what the daemon says about itself, with its newline.
    pub fn report(&self, report: &AgentReport, sequence: u64, lines: &mut Vec<u8>) {
        self.encode_report(report, sequence, lines);
    }

    /// Appends the line of what the response did, with its newline. `suspect` is the process that the response is about,
    /// if it is known.
    pub fn response(
        &self,
        report: &ResponseReport,
        suspect: Option<&ProcessView>,
        sequence: u64,
        lines: &mut Vec<u8>,
    ) {
        self.encode_response(report, suspect, sequence, lines);
    }

    /// Appends the line of an incident that is watched for a return, with its newline.
    pub fn watched(&self, watched: &WatchedIncident, lines: &mut Vec<u8>) {
        self.encode_watched(watched, lines);
    }

    fn time(&self, time: BootTime) -> Timestamp {
        Timestamp(self.settings.host.clock.unix_nanoseconds(time))
    }

    /// Appends one object, with the fields that every object contains, and a newline. Appends nothing if there is an
    /// error.
    fn append(&self, document: &impl Serialize, lines: &mut Vec<u8>) -> bool {
        self.append_with(document, true, lines)
    }

    /// Appends one object as [`Self::append`] does. Secrets are removed only if it may have some.
    fn append_with(&self, document: &impl Serialize, may_have_secrets: bool, lines: &mut Vec<u8>) -> bool {
        let before = lines.len();
        match serde_json::to_writer(&mut *lines, document) {
            Ok(()) => {
                if let Some(redactor) = self.settings.redactor.as_ref().filter(|_| may_have_secrets) {
                    redactor.redact(lines, before);
                }
                // The common fields take the place of the closing brace.
                lines.pop();
                lines.extend_from_slice(&self.line_end);
                true
            }
            // Not expected: the buffer grows as needed, and every key is a string.
            Err(error) => {
                debug_assert!(false, "a document could not be written: {error}");
                lines.truncate(before);
                false
            }
        }
    }
}
