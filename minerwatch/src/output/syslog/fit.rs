//! Makes an object smaller until its message fits. What is left out is counted in `minerwatch.cut`.

use serde_json::{Map, Value};

use crate::ecs::read::field;

/// One way to make an object smaller.
#[derive(Clone, Copy, Debug)]
enum Step {
    /// Keeps the first items of a list.
    Keep(&'static str, usize),
    /// Removes a field of each signal.
    OfSignals(&'static str),
    /// Removes a field. The second text is the field of `minerwatch.cut` that counts it.
    Remove(&'static str, &'static str),
    /// Shortens texts to this many bytes.
    Shorten(usize),
    /// Keeps only the fields that a person needs.
    Bare(&'static [&'static str]),
}

use Step::{Bare, Keep, OfSignals, Remove, Shorten};

/// The steps, in their order. All earlier steps stay in force.
const STEPS: [Step; 35] = [
    OfSignals("measured"),
    Keep("minerwatch.chain", 16),
    Keep("minerwatch.members", 16),
    Shorten(1_024),
    Remove("minerwatch.hooks", "sources"),
    Keep("minerwatch.suspects", 8),
    Keep("minerwatch.chain", 8),
    Keep("minerwatch.members", 4),
    OfSignals("evidence"),
    Shorten(512),
    Keep("process.parent.args", 0),
    Keep("process.args", 0),
    Keep("minerwatch.dropped", 4),
    Keep("minerwatch.persistence", 4),
    Keep("minerwatch.suspects", 2),
    Keep("minerwatch.signals", 8),
    Remove("minerwatch.score_parts", "missing"),
    Keep("minerwatch.chain", 4),
    Keep("minerwatch.members", 0),
    Remove("minerwatch.lost", "sources"),
    Remove("minerwatch.blind", "sources"),
    Remove("minerwatch.excepted", "texts"),
    Shorten(256),
    Keep("minerwatch.signals", 4),
    Keep("minerwatch.suspects", 1),
    Keep("minerwatch.dropped", 1),
    Keep("minerwatch.persistence", 1),
    Remove("process.parent", "members"),
    Keep("minerwatch.chain", 0),
    Keep("minerwatch.suspects", 0),
    Keep("minerwatch.signals", 1),
    Shorten(128),
    Bare(&[
        "@timestamp",
        "event",
        "message",
        "process.pid",
        "process.entity_id",
        "process.name",
        "process.executable",
        "destination.ip",
        "destination.port",
        "container.id",
        "rule.id",
        "host.name",
        "host.id",
        "minerwatch.incident",
        "minerwatch.verdict",
        "minerwatch.score",
        "minerwatch.reason",
        "minerwatch.signal_ids",
        "minerwatch.cut",
    ]),
    Shorten(64),
    Bare(&[
        "@timestamp",
        "event",
        "minerwatch.incident",
        "minerwatch.verdict",
        "minerwatch.score",
        "minerwatch.cut",
    ]),
];

/// Returns the object as a message of at most `room` bytes, or `None` if it cannot be made small enough.
pub(super) fn into(mut object: Value, room: usize, render: impl Fn(&Value) -> String) -> Option<String> {
    let whole = render(&object);
    if whole.len() <= room {
        return Some(whole);
    }
    for step in STEPS {
        if apply(step, &mut object) {
            let message = render(&object);
            if message.len() <= room {
                return Some(message);
            }
        }
    }
    None
}

/// Makes an object smaller. Returns whether anything changed.
fn apply(step: Step, object: &mut Value) -> bool {
    let mut cut = 0;
    let name = match step {
        Keep(path, most) => {
            if let Some(items) = field_mut(object, path).and_then(Value::as_array_mut) {
                cut = items.len().saturating_sub(most);
                items.truncate(most);
                if most == 0 {
                    take(object, path);
                }
            }
            if path.ends_with("args") { "arguments" } else { path.rsplit('.').next().unwrap_or(path) }
        }
        OfSignals(name) => {
            let signals = field_mut(object, "minerwatch.signals").and_then(Value::as_array_mut);
            let signals = signals.into_iter().flatten().filter_map(Value::as_object_mut);
            cut = signals.filter_map(|signal| signal.remove(name)).count();
            // The evidence has the same values as what was measured.
            if name == "measured" {
                return cut > 0;
            }
            name
        }
        Remove(path, name) => {
            cut = usize::from(take(object, path).is_some());
            name
        }
        Shorten(most) => {
            cut = shorten(object, most);
            "texts"
        }
        Bare(paths) => {
            let mut bare = Value::Object(Map::new());
            for path in paths {
                if let Some(value) = field(object, path) {
                    put(&mut bare, path, value.clone());
                }
            }
            cut = usize::from(bare != *object);
            *object = bare;
            "texts"
        }
    };
    if cut == 0 {
        return false;
    }
    let path = format!("minerwatch.cut.{name}");
    let before = field(object, &path).and_then(Value::as_u64).unwrap_or_default();
    put(object, &path, before.saturating_add(cut as u64).into());
    true
}

fn field_mut<'a>(object: &'a mut Value, path: &str) -> Option<&'a mut Value> {
    path.split('.').try_fold(object, |value, part| value.as_object_mut()?.get_mut(part))
}

