//! The daemon's configuration: one TOML file, every key optional, every default stated here.
//!
//! The keys are the fields of the types below; `docs/configuration.md` is made from [`mod@reference`] and a
//! test keeps types, reference and page in step.

mod error;
mod intel;
mod key;
pub mod reference;
mod value;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use crate::model::{HookChoice, KindSet, Verdict};
pub use error::{ConfigError, Location};
pub use intel::{Intel, ListSync, SyncList, SyncSource};
use value::{absolute_path, in_range};

/// Larger files are no configuration, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// Everything that can be configured.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What the sensor reports.
    pub events: Events,
    /// Hashing of executables.
    pub hash: Hash,
    /// What becomes an alert.
    pub detection: Detection,
    /// Lists of indicators.
    pub intel: Intel,
    /// Where events and alerts go.
    pub sink: Sinks,
    /// Where the daemon keeps what must outlive it.
    pub state: State,
    /// The socket for `minerwatch tail` and its like.
    pub control: Control,
    /// Bounds of memory.
    pub limits: Limits,
    /// The daemon's own messages.
    pub log: Log,
}

/// What the sensor reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Time between two CPU events of one process, milliseconds.
    #[serde(deserialize_with = "in_range::<100, 60_000, _>")]
    pub cpu_interval_ms: u64,
    /// On-CPU time within the interval below which a process is not reported, milliseconds.
    #[serde(deserialize_with = "in_range::<1, 60_000, _>")]
    pub cpu_threshold_ms: u64,
    /// Time after which a connection that goes on is reported again, seconds.
    #[serde(deserialize_with = "in_range::<1, 86_400, _>")]
    pub flow_interval_s: u64,
    /// Whether the first payloads of connections are held against mining protocols.
    pub payloads: bool,
    /// Hooks to take instead of the best that work.
    pub hooks: Vec<HookChoice>,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            cpu_interval_ms: 1_000,
            cpu_threshold_ms: 100,
            flow_interval_s: 60,
            payloads: true,
            hooks: Vec::new(),
        }
    }
}

/// Hashing of executables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Hash {
    /// Whether executables are hashed.
    pub enabled: bool,
    /// Larger files are not hashed, MiB.
    #[serde(deserialize_with = "in_range::<1, 4_096, _>")]
    pub max_size_mib: u64,
    /// The most read a second, MiB.
    #[serde(deserialize_with = "in_range::<1, 4_096, _>")]
    pub rate_mib: u64,
}

impl Default for Hash {
    fn default() -> Self {
        Self { enabled: true, max_size_mib: 128, rate_mib: 64 }
    }
}

/// What becomes an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Detection {
    /// The least verdict that is sent as an alert.
    pub min_verdict: Verdict,
    /// Share of one processor above which a process is busy (C9), per cent.
    #[serde(deserialize_with = "in_range::<1, 10_000, _>")]
    pub process_cpu_percent: u64,
    /// For how long, seconds.
    #[serde(deserialize_with = "in_range::<10, 86_400, _>")]
    pub process_cpu_seconds: u64,
    /// Share of all processors from which the host is busy (C9H), per cent.
    #[serde(deserialize_with = "in_range::<1, 100, _>")]
    pub host_cpu_percent: u64,
    /// For how long, seconds.
    #[serde(deserialize_with = "in_range::<10, 86_400, _>")]
    pub host_cpu_seconds: u64,
    /// How much more than over its own last 24 hours a program must use (C9J), per cent.
    #[serde(deserialize_with = "in_range::<50, 100_000, _>")]
    pub cpu_rise_percent: u64,
    /// Whether threads that keep a CPU busy are made to leave it for a moment, ten times a second, so that
    /// their arithmetic can be looked at.
    pub sampling: bool,
}

impl Default for Detection {
    fn default() -> Self {
        Self {
            min_verdict: Verdict::Suspected,
            process_cpu_percent: 70,
            process_cpu_seconds: 300,
            host_cpu_percent: 90,
            host_cpu_seconds: 300,
            cpu_rise_percent: 500,
            sampling: true,
        }
    }
}

/// Where events and alerts go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sinks {
    /// Standard output.
    pub stdout: Stdout,
    /// Files, each with its own choice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file: Vec<FileSink>,
}

/// Standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Stdout {
    /// Whether alerts go there.
    pub alerts: bool,
    /// Which events go there.
    pub events: KindSet,
}

impl Default for Stdout {
    fn default() -> Self {
        Self { alerts: true, events: KindSet::NONE }
    }
}

/// A file that is appended to and rotated by size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileSink {
    /// Which file.
    #[serde(deserialize_with = "absolute_path")]
    pub path: PathBuf,
    /// Whether alerts go there.
    #[serde(default = "FileSink::default_alerts")]
    pub alerts: bool,
    /// Which events go there.
    #[serde(default)]
    pub events: KindSet,
    /// Size at which it is rotated, MiB.
    #[serde(default = "FileSink::default_max_size", deserialize_with = "in_range::<1, 1_048_576, _>")]
    pub max_size_mib: u64,
    /// How many rotated files are kept.
    #[serde(default = "FileSink::default_keep", deserialize_with = "in_range::<0, 1_000, _>")]
    pub keep: u64,
}

