//! Builds record headers that the daemon writes into the programs' tables.

use minerwatch_common::{Record, RecordHeader};

use crate::model::{BootTime, Subject};

/// Builds the header of a record of type `R` about `owner` at `time`, as the programs would have written it.
pub(super) fn header<R: Record>(owner: &Subject, time: BootTime) -> RecordHeader {
    let owner = RecordHeader {
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
    };
    owner.for_record::<R>(time.0)
}
