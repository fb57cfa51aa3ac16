//! Encodes alerts as objects.

use super::{
    Encoder,
    alert_fields::{
        AccountFields, AlertFields, ByName, DroppedFields, EdgeFields, EdgeProcess, EvidenceFields,
        ExceptedFields, KeyFields, MeasuredFields, MemberFields, PeerFields, PointsFields, ScoreFields,
        SignalFields, SuspectFields, SuspectProcess,
    },
    cut,
    document::{Document, EventFields, OwnProcess, ProcessFields, RuleFields, Techniques, ThreatFields},
    event_id::EventId,
    limits::CutFields,
    network::EndpointFields,
    values::{Identified, Shown},
};
use crate::model::{Alert, AlertAction, ChainEdge, Peer, Signal, SignalPoints, Suspect, Value, Verdict};

/// An alert, or a state of an incident, as it is told.
#[derive(Clone, Copy)]
struct Telling<'a> {
    /// What is told, perhaps cut.
    alert: &'a Alert,
    /// All that is known.
    whole: &'a Alert,
    cut: Option<&'a CutFields>,
    verdict: Option<Verdict>,
    action: &'static str,
    id: Option<EventId>,
    sequence: u64,
}

impl Encoder {
    pub(super) fn encode_alert(&self, alert: &Alert, sequence: u64, lines: &mut Vec<u8>) {
        let action = match alert.action {
            AlertAction::IncidentOpened => "incident-opened",
            AlertAction::IncidentUpdated => "incident-updated",
            AlertAction::IncidentClosed => "incident-closed",
            AlertAction::AlertStorm => "alert-storm",
        };
        let telling = Telling {
            alert,
            whole: alert,
            cut: None,
            verdict: Some(alert.verdict),
            action,
            id: self.ids.of(alert),
            sequence,
        };
        let before = lines.len();
        self.encode(&telling, lines);
        if lines.len() - before <= self.settings.max_alert_bytes {
            return;
        }
        let (alert, cut) = cut::until(alert, |alert, cut| {
            lines.truncate(before);
            self.encode(&Telling { alert, cut: Some(cut), ..telling }, lines);
            lines.len() - before <= self.settings.max_alert_bytes
        });
        lines.truncate(before);
        self.encode(&Telling { alert: &alert, cut: Some(&cut), ..telling }, lines);
    }

    pub(super) fn encode_state(
        &self,
        state: &Alert,
        verdict: Option<Verdict>,
        sequence: u64,
        lines: &mut Vec<u8>,
    ) {
        let action = "incident-state";
        let telling = Telling { alert: state, whole: state, cut: None, verdict, action, id: None, sequence };
        self.encode(&telling, lines);
    }

    fn encode(&self, telling: &Telling<'_>, lines: &mut Vec<u8>) {
        let Telling { alert, whole, cut, verdict, action, id, sequence } = *telling;
        let Alert {
            incident,
            action: _,
            reason,
            number: _,
            time,
            verdict: _,
            score,
            score_parts,
            suspect,
            parent,
            container,
            destination,
            suspects,
            more_suspects,
            members,
            dropped,
            persistence,
            signals,
            chain,
            message,
            folded,
            excepted,
            latency,
            health,
        } = alert;
        let own = AlertFields {
            incident: Identified { id: Shown(*incident) },
            verdict,
            reason: *reason,
            score: *score,
            score_parts: ScoreFields::new(score_parts),
            suspects: suspects.iter().map(Self::suspect).collect(),
            more_suspects: *more_suspects,
            members: members.iter().map(MemberFields::new).collect(),
            dropped: dropped.iter().map(DroppedFields::new).collect(),
            persistence,
            signal_ids: signal_ids(whole),
            signals: signals
                .iter()
                .enumerate()
                .map(|(index, signal)| self.signal(signal, score_parts.signals.get(index)))
                .collect(),
            chain: chain.iter().map(|edge| self.edge(edge)).collect(),
            folded: *folded,
            excepted: ExceptedFields::new(excepted),
            latency_ms: latency.as_secs_f64() * 1e3,
            lost: ByName(&health.lost),
            blind: &health.blind,
            hooks: ByName(&health.hooks),
            cut,
        };
        let parent = parent.as_ref().map(|view| ProcessFields::of_view(self, view));
        let mut process = ProcessFields::of_view(self, suspect);
        process.parent = parent.as_ref();

        let mut event = event(action, verdict, *score, sequence);
        event.id = id.map(Shown);
        let mut document = Document::new(self.time(*time), event);
        if let Some(container) = container.as_deref().or(suspect.container.as_deref()) {
            document.set_container(container, self.settings.cluster.as_deref());
        }
        document.message = Some(message);
        document.process = Some(process);
        document.rule = signals.first().map(|signal| RuleFields {
            id: &signal.id.0,
            name: (self.signals)(&signal.id).map(|text| text.name),
        });
        document.threat = self.threat(&whole.signals);
        document.destination = destination.as_ref().map(|peer| endpoint(peer, signals));
        let flags = OwnProcess::of_flags(suspect.executable.flags);
        let fields = document.own();
        fields.alert = Some(&own);
        fields.process = flags;
        self.append(&document, lines);
    }

