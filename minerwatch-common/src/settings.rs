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
    /// Nanoseconds after which a connection that goes on is told of again, at the least.
    pub flow_interval: u64,
    /// Nanoseconds between two ticks of the kernel's timer (its jiffy).
    pub tick: u64,
    /// Process id of the daemon, whose own work is not reported.
    pub agent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Character devices whose opens are reported.
    pub devices: [WatchedDevices; WATCHED_DEVICES],
}

const _: () = assert!(size_of::<Settings>() == 104);

/// How many ranges of [`Settings::devices`] there are.
pub const WATCHED_DEVICES: usize = 8;

/// A range of device numbers as the kernel encodes them (`major << 20 | minor`); one that ends before it begins holds
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchedDevices {
    /// The first number.
    pub first: u32,
    /// The last number.
    pub last: u32,
}

impl WatchedDevices {
    /// No device at all.
    pub const NONE: Self = Self { first: 1, last: 0 };

    /// The devices of `major` from `minor` on.
    pub const fn of_major(major: u32, minor: u32) -> Self {
        Self { first: major << 20 | minor, last: major << 20 | 0xf_ffff }
    }
}
