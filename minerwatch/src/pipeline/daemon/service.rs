//! Notifies the service manager (`sd_notify(3)`). Does nothing without one.

use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;
use tracing::debug;

/// The start or a reload is complete.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// A reload has started. The service manager expects the time with it.
pub fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    notify(&[NotifyState::Reloading, NotifyState::MonotonicUsec(microseconds)]);
}

/// The daemon is alive. Resets the service manager's watchdog.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// The daemon is shutting down.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager could not be notified");
    }
}
