//! A secret from a file or from the environment.

use std::{
    env, fmt,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};

use super::read_at_most;

/// Maximum size of a secret, in bytes.
const MAX_SECRET: u64 = 64 << 10;

/// Where a secret comes from. It is read again each time, so that it can be replaced without a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A file. White space around the secret does not count.
    File(PathBuf),
    /// An environment variable of the daemon.
    Variable(String),
}

impl SecretSource {
    /// Returns the source that the keys `NAME_file` and `NAME_env` name, if one is set. The file comes first.
    pub fn of(file: Option<&Path>, variable: Option<&str>) -> Option<Self> {
        file.map(|path| Self::File(path.to_owned()))
            .or_else(|| variable.map(|name| Self::Variable(name.to_owned())))
    }

    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// The file cannot be read, the variable is not set, or the secret is empty or has control characters.
    pub fn read(&self) -> anyhow::Result<Secret> {
        let text = match self {
            Self::File(path) => read_at_most(path, MAX_SECRET)?,
            Self::Variable(name) => {
                env::var(name).ok().with_context(|| format!("the environment has no {name}"))?
            }
        };
        let secret = text.trim();
        if secret.is_empty() {
            bail!("{self} is empty");
        }
        if secret.chars().any(char::is_control) {
            bail!("{self} holds more than one line, or control characters");
        }
        Ok(Secret(secret.to_owned()))
    }
}

impl fmt::Display for SecretSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(formatter),
            Self::Variable(name) => write!(formatter, "the environment variable {name}"),
        }
    }
}

/// A password, token or key. Only [`Self::expose`] shows it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns the secret itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}
