//! Alerts: the state of an incident, as the engine reports it.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BootTime, Container, ProcessKey, ProcessView, ScoreParts, Signal, Verdict};

/// Identifies an incident: one intrusion, with any number of processes. Unique on one host.
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

/// Why an alert is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertAction {
    /// The incident is new.
    IncidentOpened,
    /// The verdict rose, or there are new signals.
    IncidentUpdated,
    /// The incident is over: its processes have ended and it was quiet, or it was merged into another incident or evicted.
    IncidentClosed,
}

/// The kind of a step in a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// A process was created or replaced its image.
    Create,
    /// It opened an outbound connection.
    Connect,
    /// It changed a file or its permissions.
    Modify,
    /// It wrote a file that was run later.
    Drop,
    /// It changed a file that starts it again later.
    Persist,
}

/// One step of an intrusion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEdge {
    /// Its kind.
    pub kind: ChainKind,
    /// When it happened.
    pub at: BootTime,
    /// The process that did it.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// The parent of that process, if known. It makes the edges a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessKey>,
    /// The object of the step: a command line, an address or a path.
    pub object: String,
}

/// What the sensor could not see. The engine adds it to each alert when the alert leaves.
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

/// The state of an incident when something about it changed.
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
    /// The signals, strongest first. The first one decided.
    pub signals: Vec<Signal>,
    /// The steps of the intrusion, oldest first.
    pub chain: Vec<ChainEdge>,
    /// One sentence for people.
    pub message: String,
    /// How many findings repeated a listed signal and were folded into it.
    pub folded: u64,
    /// Time from the deciding event until the alert left the engine. The engine measures it with
    /// [`crate::engine::EngineSettings::clock`]; zero in a replay.
    pub latency: Duration,
    /// What the sensor could not see.
    pub health: Health,
}
