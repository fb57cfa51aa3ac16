//! Tests of the index templates for Elasticsearch and OpenSearch in `deploy/`. The mappings are made from
//! docs/events.md: with `MINERWATCH_BLESS=1`, the test writes them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{FLATTENED, tests::table};
use crate::testing::{self, samples};

/// The types of the ECS fields; the README beside the file says where it comes from.
const ECS_TYPES: &str = include_str!("templates/ecs_types.txt");

/// Fields that are in the documents, but cannot be searched: what was cut from an alert, and the values of a signal
/// that `evidence` has, too.
const NOT_INDEXED: &[&str] = &["minerwatch.cut", "minerwatch.signals.measured"];

/// A server, and the name of its type for objects whose names depend on the data.
struct Server {
    directory: &'static str,
    flattened: fn() -> Value,
}

const SERVERS: [Server; 2] = [
    Server {
        directory: "elasticsearch",
        flattened: || json!({"type": "flattened", "ignore_above": MAX_TERM}),
    },
    Server { directory: "opensearch", flattened: || json!({"type": "flat_object"}) },
];

/// Longer texts are in the document, but cannot be searched. Lucene refuses a term of 32,766 bytes, and a character can
/// have four.
const MAX_TERM: u32 = 1_024;
const MAX_WILDCARD: u32 = 8_191;

fn deploy(server: &Server, file: &str) -> PathBuf {
    let tree = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("deploy");
    tree.join(server.directory).join(file)
}

fn is_below(path: &str, fields: &[&str]) -> bool {
    fields
        .iter()
        .any(|field| path.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
}

/// Returns the documented fields that are indexed, with their documented types.
fn documented() -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    for row in table("Field") {
        let (name, kind) = (row[0].replace("[]", ""), row[1].clone());
        // minerwatch does not know the session leader of a parent.
        let of_parent =
            name.strip_prefix("process.").filter(|own| !["parent.*", "session_leader.pid"].contains(own));
        if let Some(own) = of_parent {
            fields.insert(format!("process.parent.{own}"), kind.clone());
        }
        fields.insert(name, kind);
    }
    fields.remove("process.parent.*");
    fields.retain(|name, _| !is_below(name, NOT_INDEXED));
    fields
}

fn mapping(kind: &str) -> Value {
    match kind {
        "keyword" => json!({"type": "keyword", "ignore_above": MAX_TERM}),
        "wildcard" => json!({"type": "wildcard", "ignore_above": MAX_WILDCARD}),
        "text" => json!({"type": "match_only_text"}),
        "date" | "ip" | "long" | "float" | "boolean" => json!({"type": kind}),
        other => panic!("the documentation names an unknown type: {other}"),
    }
}

/// Returns the component template with the mappings.
fn mappings(server: &Server) -> Value {
    let mut properties = Map::new();
    for (name, kind) in documented() {
        let (name, mapping) = match name.strip_suffix(".*") {
            Some(open) => {
                assert!(
                    FLATTENED.contains(&open),
                    "{name} has names that depend on the data: add it to FLATTENED"
                );
                (open, (server.flattened)())
            }
            None => (name.as_str(), mapping(&kind)),
        };
        insert(&mut properties, name, mapping);
    }
    json!({
        "template": {"mappings": {
            "dynamic": false,
            "date_detection": false,
            "numeric_detection": false,
            "properties": properties,
        }},
        "_meta": {
            "description": "The fields of minerwatch. Other fields stay in the document and are not indexed.",
            "ecs_version": super::ECS_VERSION,
        },
    })
}

fn insert(properties: &mut Map<String, Value>, name: &str, mapping: Value) {
    match name.split_once('.') {
        None => drop(properties.insert(name.to_owned(), mapping)),
        Some((object, rest)) => {
            let object = properties.entry(object).or_insert_with(|| json!({"properties": {}}));
            insert(object["properties"].as_object_mut().expect("no field contains another"), rest, mapping);
        }
    }
}

#[test]
fn the_mappings_are_up_to_date() {
    for server in &SERVERS {
        let path = deploy(server, "component-template-mappings.json");
        let expected = format!("{:#}\n", mappings(server));
        if std::env::var_os("MINERWATCH_BLESS").is_some() {
            fs::write(&path, &expected).expect("the file can be written");
        }
        let written = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(written, expected, "{} is behind: run this test with MINERWATCH_BLESS=1", path.display());
    }
}

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
const OWN: [&str; 2] = ["labels", "tls.client.ja4"];

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
