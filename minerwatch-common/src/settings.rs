//! Settings that the daemon gives the programs before they load.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Constants of one load. For the programs they are read-only memory whose values the verifier knows.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Settings {
    /// The least nanoseconds between two CPU records of one process.
    pub cpu_interval: u64,
    /// A process with less than these nanoseconds on a CPU in an interval is not reported.
    pub cpu_threshold: u64,
    /// The least nanoseconds between two regular updates of an open connection.
    pub flow_interval: u64,
    /// Nanoseconds of one jiffy, the tick of the kernel's timer.
    pub tick: u64,
    /// Process id of the daemon, whose own activity is not reported.
    pub agent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Character devices whose opens are reported.
    pub devices: [WatchedDevices; WATCHED_DEVICES],
}

const _: () = assert!(size_of::<Settings>() == 104);

/// How many ranges [`Settings::devices`] has.
pub const WATCHED_DEVICES: usize = 8;

/// A range of device numbers as the kernel encodes them (`major << 20 | minor`). A range whose last number is below its
/// first is empty.
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

    /// The devices with this major number, from `minor` on.
    pub const fn of_major(major: u32, minor: u32) -> Self {
        Self { first: major << 20 | minor, last: major << 20 | 0xf_ffff }
    }
}
