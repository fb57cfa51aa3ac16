//! Tests of the conversion to OCSF, with the official schema.

mod schema;

use std::collections::BTreeSet;

use proptest::prelude::*;
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

#[test]
fn actions_have_their_classes() {
    for (action, class, activity) in [
        ("fork", 1007, "Launch"),
        ("exec", 1007, "Launch"),
        ("exit", 1007, "Terminate"),
        ("running", 1007, "running"),
        ("cpu", 1007, "cpu"),
        ("rounding", 1007, "rounding"),
        ("memory-map", 1007, "memory-map"),
        ("connect", 4001, "Open"),
        ("close", 4001, "Close"),
        ("flow", 4001, "Traffic"),
        ("tls", 4001, "tls"),
        ("dns", 4003, "Response"),
        ("file-write", 1001, "Update"),
        ("file-create", 1001, "Create"),
        ("file-rename", 1001, "Rename"),
        ("file-delete", 1001, "Delete"),
        ("device-open", 1001, "Open"),
        ("incident-opened", 2004, "Create"),
        ("incident-updated", 2004, "Update"),
        ("incident-closed", 2004, "Close"),
        ("alert-storm", 2004, "Create"),
        ("incident-state", 2004, "incident-state"),
    ] {
        let event = converted(action);
        assert_eq!(
            (&event["class_uid"], &event["activity_name"]),
            (&json!(class), &json!(activity)),
            "{action}"
        );
    }
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

/// Collects the names of all members, without the positions in lists.
fn keys(value: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    leaves(value, "", &mut |path, _| {
        found.insert(path.to_owned());
    });
    found
}

proptest! {
    /// Names that depend on the data are values, so no alert adds a field to an index.
    #[test]
    fn names_in_the_data_are_no_keys(name in "[a-z._-]{1,20}", value in "\\PC{1,20}") {
        prop_assume!(!["detail", "metadata"].contains(&name.as_str()));
        let before = keys(&converted("incident-opened"));
        let mut ecs = sample("incident-opened");
        for map in ["/minerwatch/hooks", "/minerwatch/lost", "/labels", "/minerwatch/signals/0/evidence"] {
            ecs.pointer_mut(map).unwrap()[&name] = value.clone().into();
        }
        prop_assert_eq!(keys(&document(&ecs)), before);
    }

    /// Replaces one field of a sample by anything, and removes another.
    #[test]
    fn odd_objects_give_valid_events(
        index in any::<prop::sample::Index>(),
        (changed, removed) in (any::<prop::sample::Index>(), any::<prop::sample::Index>()),
        value in odd_value(),
    ) {
        let samples = crate::ecs::tests::objects();
        let mut ecs = index.get(&samples).clone();
        let paths = pointers(&ecs);
        *ecs.pointer_mut(changed.get(&paths).as_str()).unwrap() = value;
        if let Some(removed) = ecs.pointer_mut(removed.get(&paths).as_str()) {
            *removed = Value::Null;
        }
        Schema::shared().check("odd", &document(&ecs));
    }
}

fn odd_value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(json!([[1, {"pid": "x"}], "y"])),
        Just(json!({"name": {"pid": []}, "id": -1})),
    ]
}

/// Returns the pointers to all values below an object.
fn pointers(value: &Value) -> Vec<String> {
    fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
        let mut add = |name: &str, member: &Value| {
            let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
            found.push(path.clone());
            collect(member, &path, found);
        };
        match value {
            Value::Object(members) => members.iter().for_each(|(name, member)| add(name, member)),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, item)| add(&index.to_string(), item));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(value, "", &mut found);
    found
}

#[test]
fn what_is_no_object_of_minerwatch_is_a_base_event() {
    for ecs in
        [Value::Null, json!([]), json!({}), json!("x"), json!({"event": {"kind": "alert"}}), json!(3.5)]
    {
        let event = document(&ecs);
        Schema::shared().check("odd", &event);
        assert_eq!(event["class_uid"], 0);
    }
    let degraded = json!({
        "@timestamp": "2026-11-22T23:14:06Z", "message": "events are lost",
        "event": {"kind": "alert", "action": "sensor-degraded", "severity": 75, "id": "ab"},
        "minerwatch": {"sensor": {"lost": 7}},
    });
    let event = document(&degraded);
    Schema::shared().check("degraded", &event);
    assert_eq!((&event["class_uid"], &event["severity"]), (&0.into(), &"High".into()));
    assert_eq!(event["unmapped"]["fields"], json!([{"name": "minerwatch.sensor.lost", "value": "7"}]));
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
