//! Events about processes: fork, exec, exit, signals, and the state of a process that was already running.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Credentials, Executable, FileId, Namespaces, ProcessKey};

/// A process was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// The parent of the new process.
    pub parent: ProcessKey,
    /// The initial name of the new process, inherited from the parent.
    pub name: Arc<str>,
}

/// A process replaced its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// The parent at the time of the exec.
    pub parent: ProcessKey,
    /// The program file of the new image (for a script, the interpreter).
    pub executable: Executable,
    /// The file name given to `execve` (for a script, the script).
    pub invoked: Arc<str>,
    /// The kernel's name for the process.
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Whether the arguments were cut after 4 KiB.
    #[serde(default)]
    pub arguments_cut: bool,
    /// Working directory.
    pub directory: Arc<str>,
    /// User, group and capabilities after the exec.
    pub credentials: Credentials,
    /// Effective capabilities that the process has and its parent does not, one bit each.
    #[serde(default)]
    pub capabilities_gained: u64,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
    /// Whether the program is `chroot` in a container, and its directory is the root directory of the host. Added by the
    /// enrich stage.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub chroots_to_host: bool,
}

/// A process sent a signal to another one: SIGKILL, SIGTERM, SIGSTOP or SIGCONT.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentSignal {
    /// The number of the signal (signal(7)).
    pub signal: u8,
    /// The process that gets it.
    pub target: ProcessKey,
    /// The kernel's name for that process.
    pub target_name: Arc<str>,
}

impl SentSignal {
    /// The number of SIGKILL (asm/signal.h of x86 and arm64).
    pub const KILL: u8 = 9;
    /// The number of SIGTERM.
    pub const TERM: u8 = 15;
    /// The number of SIGSTOP.
    pub const STOP: u8 = 19;
}

/// A process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, 0 to 255; `None` if a signal ended the process.
    pub code: Option<u8>,
    /// The signal that ended the process, if any.
    pub signal: Option<u8>,
    /// CPU time of all threads, nanoseconds.
    pub on_cpu: u64,
}

/// A process that was already running at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningProcess {
    /// The parent, if it is running too.
    pub parent: Option<ProcessKey>,
    /// Its program file.
    pub executable: Executable,
    /// The kernel's name for the process (`comm`).
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Working directory.
    pub directory: Arc<str>,
    /// Its user, group and capabilities.
    pub credentials: Credentials,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
    /// Whether the process is a kernel thread.
    #[serde(default)]
    pub kernel_thread: bool,
}

/// The hash of an executable, computed in the background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedFile {
    /// The file.
    pub file: FileId,
    /// SHA-256 in hexadecimal.
    pub sha256: Arc<str>,
}
