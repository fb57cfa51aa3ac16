//! An alert as an object.

use std::sync::Arc;

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::{
    Encoder, append,
    document::{
        Document, EndFields, EventFields, Identified, OwnProcess, ProcessFields, RuleFields, Techniques,
        ThreatFields,
    },
    timestamp::Timestamp,
    values::Shown,
};
use crate::model::{
    Alert, AlertAction, ChainEdge, ChainKind, Evidence, IncidentId, NextVerdict, ProcessKey, ScoreParts,
    Signal, SignalClass, SignalPoints, Threshold, Value, Verdict,
};

/// `minerwatch.*` of an alert.
#[derive(Debug, Serialize)]
pub(super) struct AlertFields<'a> {
    incident: Identified<Shown<IncidentId>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    score: u32,
    score_parts: ScoreFields<'a>,
    signals: Vec<SignalFields<'a>>,
    chain: Vec<EdgeFields<'a>>,
    folded: u64,
    latency_ms: f64,
    lost: ByName<'a, u64>,
    blind: &'a [Arc<str>],
    #[serde(skip_serializing_if = "ByName::is_empty")]
    hooks: ByName<'a, Arc<str>>,
}

#[derive(Debug, Serialize)]
struct SignalFields<'a> {
    id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'static str>,
    class: SignalClass,
    weight: u8,
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    last: Option<Timestamp>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    conclusive: bool,
    process: KeyFields,
    detail: &'a str,
    #[serde(skip_serializing_if = "ByNameAndThreshold::is_empty")]
    evidence: ByNameAndThreshold<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    measured: Vec<MeasuredFields<'a>>,
    #[serde(flatten)]
    points: Option<PointsFields>,
}

/// A value of a signal, with what it had to reach.
#[derive(Debug, Serialize)]
struct MeasuredFields<'a> {
    name: &'a str,
    value: Shown<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<Shown<&'a Threshold>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<&'a str>,
}

impl<'a> MeasuredFields<'a> {
    fn new(evidence: &'a Evidence) -> Self {
        let Evidence { name, value, threshold, unit } = evidence;
        Self { name, value: Shown(value), threshold: threshold.as_ref().map(Shown), unit: unit.as_deref() }
    }
}

/// What a signal adds to the score.
#[derive(Debug, Serialize)]
struct PointsFields {
    points: f64,
    age_s: u64,
    half_life_s: u64,
    counted: bool,
}

impl PointsFields {
    fn new(points: &SignalPoints) -> Self {
        let SignalPoints { points, half_life, age, counted } = points;
        Self {
            points: points.as_f64(),
            age_s: age.as_secs(),
            half_life_s: half_life.as_secs(),
            counted: *counted,
        }
    }
}

/// What the points come to.
#[derive(Debug, Serialize)]
struct ScoreFields<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<Verdict>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<NextFields<'a>>,
}

#[derive(Debug, Serialize)]
struct NextFields<'a> {
    verdict: Verdict,
    missing: &'a [String],
}

impl<'a> ScoreFields<'a> {
    fn new(parts: &'a ScoreParts) -> Self {
        let next = |next: &'a NextVerdict| NextFields { verdict: next.verdict, missing: &next.missing };
        Self { verdict: parts.verdict, next: parts.next.as_ref().map(next) }
    }
}

#[derive(Debug, Serialize)]
struct EdgeFields<'a> {
    kind: ChainKind,
    at: Timestamp,
    process: EdgeProcess<'a>,
    object: &'a str,
}

#[derive(Debug, Serialize)]
struct EdgeProcess<'a> {
    pid: u32,
    entity_id: Shown<ProcessKey>,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent: Option<KeyFields>,
}

#[derive(Debug, Serialize)]
struct KeyFields {
    pid: u32,
    entity_id: Shown<ProcessKey>,
}

impl KeyFields {
    fn new(key: ProcessKey) -> Self {
        Self { pid: key.pid, entity_id: Shown(key) }
    }
}

/// Counts by kind as an object.
#[derive(Debug)]
struct ByName<'a, T>(&'a [(Arc<str>, T)]);

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

/// Names and values as an object; a name with several values has them as a list. A threshold stands beside its value.
#[derive(Debug)]
struct ByNameAndThreshold<'a>(&'a [Evidence]);

impl ByNameAndThreshold<'_> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Ends the name of a value to name what it had to reach.
const THRESHOLD_SUFFIX: &str = "_threshold";

impl Serialize for ByNameAndThreshold<'_> {
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

impl Encoder {
    pub(super) fn encode_alert(&self, alert: &Alert, sequence: u64, lines: &mut Vec<u8>) {
        let action = match alert.action {
            AlertAction::IncidentOpened => "incident-opened",
            AlertAction::IncidentUpdated => "incident-updated",
            AlertAction::IncidentClosed => "incident-closed",
        };
        self.encode_incident(alert, Some(alert.verdict), action, sequence, lines);
    }

