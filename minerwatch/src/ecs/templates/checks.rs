//! Compares the templates with every document, with the types of ECS, and with each other.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{FLATTENED, NOT_INDEXED, SERVERS, Server, deploy, is_below};
use crate::testing::{self, samples};

/// The types of the ECS fields; the README beside the file says where it comes from.
const ECS_TYPES: &str = include_str!("ecs_types.txt");

/// Returns the mapped fields of a file, with their types.
fn mapped(server: &Server) -> BTreeMap<String, String> {
    fn collect(properties: &Value, path: &str, found: &mut BTreeMap<String, String>) {
        for (name, field) in properties.as_object().expect("properties") {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            match field["type"].as_str() {
                Some(kind) => drop(found.insert(path, kind.to_owned())),
                None => collect(&field["properties"], &path, found),
            }
        }
    }
    let text = fs::read_to_string(deploy(server, "component-template-mappings.json")).expect("in the tree");
    let template: Value = serde_json::from_str(&text).expect("JSON");
    let mut found = BTreeMap::new();
    collect(&template["template"]["mappings"]["properties"], "", &mut found);
    found
}

/// Collects the paths of all leaves, without the positions in lists.
fn paths(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                paths(member, &if path.is_empty() { name.clone() } else { format!("{path}.{name}") }, found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| paths(item, path, found)),
        _ => drop(found.insert(path.to_owned())),
    }
}

/// No document has a field whose name nobody knew before. So any number of alerts adds no field to an index.
#[test]
fn every_field_of_every_document_is_mapped() {
    for server in &SERVERS {
        let mapped = mapped(server);
        let look = |name: &str, document: &Value| {
            let mut found = BTreeSet::new();
            paths(document, "", &mut found);
            for path in found {
                let is_known =
                    mapped.contains_key(&path) || is_below(&path, FLATTENED) || is_below(&path, NOT_INDEXED);
                assert!(is_known, "{name}: {} has no mapping for {path}", server.directory);
            }
        };
        testing::each_sample(look);
        testing::each_recorded(look);
    }
}

#[test]
fn flattened_fields_are_mapped_as_such() {
    for (server, kind) in SERVERS.iter().zip(["flattened", "flat_object"]) {
        let mapped = mapped(server);
        let flattened: BTreeSet<&str> =
            mapped.iter().filter(|(_, it)| *it == kind).map(|(name, _)| name.as_str()).collect();
        assert_eq!(flattened, FLATTENED.iter().copied().collect());
    }
}

/// Names from the data are in no other object.
fn fields_outside(document: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(document, "", &mut found);
    found.retain(|path| !is_below(path, FLATTENED));
    found
}

proptest! {
    #[test]
    fn names_from_the_data_stay_in_flattened_fields(name in "[a-z][a-z._-]{0,20}", value in "\\PC{1,20}") {
        let written = |alert: &crate::model::Alert, label: &str| {
            let mut settings = samples::encoder_settings();
            settings.fields.labels = [(label.to_owned(), value.clone())].into();
            let mut line = Vec::new();
            samples::encoder_of(&settings).alert(alert, 1, &mut line);
            fields_outside(&serde_json::from_slice(&line).unwrap())
        };
        let mut alert = samples::alert();
        let before = written(&alert, "team");
        // Evidence of the known names also fills other fields, so it stays.
        for signal in &mut alert.signals {
            let own = crate::model::Evidence { name: name.clone().into(), ..signal.evidence[0].clone() };
            signal.evidence.push(own);
        }
        alert.health.lost = vec![(name.as_str().into(), 7)];
        alert.health.hooks = vec![(name.as_str().into(), value.as_str().into())].into();
        prop_assert_eq!(written(&alert, &name), before);
    }
}

/// ECS fields have the types of ECS, except for lists of labels, which are one flattened field.
#[test]
fn ecs_fields_have_the_types_of_ecs() {
    let ecs: BTreeMap<&str, &str> = ECS_TYPES.lines().filter_map(|line| line.split_once(' ')).collect();
    for server in &SERVERS {
        let mapped = mapped(server);
        let own: Vec<&String> = mapped
            .keys()
            .filter(|name| !name.starts_with("minerwatch.") && !ecs.contains_key(name.as_str()))
            .collect();
        assert_eq!(own, OWN, "in {}", server.directory);
        for (name, kind) in &mapped {
            if let Some(expected) = ecs.get(name.as_str()) {
                assert_eq!(kind, expected, "{name} in {}", server.directory);
            }
        }
    }
}

/// Fields outside `minerwatch` that ECS describes only as a part of something, or not at all.
const OWN: [&str; 3] = ["container.labels", "labels", "tls.client.ja4"];

/// The templates refer to each other and to the policies by name, and the names are those of the README.
#[test]
fn templates_and_policies_fit_together() {
    for server in &SERVERS {
        let read = |file: &str| -> Value {
            let path = deploy(server, file);
            let text =
                fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let readme = fs::read_to_string(deploy(server, "README.md")).expect("a README");
        for stream in ["alerts", "events"] {
            let template = read(&format!("index-template-{stream}.json"));
            let pattern = format!("logs-minerwatch.{stream}-*");
            assert_eq!(template["index_patterns"], json!([pattern]));
            assert_eq!(template["data_stream"], json!({}));
            assert_eq!(template["composed_of"], json!(["minerwatch-mappings", "minerwatch-settings"]));
            // The template that the server has for `logs-*-*` has priority 100.
            assert!(template["priority"].as_u64() > Some(100));
            let policy = format!("minerwatch-{stream}");
            if server.directory == "elasticsearch" {
                let states = read(&format!("ilm-policy-{stream}.json"));
                assert!(states["policy"]["phases"]["hot"]["actions"]["rollover"].is_object());
                assert_eq!(template["template"]["settings"]["index.lifecycle.name"], policy);
            } else {
                let states = read(&format!("ism-policy-{stream}.json"));
                assert_eq!(states["policy"]["ism_template"][0]["index_patterns"], json!([pattern]));
                let names: Vec<&Value> = states["policy"]["states"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|state| &state["name"])
                    .collect();
                assert_eq!(names, ["hot", "delete"]);
            }
            for name in [policy.as_str(), &format!("index-template-{stream}.json"), "minerwatch-mappings"] {
                assert!(readme.contains(name), "the README for {} lacks {name}", server.directory);
            }
        }
        assert!(read("component-template-settings.json")["template"]["settings"].is_object());
    }
}
