//! CPU use, added up per process in the kernel.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{COMM_LENGTH, RecordHeader};

/// The CPU use of a busy process, sent at most once per interval. All counters are totals since the scheduler hook
/// first saw the process, so a lost record costs some resolution and nothing else.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CpuRecord {
    /// The process; `tid` is the thread whose switch completed the interval.
    pub header: RecordHeader,
    /// Nanoseconds on a CPU, all threads together.
    pub on_cpu: u64,
    /// Switches in which a thread went to sleep or waited.
    pub voluntary: u64,
    /// Switches in which a thread could have continued: its time slice was over, a more urgent thread was waiting, or
    /// it called `sched_yield`.
    pub involuntary: u64,
    /// Calls of `sched_yield`, whether or not another thread was waiting.
    pub yields: u64,
    /// Switches in which a thread was stopped (for example by `SIGSTOP`).
    pub stops: u64,
    /// Nanoseconds since this process's last record, or since it was first seen.
    pub window: u64,
    /// Nanoseconds on a CPU within that window.
    pub window_on_cpu: u64,
    /// Threads of the process now.
    pub threads: u32,
    /// Nice value of the thread in the header, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of that thread (include/uapi/linux/sched.h): 0 is the normal one, 5 is `SCHED_IDLE`.
    pub policy: u32,
    /// Processors that thread may run on, 0 if unknown.
    pub allowed_processors: u32,
    /// Name of the thread in the header.
    pub comm: [u8; COMM_LENGTH],
}

const _: () = assert!(size_of::<CpuRecord>() == 136);
