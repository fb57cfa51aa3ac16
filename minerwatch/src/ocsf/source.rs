//! Reads an ECS object and remembers what was read, so that the rest can be written, too.

use std::{cell::RefCell, collections::BTreeMap};

use rustc_hash::FxHashSet;
use serde_json::Value;

use crate::ecs::read;

/// The values that were read, by their addresses. The addresses are only compared.
#[derive(Debug, Default)]
pub(super) struct Read(RefCell<FxHashSet<*const Value>>);

impl Read {
    fn add(&self, value: &Value) {
        self.0.borrow_mut().insert(std::ptr::from_ref(value));
    }

    fn contains(&self, value: &Value) -> bool {
        self.0.borrow().contains(&std::ptr::from_ref(value))
    }
}

/// An ECS object, or a part of one. Names of fields are dotted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    value: &'a Value,
    read: &'a Read,
}

impl<'a> Source<'a> {
    pub fn new(value: &'a Value, read: &'a Read) -> Self {
        Self { value, read }
    }

    /// Returns a part of the object. It does not count as read.
    pub fn part(self, name: &str) -> Option<Self> {
        read::field(self.value, name).map(|value| Self { value, ..self })
    }

    fn taken<T>(self, name: &str, take: impl FnOnce(&'a Value) -> Option<T>) -> Option<T> {
        let value = read::field(self.value, name)?;
        let taken = take(value)?;
        self.read.add(value);
        Some(taken)
    }

    /// Reads a text that is not empty.
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.text_if(name, |_| true)
    }

    /// Reads a text that is not empty and fulfils a condition. Any other text does not count as read.
    pub fn text_if(self, name: &str, condition: impl FnOnce(&str) -> bool) -> Option<&'a str> {
        self.taken(name, |value| value.as_str().filter(|text| !text.is_empty() && condition(text)))
    }

    /// Reads an integer.
    pub fn integer(self, name: &str) -> Option<i64> {
        self.taken(name, Value::as_i64)
    }

    /// Reads an RFC 3339 timestamp, as milliseconds since 1970.
    pub fn milliseconds(self, name: &str) -> Option<i64> {
        let time = read::milliseconds(self.value, name)?;
        self.taken(name, |_| Some(time))
    }

    /// Returns the items of a list. They do not count as read.
    pub fn items(self, name: &str) -> impl Iterator<Item = Self> {
        read::items(self.value, name).iter().map(move |value| Self { value, ..self })
    }

    /// Reads the texts of a list.
    pub fn texts(self, name: &str) -> Vec<&'a str> {
        self.items(name)
            .filter_map(|item| {
                let text = item.value.as_str()?;
                self.read.add(item.value);
                Some(text)
            })
            .collect()
    }

    /// Reads the members of an object as pairs of name and value.
    pub fn pairs(self, name: &str) -> Vec<Value> {
        let Some(Value::Object(members)) = read::field(self.value, name) else { return Vec::new() };
        let pairs = members.iter().filter_map(|(name, value)| {
            let value_text = value.as_str().filter(|text| !text.is_empty())?;
            self.read.add(value);
            Some(pair(name, &[value_text.to_owned()]))
        });
        pairs.collect()
    }

    /// Reads a field as it is. Only for fields whose members have fixed names.
    pub fn whole(self, name: &str) -> Option<Value> {
        self.taken(name, |value| Some(value.clone()))
    }

    /// Marks fields as read that say nothing which is not said elsewhere.
    pub fn skip_all(self, names: &[&str]) {
        for value in names.iter().filter_map(|name| read::field(self.value, name)) {
            self.read.add(value);
        }
    }

    /// Returns all values that were not read, as pairs of name and value or values.
    pub fn rest(self) -> Vec<Value> {
        let mut found = BTreeMap::new();
        self.collect(self.value, &mut String::new(), &mut found);
        found.iter().map(|(name, values)| pair(name, values)).collect()
    }

    fn collect(self, value: &Value, path: &mut String, found: &mut BTreeMap<String, Vec<String>>) {
        if self.read.contains(value) {
            return;
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    let length = path.len();
                    if length > 0 {
                        path.push('.');
                    }
                    path.push_str(name);
                    self.collect(member, path, found);
                    path.truncate(length);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, path, found)),
            Value::Null => {}
            Value::String(text) => found.entry(path.clone()).or_default().push(text.clone()),
            other => found.entry(path.clone()).or_default().push(other.to_string()),
        }
    }
}

/// One object with a name and a value, or a name and several values.
pub(super) fn pair(name: &str, values: &[String]) -> Value {
    match values {
        [value] => serde_json::json!({"name": name, "value": value}),
        values => serde_json::json!({"name": name, "values": values}),
    }
}
