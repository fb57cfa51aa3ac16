//! Helpers that the tests of several modules share: a simulated host that produces events, and functions that run
//! detectors and engines over these events.

mod detectors;
mod documents;
mod engine;
mod host;
pub mod samples;
mod story;

use std::time::Duration;

use crate::model::{BootTime, Event, EventBody, ProcessKey, Subject};

pub use detectors::{evidence, findings, findings_of, findings_on, kinds_of, requests};
pub(crate) use documents::{each_recorded, each_sample};
pub use engine::{alerts, alerts_over_time, feed, pass_time, verdict};
pub use host::{CpuReport, Host, TcpPayload};
pub use story::story;

/// Returns a duration of `count` seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Returns the event subject of a process that root runs outside any container. The main thread acts.
pub fn subject(key: ProcessKey) -> Subject {
    Subject { key, tid: key.pid, uid: 0, gid: 0, cgroup: 0, container: None }
}

/// Returns an event of a process that root runs outside any container, for tests that need no [`Host`].
pub fn event(time: BootTime, key: ProcessKey, body: EventBody) -> Event {
    Event { time, subject: subject(key), body }
}
