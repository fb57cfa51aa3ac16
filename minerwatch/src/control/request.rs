//! Requests of clients. A request is one JSON object on a line.

use serde::{Deserialize, Serialize};

use crate::model::{EventKind, KindSet, Stage};

/// A request of a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// The live stream of events and alerts.
    Tail(TailRequest),
    /// The status: one object with the daemon's counters.
    Status,
    /// The exceptions, with what they hid.
    Exceptions {
        /// Whether to read the exceptions again first.
        #[serde(default)]
        reload: bool,
    },
    /// The state of incidents.
    Explain {
        /// The id of one incident, or `None` for all incidents.
        #[serde(default)]
        incident: Option<String>,
    },
    /// What is known about an incident, in the form in which the response and the evidence need it.
    Case {
        /// The id of the incident.
        incident: String,
    },
    /// Apply stages of the response.
    Respond(RespondRequest),
    /// Undo what the response did for an incident.
    Release {
        /// The id of the incident.
        incident: String,
    },
    /// Watch a cleaned incident for a return, end its watch, or list the watched incidents.
    Watch(WatchRequest),
}

/// A request about the watch of incidents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WatchRequest {
    /// The id of the incident, or `None` to list the watched incidents.
    pub incident: Option<String>,
    /// The time in seconds, instead of 72 hours.
    pub seconds: Option<u64>,
    /// Whether to end the watch.
    pub end: bool,
}

/// Stages to apply to the suspects of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RespondRequest {
    /// The id of the incident.
    pub incident: String,
    /// The stages, in the order in which they are applied.
    pub stages: Vec<Stage>,
    /// Only this process and its children.
    #[serde(default)]
    pub pid: Option<u32>,
    /// The lease in seconds, instead of that of the configuration.
    #[serde(default)]
    pub lease: Option<u64>,
    /// Whether to change nothing.
    #[serde(default)]
    pub dry_run: bool,
}

/// Who sent a request (`SO_PEERCRED`, unix(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The user.
    pub uid: u32,
    /// The process.
    pub pid: u32,
}

/// The lines of the live stream that a client wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TailRequest {
    /// Kinds of events to send. Alerts are always sent.
    pub kinds: KindSet,
    /// If set, send only events of this process, and alerts that suspect it.
    pub pid: Option<u32>,
    /// Whether to send only alerts, regardless of `kinds`.
    pub alerts: bool,
}

impl Default for TailRequest {
    fn default() -> Self {
        Self { kinds: KindSet::ALL, pid: None, alerts: false }
    }
}

impl TailRequest {
    /// Whether the client wants an event of this kind, or an alert if `kind` is `None`.
    pub fn wants(&self, kind: Option<EventKind>, pid: u32) -> bool {
        self.pid.is_none_or(|wanted| wanted == pid)
            && kind.is_none_or(|kind| !self.alerts && self.kinds.contains(kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_one_object() {
        let tail = TailRequest { kinds: KindSet::NONE.with(EventKind::Exec), pid: Some(7), alerts: false };
        let cases = [
            (r#"{"command":"status"}"#, Some(Request::Status)),
            (r#"{"command":"exceptions"}"#, Some(Request::Exceptions { reload: false })),
            (r#"{"command":"exceptions","reload":true}"#, Some(Request::Exceptions { reload: true })),
            (r#"{"command":"explain"}"#, Some(Request::Explain { incident: None })),
            (
                r#"{"command":"explain","incident":"a"}"#,
                Some(Request::Explain { incident: Some("a".into()) }),
            ),
            (r#"{"command":"tail"}"#, Some(Request::Tail(TailRequest::default()))),
            (r#"{"command":"tail","kinds":["exec"],"pid":7,"alerts":false}"#, Some(Request::Tail(tail))),
            (r#"{"command":"watch"}"#, Some(Request::Watch(WatchRequest::default()))),
            (r#"{"command":"watch","incident":"a","second":1}"#, None),
            (r#"{"command":"tail","kind":["exec"]}"#, None),
            (r#"{"command":"tail","kinds":["exce"]}"#, None),
            (r#"{"command":"stop"}"#, None),
            ("tail", None),
        ];
        for (text, request) in cases {
            assert_eq!(serde_json::from_str(text).ok(), request, "{text}");
        }
    }

    #[test]
    fn alerts_come_whatever_the_kinds() {
        let tail = TailRequest { kinds: KindSet::NONE.with(EventKind::Exec), pid: None, alerts: false };
        assert!(tail.wants(Some(EventKind::Exec), 1) && tail.wants(None, 1));
        assert!(!tail.wants(Some(EventKind::Exit), 1));
        let alerts = TailRequest { alerts: true, ..TailRequest::default() };
        assert!(!alerts.wants(Some(EventKind::Exec), 1) && alerts.wants(None, 1));
        let one = TailRequest { pid: Some(7), ..TailRequest::default() };
        assert!(one.wants(Some(EventKind::Exec), 7) && one.wants(None, 7));
        assert!(!one.wants(Some(EventKind::Exec), 8) && !one.wants(None, 8));
    }
}
