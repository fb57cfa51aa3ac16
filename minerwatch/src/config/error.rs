//! Errors in a configuration. The messages say enough to correct the configuration without the manual.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::key::{key_at, last_line_of, line_of, nearest};
use crate::schema::SectionText;

/// The location of an error in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The line, counted from 1, if known.
    pub line: Option<usize>,
    /// The key with its section (`sink.stdout.events`), if known.
    pub key: Option<String>,
}

/// Why a configuration cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    /// Path of the file.
    pub path: PathBuf,
    /// The location of the error in the file.
    pub location: Location,
    /// The error, and how to correct it.
    pub message: String,
}

impl std::error::Error for ConfigError {}

/// Writes `FILE:LINE: KEY: MESSAGE`.
impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.path.display())?;
        if let Some(line) = self.location.line {
            write!(formatter, "{line}:")?;
        }
        if let Some(key) = &self.location.key {
            write!(formatter, " {key}:")?;
        }
        write!(formatter, " {}", self.message)
    }
}

impl ConfigError {
    pub(super) fn unreadable(path: &Path, error: &io::Error) -> Self {
        let message = match error.kind() {
            io::ErrorKind::NotFound => "no such file".to_owned(),
            io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
            _ => error.to_string(),
        };
        Self { path: path.to_owned(), location: Location::default(), message }
    }

    pub(super) fn from_toml(path: &Path, text: &str, error: &toml::de::Error, known: &SectionText) -> Self {
        let line = error.span().map(|span| line_of(text, span.start));
        let key = line.and_then(|line| key_at(text, line));
        let message = match unknown_key(error.message()) {
            Some(name) => explain_unknown(name, key.as_deref(), known),
            None => error.message().replace('\n', ", "),
        };
        Self { path: path.to_owned(), location: Location { line, key }, message }
    }

    pub(super) fn conflict(path: &Path, text: &str, key: &str, message: String) -> Self {
        let line = last_line_of(text, key);
        let key = line.and_then(|line| key_at(text, line)).or_else(|| Some(key.to_owned()));
        Self { path: path.to_owned(), location: Location { line, key }, message }
    }
}

/// Returns the key in serde's message about an unknown key.
fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split_once('`').map(|(name, _)| name)
}

/// Explains that a key is unknown, and suggests a similar one. `key` is the unknown key with its section.
fn explain_unknown(name: &str, key: Option<&str>, known: &SectionText) -> String {
    let section = key.and_then(|key| key.strip_suffix(name)).map_or("", |rest| rest.trim_end_matches('.'));
    let known = known.at(section).map(SectionText::names).unwrap_or_default();
    let hint = match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`? "),
        None => String::new(),
    };
    let location = if section.is_empty() { "here".to_owned() } else { format!("in [{section}]") };
    format!("there is no such key; {hint}known {location}: {}", known.join(", "))
}
