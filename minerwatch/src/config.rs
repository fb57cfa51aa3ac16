//! The daemon's configuration: one TOML file. Every key has a default, except the required keys of repeated sections.
//!
//! Each section is declared once, with [`section!`](crate::schema::section!): the type, default, validation and
//! documentation of each key. `docs/configuration.md` and `deploy/minerwatch.toml` are generated from the declarations
//! ([`mod@reference`]), and a test fails when they are out of date.

mod check;
mod containers;
mod drop_in;
mod effective;
mod environment;
mod error;
mod except;
mod exceptions_file;
mod fields;
mod intel;
mod key;
mod log_level;
mod metrics;
mod outside;
pub mod reference;
mod response;
mod shown;

use std::{
    fmt::Write as _,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};

use sha2::{Digest as _, Sha256};

use crate::{
    model::{AccountHasher, HookChoice, Verdict},
    output::OutputsConfig,
    redact,
    schema::{absolute_path, between, checked, choice, optional, parsed, section, switch, table, tables},
};
pub use containers::Containers;
pub use drop_in::drop_in;
pub use effective::{Effective, Origin};
pub use environment::Environment;
pub use error::{ConfigError, Location};
pub use except::ExceptionEntry;
pub use exceptions_file::ExceptionsFile;
pub use fields::{Cloud, CloudAccount, CloudInstance, Fields};
pub use intel::{Intel, ListSync, SyncList, SyncSource};
pub use log_level::LogLevel;
pub use metrics::{ListenAddress, MetricsSection};
pub use response::Response;
pub use shown::Shown;

/// Maximum size of a configuration file, in bytes.
const MAX_SIZE: u64 = 1 << 20;

/// Number of bytes of the hash of a configuration that are shown.
const HASH_BYTES: usize = 6;

section! {
    /// The whole configuration.
    pub struct Config {
        /// Events that the sensor reports.
        pub events: Events = Events::default(), table();
        /// Hashing of executables.
        pub hash: Hash = Hash::default(), table();
        /// Names of containers ([deployment.md](deployment.md#names-of-containers)).
        pub containers: Containers = Containers::default(), table();
        /// Detection, and the alerts that are sent.
        pub detection: Detection = Detection::default(), table();
        /// Lists of indicators.
        pub intel: Intel = Intel::default(), table();
        /// Where events and alerts go.
        pub sink: OutputsConfig = OutputsConfig::default(), table();
        /// Fields of your own in every object. All tags together have at most 512 bytes of JSON, and so have all
        /// labels.
        pub fields: Fields = Fields::default(), table();
        /// Secrets that are removed from every object before it leaves the daemon.
        pub redact: Redact = Redact::default(), table();
        /// Storage of data that must survive a restart.
        pub state: State = State::default(), table();
        /// The control socket for `minerwatch tail` and other commands that query the daemon.
        pub control: Control = Control::default(), table();
        /// What minerwatch does to suspects, beside alerting ([response.md](response.md)).
        pub response: Response = Response::default(), table();
        /// The endpoint for Prometheus.
        pub metrics: MetricsSection = MetricsSection::default(), table();
        /// Limits that bound the use of memory and the size of alerts.
        pub limits: Limits = Limits::default(), table();
        /// Logging to standard error.
        pub log: Log = Log::default(), table();
        /// The configuration itself.
        pub config: Reload = Reload::default(), table();
    }
}

section! {
    /// Keys of `[events]`.
    pub struct Events {
        /// Interval between two CPU events of one process, in milliseconds.
        pub cpu_interval_ms: u64 = 1_000, between(100, 60_000);
        /// Minimum CPU time that a process must use in one interval to be reported, in milliseconds.
        pub cpu_threshold_ms: u64 = 100, between(1, 60_000);
        /// Interval between two `flow` events of one long connection, in seconds.
        pub flow_interval_s: u64 = 60, between(1, 86_400);
        /// Whether minerwatch checks the first payloads of connections for mining protocols, and reads DNS answers
        /// ([privacy.md](privacy.md)). Otherwise UDP flows have no byte counts.
        pub payloads: bool = true, switch();
        /// Hooks that override the automatic choice, as `--hook` does: `"file=tracepoint"`, `"yield=off"`. For support
        /// and tests; `minerwatch doctor` lists the data sources.
        pub hooks: Vec<HookChoice> = Vec::new(), parsed("a list of `\"SOURCE=TYPE\"`");
    }
}

