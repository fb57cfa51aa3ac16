//! Tests of the conversion to OCSF, with the official schema.

mod odd;
mod schema;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document;
use crate::{ecs::read, testing};
use schema::Schema;

fn sample(action: &str) -> Value {
    let mut found = None;
    testing::each_sample(|_, ecs| {
        if found.is_none() && read::text(ecs, "event.action") == Some(action) {
            found = Some(ecs.clone());
        }
    });
    found.unwrap_or_else(|| panic!("no sample of {action}"))
}

fn converted(action: &str) -> Value {
    document(&sample(action))
}

/// The format is a contract: review every difference.
#[test]
fn events_are_as_in_their_snapshots() {
    for (name, line) in testing::samples::lines() {
        if ["alert", "exec", "connect", "dns", "file-rename", "rounding"].contains(&name) {
            let event = document(&serde_json::from_str(&line).unwrap());
            insta::assert_snapshot!(name, format!("{event:#}"));
        }
    }
}

#[test]
fn every_sample_is_valid() {
    let schema = Schema::new();
    testing::each_sample(|name, ecs| schema.check(name, &document(ecs)));
}

#[test]
fn every_recorded_event_and_alert_is_valid_and_whole() {
    let schema = Schema::new();
    let mut classes = BTreeSet::new();
    testing::each_recorded(|name, ecs| {
        let event = document(ecs);
        classes.insert(event["class_uid"].as_u64().unwrap());
        schema.check(name, &event);
        assert_nothing_is_lost(name, ecs, &event);
    });
    assert!(classes.is_superset(&[1001, 1007, 2004, 4001].into()), "{classes:?}");
}

#[test]
fn nothing_in_a_sample_is_lost() {
    testing::each_sample(|name, ecs| assert_nothing_is_lost(name, ecs, &document(ecs)));
}

/// What is said by the class and its numbers, or by another field.
const SAID_OTHERWISE: &[&str] = &[
    "@timestamp",
    "agent.type",
    "dns.response_code",
    "dns.resolved_ip",
    "dns.type",
    "ecs.version",
    "event.category",
    "event.kind",
    "event.module",
    "event.outcome",
    "event.severity",
    "event.type",
    "network.direction",
    "network.type",
    "orchestrator.type",
    "orchestrator.resource.type",
    "process.args",
    "process.parent.args",
    "event.duration",
    "event.start",
    "process.start",
    "process.parent.start",
    "threat.framework",
    "minerwatch.signals.evidence",
];

fn assert_nothing_is_lost(name: &str, ecs: &Value, event: &Value) {
    let mut told = BTreeSet::new();
    leaves(event, "", &mut |_, value| {
        told.insert(value);
    });
    leaves(ecs, "", &mut |path, value| {
        let is_exempt = SAID_OTHERWISE.iter().any(|exempt| {
            path.strip_prefix(exempt).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        assert!(is_exempt || told.contains(&value), "{name}: {path} = {value} is lost in {event}");
    });
}

fn leaves(value: &Value, path: &str, found: &mut impl FnMut(&str, String)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(member, &path, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, path, found)),
        Value::String(text) => found(path, text.clone()),
        other => found(path, other.to_string()),
    }
}

/// Returns the rows of the documentation's table of actions.
fn documented() -> BTreeSet<[String; 3]> {
    let page = include_str!("../../../docs/formats.md");
    let row = |line: &str| -> Option<[String; 3]> {
        let cells: Vec<String> =
            line.strip_prefix("| `")?.split('|').map(|it| it.replace('`', "").trim().to_owned()).collect();
        cells.get(..3)?.to_vec().try_into().ok()
    };
    let table = page.lines().skip_while(|line| *line != "| Action | Class | Activity |");
    table.skip(2).take_while(|line| line.starts_with('|')).filter_map(row).collect()
}

#[test]
fn actions_have_the_documented_classes() {
    let mut seen = BTreeSet::new();
    testing::each_sample(|_, ecs| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let event = document(ecs);
        let (action, class) = (text(&ecs["event"]["action"]), text(&event["class_name"]));
        let type_name = text(&event["type_name"]);
        let activity = type_name.strip_prefix(&format!("{class}: ")).unwrap();
        let is_attempt = action == "connect" && ["Fail", "Refuse"].contains(&activity);
        if !is_attempt {
            seen.insert([action, class, activity.to_owned()]);
        }
    });
    assert_eq!(seen, documented());
}

#[test]
fn a_refused_connection_is_refused() {
    let mut ecs = sample("connect");
    ecs["event"]["outcome"] = "failure".into();
    for (code, activity) in [("ECONNREFUSED", "Refuse"), ("ETIMEDOUT", "Fail")] {
        ecs["error"] = json!({"code": code});
        let event = document(&ecs);
        assert_eq!((&event["activity_name"], &event["status_code"]), (&activity.into(), &code.into()));
    }
}

#[test]
fn a_finding_says_what_and_where() {
    let event = converted("incident-opened");
    let at = |pointer: &str| event.pointer(pointer).cloned().unwrap_or_default();
    for (pointer, expected) in [
        ("/metadata/uid", json!("a7aa1787b9179f546f06c4a8e5d7fe98")),
        ("/metadata/version", json!("1.8.0")),
        ("/metadata/profiles", json!(["host", "container", "cloud"])),
        ("/metadata/tags", json!([{"name": "team", "value": "web"}])),
        ("/finding_info/uid", json!("125c-6c7f0-40b244a4b00")),
        ("/finding_info/analytic/uid", json!("B2")),
        ("/finding_info/attacks/0/sub_technique/name", json!("Unix Shell")),
        ("/finding_info/attacks/0/technique/uid", json!("T1059")),
        ("/finding_info/attacks/0/tactic/name", json!("Execution")),
        ("/severity", json!("High")),
        ("/status", json!("New")),
        ("/confidence", json!("Medium")),
        ("/risk_score", json!(44)),
        ("/device/hostname", json!("web-1")),
        ("/evidences/0/process/pid", json!(4713)),
        ("/evidences/0/process/parent_process/name", json!("bash")),
        ("/evidences/0/process/container/pod_uuid", json!("0f6e4a1c-7a43-4a57-8a3f-1d2c3b4a5968")),
        ("/evidences/0/dst_endpoint/ip", json!("203.0.113.9")),
    ] {
        assert_eq!(at(pointer), expected, "{pointer}");
    }
    let observables = event["observables"].as_array().unwrap();
    for (name, value) in [
        ("evidences[0].dst_endpoint.ip", "203.0.113.9"),
        ("evidences[0].dst_endpoint.hostname", "pool.example"),
        ("evidences[0].process.file.path", "/usr/bin/curl"),
    ] {
        assert!(
            observables.iter().any(|it| it["name"] == name && it["value"] == value),
            "{name}: {observables:?}"
        );
    }
}

#[test]
fn the_start_of_the_agent_is_a_lifecycle_event() {
    let ecs = json!({
        "@timestamp": "2026-11-22T23:14:06Z", "agent": {"version": "0.1.0"}, "host": {"name": "web-1"},
        "event": {"kind": "event", "action": "agent-start"},
    });
    let event = document(&ecs);
    Schema::shared().check("start", &event);
    assert_eq!((&event["class_uid"], &event["activity_name"]), (&6002.into(), &"Start".into()));
}
