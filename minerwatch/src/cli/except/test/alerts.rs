//! Alerts that were sent: as JSON lines, and as the engine returns them.

use std::{
    io::{self, BufRead},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use serde_json::Value;

use super::{Outcome, judge};
use crate::{
    config::Config,
    ecs::read,
    except::ExceptionSet,
    model::{
        Alert, BootTime, Container, ContainerDetails, ContainerImage, Credentials, Executable,
        ExecutableFlags, Moment, Peer, Pod, ProcessKey, ProcessView, Signal, SignalClass, SignalId, Verdict,
    },
};

/// An alert, with what exceptions compare.
#[derive(Clone, Debug, Serialize)]
pub(super) struct SentAlert {
    pub(super) incident: String,
    #[serde(rename = "@timestamp")]
    pub(super) timestamp: String,
    pub(super) verdict: String,
    pub(super) message: String,
    #[serde(skip)]
    pub(super) view: ProcessView,
    #[serde(skip)]
    pub(super) peers: Vec<Peer>,
    #[serde(skip)]
    pub(super) signals: Vec<Signal>,
    /// When it was sent, for the expiry of exceptions.
    #[serde(skip)]
    pub(super) at: Moment,
    /// When it was sent, for the age of signals.
    #[serde(skip)]
    pub(super) time: BootTime,
}

/// Judges each alert of a file of JSON lines. Other lines are skipped.
pub(super) fn outcomes(
    lines: impl BufRead,
    set: &ExceptionSet,
    config: Option<&Config>,
) -> io::Result<Vec<Outcome>> {
    let least = config.map_or(Verdict::Noted, |config| config.detection.min_verdict);
    let mut outcomes = Vec::new();
    for line in lines.split(b'\n') {
        if let Some(alert) = SentAlert::of_json(&line?) {
            outcomes.push(judge(alert, set, least));
        }
    }
    Ok(outcomes)
}

impl SentAlert {
    /// Reads an alert from a line of JSON. Returns `None` for any other line.
    pub(super) fn of_json(line: &[u8]) -> Option<Self> {
        /// The time of an alert. Signals are older.
        const NOW: BootTime = BootTime(u64::MAX / 2);
        let json: Value = serde_json::from_slice(line).ok()?;
        let text =
            |pointer: &str| json.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        let incident = text("/minerwatch/incident/id");
        if text("/event/kind") != "alert" || incident.is_empty() {
            return None;
        }
        let timestamp = text("/@timestamp");
        let suspect = json.pointer("/minerwatch/suspects/0").unwrap_or(&Value::Null);
        Some(Self {
            incident,
            verdict: text("/minerwatch/verdict"),
            message: text("/message"),
            view: view(&json, suspect),
            peers: items(suspect, "peers").filter_map(peer).collect(),
            signals: json.get("minerwatch").map(|own| signals(own, NOW)).unwrap_or_default(),
            at: Moment::parse(&timestamp).unwrap_or_default(),
            timestamp,
            time: NOW,
        })
    }

    /// Reads an alert of the engine. `line` is its line of JSON.
    pub(super) fn of_alert(alert: &Alert, line: &[u8]) -> Option<Self> {
        let peers = alert.suspects.first().map(|suspect| suspect.peers.clone()).unwrap_or_default();
        Some(Self {
            view: alert.suspect.clone(),
            peers,
            signals: alert.signals.clone(),
            time: alert.time,
            ..Self::of_json(line)?
        })
    }
}

fn items<'a>(json: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    json.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Returns what an alert says about the container.
fn details(json: &Value) -> ContainerDetails {
    let text = |name: &str| read::text(json, name).map(Arc::<str>::from);
    let labels = read::field(json, "container.labels").and_then(Value::as_object).into_iter().flatten();
    let of_pod = read::texts(json, "orchestrator.resource.label").filter_map(|label| label.split_once(':'));
    let pod = text("orchestrator.resource.name").map(|name| Pod {
        name,
        namespace: text("orchestrator.namespace").unwrap_or_default(),
        labels: of_pod.map(|(name, value)| (name.into(), value.into())).collect(),
    });
    let image = ContainerImage {
        name: text("container.image.name").unwrap_or_default(),
        tag: read::texts(json, "container.image.tag").next().map(Arc::from),
        digests: read::texts(json, "container.image.hash.all").map(Arc::from).collect(),
    };
    ContainerDetails {
        name: text("container.name"),
        image: (image != ContainerImage::default()).then_some(image),
        labels: labels
            .filter_map(|(name, value)| Some((name.as_str().into(), value.as_str()?.into())))
            .collect(),
        pod,
        runtime: None,
    }
}

fn view(json: &Value, suspect: &Value) -> ProcessView {
    let text = |place: &Value, pointer: &str| -> Option<Arc<str>> {
        place.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Arc::from)
    };
    let either = |pointer: &str| text(suspect, pointer).or_else(|| text(json, pointer));
    let flag = |pointer: &str| json.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
    let id = text(suspect, "/container").or_else(|| text(json, "/container/id"));
    let unit = text(suspect, "/unit");
    let cgroup = text(json, "/minerwatch/cgroup").unwrap_or_else(|| Arc::from(""));
    // Another suspect may run in another container, which the alert does not describe.
    let is_described = id.is_some() && id == text(json, "/container/id");
    let details = id
        .is_some()
        .then(|| Arc::new(if is_described { details(json) } else { ContainerDetails::default() }));
    let place = Container { cgroup, id, runtime: None, outer: None, pod_uid: None, unit, details };
    let container = (place.id.is_some() || place.unit.is_some()).then(|| Arc::new(place));
    let pid = json.pointer("/process/pid").and_then(Value::as_u64).and_then(|pid| u32::try_from(pid).ok());
    let uid = text(json, "/process/user/id").and_then(|uid| uid.parse().ok());
    ProcessView {
        key: ProcessKey::from_ticks(pid.unwrap_or(0), 0),
        name: either("/process/name").unwrap_or_else(|| Arc::from("")),
        executable: Executable {
            path: either("/process/executable").unwrap_or_else(|| Arc::from("")),
            file: None,
            flags: ExecutableFlags {
                memfd: flag("/minerwatch/process/memfd"),
                deleted: flag("/minerwatch/process/deleted"),
                foreign: false,
            },
        },
        arguments: Arc::from(Vec::new()),
        directory: Arc::from(""),
        credentials: Credentials {
            // A user that is not known is like no other.
            uid: uid.unwrap_or(u32::MAX),
            user: text(json, "/process/user/name").or_else(|| text(suspect, "/process/user")),
            ..Credentials::default()
        },
        container,
        sha256: text(suspect, "/process/sha256").or_else(|| text(json, "/process/hash/sha256")),
    }
}

