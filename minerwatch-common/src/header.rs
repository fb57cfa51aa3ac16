//! The header that every record starts with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Marks a [`RecordHeader::cgroup`] from the version 1 hierarchy of the pids controller. Without this bit, the cgroup
/// is from the unified hierarchy. The mark is needed because the ids of the two hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// The kind, length and time of a record, and the identity of its process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader {
    /// A [`crate::RecordKind`] as a number.
    pub kind: u16,
    /// Reserved, zero.
    pub reserved: u16,
    /// Length of the whole record in bytes, including the header and the tail.
    pub length: u32,
    /// Time of the event in nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Start time of the process in nanoseconds of `CLOCK_BOOTTIME` (`start_boottime` of the thread group leader).
    pub start: u64,
    /// Id of the cgroup of the process, which is the inode number of the cgroup's directory; 0 if unknown.
    /// [`CGROUP_V1`] is set for a cgroup of the version 1 hierarchy.
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
