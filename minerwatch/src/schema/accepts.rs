//! The kinds of value that a key can take. Values are checked while they are read, so that an error points at
//! the value itself.

use std::{
    borrow::Borrow,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Deserializer, Serialize, de::DeserializeOwned, de::Error};

use super::{
    text::{Section, Shape},
    variants,
};
use crate::model::{EventKind, KindSet};

/// The values of a key: how they are read and checked, and how the reference describes them.
pub trait Accepts<T> {
    /// Reads a value and checks it.
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error>;

    /// What may be written; `default` is `None` for a key that must be given.
    fn shape(&self, default: Option<&T>) -> Shape;
}

/// The shape of a plain value.
fn value<T: Serialize>(values: String, default: Option<&T>) -> Shape {
    // TOML has no `None`; then there is no default to show.
    let text = default.and_then(|value| toml::Value::try_from(value).ok()).map(|value| value.to_string());
    Shape::Value { required: default.is_none(), values, default: text }
}

/// `true` or `false`.
pub fn switch() -> impl Accepts<bool> {
    parsed("`true`, `false`")
}

/// A whole number from `low` to `high`.
pub fn between(low: u64, high: u64) -> impl Accepts<u64> {
    Between { low, high }
}

struct Between {
    low: u64,
    high: u64,
}

impl Accepts<u64> for Between {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<u64, D::Error> {
        let Self { low, high } = *self;
        // TOML's numbers are signed, and a message should show what was written.
        let number = i64::deserialize(deserializer)?;
        u64::try_from(number)
            .ok()
            .filter(|number| (low..=high).contains(number))
            .ok_or_else(|| D::Error::custom(format!("{number} is not between {low} and {high}")))
    }

    fn shape(&self, default: Option<&u64>) -> Shape {
        value(format!("{} to {}", self.low, self.high), default)
    }
}

/// One of the names of an enum.
pub fn choice<T: Serialize + DeserializeOwned>() -> impl Accepts<T> {
    let names: Vec<String> = variants::of::<T>().iter().map(|name| format!("`\"{name}\"`")).collect();
    parsed(names.join(", "))
}

/// Kinds of event.
pub fn event_kinds() -> impl Accepts<KindSet> {
    let names: Vec<String> = EventKind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
    parsed(format!("`\"none\"`, `\"all\"`, or a list of {}", names.join(", ")))
}

/// A path from the root. Nobody knows the daemon's working directory.
pub fn absolute_path() -> impl Accepts<PathBuf> {
    checked("an absolute path", is_absolute)
}

/// Paths from the root; `values` says what they are for.
pub fn absolute_paths(values: &'static str) -> impl Accepts<Vec<PathBuf>> {
    checked(values, |paths: &[PathBuf]| paths.iter().try_for_each(|path| is_absolute(path)))
}

fn is_absolute(path: &Path) -> Result<(), String> {
    if path.is_absolute() { Ok(()) } else { Err(format!("`{}` is not an absolute path", path.display())) }
}

/// Whatever the type itself can read; `values` describes that.
pub fn parsed<T: Serialize + DeserializeOwned>(values: impl Into<String>) -> impl Accepts<T> {
    checked(values, |_: &T| Ok(()))
}

/// What the type can read and `check` does not refuse; `values` describes that.
pub fn checked<T: Serialize + DeserializeOwned + Borrow<B>, B: ?Sized>(
    values: impl Into<String>,
    check: impl Fn(&B) -> Result<(), String>,
) -> impl Accepts<T> {
    Checked { values: values.into(), check, checks: PhantomData }
}

struct Checked<C, B: ?Sized> {
    values: String,
    check: C,
    checks: PhantomData<fn(&B)>,
}

impl<T, C, B> Accepts<T> for Checked<C, B>
where
    T: Serialize + DeserializeOwned + Borrow<B>,
    C: Fn(&B) -> Result<(), String>,
    B: ?Sized,
{
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error> {
        let value = T::deserialize(deserializer)?;
        (self.check)(value.borrow()).map_err(D::Error::custom)?;
        Ok(value)
    }

    fn shape(&self, default: Option<&T>) -> Shape {
        value(self.values.clone(), default)
    }
}

/// A key that may be left out and then has no value.
pub fn optional<T>(inner: impl Accepts<T>) -> impl Accepts<Option<T>> {
    Optional(inner)
}

struct Optional<A>(A);

impl<T, A: Accepts<T>> Accepts<Option<T>> for Optional<A> {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Option<T>, D::Error> {
        self.0.read(deserializer).map(Some)
    }

    fn shape(&self, default: Option<&Option<T>>) -> Shape {
        match self.0.shape(default.and_then(Option::as_ref)) {
            Shape::Value { values, default, .. } => Shape::Value { required: false, values, default },
            section @ (Shape::Table(_) | Shape::Tables(_)) => section,
        }
    }
}

/// A section below this one.
pub fn table<T: Section>() -> impl Accepts<T> {
    Table(PhantomData)
}

struct Table<T>(PhantomData<T>);

impl<T: Section> Accepts<T> for Table<T> {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error> {
        T::deserialize(deserializer)
    }

    fn shape(&self, _: Option<&T>) -> Shape {
        Shape::Table(T::text())
    }
}

/// A section below this one that may be given several times.
pub fn tables<T: Section>() -> impl Accepts<Vec<T>> {
    Tables(PhantomData)
}

struct Tables<T>(PhantomData<T>);

impl<T: Section> Accepts<Vec<T>> for Tables<T> {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Vec<T>, D::Error> {
        Vec::deserialize(deserializer)
    }

    fn shape(&self, _: Option<&Vec<T>>) -> Shape {
        Shape::Tables(T::text())
    }
}
