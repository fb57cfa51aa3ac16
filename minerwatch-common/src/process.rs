//! The lifecycle of a process: fork, exec, exit.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordHeader;

/// Length of the `comm` of a task in bytes, including the NUL (`TASK_COMM_LEN`, include/linux/sched.h).
pub const COMM_LENGTH: usize = 16;
/// Maximum length of a path component in bytes, including the NUL (`NAME_MAX` + 1).
pub const MAX_COMPONENT: usize = 256;
/// Maximum length of a path in a record, in bytes: components from the leaf to the root, each ending with a NUL.
pub const MAX_PATH: usize = 1024;
/// Maximum length of the arguments in an exec record, in bytes. Longer arguments are truncated and marked.
pub const MAX_ARGUMENTS: usize = 4096;
/// Maximum length of the tail of an [`ExecRecord`], in bytes: path of the executable, working directory, file name as
/// passed to `execve`, arguments.
pub const MAX_EXEC_TAIL: usize = MAX_PATH * 2 + MAX_COMPONENT + MAX_ARGUMENTS;

/// A process was created. The header names the child.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ForkRecord {
    /// The child.
    pub header: RecordHeader,
    /// Start time of the parent, as in [`RecordHeader::start`].
    pub parent_start: u64,
    /// Process id of the parent.
    pub parent_pid: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// The initial `comm` of the child.
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
    /// The arguments were longer than [`MAX_ARGUMENTS`] and were truncated.
    pub const ARGUMENTS_CUT: u16 = 1 << 2;
    /// The path of the executable was too long or too deep for the record and was truncated.
    pub const PATH_CUT: u16 = 1 << 3;
    /// The working directory was too long or too deep for the record and was truncated.
    pub const DIRECTORY_CUT: u16 = 1 << 4;
    /// The arguments could not be read from the process.
    pub const ARGUMENTS_UNREADABLE: u16 = 1 << 5;
}

/// A process executed another program. The tail holds, in this order: the path of the executable (components from the
/// leaf to the root, each ending with a NUL), the working directory in the same form, the file name as passed to
/// `execve`, and the arguments (each ending with a NUL).
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExecRecord {
    /// The process that called `execve`.
    pub header: RecordHeader,
    /// Start time of the parent, as in [`RecordHeader::start`].
    pub parent_start: u64,
    /// The effective capability set after the exec, one bit per capability.
    pub capabilities: u64,
    /// The effective capability set of the parent at the same time. The difference shows what the exec gained.
    pub parent_capabilities: u64,
    /// Inode number of the executable, 0 if unknown.
    pub inode: u64,
    /// The device that the executable is on, as the kernel encodes it (`major << 20 | minor`); 0 if unknown.
    pub device: u32,
    /// Process id of the parent.
    pub parent_pid: u32,
    /// Inode number of the mount namespace, 0 if unknown.
    pub mount_namespace: u32,
    /// Inode number of the pid namespace of new children, 0 if unknown.
    pub pid_namespace: u32,
    /// Inode number of the network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// Inode number of the user namespace, 0 if unknown.
    pub user_namespace: u32,
    /// The `comm` of the process after the exec.
    pub comm: [u8; COMM_LENGTH],
    /// Type and permission bits of the executable, 0 if unknown.
    pub mode: u16,
    /// Bits of [`ExecFlags`].
    pub flags: u16,
    /// Length of the path of the executable in the tail, in bytes.
    pub path_length: u16,
    /// Length of the working directory in the tail, in bytes.
    pub directory_length: u16,
    /// Length of the file name in the tail, in bytes.
    pub name_length: u16,
    /// Length of the arguments in the tail, in bytes.
    pub arguments_length: u16,
    /// Session id, which is the process id of the session leader; 0 if unknown.
    pub session: u32,
}

const _: () = assert!(size_of::<ExecRecord>() == 136);

/// The last thread of a process ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ExitRecord {
    /// The process that ended.
    pub header: RecordHeader,
    /// Status as in `wait(2)`: exit code in bits 8 to 15, signal in bits 0 to 6.
    pub status: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// CPU time of all threads in nanoseconds, up to the last timer tick before the exit.
    pub on_cpu: u64,
}

const _: () = assert!(size_of::<ExitRecord>() == 64);