section! {
    /// Keys of `[hash]`.
    pub struct Hash {
        /// Whether executables are hashed (SHA-256). Hashing runs in the background, once per file content.
        pub enabled: bool = true, switch();
        /// Maximum size of an executable that is hashed, in MiB.
        pub max_size_mib: u64 = 128, between(1, 4_096);
        /// Maximum average rate at which files are read for hashing, in MiB per second.
        pub rate_mib: u64 = 64, between(1, 4_096);
    }
}

section! {
    /// Keys of `[detection]`.
    pub struct Detection {
        /// Minimum verdict for which an alert is sent.
        pub min_verdict: Verdict = Verdict::Suspected, choice();
        /// Time for which a closed incident is watched for a return, in hours; 0 means not at all
        /// ([response.md](response.md#after-the-cleaning)).
        pub watch_hours: u64 = 72, between(0, 8_784);
        /// Minimum CPU usage of a busy process (signal C9), in per cent of one processor.
        pub process_cpu_percent: u64 = 70, between(1, 10_000);
        /// Time for which a process must be busy, in seconds.
        pub process_cpu_seconds: u64 = 300, between(10, 86_400);
        /// Minimum CPU usage of a busy host (signal C9H), in per cent of all processors.
        pub host_cpu_percent: u64 = 90, between(1, 100);
        /// Time for which the host must be busy, in seconds.
        pub host_cpu_seconds: u64 = 300, between(10, 86_400);
        /// Minimum rise of a program's CPU usage, compared with its own last 24 hours, for signal C9J, in per cent.
        pub cpu_rise_percent: u64 = 500, between(50, 100_000);
        /// Whether minerwatch briefly interrupts threads that keep a CPU busy, ten times per second, to sample their
        /// arithmetic. Without sampling, a miner that is alone on its core is found slowly or never.
        pub sampling: bool = true, switch();
        /// Key of the hash of accounts in alerts ([privacy.md](privacy.md)). Hosts with the same key give the same hash
        /// for the same account. The default is public: whoever knows an account can compute its hash.
        pub account_key: String = AccountHasher::DEFAULT_KEY.to_owned(), checked("a text of 1 to 256 bytes", is_key);
        /// File that contains the key, instead of `account_key`. The newline at its end does not count.
        pub account_key_file: Option<PathBuf> = None, optional(absolute_path());
        /// File that `minerwatch except` edits ([exceptions.md](exceptions.md)). Without this key, it is beside the
        /// configuration: `minerwatch.exceptions.toml` beside `minerwatch.toml`.
        pub exceptions_file: Option<PathBuf> = None, optional(absolute_path());
        /// What is not alerted about.
        pub except: Vec<ExceptionEntry> = Vec::new(), tables();
    }
}

section! {
    /// Keys of `[redact]`.
    pub struct Redact {
        /// Whether passwords, tokens and keys in command lines are replaced by `[redacted]`.
        pub enabled: bool = true, switch();
        /// More patterns of secrets: regular expressions, as the crate `regex` has them. The group `secret` of a match is
        /// replaced, or the whole match if there is no such group. A match must not go beyond the end of a JSON string.
        pub patterns: Vec<String> = Vec::new(), checked("a list of regular expressions", are_patterns);
    }
}

section! {
    /// Keys of `[state]`.
    pub struct State {
        /// The state directory. The daemon writes only to this directory, its file outputs and its socket.
        pub directory: PathBuf = PathBuf::from("/var/lib/minerwatch"), absolute_path();
    }
}

section! {
    /// Keys of `[control]`.
    pub struct Control {
        /// Whether the daemon listens on the control socket for `minerwatch tail` and other commands that query the
        /// daemon.
        pub enabled: bool = true, switch();
        /// Path of the control socket. Only root and the daemon's own user may use the socket.
        pub socket: PathBuf = PathBuf::from(Control::DEFAULT_SOCKET), absolute_path();
    }
}

fn are_patterns(patterns: &[String]) -> Result<(), String> {
    patterns
        .iter()
        .try_for_each(|pattern| redact::check(pattern).map_err(|error| format!("`{pattern}` {error}")))
}

/// Maximum length of a key for accounts in the configuration, in bytes.
const MAX_ACCOUNT_KEY: usize = 256;

fn is_key(key: &str) -> Result<(), String> {
    // The message does not quote the key, because the key may be a secret.
    if (1..=MAX_ACCOUNT_KEY).contains(&key.len()) {
        Ok(())
    } else {
        Err(format!("the key has {} bytes, not 1 to {MAX_ACCOUNT_KEY}", key.len()))
    }
}

impl Control {
    /// Default path of the control socket, for the daemon and the commands.
    pub const DEFAULT_SOCKET: &str = "/run/minerwatch/control.sock";
}

