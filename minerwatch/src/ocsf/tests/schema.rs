//! The official schema. The README in the directory of the schema says where it comes from.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use jsonschema::Validator;
use serde_json::{Map, Value, json};

const FILE: &str = include_str!("../schema/ocsf.json");

/// The class and the profiles of an event, which select its schema.
type Selection = (String, Vec<String>);

/// Validates events of all classes.
pub(super) struct Schema {
    whole: Value,
    validators: RefCell<BTreeMap<Selection, Rc<Validator>>>,
}

thread_local! {
    static SHARED: Rc<Schema> = Rc::new(Schema::new());
}

impl Schema {
    pub fn new() -> Self {
        Self { whole: serde_json::from_str(FILE).unwrap(), validators: RefCell::default() }
    }

    /// Returns the schema of this thread, for tests with many short cases.
    pub fn shared() -> Rc<Self> {
        SHARED.with(Rc::clone)
    }

    /// Fails unless the event is valid and its names fit its numbers.
    pub fn check(&self, name: &str, event: &Value) {
        let class = event["class_uid"].to_string();
        let profiles = &event["metadata"]["profiles"];
        let profiles =
            profiles.as_array().expect("profiles").iter().map(|it| it.as_str().unwrap().to_owned());
        let profiles: Vec<String> = profiles.collect();
        let mut validators = self.validators.borrow_mut();
        let validator = validators
            .entry((class.clone(), profiles.clone()))
            .or_insert_with(|| Rc::new(self.validator(&class, &profiles)));
        let errors: Vec<String> =
            validator.iter_errors(event).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{name}: {}\n{event:#}", errors.join("\n"));
        self.check_names(name, event, &self.whole["classes"][&class]);
        let number = |name: &str| event[name].as_u64().unwrap();
        assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{name}");
        assert_eq!(event["metadata"]["version"], self.whole["version"]);
    }

    fn validator(&self, class: &str, profiles: &[String]) -> Validator {
        let mut schema = self.whole["classes"][class].clone();
        assert!(schema.is_object(), "the schema lacks class {class}");
        schema["$defs"] = self.whole["$defs"].clone();
        for definition in schema["$defs"].as_object_mut().unwrap().values_mut() {
            keep_profiles(definition, profiles);
        }
        keep_profiles(&mut schema, profiles);
        jsonschema::draft202012::new(&schema).expect("a valid schema")
    }

    /// Compares the name of each choice with the caption of its number. For 99, the name is free.
    fn check_names(&self, name: &str, object: &Value, schema: &Value) {
        let Some(members) = object.as_object() else { return };
        for (attribute, value) in members {
            let property = &schema["properties"][attribute];
            if let Some(caption) = property["x-captions"].get(value.to_string()).filter(|_| *value != 99) {
                let sibling = property["x-sibling"].as_str().unwrap();
                assert_eq!(&object[sibling], caption, "{name}: {sibling}");
            }
            let items = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            let reference = property["$ref"].as_str().or_else(|| property["items"]["$ref"].as_str());
            if let Some(reference) = reference.and_then(|it| it.strip_prefix("#/$defs/")) {
                for item in items {
                    self.check_names(name, item, &self.whole["$defs"][reference]);
                }
            }
        }
    }
}

/// Removes the attributes of other profiles.
fn keep_profiles(definition: &mut Value, profiles: &[String]) {
    let is_kept = |property: &Value| match property["x-profiles"].as_array() {
        Some(wanted) => wanted.iter().any(|it| profiles.iter().any(|profile| it == profile)),
        None => true,
    };
    let properties = definition["properties"].as_object_mut().unwrap();
    let kept: Map<String, Value> =
        std::mem::take(properties).into_iter().filter(|(_, property)| is_kept(property)).collect();
    let required = definition["required"].as_array().unwrap().iter();
    definition["required"] =
        required.filter(|name| kept.contains_key(name.as_str().unwrap())).cloned().collect();
    definition["properties"] = kept.into();
}

#[test]
fn the_schema_refuses_what_is_wrong() {
    let mut event = super::converted("exec");
    let schema = Schema::new();
    schema.check("exec", &event);
    let validator =
        schema.validator("1007", &["host".to_owned(), "container".to_owned(), "cloud".to_owned()]);
    assert!(validator.is_valid(&event));
    for (pointer, value) in [
        ("/process/pid", json!("1")),
        ("/activity_id", json!(17)),
        ("/device", json!({})),
        ("/metadata", json!({"version": "1.8.0"})),
    ] {
        let before = std::mem::replace(event.pointer_mut(pointer).unwrap(), value);
        assert!(!validator.is_valid(&event), "{pointer}");
        *event.pointer_mut(pointer).unwrap() = before;
    }
    event["surprise"] = 1.into();
    assert!(!validator.is_valid(&event));
}
