//! Alerts: the state of an incident, as the engine reports it.

use std::{fmt, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use super::{
    Account, BootTime, Container, Excepted, ProcessKey, ProcessView, ScoreParts, Signal, SignalId, Verdict,
};

/// Identifies an incident, that is, one intrusion with any number of processes. The id is unique on one host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct IncidentId {
    /// The process that showed the first signal.
    pub origin: ProcessKey,
    /// When the incident was opened.
    pub opened: BootTime,
}

/// Parses the id as [`fmt::Display`] writes it.
impl FromStr for IncidentId {
    type Err = NotAnIncident;

    fn from_str(text: &str) -> Result<Self, NotAnIncident> {
        let mut parts = text.splitn(3, '-').map(|part| u64::from_str_radix(part, 16).ok());
        let (Some(Some(pid)), Some(Some(ticks)), Some(Some(opened)), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAnIncident);
        };
        let pid = u32::try_from(pid).map_err(|_| NotAnIncident)?;
        Ok(Self { origin: ProcessKey::from_ticks(pid, ticks), opened: BootTime(opened) })
    }
}

/// An error: a text is not the id of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is not the id of an incident; alerts show it as `minerwatch.incident.id`")]
pub struct NotAnIncident;

impl fmt::Display for IncidentId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{:x}", self.origin, self.opened.0)
    }
}

/// What an alert says about its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertAction {
    /// The incident is new, or goes on after it was closed; [`Alert::reason`] says which.
    IncidentOpened,
    /// The incident has news.
    IncidentUpdated,
    /// The incident is over; [`Alert::reason`] says why.
    IncidentClosed,
    /// More incidents were found than may be reported at once. The message names who caused them.
    AlertStorm,
}

/// Why an alert is sent now. If several reasons apply, the alert has the first of this list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AlertReason {
    /// A process reached a verdict that no alert has named yet.
    NewSuspect,
    /// The verdict of a suspect rose.
    VerdictRose,
    /// A suspect is back after all its processes had ended, or a closed incident goes on.
    Returned,
    /// A suspect mines for an account that no alert has named yet.
    NewAccount,
    /// A suspect mines with a peer that no alert has named yet.
    NewPeer,
    /// minerwatch was restarted, and the incident goes on.
    Resumed,
    /// There are new signals or steps, or the runtime named the container.
    NewEvidence,
    /// All processes have ended and nothing was found for a while.
    Ended,
    /// Nothing came back while the closed incident was watched.
    StayedClean,
    /// The incident became part of another one.
    Merged,
    /// The incident made room for others.
    Evicted,
    /// The budget of alerts is spent.
    Storm,
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

/// A peer of a suspect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// The address and port.
    pub address: SocketAddr,
    /// The name that the address was resolved from, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
}

/// A suspect: a program, with all processes of the incident that ran it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suspect {
    /// The latest process, or a living one if the latest has ended.
    pub process: ProcessView,
    /// The parent of that process, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessView>,
    /// The highest verdict so far.
    pub verdict: Option<Verdict>,
    /// Points, 0 or more.
    pub score: u32,
    /// Whether a process of the suspect is alive.
    pub alive: bool,
    /// Number of processes that ran the program, 1 or more.
    pub processes: u64,
    /// Process ids of the latest processes that ran the program, the latest last.
    #[serde(default)]
    pub pids: Vec<u32>,
    /// Number of times that the suspect came back after all its processes had ended.
    pub returns: u64,
    /// The ids of the signals that count for the suspect, strongest first.
    pub signals: Vec<SignalId>,
    /// The peers of its own signals, latest last.
    pub peers: Vec<Peer>,
    /// The accounts of its own signals, latest last.
    pub accounts: Vec<Account>,
}

/// The part that a process has in an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberRole {
    /// The process has a verdict of its own.
    Suspect,
    /// The process wrote a file that was run.
    Dropper,
    /// The process set something up to start again.
    Persister,
    /// The service through which the others came.
    Entry,
    /// The process only belongs to the same tree or container.
    Bystander,
}

/// A process that takes part in an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The process.
    pub process: ProcessKey,
    /// Its name.
    pub name: Arc<str>,
    /// Its part.
    pub role: MemberRole,
}

/// A file that a member wrote and that was run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DroppedFile {
    /// The path of the file.
    pub path: Arc<str>,
    /// SHA-256 of the file in hexadecimal, if it was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Arc<str>>,
    /// The process that wrote the file.
    pub writer: ProcessKey,
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
    /// What the alert says about the incident.
    pub action: AlertAction,
    /// Why the alert is sent now.
    pub reason: AlertReason,
    /// Number of the alert within its incident, from 1. A repeated alert has the same number. 0 if the alert was not
    /// sent, but asked for.
    #[serde(default)]
    pub number: u64,
    /// Time of the deciding event.
    pub time: BootTime,
    /// The highest verdict of the suspects.
    pub verdict: Verdict,
    /// Points of the suspect that the alert is about, 0 or more.
    pub score: u32,
    /// How the points add up.
    #[serde(default)]
    pub score_parts: ScoreParts,
    /// The suspect that the alert is about: the cause of [`Self::reason`], else the one with the highest verdict.
    pub suspect: ProcessView,
    /// The parent of the suspect.
    pub parent: Option<ProcessView>,
    /// The suspect's container or service.
    pub container: Option<Arc<Container>>,
    /// The suspect's own peer, if a signal names one.
    #[serde(default)]
    pub destination: Option<Peer>,
    /// The suspects with a verdict, the subject of the alert first, then those with news, then by verdict.
    #[serde(default)]
    pub suspects: Vec<Suspect>,
    /// Number of suspects that are left out of `suspects`.
    #[serde(default)]
    pub more_suspects: u64,
    /// The processes that take part.
    #[serde(default)]
    pub members: Vec<Member>,
    /// The files that members wrote and ran.
    #[serde(default)]
    pub dropped: Vec<DroppedFile>,
    /// The paths through which members start again.
    #[serde(default)]
    pub persistence: Vec<Arc<str>>,
    /// The signals that count for the suspect, strongest first. The first signal decided.
    pub signals: Vec<Signal>,
    /// The steps of the intrusion, oldest first.
    pub chain: Vec<ChainEdge>,
    /// One sentence for people.
    pub message: String,
    /// Number of findings that repeated a listed signal and were folded into that signal.
    pub folded: u64,
    /// What exceptions hide of the incident.
    #[serde(default, skip_serializing_if = "Excepted::is_empty")]
    pub excepted: Excepted,
    /// Time from the deciding event until the alert left the engine. The engine measures the latency with
    /// [`crate::engine::EngineSettings::clock`]. In a replay the latency is zero.
    pub latency: Duration,
    /// The losses and the data sources of the sensor.
    pub health: Health,
}
