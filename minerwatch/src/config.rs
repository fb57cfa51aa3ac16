//! The daemon's configuration: one TOML file, every key optional, every default stated here.
//!
//! Each section is declared once, with [`section!`](crate::schema::section!): type, default, check and
//! documentation of each key. `docs/configuration.md` and `deploy/minerwatch.toml` are made from the
//! declarations ([`mod@reference`]), and a test fails when they are stale.

mod check;
mod error;
mod intel;
mod key;
mod log_level;
pub mod reference;

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use crate::{
    model::{HookChoice, Verdict},
    output::OutputsConfig,
    schema::{Section as _, absolute_path, between, choice, parsed, section, switch, table},
};
pub use error::{ConfigError, Location};
pub use intel::{Intel, ListSync, SyncList, SyncSource};
pub use log_level::LogLevel;

/// A larger file is not a configuration, bytes.
const MAX_SIZE: u64 = 1 << 20;

section! {
    /// Everything that can be configured.
    pub struct Config {
        /// What the sensor reports.
        pub events: Events = Events::default(), table();
        /// Hashing of executables.
        pub hash: Hash = Hash::default(), table();
        /// What becomes an alert.
        pub detection: Detection = Detection::default(), table();
        /// Lists of indicators.
        pub intel: Intel = Intel::default(), table();
        /// Where events and alerts go.
        pub sink: OutputsConfig = OutputsConfig::default(), table();
        /// Where the daemon keeps what must survive a restart.
        pub state: State = State::default(), table();
        /// The socket for `minerwatch tail` and other commands that ask the daemon.
        pub control: Control = Control::default(), table();
        /// Bounds of memory.
        pub limits: Limits = Limits::default(), table();
        /// The daemon's own messages, on standard error.
        pub log: Log = Log::default(), table();
    }
}

section! {
    /// Keys of `[events]`.
    pub struct Events {
        /// Time between two CPU events of one process, in milliseconds.
        pub cpu_interval_ms: u64 = 1_000, between(100, 60_000);
        /// A process that used less CPU time in that interval is not reported, in milliseconds.
        pub cpu_threshold_ms: u64 = 100, between(1, 60_000);
        /// Time between two `flow` events of one long connection, in seconds.
        pub flow_interval_s: u64 = 60, between(1, 86_400);
        /// Whether the first payloads of connections are compared with mining protocols and DNS answers are
        /// read ([privacy.md](privacy.md)). Without it UDP flows have no byte counts.
        pub payloads: bool = true, switch();
        /// Hooks to use instead of those that minerwatch would choose, as `--hook` does: `"file=tracepoint"`,
        /// `"yield=off"`. For support and tests; `minerwatch doctor` lists what there is.
        pub hooks: Vec<HookChoice> = Vec::new(), parsed("a list of `\"SOURCE=TYPE\"`");
    }
}

section! {
    /// Keys of `[hash]`.
    pub struct Hash {
        /// Whether executables are hashed (SHA-256). This happens in the background, once for each content.
        pub enabled: bool = true, switch();
        /// Larger executables are not hashed, in MiB.
        pub max_size_mib: u64 = 128, between(1, 4_096);
        /// The most that is read for hashing in a second, on average, in MiB.
        pub rate_mib: u64 = 64, between(1, 4_096);
    }
}

section! {
    /// Keys of `[detection]`.
    pub struct Detection {
        /// The lowest verdict that is sent as an alert.
        pub min_verdict: Verdict = Verdict::Suspected, choice();
        /// A process that uses more of one processor than this counts as busy (signal C9), in per cent.
        pub process_cpu_percent: u64 = 70, between(1, 10_000);
        /// How long a process must be busy, in seconds.
        pub process_cpu_seconds: u64 = 300, between(10, 86_400);
        /// A host that uses this much of all its processors counts as busy (signal C9H), in per cent.
        pub host_cpu_percent: u64 = 90, between(1, 100);
        /// How long the host must be busy, in seconds.
        pub host_cpu_seconds: u64 = 300, between(10, 86_400);
        /// How much more CPU time than in its own last 24 hours a program must use for signal C9J, in per cent.
        pub cpu_rise_percent: u64 = 500, between(50, 100_000);
        /// Whether minerwatch interrupts threads that keep a CPU busy for a moment, ten times a second, to
        /// look at their arithmetic. Without it a miner that is alone on its core is found slowly or never.
        pub sampling: bool = true, switch();
    }
}

section! {
    /// Keys of `[state]`.
    pub struct State {
        /// The only directory the daemon writes to, apart from its file outputs and its socket.
        pub directory: PathBuf = PathBuf::from("/var/lib/minerwatch"), absolute_path();
    }
}

section! {
    /// Keys of `[control]`.
    pub struct Control {
        /// Whether the daemon listens for `minerwatch tail` and the other commands that ask it.
        pub enabled: bool = true, switch();
        /// The Unix socket it listens on. Only root and the daemon's own user may use it.
        pub socket: PathBuf = PathBuf::from(Control::DEFAULT_SOCKET), absolute_path();
    }
}

impl Control {
    /// Where the commands look for the daemon unless told otherwise.
    pub const DEFAULT_SOCKET: &str = "/run/minerwatch/control.sock";
}

section! {
    /// Keys of `[limits]`.
    pub struct Limits {
        /// Processes in the table, living ones and remembered dead ones together.
        pub max_processes: u64 = 65_536, between(1_024, 4_194_304);
        /// Incidents that are kept open.
        pub max_incidents: u64 = 1_024, between(16, 65_536);
    }
}

section! {
    /// Keys of `[log]`.
    pub struct Log {
        /// The lowest level of messages that are written. The environment variable `MINERWATCH_LOG` overrides
        /// it.
        pub level: LogLevel = LogLevel::Info, choice();
    }
}

impl Config {
    /// Reads and checks a file.
    ///
    /// # Errors
    ///
    /// The file cannot be read, is not TOML, or holds a key or value that is not allowed. The message names the
    /// file, and the line and key if it is about one.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let text = read(path).map_err(|error| ConfigError::unreadable(path, &error))?;
        Self::parse(&text, path)
    }

    /// Checks a configuration given as text; `path` is what messages call it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|error| ConfigError::from_toml(path, text, &error, &Self::text()))?;
        check::conflicts(&config)
            .map_err(|(key, message)| ConfigError::conflict(path, text, key, message))?;
        Ok(config)
    }

    /// The sections that differ from `new` and take effect only at the next start, because they decide what is
    /// loaded, opened or allocated then. A running daemon can take over the others.
    pub fn needs_restart(&self, new: &Self) -> Vec<&'static str> {
        // A new section must be decided on here, so the pattern names them all.
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
        return Err(io::Error::other("larger than 1 MiB, so it is not a configuration"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
