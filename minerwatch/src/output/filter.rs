//! The filter that selects the lines for an output.

use crate::{
    model::{EventKind, KindSet, Verdict},
    schema::{choice, event_kinds, optional, section, switch},
};

section! {
    /// Keys of every output.
    pub struct FilterKeys {
        /// Whether alerts are sent to the output.
        pub alerts: bool = true, switch();
        /// Minimum verdict of an alert for this output. `detection.min_verdict` applies before.
        pub min_verdict: Option<Verdict> = None, optional(choice());
        /// Which events are sent to the output.
        pub events: KindSet = KindSet::NONE, event_kinds();
        /// Whether all events of processes that belong to an open incident are sent to the output, also those of kinds that
        /// `events` does not name.
        pub incident_events: bool = false, switch();
        /// Whether events about the agent itself are sent to the output: start, stop, and a heartbeat each minute. By
        /// default, they are sent to network outputs, except those for alerts only, and not to standard output and files.
        pub agent_events: Option<bool> = None, optional(switch());
    }
}

impl FilterKeys {
    /// Returns the filter. `agent_events` is the default of the key with this name.
    pub fn filter(&self, agent_events: bool) -> Filter {
        Filter {
            events: self.events,
            alerts: self.alerts,
            min_verdict: self.min_verdict.unwrap_or(Verdict::Noted),
            incident_events: self.incident_events,
            agent_events: self.agent_events.unwrap_or(agent_events),
        }
    }

    /// Checks the keys of an output that sends alerts only.
    pub(super) fn alerts_only(&self) -> Result<(), (&'static str, String)> {
        let message = "this output sends alerts only; remove the key".to_owned();
        match self {
            Self { events, .. } if *events != KindSet::NONE => Err(("events", message)),
            Self { incident_events: true, .. } => Err(("incident_events", message)),
            Self { agent_events: Some(true), .. } => Err(("agent_events", message)),
            _ => Ok(()),
        }
    }
}

/// Selects the lines for an output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Kinds of events that the output wants.
    pub events: KindSet,
    /// Whether the output wants alerts.
    pub alerts: bool,
    /// The minimum verdict of an alert.
    pub min_verdict: Verdict,
    /// Whether the output wants the events of processes of open incidents.
    pub incident_events: bool,
    /// Whether the output wants events about the agent.
    pub agent_events: bool,
}

impl Filter {
    /// Returns whether the output wants anything.
    pub fn wants_anything(&self) -> bool {
        self.alerts || self.incident_events || self.agent_events || self.events != KindSet::NONE
    }

    /// Returns whether the output wants an event of this kind.
    pub fn wants_event(&self, kind: EventKind, is_of_incident: bool) -> bool {
        self.events.contains(kind) || self.incident_events && is_of_incident
    }

    /// Returns whether the output wants an alert with this verdict.
    pub fn wants_alert(&self, verdict: Verdict) -> bool {
        self.alerts && verdict >= self.min_verdict
    }
}
