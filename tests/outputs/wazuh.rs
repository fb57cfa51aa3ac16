//! The rules for Wazuh, applied to real alerts. Wazuh itself is not here: the test does what its documentation says.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use roxmltree::{Document, Node};
use serde_json::Value;

/// Maximum number of fields that Wazuh decodes, unless it is configured otherwise (`analysisd.decoder_order_size`).
const MOST_FIELDS: usize = 256;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join("deploy/wazuh").join(file)).expect("the file is in the tree")
}

#[derive(Debug)]
struct Rule {
    id: u64,
    level: u64,
    parents: Vec<u64>,
    decoder: Option<String>,
    /// Names of fields with the values that they must have.
    fields: Vec<(String, String)>,
    /// The fields in the description.
    described: Vec<String>,
}

fn rules() -> Vec<Rule> {
    let text = read("minerwatch_rules.xml");
    let document = Document::parse(&text).expect("well-formed XML");
    document.descendants().filter(|node| node.has_tag_name("rule")).map(|node| rule(&node)).collect()
}

fn rule(node: &Node<'_, '_>) -> Rule {
    let number = |text: &str| text.trim().parse::<u64>().expect("a number");
    let attribute = |name| number(node.attribute(name).expect("an attribute"));
    let child =
        |name: &str| node.children().find(|child| child.has_tag_name(name)).and_then(|child| child.text());
    let fields = node.children().filter(|child| child.has_tag_name("field"));
    let exact = |text: &str| {
        let value = text.strip_prefix('^').and_then(|text| text.strip_suffix('$')).expect("a whole value");
        assert!(value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'), "{value}");
        value.to_owned()
    };
    let described = child("description").expect("a description").split("$(").skip(1);
    Rule {
        id: attribute("id"),
        level: attribute("level"),
        parents: child("if_sid").map(|ids| ids.split(',').map(number).collect()).unwrap_or_default(),
        decoder: child("decoded_as").map(str::to_owned),
        fields: fields
            .map(|field| {
                let name = field.attribute("name").expect("a name").to_owned();
                (name, exact(field.text().expect("a value")))
            })
            .collect(),
        described: described.filter_map(|part| Some(part.split_once(')')?.0.to_owned())).collect(),
    }
}

/// Decodes an object as Wazuh does: dotted names, and no lists of objects.
fn decode(prefix: &str, value: &Value, fields: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                decode(&name, value, fields);
            }
        }
        Value::Array(items) => {
            let texts: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
            if texts.len() == items.len() {
                fields.insert(prefix.to_owned(), texts.join(","));
            }
        }
        Value::String(text) => drop(fields.insert(prefix.to_owned(), text.clone())),
        other => drop(fields.insert(prefix.to_owned(), other.to_string())),
    }
}

fn matches(rule: &Rule, fields: &BTreeMap<String, String>) -> bool {
    rule.fields.iter().all(|(name, value)| fields.get(name) == Some(value))
}

/// Returns the rule that decides about an object: the deepest one that matches.
fn decide<'a>(rules: &'a [Rule], decoder: &str, fields: &BTreeMap<String, String>) -> Option<&'a Rule> {
    let is_root = |rule: &&Rule| rule.decoder.as_deref() == Some(decoder) && matches(rule, fields);
    let mut decided = rules.iter().find(is_root)?;
    loop {
        let children = rules.iter().filter(|rule| rule.parents.contains(&decided.id));
        // Wazuh tries the highest level first.
        match children.filter(|rule| matches(rule, fields)).max_by_key(|rule| rule.level) {
            Some(child) => decided = child,
            None => return Some(decided),
        }
    }
}

fn alerts() -> Vec<Value> {
    let directory = root().join("tests/recordings");
    let files =
        fs::read_dir(directory).expect("the recordings are in the tree").flatten().map(|entry| entry.path());
    files
        .filter(|path| path.to_string_lossy().ends_with(".alerts.jsonl"))
        .flat_map(|path| {
            let text = fs::read_to_string(path).expect("it can be read");
            text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect::<Vec<Value>>()
        })
        .collect()
}

#[test]
fn every_recorded_alert_gets_the_level_of_its_verdict() {
    let rules = rules();
    let mut seen = BTreeMap::new();
    let mut described = BTreeSet::new();
    for alert in alerts() {
        let mut fields = BTreeMap::new();
        decode("", &alert, &mut fields);
        assert!(fields.len() <= MOST_FIELDS, "{} fields", fields.len());
        for decoder in ["json", "minerwatch"] {
            let rule = decide(&rules, decoder, &fields).expect("a rule");
            let expected = match alert["minerwatch"]["verdict"].as_str() {
                Some("mining") => 14,
                Some("suspected") => 12,
                Some("noted") => 5,
                other => panic!("{other:?}"),
            };
            assert_eq!(rule.level, expected, "{}", alert["message"]);
            assert!(rule.described.iter().all(|name| fields.contains_key(name)), "{rule:?}");
            *seen.entry(rule.id).or_insert(0) += 1;
            described.extend(rule.described.iter().cloned());
        }
    }
    assert_eq!(seen.keys().copied().collect::<Vec<_>>(), [110_203, 110_204, 110_205]);
    assert!(described.contains("message"));
}

#[test]
fn other_objects_get_their_rules() {
    let rules = rules();
    let level = |object: Value| {
        let mut fields = BTreeMap::new();
        decode("", &object, &mut fields);
        decide(&rules, "json", &fields).map(|rule| rule.level)
    };
    let object = |kind: &str, action: &str, verdict: &str| {
        serde_json::json!({
            "event": {"module": "minerwatch", "kind": kind, "action": action}, "minerwatch": {"verdict": verdict},
        })
    };
    assert_eq!(level(object("event", "exec", "")), Some(0));
    assert_eq!(level(object("alert", "incident-closed", "mining")), Some(3));
    assert_eq!(level(object("alert", "alert-storm", "suspected")), Some(13));
    assert_eq!(level(object("alert", "about-itself", "")), Some(8));
    assert_eq!(level(serde_json::json!({"event": {"module": "other"}})), None);
}

#[test]
fn the_fields_and_actions_of_the_rules_are_documented() {
    let events = fs::read_to_string(root().join("docs/events.md")).expect("the page is in the tree");
    for rule in rules() {
        let names = rule.fields.iter().map(|(name, _)| name).chain(&rule.described);
        for name in names {
            assert!(events.contains(&format!("| `{name}` |")), "{name}");
        }
        for (_, action) in rule.fields.iter().filter(|(name, _)| name == "event.action") {
            assert!(events.contains(&format!("| `{action}` | alert |")), "{action}");
        }
    }
}

#[test]
fn the_decoder_is_that_of_the_rules() {
    let text = read("minerwatch_decoders.xml");
    let document = Document::parse(&text).expect("well-formed XML");
    let names: Vec<&str> = document.root().children().filter_map(|node| node.attribute("name")).collect();
    assert_eq!(names, ["minerwatch"]);
    assert!(rules().iter().any(|rule| rule.decoder.as_deref() == Some("minerwatch")));
}