section! {
    /// Keys of `[limits]`.
    pub struct Limits {
        /// Maximum number of processes in the process table, including remembered processes that have exited.
        pub max_processes: u64 = 65_536, between(1_024, 4_194_304);
        /// Maximum number of open incidents.
        pub max_incidents: u64 = 1_024, between(16, 65_536);
        /// Maximum size of an alert's line, in bytes. A larger alert is cut; `minerwatch.cut` says what was cut.
        pub max_alert_bytes: u64 = 15_360, between(4_096, 1_048_576);
    }
}

section! {
    /// Keys of `[log]`.
    pub struct Log {
        /// Minimum level of log messages. The environment variable `MINERWATCH_LOG` overrides this key.
        pub level: LogLevel = LogLevel::Info, choice();
    }
}

section! {
    /// Keys of `[config]`.
    pub struct Reload {
        /// Whether the daemon reads the configuration again when its file changes, also through a symbolic link as in a
        /// `ConfigMap`. Without it, only SIGHUP makes the daemon read the file again.
        pub reload_on_change: bool = true, switch();
    }
}

impl Detection {
    /// Path of the file of exceptions if no configuration names one.
    pub const DEFAULT_EXCEPTIONS_FILE: &str = "/etc/minerwatch.exceptions.toml";

    /// Returns the path of the file of exceptions. `config` is the path of the configuration, if there is one.
    pub fn exceptions_path(&self, config: Option<&Path>) -> PathBuf {
        match (&self.exceptions_file, config) {
            (Some(file), _) => file.clone(),
            (None, Some(config)) => {
                let beside = config.with_extension("exceptions.toml");
                std::path::absolute(&beside).unwrap_or(beside)
            }
            (None, None) => PathBuf::from(Self::DEFAULT_EXCEPTIONS_FILE),
        }
    }
}

impl Detection {
    /// Returns the time for which a closed incident is watched.
    pub fn watch(&self) -> Duration {
        Duration::from_secs(self.watch_hours.saturating_mul(3_600))
    }
}

impl Config {
    /// Reads and checks a configuration file, and applies the environment of this process.
    ///
    /// # Errors
    ///
    /// See [`Effective::load`].
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        Effective::load(Some(path)).map(|effective| effective.config)
    }

    /// Parses and checks a configuration file with this text, without an environment. Messages use `path` as the name of
    /// the file.
    ///
    /// # Errors
    ///
    /// See [`Effective::load`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Effective::parse(text, Some(path), &Environment::default()).map(|effective| effective.config)
    }

    /// Parses the content of a configuration file, without the checks that need several keys.
    fn try_from_table(content: toml::Table) -> Result<Self, toml::de::Error> {
        content.try_into()
    }

    /// Returns the beginning of the SHA-256 hash of the configuration, in hexadecimal. Two daemons with the same
    /// settings have the same hash, whatever the order and the comments of their files.
    pub fn hash(&self) -> String {
        // Plain data always serializes.
        let settings = serde_json::to_vec(self).unwrap_or_default();
        Sha256::digest(settings).iter().take(HASH_BYTES).fold(String::new(), |mut text, byte| {
            // Writing to a string always succeeds.
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// Returns the sections that differ from `new` and take effect only at the next start, because they decide what is
    /// loaded, opened or allocated at the start. A running daemon can apply changes of the other sections, and of these
    /// keys of `[detection]`: the minimum verdict, the watch of closed incidents, and the exceptions.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // The pattern names all sections, so that a new section requires a decision here.
        let Self {
            events,
            hash,
            containers,
            detection,
            intel: _,
            sink: _,
            fields,
            redact: redacted,
            state,
            control,
            response,
            metrics,
            limits,
            log: _,
            config: _,
        } = self;
        let changed = [
            ("events", *events != new.events),
            ("hash", *hash != new.hash),
            ("containers", *containers != new.containers),
            (
                "detection",
                Detection {
                    min_verdict: new.detection.min_verdict,
                    watch_hours: new.detection.watch_hours,
                    exceptions_file: new.detection.exceptions_file.clone(),
                    except: new.detection.except.clone(),
                    ..detection.clone()
                } != new.detection,
            ),
            ("fields", *fields != new.fields),
            ("redact", *redacted != new.redact),
            ("state", *state != new.state),
            ("control", *control != new.control),
            ("response", *response != new.response),
            ("metrics", *metrics != new.metrics),
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
        return Err(io::Error::other("larger than 1 MiB, so it is not a configuration"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
