//! What the service manager is told (`sd_notify(3)`); without one nothing happens.

use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;
use tracing::debug;

/// Start or reload are complete.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// The configuration is being read again. The manager wants to know since when.
pub fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    notify(&[NotifyState::Reloading, NotifyState::MonotonicUsec(microseconds)]);
}

/// The loop turns: what the manager's watchdog waits for.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// The end has begun.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager could not be told");
    }
}
