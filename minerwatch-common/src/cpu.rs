//! Scheduler switches, added up per process in the kernel.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{COMM_LENGTH, RecordHeader};

/// What a busy process used, sent at most once per interval. All counters run from the moment the
/// scheduler hook first saw the process, so a lost record costs resolution and nothing else.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CpuRecord {
    /// The process; `tid` is the thread whose switch completed the interval.
    pub header: RecordHeader,
    /// Nanoseconds on a CPU, all threads together.
    pub on_cpu: u64,
    /// Switches in which a thread went to sleep or waited.
    pub voluntary: u64,
    /// Switches in which a thread could have gone on: its time was up, another one was more urgent, or it
    /// gave way by itself (`sched_yield`).
    pub involuntary: u64,
    /// Times a thread gave way by `sched_yield`, whether or not another one was waiting.
    pub yields: u64,
    /// Switches in which a thread was stopped (`SIGSTOP` and its like).
    pub stops: u64,
    /// Nanoseconds since this process's last record, or since it was first seen.
    pub window: u64,
    /// Nanoseconds on a CPU within that window.
    pub window_on_cpu: u64,
    /// Threads of the process now.
    pub threads: u32,
    /// Nice value of the thread in the header, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of that thread (include/uapi/linux/sched.h), 0 for the usual one, 5 for `SCHED_IDLE`.
    pub policy: u32,
    /// Processors that thread may run on, 0 if unknown.
    pub allowed_processors: u32,
    /// Name of the thread in the header.
    pub comm: [u8; COMM_LENGTH],
}

const _: () = assert!(size_of::<CpuRecord>() == 136);
