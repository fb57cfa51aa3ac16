//! The only file that knows every stage.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    cli::Report,
    config::{Config, LogLevel},
    control::TailRequest,
    model::{SignalId, Verdict},
    sink::SignalText,
};

/// How often the engine is told the time.
pub const TICK: Duration = Duration::from_secs(1);

/// This kernel, these privileges or this build do not allow it; the text names what is missing and what to
/// do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(pub String);

/// What the daemon starts with.
pub struct RunOptions {
    /// The configuration.
    pub config: Config,
    /// Where it came from, to be read again on SIGHUP.
    pub config_path: Option<PathBuf>,
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

/// Takes one or more whole lines of JSON.
pub type ShowLines<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

fn no_sensor() -> Unsupported {
    Unsupported(
        "this minerwatch was built without its kernel side, so it can only replay; build it with \
         `cargo xtask build`"
            .to_owned(),
    )
}

/// The daemon, until SIGTERM or SIGINT.
#[expect(clippy::unused_async, reason = "the kernel side is not in this build")]
pub async fn run(_options: RunOptions) -> anyhow::Result<()> {
    Err(no_sensor().into())
}

/// The live stream from a sensor of this process's own, until SIGINT.
#[expect(clippy::unused_async, reason = "the kernel side is not in this build")]
pub async fn tail(_request: TailRequest, _show: ShowLines<'_>) -> anyhow::Result<()> {
    Err(no_sensor().into())
}

/// Snapshot and a while of watching; alerts are shown, the worst verdict is the answer.
#[expect(clippy::unused_async, reason = "the kernel side is not in this build")]
pub async fn scan(_duration: Duration, _show: ShowLines<'_>) -> anyhow::Result<Option<Verdict>> {
    Err(no_sensor().into())
}

/// Events into a file, for a while or until SIGINT.
#[expect(clippy::unused_async, reason = "the kernel side is not in this build")]
pub async fn record(_file: &Path, _duration: Option<Duration>) -> anyhow::Result<Recorded> {
    Err(no_sensor().into())
}

/// What this kernel allows.
pub fn doctor() -> anyhow::Result<Report> {
    Err(no_sensor().into())
}

/// What the catalogue says of a signal.
pub fn signal_text(_id: &SignalId) -> Option<SignalText> {
    None
}
