//! The summary of a scan: what was checked, what was found, and what was unavailable.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::counted;
use crate::{
    model::{Alert, ScanReport, Suspect, Verdict},
    pipeline,
};

/// Formats the summary as one JSON object with a newline. `docs/events.md` describes the fields.
pub(super) fn json(report: &ScanReport) -> anyhow::Result<Vec<u8>> {
    let ScanReport { common, incidents, seconds, processes, connections, cpu_samples, unavailable, lost } =
        report;
    let count = |verdict| incidents.iter().filter(|alert| alert.verdict == verdict).count();
    let now = OffsetDateTime::now_utc().format(&Rfc3339)?;
    let mut object = json!({
        "@timestamp": now,
        "event": {
            "kind": "state",
            "category": ["intrusion_detection"],
            "type": ["info"],
            "action": "scan-summary",
            "module": "minerwatch",
            "dataset": "minerwatch.scan",
        },
        "message": headline(report),
        "minerwatch": {"scan": {
            "verdict": incidents.iter().map(|alert| alert.verdict).max().map_or("none", name),
            "incidents": {
                "mining": count(Verdict::Mining),
                "suspected": count(Verdict::Suspected),
                "noted": count(Verdict::Noted),
            },
            "seconds": seconds,
            "processes": processes,
            "connections": connections,
            "cpu_samples": cpu_samples,
            "unavailable": unavailable,
            "lost": lost,
        }},
    });
    let common: Map<String, Value> = serde_json::from_str(common)?;
    if let Some(object) = object.as_object_mut() {
        object.extend(common);
    }
    let mut line = serde_json::to_vec(&object)?;
    line.push(b'\n');
    Ok(line)
}

/// Formats the summary for people: a headline, a line per suspect with its signals, and what limits the result.
pub(super) fn text(report: &ScanReport) -> String {
    let colon = if report.incidents.is_empty() { "" } else { ":" };
    let mut text = format!("minerwatch: {}{colon}\n", headline(report));
    for alert in &report.incidents {
        suspect(alert, &mut text);
        others(alert, &mut text);
    }
    if !report.unavailable.is_empty() {
        let _ = writeln!(text, "minerwatch: unavailable on this kernel: {}", report.unavailable.join(", "));
    }
    if report.lost > 0 {
        let lost = counted(report.lost, "event was", "events were");
        let _ = writeln!(text, "minerwatch: {lost} lost, so the scan may have missed something");
    }
    text
}

fn headline(report: &ScanReport) -> String {
    let ScanReport { incidents, seconds, processes, .. } = report;
    let serious = incidents.iter().filter(|alert| alert.verdict >= Verdict::Suspected).count();
    let noted = incidents.len() - serious;
    let found = match serious {
        0 => "nothing looks like mining".to_owned(),
        serious => format!("{} found", counted(serious, "incident", "incidents")),
    };
    let looked_at = counted(*processes, "process", "processes");
    let noted = if noted > 0 { format!(", {noted} noted") } else { String::new() };
    format!("{found} ({looked_at}, {seconds} s){noted}")
}

/// Appends the line of a suspect: verdict, score, process and signals.
fn suspect(alert: &Alert, text: &mut String) {
    let process = &alert.suspect;
    let container = alert.container.as_ref().and_then(|container| container.id.as_deref());
    let details = alert.container.as_ref().and_then(|container| container.details.as_deref());
    let pod = details.and_then(|details| details.pod.as_ref());
    let place = match (pod, details.and_then(|details| details.name.as_deref()), container) {
        (Some(pod), ..) => format!(" in pod {}/{}", pod.namespace, pod.name),
        (None, Some(name), _) => format!(" in container {name}"),
        (None, None, Some(id)) => format!(" in container {}", shortened(id)),
        (None, None, None) => String::new(),
    };
    let signal = |signal: &crate::model::Signal| {
        let name = pipeline::signal_text(&signal.id).map_or("", |text| text.name);
        format!("{} {} {name}", signal.id, signal.weight)
    };
    let signals: Vec<String> = alert.signals.iter().map(signal).collect();
    let _ = writeln!(
        text,
        "  {:<9} {:>4}  {} (pid {}){place}: {}",
        name(alert.verdict),
        alert.score,
        process.name,
        process.key.pid,
        signals.join("; ")
    );
}