impl FileSink {
    /// A sink for alerts in the file at `path`, the rest as by default.
    pub fn new(path: PathBuf) -> Self {
        Self {
            path,
            alerts: Self::default_alerts(),
            events: KindSet::NONE,
            max_size_mib: Self::default_max_size(),
            keep: Self::default_keep(),
        }
    }

    fn default_alerts() -> bool {
        true
    }

    fn default_max_size() -> u64 {
        100
    }

    fn default_keep() -> u64 {
        5
    }
}

/// Where the daemon keeps what must outlive it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The only directory the daemon writes to, its file sinks and its socket apart.
    #[serde(deserialize_with = "absolute_path")]
    pub directory: PathBuf,
}

impl Default for State {
    fn default() -> Self {
        Self { directory: PathBuf::from("/var/lib/minerwatch") }
    }
}

/// The socket for `minerwatch tail` and its like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Control {
    /// Whether there is one.
    pub enabled: bool,
    /// Its path.
    #[serde(deserialize_with = "absolute_path")]
    pub socket: PathBuf,
}

impl Control {
    /// Where the commands look for the daemon if not told otherwise.
    pub const DEFAULT_SOCKET: &str = "/run/minerwatch/control.sock";
}

impl Default for Control {
    fn default() -> Self {
        Self { enabled: true, socket: PathBuf::from(Self::DEFAULT_SOCKET) }
    }
}

/// Bounds of memory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Processes in the table, living and remembered dead ones together.
    #[serde(deserialize_with = "in_range::<1_024, 4_194_304, _>")]
    pub max_processes: u64,
    /// Incidents kept open.
    #[serde(deserialize_with = "in_range::<16, 65_536, _>")]
    pub max_incidents: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_processes: 65_536, max_incidents: 1_024 }
    }
}

/// The daemon's own messages, on standard error.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The least level that is written.
    pub level: LogLevel,
}

impl Default for Log {
    fn default() -> Self {
        Self { level: LogLevel::Info }
    }
}

/// Levels of the daemon's own messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What stopped it, or part of it.
    Error,
    /// What limits it.
    Warn,
    /// What it does.
    Info,
    /// How it does that.
    Debug,
    /// Everything.
    Trace,
}

impl LogLevel {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is no TOML, or holds a key or value that is not allowed. The message names
    /// the file, and line and key where there are such.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        Self::parse(&text, path)
    }

    /// Checks a configuration given as text; `path` is what messages call it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self =
            toml::from_str(text).map_err(|error| ConfigError::from_toml(path, text, &error))?;
        config.check().map_err(|(key, message)| ConfigError::conflict(path, text, key, message))?;
        Ok(config)
    }

    /// What no single value shows.
    fn check(&self) -> Result<(), (&'static str, String)> {
        for (index, sink) in self.sink.file.iter().enumerate() {
            if self.sink.file.iter().take(index).any(|other| other.path == sink.path) {
                let message = format!("two file sinks write {}; give each its own", sink.path.display());
                return Err(("path", message));
            }
        }
        let syncs = &self.intel.sync;
        for (index, sync) in syncs.iter().enumerate() {
            if syncs.iter().take(index).any(|other| other.name == sync.name) {
                let message = format!("two lists are called {}; give each its own name", sync.name);
                return Err(("name", message));
            }
            if sync.headers_file.is_some() && !sync.from.is_https() {
                let message = "an API key is sent over https only; `from` is something else".to_owned();
                return Err(("headers_file", message));
            }
            if sync.list == SyncList::Allow && sync.from.is_in_the_clear() {
                let message = "over http anybody on the way could allow himself; use https".to_owned();
                return Err(("from", message));
            }
        }
        Ok(())
    }

    /// The sections that differ from `new` and take effect only at the next start, because they shape what
    /// is loaded, opened or allocated then. The rest may be taken over by a running daemon.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // Every section must be decided on here.
        let Self { events, hash, detection, intel: _, sink: _, state, control, limits, log: _ } = self;
        let changed = [
            ("events", *events != new.events),
            ("hash", *hash != new.hash),
            (
                "detection",
                Detection { min_verdict: new.detection.min_verdict, ..*detection } != new.detection,
            ),
            ("state", *state != new.state),
            ("control", *control != new.control),
            ("limits", *limits != new.limits),
        ];
        changed.into_iter().filter_map(|(section, changed)| changed.then_some(section)).collect()
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if file.take(MAX_SIZE + 1).read_to_string(&mut text)? as u64 > MAX_SIZE {
        return Err(io::Error::other("larger than 1 MiB, so it is no configuration"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
