//! Tests of what readers of the JSON rely on.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{Encoder, EncoderSettings, FLATTENED, Observed};
use crate::{
    model::{AlertAction, Event, EventBody, NextVerdict, Verdict},
    redact::Redactor,
    testing::samples,
};

const DOCUMENTATION: &str = include_str!("../../../docs/events.md");

#[test]
fn every_line_is_as_documented_in_its_snapshot() {
    for (name, line) in samples::lines() {
        let value: Value = serde_json::from_str(&line).unwrap();
        insta::assert_snapshot!(name, serde_json::to_string_pretty(&value).unwrap());
    }
}

/// Returns every kind of object that can be written, parsed.
pub(crate) fn objects() -> Vec<Value> {
    let encoder = samples::encoder();
    let mut objects: Vec<Value> =
        samples::lines().iter().map(|(_, line)| serde_json::from_str(line).unwrap()).collect();
    for action in [AlertAction::IncidentUpdated, AlertAction::IncidentClosed, AlertAction::AlertStorm] {
        let mut line = Vec::new();
        encoder.alert(&crate::model::Alert { action, ..samples::alert() }, 1, &mut line);
        objects.push(serde_json::from_slice(&line).unwrap());
    }
    let large = samples::large_alert(&"/long/path".repeat(50), 40);
    for max_alert_bytes in [4_096, 15_360] {
        let mut line = Vec::new();
        let settings = EncoderSettings { max_alert_bytes, ..samples::encoder_settings() };
        samples::encoder_of(&settings).alert(&large, 1, &mut line);
        objects.push(serde_json::from_slice(&line).unwrap());
    }
    let mut line = Vec::new();
    let mut state = samples::alert();
    let missing = vec!["26 points (44 of 70)".to_owned()];
    state.score_parts.next = Some(NextVerdict { verdict: Verdict::Suspected, missing });
    encoder.incident(&state, None, 1, &mut line);
    objects.push(serde_json::from_slice(&line).unwrap());
    objects.extend(unknown_processes(&encoder));
    objects.extend(reports());
    objects.extend(responses());
    objects
}

/// Returns reports about the response.
fn responses() -> impl Iterator<Item = Value> {
    samples::responses().into_iter().map(|report| {
        let mut line = Vec::new();
        samples::encoder().response(&report, Some(&samples::alert().suspect), 7, &mut line);
        serde_json::from_slice(&line).unwrap()
    })
}

#[test]
fn a_response_says_what_was_done_and_by_whom() {
    let all: Vec<Value> = responses().collect();
    insta::assert_snapshot!("response", serde_json::to_string_pretty(&all[3]).unwrap());
    let refused = &all[5];
    assert_eq!(refused["event"]["outcome"], "failure");
    assert_eq!(refused["minerwatch"]["response"]["guard"], "package");
    assert_eq!(refused["minerwatch"]["incident"]["id"], "4340-7760d-4727c34e36e");
}

/// Returns what the daemon says about itself.
fn reports() -> impl Iterator<Item = Value> {
    samples::reports().into_iter().map(|(_, report)| {
        let mut line = Vec::new();
        samples::encoder().report(&report, 7, &mut line);
        serde_json::from_slice(&line).unwrap()
    })
}

#[test]
fn a_report_of_the_daemon_is_as_documented_in_its_snapshot() {
    for ((name, _), report) in samples::reports().iter().zip(reports()) {
        insta::assert_snapshot!(*name, serde_json::to_string_pretty(&report).unwrap());
    }
}

/// Returns the same events from unknown processes.
fn unknown_processes(encoder: &Encoder) -> Vec<Value> {
    let lines = samples::events().into_iter().filter_map(|(_, mut event)| {
        event.subject.container = None;
        let mut line = Vec::new();
        let observed = Observed {
            event: &event,
            process: None,
            parent: None,
            domain: None,
            incident: None,
            sequence: 1,
        };
        encoder.event(&observed, &mut line).then_some(line)
    });
    lines.map(|line| serde_json::from_slice(&line).unwrap()).collect()
}

/// Returns the rows of the documentation's tables whose first column is called `heading`, without backticks.
pub(super) fn table(heading: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in DOCUMENTATION.lines() {
        let Some(row) = line.strip_prefix("| ") else {
            inside &= line.starts_with("|--");
            continue;
        };
        let cells: Vec<String> =
            row.trim_end_matches('|').split(" | ").map(|cell| cell.trim().replace('`', "")).collect();
        if cells[0] == heading {
            inside = true;
        } else if inside {
            rows.push(cells);
        }
    }
    rows
}

/// Collects every leaf with its path: `a.b[].c`.
fn leaves<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Value)>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let inner = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                leaves(member, &inner, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| leaves(item, &format!("{path}[]"), found)),
        leaf => found.push((path.to_owned(), leaf)),
    }
}

