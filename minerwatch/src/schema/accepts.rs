//! The values that a key accepts. A value is checked while it is parsed, so that an error points at the value itself.

use std::{
    borrow::Borrow,
    fmt,
    marker::PhantomData,
    path::{Path, PathBuf},
};

use serde::{
    Deserialize, Deserializer, Serialize,
    de::{DeserializeOwned, Error, IntoDeserializer as _, SeqAccess, Visitor},
};

use super::{
    text::{Section, Shape},
    variants,
};
use crate::model::{EventKind, KindSet};

/// Parses, checks and describes the values of a key.
pub trait Accepts<T> {
    /// Parses and checks a value.
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<T, D::Error>;

    /// Describes the accepted values. `default` is `None` for a required key.
    fn shape(&self, default: Option<&T>) -> Shape;
}

/// Returns the shape of a plain value.
fn value<T: Serialize>(values: String, default: Option<&T>) -> Shape {
    // TOML has no `None`, so a default of `None` is not shown.
    let text = default.and_then(|value| toml::Value::try_from(value).ok()).map(|value| value.to_string());
    Shape::Value { required: default.is_none(), values, default: text }
}

/// Accepts `true` or `false`.
pub fn switch() -> impl Accepts<bool> {
    parsed("`true`, `false`")
}

/// Accepts a whole number from `low` to `high`.
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
        // TOML numbers are signed. The error message must show a negative number as written.
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

/// Accepts one of the variant names of an enum.
pub fn choice<T: Serialize + DeserializeOwned>() -> impl Accepts<T> {
    let names: Vec<String> = variants::of::<T>().iter().map(|name| format!("`\"{name}\"`")).collect();
    parsed(names.join(", "))
}

/// Accepts a set of event kinds.
pub fn event_kinds() -> impl Accepts<KindSet> {
    let names: Vec<String> = EventKind::ALL.iter().map(|kind| format!("`{}`", kind.name())).collect();
    parsed(format!("`\"none\"`, `\"all\"`, or a list of {}", names.join(", ")))
}

/// Accepts an absolute path. A relative path would depend on the daemon's working directory.
pub fn absolute_path() -> impl Accepts<PathBuf> {
    checked("an absolute path", is_absolute)
}

/// Accepts absolute paths. `values` describes the paths in the reference.
pub fn absolute_paths(values: &'static str) -> impl Accepts<Vec<PathBuf>> {
    checked(values, |paths: &[PathBuf]| paths.iter().try_for_each(|path| is_absolute(path)))
}

fn is_absolute(path: &Path) -> Result<(), String> {
    if path.is_absolute() { Ok(()) } else { Err(format!("`{}` is not an absolute path", path.display())) }
}

/// Accepts every value that the type can parse. `values` describes the accepted values in the reference.
pub fn parsed<T: Serialize + DeserializeOwned>(values: impl Into<String>) -> impl Accepts<T> {
    checked(values, |_: &T| Ok(()))
}

/// Accepts every value that the type can parse and `check` allows. `values` describes the accepted values in the
/// reference.
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

/// Accepts one value, or a list of values. `values` describes them in the reference.
pub fn one_or_more<T: Serialize + DeserializeOwned>(values: &'static str) -> impl Accepts<Vec<T>> {
    OneOrMore { values, of: PhantomData }
}

struct OneOrMore<T> {
    values: &'static str,
    of: PhantomData<T>,
}

impl<T: Serialize + DeserializeOwned> Accepts<Vec<T>> for OneOrMore<T> {
    fn read<'de, D: Deserializer<'de>>(&self, deserializer: D) -> Result<Vec<T>, D::Error> {
        struct Items<T>(PhantomData<T>);

        impl<'de, T: DeserializeOwned> Visitor<'de> for Items<T> {
            type Value = Vec<T>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("text, or a list of texts")
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Vec<T>, E> {
                T::deserialize(text.into_deserializer()).map(|item| vec![item])
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<T>, A::Error> {
                let mut all = Vec::new();
                while let Some(item) = items.next_element()? {
                    all.push(item);
                }
                Ok(all)
            }
        }

        deserializer.deserialize_any(Items(PhantomData))
    }

    fn shape(&self, default: Option<&Vec<T>>) -> Shape {
        value(self.values.to_owned(), default)
    }
}

/// Accepts the values of `inner` for an optional key. The value of a missing key is `None`.
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

/// Accepts a nested section.
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

/// Accepts a nested section that may be repeated.
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
