//! A process that the host's users do not see.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::process::RunningProcess;

/// How a process is hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HiddenBy {
    /// Something is mounted over its directory `/proc/PID`, so that tools read the files of another process or none.
    Mount,
    /// Another file system is mounted over `/proc`, which does not show the process.
    OtherProc,
    /// `/proc` does not list the process, although the process exists. The kernel itself or the library through which the
    /// agent reads `/proc` leaves it out.
    Unlisted,
}

/// A process that exists and that users do not see.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HiddenProcess {
    /// How the process is hidden.
    pub by: HiddenBy,
    /// For a mount, what is mounted: the type of the file system and the directory in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Arc<str>>,
    /// The libraries that `/etc/ld.so.preload` forces into every program. Such a library may hide the process, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preloaded: Vec<Arc<str>>,
    /// The process as a procfs without mounts shows it, for a process that nothing else has shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<RunningProcess>,
}