    pub(super) fn encode_incident(
        &self,
        alert: &Alert,
        verdict: Option<Verdict>,
        action: &'static str,
        sequence: u64,
        lines: &mut Vec<u8>,
    ) {
        let Alert {
            incident,
            action: _,
            time,
            verdict: _,
            score,
            score_parts,
            suspect,
            parent,
            container,
            signals,
            chain,
            message,
            folded,
            latency,
            health,
        } = alert;
        let own = AlertFields {
            incident: Identified { id: Shown(*incident) },
            verdict,
            score: *score,
            score_parts: ScoreFields::new(score_parts),
            signals: signals
                .iter()
                .enumerate()
                .map(|(index, signal)| self.signal(signal, score_parts.signals.get(index)))
                .collect(),
            chain: chain.iter().map(|edge| self.edge(edge)).collect(),
            folded: *folded,
            latency_ms: latency.as_secs_f64() * 1e3,
            lost: ByName(&health.lost),
            blind: &health.blind,
            hooks: ByName(&health.hooks),
        };
        let parent = parent.as_ref().map(|view| ProcessFields::of_view(self, view));
        let mut process = ProcessFields::of_view(self, suspect);
        process.parent = parent.as_ref();

        let mut document = Document::new(self, self.time(*time), event(action, *score, sequence));
        if let Some(container) = container.as_deref().or(suspect.container.as_deref()) {
            document.place(container);
        }
        document.message = Some(message);
        document.process = Some(process);
        document.rule = signals.first().map(|signal| RuleFields {
            id: &signal.id.0,
            name: (self.signals)(&signal.id).map(|text| text.name),
        });
        document.threat = self.threat(signals);
        document.destination = signals.iter().find_map(peer);
        let odd = OwnProcess::of_flags(suspect.executable.flags);
        let fields = document.own();
        fields.alert = Some(&own);
        fields.process = odd;
        append(&document, lines);
    }

    fn signal<'a>(&self, signal: &'a Signal, points: Option<&SignalPoints>) -> SignalFields<'a> {
        let Signal { id, class, weight, at, process, detail, evidence, last, conclusive } = signal;
        SignalFields {
            id: &id.0,
            name: (self.signals)(id).map(|text| text.name),
            class: *class,
            weight: *weight,
            at: self.time(*at),
            last: (*last > *at).then(|| self.time(*last)),
            conclusive: *conclusive,
            process: KeyFields::new(*process),
            detail,
            evidence: ByNameAndThreshold(evidence),
            measured: evidence.iter().map(MeasuredFields::new).collect(),
            points: points.map(PointsFields::new),
        }
    }

    fn edge<'a>(&self, edge: &'a ChainEdge) -> EdgeFields<'a> {
        let ChainEdge { kind, at, process, name, parent, object } = edge;
        EdgeFields {
            kind: *kind,
            at: self.time(*at),
            process: EdgeProcess {
                pid: process.pid,
                entity_id: Shown(*process),
                name,
                parent: parent.map(KeyFields::new),
            },
            object,
        }
    }

    /// The techniques the signals are evidence of, each once; ECS keeps `T1496.001` as a subtechnique
    /// beside its technique `T1496`.
    fn threat(&self, signals: &[Signal]) -> Option<ThreatFields<'static>> {
        let mut techniques = Vec::new();
        let mut subtechniques = Vec::new();
        let known = signals.iter().filter_map(|signal| (self.signals)(&signal.id));
        for id in known.flat_map(|text| text.techniques.iter().copied()) {
            let technique = id.split_once('.').map_or(id, |(technique, _)| technique);
            if !techniques.contains(&technique) {
                techniques.push(technique);
            }
            if technique != id && !subtechniques.contains(&id) {
                subtechniques.push(id);
            }
        }
        (!techniques.is_empty()).then_some(ThreatFields {
            framework: "MITRE ATT&CK",
            technique: Techniques {
                id: techniques,
                subtechnique: (!subtechniques.is_empty()).then_some(Identified { id: subtechniques }),
            },
        })
    }
}

/// The peer that a signal is about.
fn peer(signal: &Signal) -> Option<EndFields<'_>> {
    let Some(Value::Address(destination)) = signal.value("destination") else { return None };
    let mut end = EndFields::of(*destination);
    let text = |name| match signal.value(name) {
        Some(Value::Text(text)) => Some(&**text),
        _ => None,
    };
    let number = match signal.value("destination_as_number") {
        Some(Value::Count(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    end.place(text("destination_country"), number, text("destination_as_organization"));
    Some(end)
}

fn event(action: &'static str, score: u32, sequence: u64) -> EventFields {
    let mut event = EventFields::new(action, &["intrusion_detection", "malware"], &["info"], sequence);
    event.kind = "alert";
    event.severity = Some(score.min(100));
    event
}
