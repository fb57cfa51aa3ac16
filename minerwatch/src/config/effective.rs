//! The configuration that applies: the file, and the environment variables that override its keys.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Config, ConfigError, Environment, check, environment::Override, exceptions_file, read};
use crate::schema::Section as _;

/// A configuration with where its values come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Effective {
    /// The configuration.
    pub config: Config,
    /// Path of the file, if there is one.
    pub path: Option<PathBuf>,
    /// The text of the file, or an empty text.
    pub text: String,
    /// What the file sets.
    file: Table,
    overrides: Vec<Override>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nothing sets the key.
    Default,
    /// The file sets the key.
    File,
    /// The environment variable with this name sets the key.
    Environment(String),
}

impl Effective {
    /// Reads the file at `path`, if one is given, and applies the environment of this process.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, or holds a key or value that is not allowed; or a variable does. The
    /// message names the file, and the line and key of the error if known, or the variable.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let text = path.map(Self::read).transpose()?.unwrap_or_default();
        Self::parse(&text, path, &Environment::of_this_process())
    }

    /// Reads the text of a configuration file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is too large, or is not UTF-8 text.
    pub fn read(path: &Path) -> Result<String, ConfigError> {
        read(path).map_err(|error| ConfigError::unreadable(path, &error))
    }

    /// Parses and checks the text of a file together with an environment. `path` is the name of the file in messages.
    ///
    /// # Errors
    ///
    /// See [`Self::load`].
    pub fn parse(text: &str, path: Option<&Path>, environment: &Environment) -> Result<Self, ConfigError> {
        let name = path.unwrap_or(Path::new("the environment"));
        let from_toml = |error| ConfigError::from_toml(name, text, &error, &Config::text());
        let of_file: Config = toml::from_str(text).map_err(from_toml)?;
        let file: Table = toml::from_str(text).map_err(from_toml)?;
        let overrides = environment.overrides(&file)?;
        let config = if overrides.is_empty() {
            of_file
        } else {
            let mut content = file.clone();
            for own in &overrides {
                own.apply(&mut content);
            }
            Config::try_from_table(content).map_err(from_toml)?
        };
        let own = Self { config, path: path.map(Path::to_owned), text: text.to_owned(), file, overrides };
        check::conflicts(&own.config).map_err(|(key, message)| own.conflict(name, key, message))?;
        check::exceptions(&own.config.detection.except).map_err(|(index, conflict)| {
            exceptions_file::at(name, text, "[[detection.except]]", index, conflict)
        })?;
        Ok(own)
    }

    /// Returns the error of a contradiction between keys. The variable is at fault if one sets the key.
    fn conflict(&self, name: &Path, key: &str, message: String) -> ConfigError {
        match self.overrides.iter().find(|own| own.path.last().is_some_and(|last| last == key)) {
            Some(own) => own.error(message),
            None => ConfigError::conflict(name, &self.text, key, message),
        }
    }

    /// Returns the error of a key in the section with this header and number.
    pub fn error_at(&self, header: &str, number: usize, key: &str, message: String) -> ConfigError {
        let section = header.trim_matches(['[', ']']);
        let full = format!("{section}.{key}");
        if let Some(own) = self.overrides.iter().find(|own| own.path.join(".") == full) {
            return own.error(message);
        }
        let path = self.path.clone().unwrap_or_else(|| PathBuf::from("the environment"));
        exceptions_file::at(&path, &self.text, header, number, (key, message))
    }

    /// Returns the names of the environment variables that override a key.
    pub fn overriding_variables(&self) -> Vec<&str> {
        self.overrides.iter().map(|own| own.variable.as_str()).collect()
    }

    /// Returns where the value of a key comes from. `path` is the key with its sections; the sections that may be
    /// repeated have their number.
    pub fn origin(&self, path: &[Step<'_>]) -> Origin {
        if let Some(own) = self.overrides.iter().find(|own| is_at(&own.path, path)) {
            return Origin::Environment(own.variable.clone());
        }
        let mut steps = path.iter();
        let Some(Step::Key(first)) = steps.next() else { return Origin::Default };
        let found = steps.try_fold(self.file.get(*first), |value, step| {
            let value = value?;
            Some(match step {
                Step::Key(name) => value.get(*name),
                Step::Number(number) => value.as_array().and_then(|values| values.get(*number)),
            })
        });
        if found.flatten().is_some() { Origin::File } else { Origin::Default }
    }
}

/// A step on the path to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The key with this name.
    Key(&'a str),
    /// The section with this number among repeated ones, from 0.
    Number(usize),
}

fn is_at(own: &[String], path: &[Step<'_>]) -> bool {
    own.len() == path.len() && own.iter().zip(path).all(|(name, step)| *step == Step::Key(name))
}

impl From<&Effective> for Value {
    fn from(effective: &Effective) -> Self {
        // Every value of a configuration came from TOML.
        Self::try_from(&effective.config).unwrap_or_else(|_| Self::Table(Table::new()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effective(text: &str, variables: &[(&str, &str)]) -> Effective {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Effective::parse(text, Some(Path::new("m.toml")), &Environment::of(variables))
            .unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn every_value_has_an_origin() {
        use Step::{Key, Number};
        let text = "[hash]\nrate_mib = 7\n[limits]\nmax_incidents = 99\n[[sink.file]]\npath = '/a'\n\
                    [[sink.file]]\npath = '/b'\nkeep = 1\n";
        let own = effective(text, &[("MINERWATCH_LIMITS__MAX_INCIDENTS", "77")]);
        assert_eq!(own.config.limits.max_incidents, 77);
        let variable = Origin::Environment("MINERWATCH_LIMITS__MAX_INCIDENTS".to_owned());
        for (path, origin) in [
            (&[Key("hash"), Key("rate_mib")][..], Origin::File),
            (&[Key("hash"), Key("enabled")], Origin::Default),
            (&[Key("limits"), Key("max_incidents")], variable),
            (&[Key("sink"), Key("file"), Number(1), Key("keep")], Origin::File),
            (&[Key("sink"), Key("file"), Number(0), Key("keep")], Origin::Default),
            (&[Key("sink"), Key("file"), Number(2), Key("keep")], Origin::Default),
            (&[], Origin::Default),
        ] {
            assert_eq!(own.origin(path), origin, "{path:?}");
        }
    }
}
