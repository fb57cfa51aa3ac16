//! CPU use per process, summed up in the kernel.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{COMM_LENGTH, RecordHeader};

/// The thread that runs on a CPU.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RunningTask {
    /// CPU time of the thread when it came onto the CPU, in nanoseconds.
    pub runtime: u64,
    /// Thread id, 0 if the CPU is idle.
    pub tid: u32,
    /// Process id for the sampler in the daemon. 0 if there is nothing to sample: the CPU is idle, or it runs a kernel
    /// thread or a real-time thread that the sampler could not preempt.
    pub sampled_pid: u32,
    /// 1 if the thread is the sampler, otherwise 0.
    pub is_sampler: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<RunningTask>() == 24);

/// The CPU use of a busy process, sent at most once per interval. The fields from `on_cpu` to `stops` are
/// running totals, so a later record replaces a lost one. Context switches are counted from the start of the process. The
/// other fields are counted from the moment when the scheduler hook first saw the process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CpuRecord {
    /// The process. `tid` is the thread whose context switch completed the interval.
    pub header: RecordHeader,
    /// CPU time of all threads, in nanoseconds. The programs count in units of 131 µs per thread.
    pub on_cpu: u64,
    /// Context switches in which a thread went to sleep or waited. Of a process with more than 128 threads, the switches
    /// of the further threads are missing, here and below.
    pub voluntary: u64,
    /// Context switches in which a thread could have continued: the time slice of the thread was over, a thread with a
    /// higher priority was waiting, or the thread called `sched_yield`.
    pub involuntary: u64,
    /// Calls of `sched_yield`, whether or not another thread was waiting.
    pub yields: u64,
    /// Context switches in which a thread was stopped (for example by `SIGSTOP`).
    pub stops: u64,
    /// Length of the interval in nanoseconds. It began when the previous interval ended, or when the process was first
    /// seen.
    pub window: u64,
    /// CPU time of all threads in the interval, in nanoseconds.
    pub window_on_cpu: u64,
    /// Number of threads of the process, 0 if unknown.
    pub threads: u32,
    /// Nice value of the thread in the header, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of the thread in the header (include/uapi/linux/sched.h): 0 is `SCHED_NORMAL`, 5 is
    /// `SCHED_IDLE`.
    pub policy: u32,
    /// Number of processors that the thread in the header may run on, 0 if unknown.
    pub allowed_processors: u32,
    /// Name of the thread in the header.
    pub comm: [u8; COMM_LENGTH],
}

const _: () = assert!(size_of::<CpuRecord>() == 136);
