//! What every record begins with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// The kinds of record the kernel side sends, as they stand in [`RecordHeader::kind`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum RecordKind {
    /// A process was created ([`crate::ForkRecord`]).
    Fork = 1,
    /// A process replaced its image ([`crate::ExecRecord`]).
    Exec = 2,
    /// The last thread of a process ended ([`crate::ExitRecord`]).
    Exit = 3,
    /// An outbound connection got its result ([`crate::ConnectRecord`]).
    Connect = 4,
    /// An outbound connection ended ([`crate::CloseRecord`]).
    Close = 5,
    /// A file was opened for writing, created, renamed, deleted or changed in mode ([`crate::FileRecord`]).
    File = 6,
    /// What a busy process used of the CPU ([`crate::CpuRecord`]).
    Cpu = 7,
    /// A process was found with its rounding mode turned ([`crate::RoundingRecord`]).
    Rounding = 8,
    /// A process asked for memory in a size worth a look ([`crate::MappingRecord`]).
    Mapping = 9,
    /// One of the first payloads of a connection ([`crate::PayloadRecord`]).
    Payload = 10,
    /// How a connection goes on ([`crate::FlowUpdateRecord`]).
    FlowUpdate = 11,
}

impl RecordKind {
    /// How many kinds there are; kinds count from 1 to this.
    pub const COUNT: usize = 11;

    /// Every kind, in the order of its number.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Connect,
        Self::Close,
        Self::File,
        Self::Cpu,
        Self::Rounding,
        Self::Mapping,
        Self::Payload,
        Self::FlowUpdate,
    ];

    /// The kind with this number, or `None` for one this build does not know.
    pub fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }

    /// The name used in metrics, in `minerwatch.lost` and on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Connect => "connect",
            Self::Close => "close",
            Self::File => "file",
            Self::Cpu => "cpu",
            Self::Rounding => "rounding",
            Self::Mapping => "mapping",
            Self::Payload => "payload",
            Self::FlowUpdate => "flow",
        }
    }
}

/// Marks a [`RecordHeader::cgroup`] that lies in the version 1 hierarchy of the pids controller; without it
/// the cgroup lies in the unified hierarchy. Ids of different hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// The common head: what happened, when, and to which process.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct RecordHeader {
    /// A [`RecordKind`] as a number.
    pub kind: u16,
    /// Reserved, zero.
    pub reserved: u16,
    /// Bytes of the whole record, head and tail included.
    pub length: u32,
    /// Nanoseconds of `CLOCK_BOOTTIME`.
    pub time: u64,
    /// Start of the process, nanoseconds of `CLOCK_BOOTTIME` (the group leader's `start_boottime`).
    pub start: u64,
    /// Identity of the process's cgroup: the inode number of its directory, perhaps with [`CGROUP_V1`];
    /// 0 if unknown.
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