    fn suspect(suspect: &Suspect) -> SuspectFields<'_> {
        let Suspect {
            process,
            parent,
            verdict,
            score,
            alive,
            processes,
            pids,
            returns,
            signals,
            peers,
            accounts,
        } = suspect;
        SuspectFields {
            verdict: *verdict,
            score: *score,
            alive: *alive,
            processes: *processes,
            pids,
            returns: *returns,
            process: SuspectProcess {
                pid: process.key.pid,
                entity_id: Shown(process.key),
                name: &process.name,
                executable: &process.executable.path,
                sha256: process.sha256.as_deref(),
                user: process.credentials.user.as_deref(),
                parent: parent.as_ref().map(|parent| KeyFields::new(parent.key)),
            },
            container: process.container.as_deref().and_then(|container| container.id.as_deref()),
            unit: process.container.as_deref().and_then(|container| container.unit.as_deref()),
            signal_ids: signals.iter().map(|id| &*id.0).collect(),
            peers: peers.iter().map(PeerFields::new).collect(),
            accounts: accounts.iter().map(AccountFields::new).collect(),
        }
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
            evidence: EvidenceFields(evidence),
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

    /// Returns the techniques of the signals, each once. A signal whose evidence names a technique has only this one. In
    /// ECS, a subtechnique such as `T1496.001` is listed in addition to its technique `T1496`.
    fn threat(&self, signals: &[Signal]) -> Option<ThreatFields<'static>> {
        let mut techniques = Vec::new();
        let mut subtechniques = Vec::new();
        let of_signal = |signal: &Signal| {
            let techniques = (self.signals)(&signal.id)?.techniques;
            let exact = techniques.iter().position(|id| technique_in(signal) == Some(*id));
            Some(exact.and_then(|place| techniques.get(place..=place)).unwrap_or(techniques))
        };
        for id in signals.iter().filter_map(of_signal).flatten().copied() {
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

/// Returns the ATT&CK technique in the evidence of a signal, if there is one.
fn technique_in(signal: &Signal) -> Option<&str> {
    match signal.value("technique")? {
        Value::Text(technique) => Some(technique),
        _ => None,
    }
}

/// Returns the ids of the signals of all suspects, each once.
fn signal_ids(alert: &Alert) -> Vec<&str> {
    let own = alert.signals.iter().map(|signal| &*signal.id.0);
    let of_suspects = alert.suspects.iter().flat_map(|suspect| &suspect.signals).map(|id| &*id.0);
    let mut ids: Vec<&str> = own.chain(of_suspects).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Returns a peer as an endpoint, with the location that a signal about this peer has.
fn endpoint<'a>(peer: &'a Peer, signals: &'a [Signal]) -> EndpointFields<'a> {
    let mut endpoint = EndpointFields::of(peer.address);
    endpoint.domain = peer.name.as_deref();
    let is_about = |signal: &&Signal| signal.value("destination") == Some(&Value::Address(peer.address));
    let Some(signal) = signals.iter().find(is_about) else { return endpoint };
    let text = |name| match signal.value(name) {
        Some(Value::Text(text)) => Some(&**text),
        _ => None,
    };
    let number = match signal.value("destination_as_number") {
        Some(Value::Count(number)) => u32::try_from(*number).ok(),
        _ => None,
    };
    endpoint.set_geo(text("destination_country"), number, text("destination_as_organization"));
    endpoint
}

fn event(action: &'static str, verdict: Option<Verdict>, score: u32, sequence: u64) -> EventFields {
    let mut event = EventFields::new(action, &["intrusion_detection", "malware"], &["info"], sequence);
    event.kind = "alert";
    event.dataset = "minerwatch.alert";
    event.severity = Some(severity(verdict, score));
    event
}

/// Returns the severity: 90 to 100 for mining, 70 to 89 for suspected, 40 to 69 for noted, less below. Within a
/// verdict, more points give a higher severity.
fn severity(verdict: Option<Verdict>, score: u32) -> u32 {
    match verdict {
        Some(Verdict::Mining) => score.clamp(90, 100),
        Some(Verdict::Suspected) => score.clamp(70, 89),
        Some(Verdict::Noted) => score.clamp(40, 69),
        None => score.min(39),
    }
}
