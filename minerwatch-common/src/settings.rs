//! Settings that the daemon writes into the object before it loads the programs.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The settings of one load. The programs see read-only memory whose values the verifier knows.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Settings {
    /// Minimum time between two CPU records of one process, in nanoseconds.
    pub cpu_interval: u64,
    /// Minimum CPU time of a process in an interval, in nanoseconds. With less, the process is not reported.
    pub cpu_threshold: u64,
    /// Minimum time between two regular updates of an open connection, in nanoseconds.
    pub flow_interval: u64,
    /// Length of a jiffy, the tick of the kernel's timer, in nanoseconds.
    pub tick: u64,
    /// Process id of the daemon, whose own activity is not reported.
    pub agent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Character devices. Each open of such a device is reported.
    pub devices: [WatchedDevices; WATCHED_DEVICES],
}

const _: () = assert!(size_of::<Settings>() == 104);

/// Number of ranges in [`Settings::devices`].
pub const WATCHED_DEVICES: usize = 8;

/// A range of device numbers, encoded as in the kernel (`major << 20 | minor`). The range is empty if the last number
/// is less than the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchedDevices {
    /// The first number.
    pub first: u32,
    /// The last number.
    pub last: u32,
}

impl WatchedDevices {
    /// The empty range.
    pub const NONE: Self = Self { first: 1, last: 0 };

    /// Returns the range of devices with this major number, from `minor` upward.
    pub const fn of_major(major: u32, minor: u32) -> Self {
        Self { first: major << 20 | minor, last: major << 20 | 0xf_ffff }
    }
}
