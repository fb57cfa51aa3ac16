//! What the reference says about sections and keys.

use serde::de::DeserializeOwned;

/// A section of the configuration, made by [`section!`](super::section!).
pub trait Section: DeserializeOwned {
    /// What the reference says about it.
    fn text() -> SectionText;
}

/// A section, as the reference shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SectionText {
    /// Its keys, in the order of their declaration.
    pub keys: Vec<KeyText>,
}

/// One key of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyText {
    /// Its name, without the section.
    pub name: &'static str,
    /// What it does.
    pub meaning: String,
    /// What may be written for it.
    pub shape: Shape,
}

/// What may be written for a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A value.
    Value {
        /// Whether the key must be given.
        required: bool,
        /// The values it takes, in Markdown.
        values: String,
        /// The default as TOML, if there is one.
        default: Option<String>,
    },
    /// A section below this one: `[section.key]`.
    Table(SectionText),
    /// A section that may be given several times: `[[section.key]]`.
    Tables(SectionText),
}

impl KeyText {
    /// A key; `lines` are the lines of its documentation.
    pub fn new(name: &'static str, lines: &[&str], shape: Shape) -> Self {
        let meaning = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        Self { name, meaning: meaning.trim().to_owned(), shape }
    }
}

impl SectionText {
    /// The section below this one at `path` (`sink.file`); this one itself for an empty path.
    pub fn at(&self, path: &str) -> Option<&Self> {
        if path.is_empty() {
            return Some(self);
        }
        let (name, rest) = path.split_once('.').unwrap_or((path, ""));
        match &self.keys.iter().find(|key| key.name == name)?.shape {
            Shape::Table(section) | Shape::Tables(section) => section.at(rest),
            Shape::Value { .. } => None,
        }
    }

    /// The names of its keys.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|key| key.name).collect()
    }
}