fn take(object: &mut Value, path: &str) -> Option<Value> {
    match path.rsplit_once('.') {
        Some((parent, name)) => field_mut(object, parent)?.as_object_mut()?.remove(name),
        None => object.as_object_mut()?.remove(path),
    }
}

/// Sets a field. A parent that is no object is replaced.
fn put(object: &mut Value, path: &str, new: Value) {
    let mut place = object;
    for part in path.split('.') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Some(map) = place.as_object_mut() else { return };
        place = map.entry(part).or_insert(Value::Null);
    }
    *place = new;
}

/// Shortens the texts of a value. Returns their number.
fn shorten(value: &mut Value, most: usize) -> usize {
    const MARK: char = '…';
    match value {
        Value::String(text) if text.len() > most => {
            let mut end = most.saturating_sub(MARK.len_utf8());
            while !text.is_char_boundary(end) {
                end = end.saturating_sub(1);
            }
            text.truncate(end);
            text.push(MARK);
            1
        }
        Value::Array(items) => items.iter_mut().map(|item| shorten(item, most)).sum(),
        Value::Object(map) => map.values_mut().map(|value| shorten(value, most)).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_fits_stays_as_it_is() {
        let object = json!({"message": "x", "minerwatch": {"chain": [1, 2]}});
        let text = object.to_string();
        assert_eq!(into(object, text.len(), Value::to_string), Some(text));
    }

    #[test]
    fn lists_go_first_and_are_counted() {
        let chain: Vec<Value> = (0..40).map(|number| json!({"object": format!("step {number}")})).collect();
        let object = json!({"message": "x".repeat(200), "minerwatch": {"chain": chain, "cut": {"chain": 2}}});
        let text = into(object, 700, Value::to_string).expect("it fits");
        let object: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(object["minerwatch"]["chain"].as_array().map(Vec::len), Some(16));
        assert_eq!(object["minerwatch"]["cut"], json!({"chain": 26}));
        assert_eq!(object["message"].as_str().map(str::len), Some(200));
    }

    #[test]
    fn the_last_step_keeps_the_identity() {
        let object = json!({
            "@timestamp": "2026-01-01T00:00:00Z",
            "event": {"id": "0123", "action": "incident-opened"},
            "tags": vec!["x"; 2_000],
            "minerwatch": {"incident": {"id": "1-2-3"}, "verdict": "mining", "signal_ids": vec!["A"; 500]},
        });
        let text = into(object.clone(), 400, Value::to_string).expect("it fits");
        let cut: Value = serde_json::from_str(&text).expect("JSON");
        for path in ["@timestamp", "event", "minerwatch.incident.id", "minerwatch.verdict"] {
            assert_eq!(field(&cut, path), field(&object, path), "{path}");
        }
        assert_eq!(into(object, 50, Value::to_string), None);
    }

    #[test]
    fn texts_are_shortened_between_characters() {
        let mut value = json!(["ééééé", "short"]);
        assert_eq!(shorten(&mut value, 8), 1);
        assert_eq!(value, json!(["éé…", "short"]));
    }
}
