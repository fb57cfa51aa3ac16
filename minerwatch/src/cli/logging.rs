//! Logging to standard error.

mod background;

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt, layer::SubscriberExt, reload, util::SubscriberInitExt};

use self::background::Background;
use crate::config::LogLevel;

/// The environment variable that overrides the log level, with the syntax of `EnvFilter`.
const VARIABLE: &str = "MINERWATCH_LOG";

/// Starts logging at a level. The returned function changes the level later. A level from the environment always takes
/// precedence. The returned writer may be moved to a thread of its own.
pub(super) fn start(level: LogLevel) -> (impl Fn(LogLevel) + Send + 'static, Background) {
    let background = Background::default();
    let (filter, handle) = reload::Layer::new(filter(level));
    let stderr = std::io::stderr();
    let layer = fmt::layer()
        .with_ansi(stderr.is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()))
        .with_target(false)
        // Otherwise the layer reports a failed write with `eprintln!`, which panics if standard error is closed.
        .log_internal_errors(false)
        .with_writer(background.clone());
    // This fails only if logging has been started before in this process. The first logger then stays.
    let _ = tracing_subscriber::registry().with(filter).with(layer).try_init();
    let set_level = move |level| {
        if let Err(error) = handle.reload(self::filter(level)) {
            tracing::warn!(%error, "cannot change the log level");
        }
    };
    (set_level, background)
}

/// Starts logging of warnings and errors only, for commands that a person runs.
pub(super) fn start_quiet() {
    drop(start(LogLevel::Warn));
}

fn filter(level: LogLevel) -> EnvFilter {
    EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level.name()))
}
