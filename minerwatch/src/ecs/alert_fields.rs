//! The structure of `minerwatch.*` in an alert.

use std::{net::IpAddr, sync::Arc};

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    limits::CutFields,
    timestamp::Timestamp,
    values::{Identified, Shown},
};
use crate::model::{
    Account, AlertReason, ChainKind, DroppedFile, Evidence, Excepted, ExceptedSuspect, IncidentId, Member,
    MemberRole, NextVerdict, Peer, ProcessKey, ScoreParts, SignalClass, SignalPoints, Threshold, Value,
    Verdict,
};

/// `minerwatch.*` of an alert.
#[derive(Debug, Serialize)]
pub(super) struct AlertFields<'a> {
    pub incident: Identified<Shown<IncidentId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    pub reason: AlertReason,
    pub score: u32,
    pub score_parts: ScoreFields<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspects: Vec<SuspectFields<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    pub more_suspects: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<MemberFields<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<DroppedFields<'a>>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub persistence: &'a [Arc<str>],
    pub signal_ids: Vec<&'a str>,
    pub signals: Vec<SignalFields<'a>>,
    pub chain: Vec<EdgeFields<'a>>,
    pub folded: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excepted: Option<ExceptedFields<'a>>,
    pub latency_ms: f64,
    pub lost: ByName<'a, u64>,
    pub blind: &'a [Arc<str>],
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub hooks: ByName<'a, Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<&'a CutFields>,
}

/// What exceptions hide of an incident.
#[derive(Debug, Serialize)]
pub(super) struct ExceptedFields<'a> {
    incident: bool,
    suspects: Vec<ExceptedSuspectFields<'a>>,
}

#[derive(Debug, Serialize)]
struct ExceptedSuspectFields<'a> {
    process: ExceptedProcess<'a>,
    hidden: bool,
    exceptions: &'a [Arc<str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    signal_ids: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
struct ExceptedProcess<'a> {
    pid: u32,
    entity_id: Shown<ProcessKey>,
    name: &'a str,
}

impl<'a> ExceptedFields<'a> {
    /// Returns `None` if no exception concerns the incident.
    pub(super) fn new(excepted: &'a Excepted) -> Option<Self> {
        let suspect = |suspect: &'a ExceptedSuspect| {
            let ExceptedSuspect { process, name, hidden, exceptions, signals } = suspect;
            ExceptedSuspectFields {
                process: ExceptedProcess { pid: process.pid, entity_id: Shown(*process), name },
                hidden: *hidden,
                exceptions,
                signal_ids: signals.iter().map(|id| &*id.0).collect(),
            }
        };
        let Excepted { incident, suspects } = excepted;
        (!excepted.is_empty())
            .then(|| Self { incident: *incident, suspects: suspects.iter().map(suspect).collect() })
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is that of serde")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// One suspect of an alert.
#[derive(Debug, Serialize)]
pub(super) struct SuspectFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    pub score: u32,
    pub alive: bool,
    pub processes: u64,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub pids: &'a [u32],
    #[serde(skip_serializing_if = "is_zero")]
    pub returns: u64,
    pub process: SuspectProcess<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<&'a str>,
    pub signal_ids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub peers: Vec<PeerFields<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<AccountFields<'a>>,
}

/// The process of a suspect.
#[derive(Debug, Serialize)]
pub(super) struct SuspectProcess<'a> {
    pub pid: u32,
    pub entity_id: Shown<ProcessKey>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    pub executable: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha256: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<KeyFields>,
}

/// A peer of a suspect.
#[derive(Debug, Serialize)]
pub(super) struct PeerFields<'a> {
    ip: IpAddr,
    port: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    domain: Option<&'a str>,
}

impl<'a> PeerFields<'a> {
    pub(super) fn new(peer: &'a Peer) -> Self {
        let Peer { address, name } = peer;
        Self { ip: address.ip().to_canonical(), port: address.port(), domain: name.as_deref() }
    }
}

/// An account of a suspect.
#[derive(Debug, Serialize)]
pub(super) struct AccountFields<'a> {
    shown: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<&'a str>,
}

impl<'a> AccountFields<'a> {
    pub(super) fn new(account: &'a Account) -> Self {
        let Account { shown, hash } = account;
        Self { shown, hash: hash.as_deref() }
    }
}

/// A process that takes part.
#[derive(Debug, Serialize)]
pub(super) struct MemberFields<'a> {
    pid: u32,
    entity_id: Shown<ProcessKey>,
    name: &'a str,
    role: MemberRole,
}

impl<'a> MemberFields<'a> {
    pub(super) fn new(member: &'a Member) -> Self {
        let Member { process, name, role } = member;
        Self { pid: process.pid, entity_id: Shown(*process), name, role: *role }
    }
}

