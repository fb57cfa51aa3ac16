//! Alerts: the state of an incident, as the engine reports it.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BootTime, Container, ProcessKey, ProcessView, ScoreParts, Signal, Verdict};

/// Identifies an incident, that is, one intrusion with any number of processes. The id is unique on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId {
    /// The process that showed the first signal.
    pub origin: ProcessKey,
    /// When the incident was opened.
    pub opened: BootTime,
}

impl fmt::Display for IncidentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:x}", self.origin, self.opened.0)
    }
}

/// Reason for sending an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertAction {
    /// The incident is new.
    IncidentOpened,
    /// The verdict rose, or there are new signals.
    IncidentUpdated,
    /// The incident is over: its processes have ended and no new finding came for a while, or the incident was merged
    /// into another one or evicted.
    IncidentClosed,
}

/// The kind of a step in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// A process was created or replaced its image.
    Create,
    /// A process opened an outbound connection.
    Connect,
    /// A process changed a file or its permissions.
    Modify,
    /// A process wrote a file that was run later.
    Drop,
    /// A process changed a file that starts the process again later.
    Persist,
}

/// One step of an intrusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEdge {
    /// The kind of the step.
    pub kind: ChainKind,
    /// When the step happened.
    pub at: BootTime,
    /// The process that took the step.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// The parent of that process, if known. The parents make the steps a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessKey>,
    /// The object of the step: a command line, an address or a path.
    pub object: String,
}

/// The losses and the data sources of the sensor. The engine adds them to each alert that it returns.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Events lost since the start, by kind. Kinds without losses are left out.
    pub lost: Vec<(Arc<str>, u64)>,
    /// Data sources that no hook provides on this kernel.
    pub blind: Vec<Arc<str>>,
    /// The other data sources, each with the attach type of its hook.
    pub hooks: Arc<[(Arc<str>, Arc<str>)]>,
}

/// The state of an incident at the time of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// The incident.
    pub incident: IncidentId,
    /// Why the alert is sent now.
    pub action: AlertAction,
    /// Time of the deciding event.
    pub time: BootTime,
    /// The verdict.
    pub verdict: Verdict,
    /// Points, 0 or more.
    pub score: u32,
    /// How the points add up.
    #[serde(default)]
    pub score_parts: ScoreParts,
    /// The most suspicious process.
    pub suspect: ProcessView,
    /// The parent of the suspect.
    pub parent: Option<ProcessView>,
    /// The suspect's container or service.
    pub container: Option<Arc<Container>>,
    /// The signals, strongest first. The first signal decided.
    pub signals: Vec<Signal>,
    /// The steps of the intrusion, oldest first.
    pub chain: Vec<ChainEdge>,
    /// One sentence for people.
    pub message: String,
    /// Number of findings that repeated a listed signal and were folded into that signal.
    pub folded: u64,
    /// Time from the deciding event until the alert left the engine. The engine measures the latency with
    /// [`crate::engine::EngineSettings::clock`]. In a replay the latency is zero.
    pub latency: Duration,
    /// The losses and the data sources of the sensor.
    pub health: Health,
}
