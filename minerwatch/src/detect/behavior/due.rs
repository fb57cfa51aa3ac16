//! Which busy processes are due for another look.

use std::time::Duration;

use crate::{
    bounded::BoundedMap,
    model::{BootTime, ProcessKey},
};

/// Time between two looks at one process.
const INTERVAL: Duration = Duration::from_secs(5 * 60);
/// Maximum number of processes that are tracked.
const PROCESSES: usize = 1_024;

/// When each process was last due.
#[derive(Debug)]
pub(super) struct Due {
    last: BoundedMap<ProcessKey, BootTime>,
}

impl Due {
    pub(super) fn new() -> Self {
        Self { last: BoundedMap::new(PROCESSES) }
    }

    /// Whether a process is due at the time `now`: for the first time, or five minutes after it was last due.
    pub(super) fn is_due(&mut self, process: ProcessKey, now: BootTime) -> bool {
        let is_due = self.last.get(&process).is_none_or(|last| now.since(*last) >= INTERVAL);
        if is_due {
            self.last.insert(process, now);
        }
        is_due
    }

    /// Forgets a process that ended.
    pub(super) fn remove(&mut self, process: ProcessKey) {
        self.last.remove(&process);
    }

    /// Number of evicted processes.
    pub(super) fn evicted(&self) -> u64 {
        self.last.evicted()
    }
}
