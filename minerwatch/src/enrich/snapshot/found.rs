//! The type of a process that the snapshot found.

use crate::model::{Mapping, ProcessKey, RunningProcess};

/// A running process, as `/proc` shows it.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) key: ProcessKey,
    pub(super) parent: u32,
    pub(super) cgroup: u64,
    pub(super) running: RunningProcess,
    pub(super) memory: Vec<Mapping>,
}
