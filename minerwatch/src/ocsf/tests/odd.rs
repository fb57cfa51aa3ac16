//! Objects with odd names, odd values and missing parts.

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{converted, document, leaves, sample, schema::Schema};

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