/// Returns the name of a path in the documentation.
fn documented_as(path: &str, fields: &BTreeMap<String, String>) -> String {
    let is_flattened = |prefix: &str| FLATTENED.contains(&prefix.replace("[]", "").as_str());
    let ends = path.match_indices('.').map(|(end, _)| &path[..end]);
    if let Some(open) = ends.into_iter().find(|prefix| is_flattened(prefix)) {
        return format!("{open}.*");
    }
    if let Some(inner) = path.strip_prefix("process.parent.") {
        assert!(fields.contains_key(&format!("process.{inner}")), "{path} has no counterpart in process.*");
        return "process.parent.*".to_owned();
    }
    path.to_owned()
}

fn has_type(value: &Value, kind: &str) -> bool {
    match kind {
        "keyword" | "wildcard" | "text" => value.as_str().is_some_and(|text| !text.is_empty()),
        "date" => value.as_str().is_some_and(|text| OffsetDateTime::parse(text, &Rfc3339).is_ok()),
        "ip" => value.as_str().is_some_and(|text| text.parse::<std::net::IpAddr>().is_ok()),
        "long" => value.is_i64() || value.is_u64(),
        "float" => value.is_number(),
        "boolean" => value.is_boolean(),
        "as process.*" => !value.is_null(),
        other => panic!("the documentation names an unknown type: {other}"),
    }
}

#[test]
fn the_documentation_and_the_program_name_the_same_fields() {
    let rows = table("Field");
    let fields: BTreeMap<String, String> = rows.iter().map(|row| (row[0].clone(), row[1].clone())).collect();
    assert_eq!(fields.len(), rows.len(), "a field is documented twice");
    assert!(rows.iter().all(|row| row.len() == 3 && !row[2].is_empty()));

    let objects = objects();
    let mut written = BTreeSet::new();
    for object in &objects {
        let mut found = Vec::new();
        leaves(object, "", &mut found);
        for (path, value) in found {
            let name = documented_as(&path, &fields);
            let Some(kind) = fields.get(&name) else { panic!("docs/events.md lacks {name}") };
            assert!(has_type(value, kind), "{path} is {value}, and no {kind}");
            written.insert(name);
        }
    }
    let never: Vec<&String> = fields.keys().filter(|name| !written.contains(*name)).collect();
    assert!(never.is_empty(), "docs/events.md names fields that are never written: {never:?}");
}

#[test]
fn the_documentation_and_the_program_name_the_same_actions() {
    let documented: BTreeSet<[String; 4]> =
        table("Action").iter().map(|row| [0, 1, 2, 3].map(|column| row[column].clone())).collect();
    let written: BTreeSet<[String; 4]> = objects()
        .iter()
        .map(|object| {
            let event = &object["event"];
            let list = |name: &str| {
                let items: Vec<&str> =
                    event[name].as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect();
                items.join(", ")
            };
            let text = |name: &str| event[name].as_str().unwrap().to_owned();
            [text("action"), text("kind"), list("category"), list("type")]
        })
        .collect();
    assert_eq!(written, documented);
}

/// Checks the types that ECS 9.4.0 allows with each category.
#[test]
fn categories_and_types_fit_each_other() {
    const ALLOWED: &[(&str, &[&str])] = &[
        ("driver", &["change", "end", "info", "start"]),
        ("file", &["access", "change", "creation", "deletion", "info"]),
        ("host", &["access", "change", "end", "info", "start"]),
        ("intrusion_detection", &["allowed", "denied", "info"]),
        ("malware", &["info"]),
        ("network", &["access", "allowed", "connection", "denied", "end", "info", "protocol", "start"]),
        ("process", &["access", "change", "end", "info", "start"]),
    ];
    for object in objects() {
        let event = &object["event"];
        for category in event["category"].as_array().unwrap() {
            let (_, types) = ALLOWED.iter().find(|(name, _)| category == name).unwrap();
            for kind in event["type"].as_array().unwrap() {
                assert!(types.contains(&kind.as_str().unwrap()), "{category} with {kind}");
            }
        }
    }
}

#[test]
fn the_arguments_of_a_process_and_its_parent_have_no_secrets() {
    let redactor = Redactor::new(true, &[]).unwrap();
    let settings = EncoderSettings { redactor: Some(redactor.into()), ..samples::encoder_settings() };
    let encoder = samples::encoder_of(&settings);
    let (_, event) = samples::events().into_iter().find(|(name, _)| *name == "file-write").unwrap();
    for (own, of_parent, has_secret) in [
        ("--token=hunter2", "plain", true),
        ("plain", "--password=hunter2", true),
        ("PGPASSWORD=hunter2", "https://me:hunter2@host/", true),
        ("plain", "plain", false),
    ] {
        let (mut process, mut parent) = (samples::curl(), samples::bash());
        process.arguments = vec!["tool".into(), own.into()].into();
        parent.arguments = vec!["tool".into(), of_parent.into()].into();
        let observed = Observed {
            event: &event,
            process: Some(&process),
            parent: Some(&parent),
            domain: None,
            incident: None,
            sequence: 1,
        };
        let mut line = Vec::new();
        assert!(encoder.event(&observed, &mut line));
        let line = String::from_utf8(line).unwrap();
        assert!(!line.contains("hunter2"), "{line}");
        assert_eq!(line.contains("[redacted]"), has_secret, "{line}");
        serde_json::from_str::<Value>(&line).unwrap();
    }
}

