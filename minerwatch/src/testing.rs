//! What the tests of several rooms share: a host whose activity becomes events, and ways to run detectors and engines over
//! these events.

mod detectors;
mod engine;
mod host;
pub mod samples;
mod story;

use std::time::Duration;

use crate::model::{BootTime, Event, EventBody, ProcessKey, Subject};

pub use detectors::{findings, findings_of, findings_on, requests};
pub use engine::{alerts, feed, pass_time, verdict};
pub use host::{CpuReport, Host, TcpPayload};
pub use story::story;

/// A duration in whole seconds.
pub const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// A process of root's, outside any container, whose first thread acts.
pub fn subject(key: ProcessKey) -> Subject {
    Subject { key, tid: key.pid, uid: 0, gid: 0, cgroup: 0, container: None }
}

/// One event of such a process, for tests that need no [`Host`] around it.
pub fn event(time: BootTime, key: ProcessKey, body: EventBody) -> Event {
    Event { time, subject: subject(key), body }
}
