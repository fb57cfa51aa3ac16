//! Composes the stages, and nothing else: the only room that knows all of them.
//!
//! ```text
//! event_loop (rings, clock, commands) ─┐
//!                                      ├─► stages: enrich ─► dissect ─► engine ─► effects ─► sink
//! replay (a recording) ────────────────┘                       ▲                     │
//!                                                              └── answers ◄── probe ┘
//! ```
//!
//! Commands differ in where their events come from and in their [`OutputSink`]: the daemon's outputs and control socket,
//! a terminal, a recording.

#[cfg(feature = "sensor")]
mod daemon;
#[cfg(feature = "sensor")]
mod doctor;
#[cfg(feature = "sensor")]
mod event_loop;
#[cfg(feature = "sensor")]
mod foreground;
#[cfg(feature = "sensor")]
mod live_settings;
mod replay;
#[cfg(feature = "sensor")]
mod scan;
mod settings;
mod stages;
#[cfg(not(feature = "sensor"))]
mod unavailable;

use std::{io, path::PathBuf, time::Duration};

use crate::{
    config::{Config, LogLevel},
    detect,
    ecs::SignalText,
    model::{HookChoice, SignalId},
};

#[cfg(not(feature = "sensor"))]
pub use self::unavailable::{doctor, record, run, scan, tail};
#[cfg(feature = "sensor")]
pub use self::{
    daemon::run,
    doctor::doctor,
    foreground::{record, tail},
    scan::scan,
};
pub use self::{
    replay::{Replayed, replay},
    stages::OutputSink,
};

/// What a command with a sensor of its own starts with.
#[derive(Clone, Debug)]
pub struct ForegroundOptions {
    /// The configuration: events, detection and lists count; outputs are the daemon's.
    pub config: Config,
    /// Hooks to take instead of the best that work.
    pub hooks: Vec<HookChoice>,
    /// Tells the person who started the command something.
    pub notify: fn(&str),
}

/// How often the engine is told the time.
pub const TICK: Duration = Duration::from_secs(1);

/// This kernel, these privileges or this build do not allow it; the text names what is missing and what to
/// do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// What was asked for does not exist; the text says what does.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// What the daemon starts with.
pub struct RunOptions {
    /// The configuration.
    pub config: Config,
    /// Where it came from, to be read again on SIGHUP.
    pub config_path: Option<PathBuf>,
    /// Hooks that the command line asks for; they count above those of the configuration.
    pub hooks: Vec<HookChoice>,
    /// Takes over a log level that a reload changed.
    pub set_log_level: Box<dyn Fn(LogLevel) + Send>,
}

/// What a recording came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Events written.
    pub events: u64,
    /// Events lost before they could be.
    pub lost: u64,
}

/// How far a scan is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Seconds since it began to watch.
    pub seconds: u32,
    /// Processes known.
    pub processes: u64,
    /// Visits to CPUs while they ran a process.
    pub visits: u64,
    /// Incidents so far, those included that are only noted.
    pub incidents: usize,
}

/// Takes one or more whole lines of JSON.
pub type ShowLines<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// What the catalogue says of a signal.
pub fn signal_text(id: &SignalId) -> Option<SignalText> {
    let signal = detect::catalogue().iter().find(|signal| signal.id == id.0)?;
    Some(SignalText { name: signal.name, techniques: signal.techniques })
}
