//! Notifies the service manager (`sd_notify(3)`). Does nothing if there is no service manager.

use rustix::time::{ClockId, clock_gettime};
use sd_notify::NotifyState;
use tracing::debug;

/// Reports that the start or a reload is complete.
pub fn ready() {
    notify(&[NotifyState::Ready]);
}

/// Reports that a reload has started. The service manager also expects the monotonic time.
pub fn reloading() {
    let now = clock_gettime(ClockId::Monotonic);
    let microseconds = i128::from(now.tv_sec) * 1_000_000 + i128::from(now.tv_nsec) / 1_000;
    notify(&[NotifyState::Reloading, NotifyState::MonotonicUsec(microseconds)]);
}

/// Reports that the daemon is alive, which resets the service manager's watchdog.
pub fn alive() {
    notify(&[NotifyState::Watchdog]);
}

/// Reports that the daemon is shutting down.
pub fn stopping() {
    notify(&[NotifyState::Stopping]);
}

fn notify(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        debug!(%error, "the service manager could not be notified");
    }
}
