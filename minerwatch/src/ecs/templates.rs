//! Tests of the index templates for Elasticsearch and OpenSearch in `deploy/`. The mappings are made from
//! docs/events.md: with `MINERWATCH_BLESS=1`, the test writes them.

mod checks;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use super::{FLATTENED, tests::table};

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
