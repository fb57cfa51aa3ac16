//! CPU use of a process.

use serde::{Deserialize, Serialize};

/// CPU use of a busy process in one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUsage {
    /// Length of the interval, nanoseconds.
    pub window: u64,
    /// CPU time of all threads in the interval, nanoseconds.
    pub on_cpu: u64,
    /// CPU time of all threads since the process was first seen, nanoseconds.
    pub total_on_cpu: u64,
    /// Number of context switches so far because a thread went to sleep.
    pub voluntary: u64,
    /// Number of context switches so far of a runnable thread: preempted, at the end of its time slice, or yielding.
    pub involuntary: u64,
    /// Number of calls of `sched_yield` so far.
    #[serde(default)]
    pub yields: u64,
    /// Number of context switches so far because a thread was stopped (`SIGSTOP` and similar).
    #[serde(default)]
    pub stops: u64,
    /// Number of threads.
    pub threads: u32,
    /// Nice value of the thread that the subject names, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of that thread.
    #[serde(default)]
    pub policy: SchedulingPolicy,
    /// Number of processors on which that thread may run, 0 if unknown.
    #[serde(default)]
    pub allowed_processors: u32,
}

/// How the scheduler treats a thread (`sched(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchedulingPolicy {
    /// `SCHED_OTHER`, the default.
    #[default]
    Other,
    /// `SCHED_FIFO`.
    Fifo,
    /// `SCHED_RR`.
    RoundRobin,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`: runs only when no other thread wants to run.
    Idle,
    /// `SCHED_DEADLINE`.
    Deadline,
    /// A policy that this version does not know.
    Unknown,
}

impl SchedulingPolicy {
    /// Returns the policy with this number in include/uapi/linux/sched.h.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Other,
            1 => Self::Fifo,
            2 => Self::RoundRobin,
            3 => Self::Batch,
            5 => Self::Idle,
            6 => Self::Deadline,
            _ => Self::Unknown,
        }
    }

    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Fifo => "fifo",
            Self::RoundRobin => "roundrobin",
            Self::Batch => "batch",
            Self::Idle => "idle",
            Self::Deadline => "deadline",
            Self::Unknown => "unknown",
        }
    }
}
