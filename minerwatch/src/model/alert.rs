//! What the engine tells the outside about an incident.

use std::{fmt, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{BootTime, Container, ProcessKey, ProcessView, ScoreParts, Signal};

/// One intrusion, whatever number of processes took part. Unique on one host: made of the first process
/// of the incident and the moment it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId {
    /// The process that showed the first signal.
    pub origin: ProcessKey,
    /// When it showed it.
    pub opened: BootTime,
}

impl fmt::Display for IncidentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:x}", self.origin, self.opened.0)
    }
}

/// How sure the engine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// 40 to 69 points: kept on record, never pages anyone.
    Noted,
    /// 70 points and more, from two witnesses or a whole chain.
    Suspected,
    /// 100 points and more.
    Mining,
}

/// Why an alert is sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertAction {
    /// The incident is new.
    IncidentOpened,
    /// The verdict rose, or new signals came.
    IncidentUpdated,
    /// Nothing happened for long and all its processes are gone.
    IncidentClosed,
}

/// The kinds of edge that make a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChainKind {
    /// A process was created or replaced its image.
    Create,
    /// It connected out.
    Connect,
    /// It changed a file that matters.
    Modify,
    /// It wrote a file that is run later.
    Drop,
    /// It changed a file that makes it come back.
    Persist,
}

/// One step of how an intrusion went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChainEdge {
    /// What kind of step.
    pub kind: ChainKind,
    /// When.
    pub at: BootTime,
    /// Which process did it.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// The parent of that process, if known: what makes the edges a tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessKey>,
    /// To what: a command line, an address, a path.
    pub object: String,
}

/// What the sensor could not see; filled in where the alert leaves the daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Health {
    /// Events lost so far, by kind; kinds without loss are left out.
    pub lost: Vec<(Arc<str>, u64)>,
    /// Purposes that no hook serves on this kernel.
    pub blind: Vec<Arc<str>>,
    /// The other purposes, each with the kind of hook that serves it.
    pub hooks: Arc<[(Arc<str>, Arc<str>)]>,
}

/// The state of an incident at the moment something about it changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Which incident.
    pub incident: IncidentId,
    /// Why now.
    pub action: AlertAction,
    /// Time of the deciding event.
    pub time: BootTime,
    /// How sure.
    pub verdict: Verdict,
    /// Points, 0 and up.
    pub score: u32,
    /// How the points add up.
    #[serde(default)]
    pub score_parts: ScoreParts,
    /// The process that most speaks against.
    pub suspect: ProcessView,
    /// The parent of the suspect.
    pub parent: Option<ProcessView>,
    /// Where the suspect belongs.
    pub container: Option<Arc<Container>>,
    /// What was found, strongest first; the first one decided.
    pub signals: Vec<Signal>,
    /// How it went, in order of time.
    pub chain: Vec<ChainEdge>,
    /// One sentence a person understands.
    pub message: String,
    /// How many findings were folded into ones already listed.
    pub folded: u64,
    /// From the deciding event to the alert leaving the engine; measured by the pipeline, zero in a replay.
    pub latency: Duration,
    /// What the sensor could not see.
    pub health: Health,
}
