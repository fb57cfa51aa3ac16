//! Events about privileged calls: access to another process, BPF programs and kernel modules.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::ProcessKey;

/// A privileged call of a process. The call may have failed, except that for a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum PrivilegedCall {
    /// Access to the memory and the registers of another process: ptrace(2), `process_vm_writev(2)`, `/proc/PID/mem`.
    AccessProcess(AccessedProcess),
    /// Loading of a BPF program that may observe or change what others do.
    LoadProgram {
        /// The type of the program (`enum bpf_prog_type`, include/uapi/linux/bpf.h).
        program_type: u32,
        /// The name of the program; may be empty.
        name: Arc<str>,
    },
    /// Detaching of a BPF program.
    DetachProgram,
    /// Loading of a kernel module.
    LoadModule {
        /// The name of the module.
        name: Arc<str>,
    },
}

/// The process that another one accesses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessedProcess {
    /// Its process id. In the pid namespace of the caller if `key` is unknown.
    pub pid: u32,
    /// The process, if the kernel names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<ProcessKey>,
    /// The kernel's name for it; empty if unknown.
    #[serde(default)]
    pub name: Arc<str>,
}
