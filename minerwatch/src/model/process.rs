//! What is known of a process.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::BootTime;

/// Nanoseconds of one clock tick, the grain of `/proc/PID/stat` (`USER_HZ` is 100 on every Linux).
const TICK: u64 = 10_000_000;

/// A process: its id and when it started, so that a reused id is another process. The start is kept in
/// the grain of `/proc`, so that the kernel's records and the snapshot name a process alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProcessKey {
    /// Process id in the initial pid namespace.
    pub pid: u32,
    /// Start in clock ticks (10 ms) of boot time.
    pub start_ticks: u64,
}

impl ProcessKey {
    /// From a kernel record: `start` in nanoseconds of boot time.
    pub fn new(pid: u32, start: u64) -> Self {
        Self { pid, start_ticks: start / TICK }
    }

    /// From `/proc/PID/stat`: `start` in clock ticks.
    pub fn from_ticks(pid: u32, start_ticks: u64) -> Self {
        Self { pid, start_ticks }
    }

    /// When the process started, to 10 ms.
    pub fn start(self) -> BootTime {
        BootTime(self.start_ticks.saturating_mul(TICK))
    }
}

/// The form of `process.entity_id`: unique on one boot of one host.
impl fmt::Display for ProcessKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:x}-{:x}", self.pid, self.start_ticks)
    }
}

/// A file, whatever its name: device (`major << 20 | minor`) and inode number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FileId {
    /// Device as the kernel encodes it.
    pub device: u32,
    /// Inode number.
    pub inode: u64,
}

/// What is odd about where an executable lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExecutableFlags {
    /// It lives in a `memfd_create` file.
    pub memfd: bool,
    /// No directory entry names it any more.
    pub deleted: bool,
}

/// The program file a process runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Executable {
    /// Absolute path in the process's mount namespace; empty if unknown.
    pub path: Arc<str>,
    /// The file itself, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Oddities.
    #[serde(default)]
    pub flags: ExecutableFlags,
}

/// Whose rights a process has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credentials {
    /// Real user id.
    pub uid: u32,
    /// Real group id.
    pub gid: u32,
    /// The user's name, where the host knows one.
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

/// What started a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ContainerRuntime {
    /// Docker.
    Docker,
    /// containerd, through its CRI or by itself.
    Containerd,
    /// CRI-O.
    CriO,
    /// Podman.
    Podman,
    /// A container by its cgroup's form, of a runtime that its name does not tell.
    Unknown,
}

/// Where a process belongs, read from the path of its cgroup.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Container {
    /// The cgroup's path below the hierarchy's root.
    pub cgroup: Arc<str>,
    /// The container's whole id, if the cgroup is a container's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Arc<str>>,
    /// What started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runtime: Option<ContainerRuntime>,
    /// The Kubernetes pod's uid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod_uid: Option<Arc<str>>,
    /// The systemd unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Arc<str>>,
}

/// A process as the table knows it at one moment: what events and alerts show of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessView {
    /// Which process.
    pub key: ProcessKey,
    /// The kernel's name for it (`comm`), or the executable's file name.
    pub name: Arc<str>,
    /// Its program file.
    pub executable: Executable,
    /// Its arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Its working directory at exec; empty if unknown.
    pub directory: Arc<str>,
    /// Whose rights it has.
    pub credentials: Credentials,
    /// Where it belongs, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Arc<Container>>,
    /// SHA-256 of the executable in hexadecimal, once computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Arc<str>>,
}
