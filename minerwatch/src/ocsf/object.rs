//! Builds JSON objects without unknown members.

use serde_json::{Map, Value};

/// A JSON object. What is unknown or empty is left out.
#[derive(Debug, Default)]
pub(super) struct Object(Map<String, Value>);

impl Object {
    /// Adds a member, if its value is known and not empty.
    pub fn with(mut self, name: &str, value: impl Member) -> Self {
        if let Some(value) = value.member() {
            self.0.insert(name.to_owned(), value);
        }
        self
    }

    /// Adds a number from a list of choices, and its name.
    pub fn choice(self, number: &str, name: &str, choice: (u32, &str)) -> Self {
        self.with(number, choice.0).with(name, choice.1)
    }

    /// Returns the object, or `None` if it lacks each of `names`.
    pub fn if_any(self, names: &[&str]) -> Option<Self> {
        names.iter().any(|name| self.0.contains_key(*name)).then_some(self)
    }

    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(object.0)
    }
}

/// What can be the value of a member.
pub(super) trait Member {
    /// Returns the value, or `None` if the member is left out.
    fn member(self) -> Option<Value>;
}

impl Member for Value {
    fn member(self) -> Option<Value> {
        (!self.is_null()).then_some(self)
    }
}

impl Member for Object {
    fn member(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.into())
    }
}

impl Member for &str {
    fn member(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.into())
    }
}

impl Member for String {
    fn member(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.into())
    }
}

impl<T: Into<Value>> Member for Vec<T> {
    fn member(self) -> Option<Value> {
        (!self.is_empty()).then(|| self.into())
    }
}

impl<T: Member> Member for Option<T> {
    fn member(self) -> Option<Value> {
        self.and_then(T::member)
    }
}

macro_rules! scalars {
    ($($name:ty),*) => {$(
        impl Member for $name {
            fn member(self) -> Option<Value> {
                Some(self.into())
            }
        }
    )*};
}

scalars!(bool, i64, u32);