#[test]
fn a_hash_alone_has_no_line() {
    let is_hash = |event: &Event| matches!(event.body, EventBody::HashedFile(_));
    let (_, event) = samples::events().into_iter().find(|(_, event)| is_hash(event)).unwrap();
    let mut lines = b"before\n".to_vec();
    let observed =
        Observed { event: &event, process: None, parent: None, domain: None, incident: None, sequence: 1 };
    assert!(!samples::encoder().event(&observed, &mut lines));
    assert_eq!(lines, b"before\n");
}

#[test]
fn a_view_of_another_process_is_not_mixed_in() {
    let (_, event) = samples::events().into_iter().find(|(name, _)| *name == "file-write").unwrap();
    let (other, parent) = (samples::bash(), samples::curl());
    let mut line = Vec::new();
    let observed = Observed {
        event: &event,
        process: Some(&other),
        parent: Some(&parent),
        domain: None,
        incident: None,
        sequence: 1,
    };
    samples::encoder().event(&observed, &mut line);
    let object: Value = serde_json::from_slice(&line).unwrap();
    assert_eq!(object["process"]["pid"], 4711);
    assert_eq!(object["process"]["name"], Value::Null);
}

/// An exec that the table does not know yet must not get the old program's hash or user name.
#[test]
fn an_exec_is_newer_than_the_view() {
    let (_, event) = samples::events().into_iter().find(|(name, _)| *name == "exec").unwrap();
    let mut view = samples::curl();
    view.executable.path = "/usr/bin/bash".into();
    view.credentials.uid = 1000;
    view.credentials.user = Some("alice".into());
    let mut event = event;
    if let EventBody::Exec(exec) = &mut event.body {
        exec.credentials.user = None;
    }
    let mut line = Vec::new();
    let observed = Observed {
        event: &event,
        process: Some(&view),
        parent: None,
        domain: None,
        incident: None,
        sequence: 1,
    };
    samples::encoder().event(&observed, &mut line);
    let process = &serde_json::from_slice::<Value>(&line).unwrap()["process"];
    assert_eq!(process["executable"], "/usr/bin/curl");
    assert_eq!(process["hash"], Value::Null);
    assert_eq!(process["user"]["id"], "0");
    assert_eq!(process["user"]["name"], Value::Null);
}

#[test]
fn the_buffer_is_reused() {
    let encoder = samples::encoder();
    let (curl, bash) = (samples::curl(), samples::bash());
    let mut lines = Vec::with_capacity(4096);
    let before = lines.as_ptr();
    for (_, event) in samples::events() {
        lines.clear();
        encoder.event(
            &Observed {
                event: &event,
                process: Some(&curl),
                parent: Some(&bash),
                domain: None,
                incident: None,
                sequence: 1,
            },
            &mut lines,
        );
    }
    assert_eq!(lines.as_ptr(), before);
}

#[test]
fn every_object_says_where_it_comes_from() {
    for object in objects() {
        let event = &object["event"];
        let dataset = format!("minerwatch.{}", event["kind"].as_str().unwrap());
        assert_eq!(event["dataset"], dataset.as_str());
        let is_sent = event["kind"] == "alert" && event["action"] != "incident-state";
        let is_report = !object["minerwatch"]["agent"].is_null();
        let is_response = !object["minerwatch"]["response"].is_null();
        assert_eq!(event["id"].is_string(), is_sent || is_report || is_response, "{event}");
        assert_eq!(object["agent"]["type"], "minerwatch");
        assert_eq!(object["tags"], serde_json::json!(["prod"]));
        assert_eq!(object["labels"]["team"], "web");
        assert_eq!(object["cloud"]["instance"]["id"], "i-0abc");
        assert_eq!(object["host"]["id"], "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
    }
}

/// What is unknown or not configured is left out.
#[test]
fn a_bare_host_has_few_common_fields() {
    let mut settings = samples::encoder_settings();
    settings.fields = crate::model::ExtraFields::default();
    settings.host.id = None;
    settings.agent.id = None;
    let mut line = Vec::new();
    samples::encoder_of(&settings).alert(&samples::alert(), 1, &mut line);
    let object: Value = serde_json::from_slice(&line).unwrap();
    assert!(["tags", "labels", "cloud"].iter().all(|name| object[name].is_null()));
    assert!(object["host"]["id"].is_null() && object["agent"]["id"].is_null());
    assert_eq!(object["agent"]["version"], "0.1.0");
    let common: Value = serde_json::from_str(&settings.common()).unwrap();
    assert_eq!((&common["host"], &common["agent"]), (&object["host"], &object["agent"]));
}

#[test]
fn an_alert_that_was_not_sent_has_no_id() {
    let mut line = Vec::new();
    samples::encoder().alert(&crate::model::Alert { number: 0, ..samples::alert() }, 1, &mut line);
    assert!(serde_json::from_slice::<Value>(&line).unwrap()["event"]["id"].is_null());
}