fn peer(json: &Value) -> Option<Peer> {
    let ip: std::net::IpAddr = json.get("ip")?.as_str()?.parse().ok()?;
    let port = u16::try_from(json.get("port")?.as_u64()?).ok()?;
    let name = json.get("domain").and_then(Value::as_str).map(Arc::from);
    Some(Peer { address: (ip, port).into(), name })
}

fn signals(own: &Value, now: BootTime) -> Vec<Signal> {
    let signal = |json: &Value| {
        let id = json.get("id")?.as_str()?;
        let number = |name: &str| json.get(name).and_then(Value::as_u64).unwrap_or(0);
        let age = Duration::from_secs(number("age_s"));
        let last = BootTime(now.0.saturating_sub(u64::try_from(age.as_nanos()).unwrap_or(now.0)));
        Some(Signal {
            id: SignalId(id.to_owned().into()),
            class: match json.get("class").and_then(Value::as_str) {
                Some("network") => SignalClass::Network,
                Some("compute") => SignalClass::Compute,
                _ => SignalClass::Behavior,
            },
            weight: u8::try_from(number("weight")).unwrap_or(u8::MAX),
            at: last,
            process: ProcessKey::from_ticks(0, 0),
            detail: String::new(),
            evidence: Vec::new(),
            last,
            conclusive: json.get("conclusive").and_then(Value::as_bool).unwrap_or(false),
        })
    };
    items(own, "signals").filter_map(signal).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::samples;

    #[test]
    fn an_alert_is_read_back_from_its_json() {
        let alert = samples::alert();
        let mut line = Vec::new();
        samples::encoder().alert(&alert, 1, &mut line);
        let read = SentAlert::of_json(&line).expect("an alert");
        assert_eq!(read.view.executable.path, alert.suspect.executable.path);
        assert_eq!(read.view.credentials.uid, alert.suspect.credentials.uid);
        assert_eq!(read.view.credentials.user, alert.suspect.credentials.user);
        assert_eq!(read.view.sha256, alert.suspect.sha256);
        let id = |view: &ProcessView| view.container.as_ref().and_then(|own| own.id.clone());
        assert_eq!(id(&read.view), id(&alert.suspect));
        let ids = |signals: &[Signal]| {
            signals
                .iter()
                .map(|own| (own.id.clone(), own.weight, own.class, own.conclusive))
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&read.signals), ids(&alert.signals));
        assert_eq!(read.peers, alert.suspects[0].peers);
        assert_eq!(read.incident, alert.incident.to_string());
    }

    #[test]
    fn other_lines_are_no_alerts() {
        for line in
            ["", "{}", "[1]", "not json", r#"{"event":{"kind":"event"}}"#, r#"{"event":{"kind":"alert"}}"#]
        {
            assert!(SentAlert::of_json(line.as_bytes()).is_none(), "{line}");
        }
        let odd = r#"{"event":{"kind":"alert"},"minerwatch":{"incident":{"id":"x"},"suspects":[7],"signals":[{"id":7},
            {"id":"C9","weight":9999,"age_s":18446744073709551615}]}}"#;
        assert_eq!(SentAlert::of_json(odd.as_bytes()).expect("it claims to be one").signals.len(), 1);
    }
}
