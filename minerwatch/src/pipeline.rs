//! Connects the stages of the pipeline. This is the only module that knows all stages.
//!
//! ```text
//! event_loop (rings, clock, commands) ─┐
//!                                      ├─► stages: enrich ─► dissect ─► engine ─► effects ─► sink
//! replay (a recording) ────────────────┘                       ▲                     │
//!                                                              └── answers ◄── probe ┘
//! ```
//!
//! Commands differ in the source of their events and in their [`OutputSink`]: the daemon's outputs and control socket,
//! a terminal, or a recording.

#[cfg(any(feature = "sensor", test))]
mod agent_id;
#[cfg(feature = "sensor")]
mod daemon;
#[cfg(feature = "sensor")]
mod doctor;
#[cfg(feature = "sensor")]
mod event_loop;
mod exceptions;
#[cfg(feature = "sensor")]
mod foreground;
#[cfg(feature = "sensor")]
mod live_settings;
mod output_test;
mod replay;
#[cfg(feature = "sensor")]
mod scan;
mod settings;
mod stages;
mod trial;
#[cfg(not(feature = "sensor"))]
mod unavailable;

use std::{io, time::Duration};

use crate::{
    config::{Config, Effective, LogLevel},
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
    exceptions::{LoadedExceptions, doubts, exception_status, exceptions},
    output_test::{OutputTest, test_output},
    replay::{Replayed, replay},
    stages::{EventInfo, OutputSink},
    trial::{Trial, trial},
};

/// Options of a command that runs its own sensor in the foreground.
#[derive(Clone, Debug)]
pub struct ForegroundOptions {
    /// The configuration. The settings for events, detection and lists apply; the settings for outputs do not.
    pub config: Config,
    /// Hooks from the command line, to use instead of the best available hooks.
    pub hooks: Vec<HookChoice>,
    /// Shows a message to the user who started the command.
    pub notify: fn(&str),
}

/// Interval between two calls of [`crate::engine::Engine::tick`].
pub const TICK: Duration = Duration::from_secs(1);

/// An error: this kernel, these privileges or this build do not support the command. The text names what is missing and
/// the remedy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// An error: an argument names something that does not exist. The text lists what exists.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// Options of the daemon.
pub struct RunOptions {
    /// The configuration. SIGHUP and a change of its file reload it.
    pub effective: Effective,
    /// Hooks from the command line. They override the hooks of the configuration.
    pub hooks: Vec<HookChoice>,
    /// Sets the log level after a reload.
    pub set_log_level: Box<dyn Fn(LogLevel) + Send>,
    /// Starts the thread that writes the log, once capabilities are dropped.
    pub start_log_thread: Box<dyn FnOnce() -> io::Result<()> + Send>,
}

/// The result of `minerwatch record`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Events written.
    pub events: u64,
    /// Events lost in the kernel.
    pub lost: u64,
}

/// Progress of a scan.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScanProgress {
    /// Seconds since the scan started.
    pub seconds: u32,
    /// Processes in the process table.
    pub processes: u64,
    /// Number of samples: visits to a CPU while it ran a process.
    pub visits: u64,
    /// Number of incidents so far, including incidents with the verdict `noted`.
    pub incidents: usize,
}

/// A function that takes one or more complete lines of JSON.
pub type ShowLines<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// Returns the name and the techniques of a signal, from the catalogue of detectors.
pub fn signal_text(id: &SignalId) -> Option<SignalText> {
    let signal = detect::catalogue().iter().find(|signal| signal.id == id.0)?;
    Some(SignalText { name: signal.name, techniques: signal.techniques })
}
