//! Events about calls that reach into another process or into the kernel.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::ProcessKey;

/// A process reached into another process or into the kernel. The call may have failed, except that of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "kebab-case")]
pub enum PrivilegedCall {
    /// It asked for the memory and the registers of another process: ptrace(2), `process_vm_writev(2)`, `/proc/PID/mem`.
    AccessProcess(AccessedProcess),
    /// It loaded a BPF program that may observe or change what others do.
    LoadProgram {
        /// The type of the program (`enum bpf_prog_type`, include/uapi/linux/bpf.h).
        program_type: u32,
        /// The name of the program; may be empty.
        name: Arc<str>,
    },
    /// It detached a BPF program.
    DetachProgram,
    /// It loaded a module into the kernel.
    LoadModule {
        /// The name of the module.
        name: Arc<str>,
    },
}

/// A process whose memory another one asked for.
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
