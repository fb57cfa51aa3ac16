//! Environment variables that override keys: `MINERWATCH_LIMITS__MAX_PROCESSES` overrides `limits.max_processes`.
//!
//! Two underscores stand between the levels, because the names of keys contain single ones. A variable that begins like
//! an override and is none is an error, so that a misspelt override does not go unnoticed.

mod names;

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

use toml::{Table, Value};

use self::names::{Name, classify};
use super::{Config, ConfigError, Location};
use crate::schema::Section as _;

/// Environment variables that override keys.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, OsString>,
}

/// The value that a variable gives to a key.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Override {
    /// Name of the variable.
    pub variable: String,
    /// The key with its sections.
    pub path: Vec<String>,
    /// The value.
    pub value: Value,
}

impl Environment {
    /// Returns the variables of this process that begin with `MINERWATCH_`.
    pub fn of_this_process() -> Self {
        Self::of(std::env::vars_os())
    }

    /// Returns those of these variables that begin with `MINERWATCH_`.
    pub fn of(variables: impl IntoIterator<Item = (OsString, OsString)>) -> Self {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        let own = variables.into_iter().filter_map(named).filter(|(name, _)| name.starts_with(names::PREFIX));
        Self { variables: own.collect() }
    }

    /// Returns the overrides. `file` is the content of the configuration file: a variable that a value in it names, for
    /// example as the place of a secret, is no override.
    ///
    /// # Errors
    ///
    /// A variable names no key, or its value is not allowed. The error names the variable.
    pub(super) fn overrides(&self, file: &Table) -> Result<Vec<Override>, ConfigError> {
        let known = Config::text();
        let mut overrides = Vec::new();
        for (variable, value) in &self.variables {
            let path = match classify(variable, &known) {
                Name::Key(path) => path,
                Name::Other => continue,
                Name::Unknown(_) if mentions(&Value::Table(file.clone()), variable) => continue,
                Name::Unknown(message) => return Err(error(variable, None, message)),
            };
            let Some(text) = value.to_str() else {
                return Err(error(variable, Some(&path), "the value is not UTF-8 text".to_owned()));
            };
            let value = checked(text, &path).map_err(|message| error(variable, Some(&path), message))?;
            overrides.push(Override { variable: variable.clone(), path, value });
        }
        Ok(overrides)
    }
}

impl Override {
    /// Returns an error at this override.
    pub fn error(&self, message: String) -> ConfigError {
        error(&self.variable, Some(&self.path), message)
    }

    /// Puts the value into the content of a configuration file.
    pub fn apply(&self, file: &mut Table) {
        insert(file, &self.path, self.value.clone());
    }
}

/// Parses a value and checks it alone: as TOML, else as a text. A text of digits is a number for a key that wants one,
/// and a text for a key that wants a text.
fn checked(text: &str, path: &[String]) -> Result<Value, String> {
    let plain = Value::String(text.to_owned());
    let Some(parsed) = as_toml(text) else { return check(plain, path) };
    check(parsed, path).or_else(|message| check(plain, path).map_err(|_| message))
}

/// Returns the value that is written as TOML, if it is one value.
fn as_toml(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    let value = table.remove("value")?;
    table.is_empty().then_some(value)
}

fn check(value: Value, path: &[String]) -> Result<Value, String> {
    let mut table = Table::new();
    insert(&mut table, path, value.clone());
    match Config::try_from_table(table) {
        Ok(_) => Ok(value),
        Err(error) => Err(error.message().replace('\n', ", ")),
    }
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    let Some((key, rest)) = path.split_first() else { return };
    if rest.is_empty() {
        table.insert(key.clone(), value);
        return;
    }
    let below = table.entry(key.clone()).or_insert_with(|| Value::Table(Table::new()));
    // The file was checked, so a section is a table.
    if let Value::Table(below) = below {
        insert(below, rest, value);
    }
}

/// Returns whether a text in the value contains the name of a variable.
fn mentions(value: &Value, variable: &str) -> bool {
    match value {
        Value::String(text) => text.contains(variable),
        Value::Array(values) => values.iter().any(|value| mentions(value, variable)),
        Value::Table(table) => table.values().any(|value| mentions(value, variable)),
        _ => false,
    }
}

fn error(variable: &str, path: Option<&[String]>, message: String) -> ConfigError {
    ConfigError {
        path: PathBuf::from(format!("environment variable {variable}")),
        location: Location { line: None, key: path.map(|path| path.join(".")) },
        message,
    }
}

#[cfg(test)]
mod tests;
