//! The head of what the daemon writes in the name of a process, as the programs would have written it.

use minerwatch_common::RecordHeader;

use crate::model::{BootTime, Subject};

/// Names the process as it was found at `time`; kind and length are the caller's to fill in.
pub(super) fn header(owner: &Subject, time: BootTime) -> RecordHeader {
    RecordHeader {
        kind: 0,
        reserved: 0,
        length: 0,
        time: time.0,
        start: owner.key.start().0,
        cgroup: owner.cgroup,
        pid: owner.key.pid,
        tid: owner.tid,
        uid: owner.uid,
        gid: owner.gid,
    }
}
