//! The life of a process: fork, exec, exit.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordHeader;

/// Bytes of a task's `comm`, its NUL included (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LENGTH: usize = 16;
/// The most bytes of one path component, its NUL included (`NAME_MAX` + 1).
pub const MAX_COMPONENT: usize = 256;
/// The most bytes of one path in a record: components from the leaf to the root, each ending with a NUL.
pub const MAX_PATH: usize = 1024;
/// The most bytes of arguments in an exec record; longer ones are truncated and marked.
pub const MAX_ARGUMENTS: usize = 4096;
/// The most bytes in the tail of an [`ExecRecord`]: executable, working directory, file name as passed to `execve`,
/// arguments.
pub const MAX_EXEC_TAIL: usize = MAX_PATH * 2 + MAX_COMPONENT + MAX_ARGUMENTS;

/// A process was created. The header names the child.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ForkRecord {
    /// The child.
    pub header: RecordHeader,
    /// Start of the parent, as [`RecordHeader::start`].
    pub parent_start: u64,
    /// Process id of the parent.
    pub parent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// The name the child starts with.
    pub comm: [u8; COMM_LENGTH],
}

const _: () = assert!(size_of::<ForkRecord>() == 80);

/// Bits of [`ExecRecord::flags`].
#[derive(Clone, Copy, Debug)]
pub struct ExecFlags;

impl ExecFlags {
    /// The executable is a `memfd_create` file.
    pub const MEMFD: u16 = 1;
    /// The executable was deleted (its link count is zero).
    pub const DELETED: u16 = 1 << 1;
    /// The arguments were longer than [`MAX_ARGUMENTS`].
    pub const ARGUMENTS_CUT: u16 = 1 << 2;
    /// The path of the executable was too long or too deep for the record.
    pub const PATH_CUT: u16 = 1 << 3;
    /// The working directory was too long or too deep for the record.
    pub const DIRECTORY_CUT: u16 = 1 << 4;
    /// The arguments could not be read from the process.
    pub const ARGUMENTS_UNREADABLE: u16 = 1 << 5;
}

/// A process started another program. The tail holds, in this order: the path of the executable (components from the leaf
/// to the root, each ending with a NUL), the working directory in the same form, the file name as it was passed to
/// `execve`, and the arguments (each ending with a NUL).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExecRecord {
    /// The process.
    pub header: RecordHeader,
    /// Start of the parent, as [`RecordHeader::start`].
    pub parent_start: u64,
    /// The effective capability set after the exec, one bit per capability.
    pub capabilities: u64,
    /// The effective capability set of the parent at that moment, which shows what the exec gained.
    pub parent_capabilities: u64,
    /// Inode number of the executable.
    pub inode: u64,
    /// Device of the executable as the kernel encodes it (`major << 20 | minor`).
    pub device: u32,
    /// Process id of the parent.
    pub parent_pid: u32,
    /// Inode number of the mount namespace. 0 if unknown, as for the next three.
    pub mount_namespace: u32,
    /// Inode number of the pid namespace for new children.
    pub pid_namespace: u32,
    /// Inode number of the network namespace.
    pub network_namespace: u32,
    /// Inode number of the user namespace.
    pub user_namespace: u32,
    /// The name the kernel gave the process.
    pub comm: [u8; COMM_LENGTH],
    /// Type and permission bits of the executable.
    pub mode: u16,
    /// [`ExecFlags`].
    pub flags: u16,
    /// Bytes of the executable's path in the tail.
    pub path_length: u16,
    /// Bytes of the working directory in the tail.
    pub directory_length: u16,
    /// Bytes of the file name as passed to `execve`, in the tail.
    pub name_length: u16,
    /// Bytes of the arguments in the tail.
    pub arguments_length: u16,
    /// Session id (process id of the session leader), 0 if unknown.
    pub session: u32,
}

const _: () = assert!(size_of::<ExecRecord>() == 136);

/// The last thread of a process ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExitRecord {
    /// The process.
    pub header: RecordHeader,
    /// Status as in `wait(2)`: exit code in bits 8 to 15, signal in bits 0 to 6.
    pub status: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Nanoseconds on a CPU, all threads together, up to the last timer tick before the end.
    pub on_cpu: u64,
}

const _: () = assert!(size_of::<ExitRecord>() == 64);