/// A file that a member wrote and that was run.
#[derive(Debug, Serialize)]
pub(super) struct DroppedFields<'a> {
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<&'a str>,
    writer: KeyFields,
}

impl<'a> DroppedFields<'a> {
    pub(super) fn new(file: &'a DroppedFile) -> Self {
        let DroppedFile { path, sha256, writer } = file;
        Self { path, sha256: sha256.as_deref(), writer: KeyFields::new(*writer) }
    }
}

/// One signal of an alert.
#[derive(Debug, Serialize)]
pub(super) struct SignalFields<'a> {
    pub id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    pub class: SignalClass,
    pub weight: u8,
    pub at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub conclusive: bool,
    pub process: KeyFields,
    pub detail: &'a str,
    #[serde(skip_serializing_if = "EvidenceFields::is_empty")]
    pub evidence: EvidenceFields<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub measured: Vec<MeasuredFields<'a>>,
    #[serde(flatten)]
    pub points: Option<PointsFields>,
}

/// A value of a signal, with its threshold.
#[derive(Debug, Serialize)]
pub(super) struct MeasuredFields<'a> {
    name: &'a str,
    value: Shown<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Shown<&'a Threshold>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl<'a> MeasuredFields<'a> {
    pub(super) fn new(evidence: &'a Evidence) -> Self {
        let Evidence { name, value, threshold, unit } = evidence;
        Self { name, value: Shown(value), threshold: threshold.as_ref().map(Shown), unit: unit.as_deref() }
    }
}

/// The contribution of a signal to the score.
#[derive(Debug, Serialize)]
pub(super) struct PointsFields {
    points: f64,
    age_s: u64,
    half_life_s: u64,
    counted: bool,
}

impl PointsFields {
    pub(super) fn new(points: &SignalPoints) -> Self {
        let SignalPoints { points, half_life, age, counted } = points;
        Self {
            points: points.as_f64(),
            age_s: age.as_secs(),
            half_life_s: half_life.as_secs(),
            counted: *counted,
        }
    }
}

/// The verdict for the current points, and the next higher verdict.
#[derive(Debug, Serialize)]
pub(super) struct ScoreFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextFields<'a>>,
}

#[derive(Debug, Serialize)]
pub(super) struct NextFields<'a> {
    verdict: Verdict,
    missing: &'a [String],
}

impl<'a> ScoreFields<'a> {
    pub(super) fn new(parts: &'a ScoreParts) -> Self {
        let next = |next: &'a NextVerdict| NextFields { verdict: next.verdict, missing: &next.missing };
        Self { verdict: parts.verdict, next: parts.next.as_ref().map(next) }
    }
}

/// One step of the chain.
#[derive(Debug, Serialize)]
pub(super) struct EdgeFields<'a> {
    pub kind: ChainKind,
    pub at: Timestamp,
    pub process: EdgeProcess<'a>,
    pub object: &'a str,
}

/// The process of a step in the chain.
#[derive(Debug, Serialize)]
pub(super) struct EdgeProcess<'a> {
    pub pid: u32,
    pub entity_id: Shown<ProcessKey>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<KeyFields>,
}

/// The identity of a process.
#[derive(Debug, Serialize)]
pub(super) struct KeyFields {
    pub pid: u32,
    pub entity_id: Shown<ProcessKey>,
}

impl KeyFields {
    pub fn new(key: ProcessKey) -> Self {
        Self { pid: key.pid, entity_id: Shown(key) }
    }
}

/// Pairs of name and value, written as an object.
#[derive(Debug)]
pub(super) struct ByName<'a, T>(pub &'a [(Arc<str>, T)]);

impl<T> ByName<'_, T> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Serialize> Serialize for ByName<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

/// Evidence, written as an object. Several values with the same name become a list. A threshold is a separate key.
#[derive(Debug)]
pub(super) struct EvidenceFields<'a>(pub &'a [Evidence]);

/// Suffix of the key that contains the threshold of a value.
const THRESHOLD_SUFFIX: &str = "_threshold";

impl EvidenceFields<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for EvidenceFields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (index, evidence) in self.0.iter().enumerate() {
            let Evidence { name, value: _, threshold, unit: _ } = evidence;
            if self.0.iter().take(index).any(|earlier| earlier.name == *name) {
                continue;
            }
            let values: Vec<_> =
                self.0.iter().filter(|other| other.name == *name).map(|other| Shown(&other.value)).collect();
            match values.as_slice() {
                [value] => map.serialize_entry(name, value)?,
                values => map.serialize_entry(name, values)?,
            }
            if let Some(threshold) = threshold {
                map.serialize_entry(&format!("{name}{THRESHOLD_SUFFIX}"), &Shown(threshold))?;
            }
        }
        map.end()
    }
}
