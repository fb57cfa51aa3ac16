//! What is wrong with a configuration, so that a person can correct it without the manual.

use std::{
    fmt, io,
    path::{Path, PathBuf},
};

use super::key::{key_at, last_line_of, line_of, nearest};
use crate::schema::SectionText;

/// Where in the file the error is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Line, counted from 1, if the error is about one.
    pub line: Option<usize>,
    /// Key with its section (`sink.stdout.events`), if the error is about one.
    pub key: Option<String>,
}

/// A configuration that cannot be used.
#[derive(Debug)]
pub struct ConfigError {
    /// Which file.
    pub path: PathBuf,
    /// Where in it.
    pub location: Location,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl std::error::Error for ConfigError {}

/// `FILE:LINE: KEY: what is wrong`.
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

/// The key in serde's message about an unknown one.
fn unknown_key(message: &str) -> Option<&str> {
    message.strip_prefix("unknown field `")?.split_once('`').map(|(name, _)| name)
}

/// `key` is the unknown key with its section.
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
