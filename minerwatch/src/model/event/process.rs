//! Events about processes: fork, exec, exit, and what is known of a running one.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{Credentials, Executable, FileId, Namespaces, ProcessKey};

/// A process was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Its parent.
    pub parent: ProcessKey,
    /// The name it has at the start, which is its parent's.
    pub name: Arc<str>,
}

/// A process replaced its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Its parent at the time of the exec.
    pub parent: ProcessKey,
    /// The program file that it runs now (for a script, the interpreter).
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
    /// Its user, group and capabilities after the exec.
    pub credentials: Credentials,
    /// Effective capabilities that it has and its parent does not, one bit each.
    #[serde(default)]
    pub capabilities_gained: u64,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
}

/// A process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, 0 to 255, unless a signal ended it.
    pub code: Option<u8>,
    /// The signal that ended it, if any.
    pub signal: Option<u8>,
    /// CPU time of all threads, nanoseconds.
    pub on_cpu: u64,
}

/// A process that was already running at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningProcess {
    /// Its parent, if that is running too.
    pub parent: Option<ProcessKey>,
    /// Its program file.
    pub executable: Executable,
    /// The kernel's name for it.
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
    /// Whether it is a kernel thread.
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
