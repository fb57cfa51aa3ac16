//! Privileged calls: access to other processes, BPF programs and kernel modules.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

/// Maximum length of a name in a [`PrivilegedRecord`] in bytes: that of a kernel module (`MODULE_NAME_LEN`,
/// include/linux/moduleparam.h).
pub const MAX_PRIVILEGED_NAME: usize = 56;

numbered! {
    /// What the call does, stored in [`PrivilegedRecord::operation`].
    pub enum PrivilegedOperation: u32 {
        /// Access to the memory and the registers of another process: `PTRACE_ATTACH`, `process_vm_writev`,
        /// `/proc/PID/mem`.
        AccessProcess = 1,
        /// A BPF program is loaded that may observe or change what others do.
        LoadProgram = 2,
        /// A BPF program is detached from its hook.
        DetachProgram = 3,
        /// A module is loaded into the kernel.
        LoadModule = 4,
    }
}

/// A process made a privileged call. The call may still fail, except for a module. The same call is reported once a
/// second.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PrivilegedRecord {
    /// The process that called.
    pub header: RecordHeader,
    /// Start time of the other process, as in [`RecordHeader::start`]; 0 if unknown or if there is no other process.
    pub target_start: u64,
    /// Process id of the other process, 0 if there is none.
    pub target_pid: u32,
    /// A [`PrivilegedOperation`] as a number.
    pub operation: u32,
    /// The type of a BPF program (`enum bpf_prog_type`, include/uapi/linux/bpf.h), 0 for other operations.
    pub program_type: u32,
    /// Always 0.
    pub reserved: u32,
    /// The `comm` of the other process, or the name of the BPF program or the module. Ends with a NUL if it is shorter.
    pub name: [u8; MAX_PRIVILEGED_NAME],
}

const _: () = assert!(size_of::<PrivilegedRecord>() == 128);
