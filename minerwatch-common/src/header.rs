//! The header that every record starts with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Marks a [`RecordHeader::cgroup`] from the version 1 hierarchy of the pids controller. Without this bit the cgroup
/// is from the unified hierarchy. The mark is needed because ids of different hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// What happened, when, and to which process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader {
    /// A [`crate::RecordKind`] as a number.
    pub kind: u16,
    /// Reserved, zero.
    pub reserved: u16,
    /// Bytes of the whole record, header and tail included.
    pub length: u32,
    /// Nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Start of the process, nanoseconds of `CLOCK_BOOTTIME` (the group leader's `start_boottime`).
    pub start: u64,
    /// The process's cgroup: the inode number of its directory, with [`CGROUP_V1`] where that applies; 0 if unknown.
    pub cgroup: u64,
    /// Process id in the initial pid namespace (the kernel's `tgid`).
    pub pid: u32,
    /// Thread id in the initial pid namespace (the kernel's `pid`).
    pub tid: u32,
    /// Real user id in the initial user namespace.
    pub uid: u32,
    /// Real group id in the initial user namespace.
    pub gid: u32,
}

const _: () = assert!(size_of::<RecordHeader>() == 48);
