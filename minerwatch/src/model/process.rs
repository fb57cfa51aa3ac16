//! Processes: their identity, executable and credentials.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{BootTime, Container};

/// Nanoseconds per clock tick, the unit of `/proc/PID/stat` (`USER_HZ` is 100 on every Linux).
const TICK: u64 = 10_000_000;

/// Identifies a process by its pid and its start time, so that a reused pid is another process. The start time has the
/// resolution of `/proc`, so that kernel records and the snapshot give the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id in the initial pid namespace.
    pub pid: u32,
    /// Start time in clock ticks (10 ms) of boot time.
    pub start_ticks: u64,
}

impl ProcessKey {
    /// Creates a key from a kernel record. `start` is in nanoseconds of boot time.
    pub fn new(pid: u32, start: u64) -> Self {
        Self { pid, start_ticks: start / TICK }
    }

    /// Creates a key from `/proc/PID/stat`. `start_ticks` is in clock ticks.
    pub fn from_ticks(pid: u32, start_ticks: u64) -> Self {
        Self { pid, start_ticks }
    }

    /// When the process started, with a resolution of 10 ms.
    pub fn start(self) -> BootTime {
        BootTime(self.start_ticks.saturating_mul(TICK))
    }
}

/// Writes the key as `process.entity_id`, which is unique on one boot of one host.
impl fmt::Display for ProcessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{:x}", self.pid, self.start_ticks)
    }
}

/// Identifies a file independently of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Device number in the kernel's encoding: `major << 20 | minor`.
    pub device: u32,
    /// Inode number.
    pub inode: u64,
}

/// Unusual properties of an executable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutableFlags {
    /// The executable is a `memfd_create` file.
    pub memfd: bool,
    /// The executable has been deleted.
    pub deleted: bool,
    /// The program or its script is not the host's file at that path, or others than root may change it. Checked only for
    /// a process with a mount namespace of its own, where anything may be mounted at any path; otherwise `false`.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub foreign: bool,
}

impl ExecutableFlags {
    /// Whether no path leads to the executable: it is in memory, or deleted.
    pub fn has_no_file(self) -> bool {
        self.memfd || self.deleted
    }
}

/// The program file that a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executable {
    /// Absolute path in the process's mount namespace; empty if unknown.
    pub path: Arc<str>,
    /// The file itself, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Unusual properties of the file.
    #[serde(default)]
    pub flags: ExecutableFlags,
}

/// User, group and capabilities of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// The user's name, if the host knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<str>>,
    /// Effective capabilities, one bit each; 0 if unknown.
    #[serde(default)]
    pub capabilities: u64,
}

/// Inode numbers of a process's namespaces, 0 where unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Namespaces {
    /// Mount namespace.
    pub mount: u32,
    /// Pid namespace.
    pub pid: u32,
    /// Network namespace.
    pub network: u32,
    /// User namespace.
    pub user: u32,
}

/// The state of a process in the process table at one moment, as events and alerts show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// The process.
    pub key: ProcessKey,
    /// The kernel's name for the process (`comm`), or the file name of the executable.
    pub name: Arc<str>,
    /// Its program file.
    pub executable: Executable,
    /// Its arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Its working directory at exec; empty if unknown.
    pub directory: Arc<str>,
    /// Its user, group and capabilities.
    pub credentials: Credentials,
    /// Its container or service, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Arc<Container>>,
    /// SHA-256 of the executable in hexadecimal, once computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Arc<str>>,
}