/// Appends the lines of the other suspects of an incident.
fn others(alert: &Alert, text: &mut String) {
    let is_other = |suspect: &&Suspect| suspect.process.key != alert.suspect.key;
    for suspect in alert.suspects.iter().filter(is_other) {
        let ids: Vec<&str> = suspect.signals.iter().map(|id| &*id.0).collect();
        let _ = writeln!(
            text,
            "            {:>4}  {} (pid {}), {}: {}",
            suspect.score,
            suspect.process.name,
            suspect.process.key.pid,
            suspect.verdict.map_or("no verdict", name),
            ids.join(", ")
        );
    }
}

fn name(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Noted => "noted",
        Verdict::Suspected => "suspected",
        Verdict::Mining => "mining",
    }
}

/// Returns the first 12 characters of a container's id, as container tools show them.
fn shortened(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::{
        model::{ControlRegister, Rounding, RoundingCounts},
        testing::{Host, alerts, seconds},
    };

    fn report(incidents: Vec<Alert>) -> ScanReport {
        ScanReport {
            common: r#"{"agent":{"type":"minerwatch"},"host":{"name":"web-1"}}"#.to_owned(),
            incidents,
            seconds: 10,
            processes: 3,
            connections: 2,
            cpu_samples: 40,
            ..ScanReport::default()
        }
    }

    fn miner() -> Vec<Alert> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let worker = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
        let plain = RoundingCounts::default();
        for looks in [1, 6] {
            let flushing = RoundingCounts { nearest: 9, down: looks, up: looks, zero: looks };
            host.sample_rounding(worker, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
            host.wait(seconds(1));
        }
        alerts(&host)
    }

    fn noted() -> Vec<Alert> {
        miner().into_iter().map(|alert| Alert { verdict: Verdict::Noted, score: 50, ..alert }).collect()
    }

    fn object(report: &ScanReport) -> Value {
        let line = json(report).expect("plain data");
        assert!(line.ends_with(b"}\n"));
        serde_json::from_slice(&line).expect("JSON")
    }

    #[test]
    fn the_text_names_suspects_and_signals() {
        assert_eq!(
            text(&report(miner())),
            "minerwatch: 1 incident found (3 processes, 10 s):\n  mining     100  sshd (pid 2): C1 100 Arithmetic of \
             RandomX\n"
        );
        assert_eq!(text(&report(vec![])), "minerwatch: nothing looks like mining (3 processes, 10 s)\n");
        assert!(text(&report(noted())).starts_with(
            "minerwatch: nothing looks like mining (3 processes, 10 s), 1 noted:\n  noted       50  sshd (pid 2): "
        ));
    }

    #[test]
    fn the_text_says_what_limits_the_answer() {
        let limited =
            ScanReport { unavailable: vec!["udp".into(), "rounding".into()], lost: 1, ..report(vec![]) };
        let shown = text(&limited);
        assert!(shown.contains("unavailable on this kernel: udp, rounding\n"), "{shown}");
        assert!(shown.contains("1 event was lost, so the scan may have missed something\n"), "{shown}");
        assert_eq!(object(&limited)["minerwatch"]["scan"]["unavailable"][1], "rounding");
    }

    #[test]
    fn a_clean_scan_has_a_summary_too() {
        let clean = object(&report(vec![]));
        let scan = &clean["minerwatch"]["scan"];
        assert_eq!((&scan["verdict"], &scan["processes"]), (&"none".into(), &3.into()));
        assert_eq!((&scan["seconds"], &scan["connections"]), (&10.into(), &2.into()));
        assert_eq!(scan["incidents"], json!({"mining": 0, "suspected": 0, "noted": 0}));
        assert_eq!(clean["event"]["kind"], "state", "no alert");
        assert_eq!(
            (&clean["host"]["name"], &clean["agent"]["type"]),
            (&"web-1".into(), &"minerwatch".into())
        );
        assert_eq!(clean["event"]["dataset"], "minerwatch.scan");
    }

    #[test]
    fn the_summary_has_the_highest_verdict() {
        let found = object(&report(noted().into_iter().chain(miner()).collect()));
        let scan = &found["minerwatch"]["scan"];
        assert_eq!(scan["verdict"], "mining");
        assert_eq!(scan["incidents"], json!({"mining": 1, "suspected": 0, "noted": 1}));
    }

    #[test]
    fn a_short_id_is_shown_whole() {
        assert_eq!(shortened("4f1d0c9a8b7e6d5c"), "4f1d0c9a8b7e");
        assert_eq!(shortened("short"), "short");
    }
}
