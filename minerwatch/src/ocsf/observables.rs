//! The values of a finding that analysts search for in other data: addresses, paths, hashes and so on.

use std::collections::BTreeSet;

use serde_json::Value;

use super::object::Object;

/// Maximum number of observables of one finding.
const LIMIT: usize = 100;

/// Attributes that are observables, with the number and the name of their type.
const TYPES: &[(&str, u32, &str)] = &[
    ("ip", 2, "IP Address"),
    ("hostname", 1, "Hostname"),
    ("path", 45, "File Path"),
    ("cmd_line", 13, "Command Line"),
];

/// Adds the observables in the evidence of a finding.
pub(super) fn add(event: Object) -> Object {
    let mut found = Found::default();
    if let Some(evidences) = event.get("evidences") {
        found.collect(evidences, "evidences");
    }
    event.with("observables", found.list)
}

#[derive(Default)]
struct Found {
    seen: BTreeSet<(u32, String)>,
    list: Vec<Value>,
}

impl Found {
    fn collect(&mut self, value: &Value, path: &str) {
        match value {
            Value::Object(members) => {
                // `data` has no attributes of OCSF.
                for (name, member) in members.iter().filter(|(name, _)| *name != "data") {
                    let path = format!("{path}.{name}");
                    match (member, kind(&path, name)) {
                        (Value::String(text), Some(kind)) => self.push(&path, kind, text),
                        _ => self.collect(member, &path),
                    }
                }
            }
            Value::Array(items) => {
                for (index, item) in items.iter().enumerate() {
                    self.collect(item, &format!("{path}[{index}]"));
                }
            }
            _ => {}
        }
    }

    fn push(&mut self, path: &str, (number, name): (u32, &str), value: &str) {
        if self.list.len() < LIMIT && self.seen.insert((number, value.to_owned())) {
            let observable = Object::default().with("name", path).choice("type_id", "type", (number, name));
            self.list.push(observable.with("value", value).into());
        }
    }
}

/// Returns the type of the observable at a path.
fn kind(path: &str, name: &str) -> Option<(u32, &'static str)> {
    if path.ends_with("process.name") {
        return Some((9, "Process Name"));
    }
    if path.ends_with("user.name") {
        return Some((4, "User Name"));
    }
    if name == "value" && path.contains(".hashes[") {
        return Some((8, "Hash"));
    }
    TYPES.iter().find(|(known, _, _)| *known == name).map(|(_, number, name)| (*number, *name))
}
