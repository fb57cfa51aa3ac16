//! What the daemon tells the programs before they load.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Constants of one load; the programs see them as read-only memory the verifier knows the values of.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Settings {
    /// Nanoseconds between two CPU records of one process, at the least.
    pub cpu_interval: u64,
    /// Nanoseconds on a CPU within the interval below which a process is not reported.
    pub cpu_threshold: u64,
    /// Process id of the daemon, whose own work is not reported.
    pub agent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<Settings>() == 24);
