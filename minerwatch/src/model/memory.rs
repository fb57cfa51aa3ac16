//! Memory mappings of a process, and the host's huge pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The likely use of a mapping, judged by its size and protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingClass {
    /// As large as RandomX's dataset.
    Dataset,
    /// As large as RandomX's cache.
    Cache,
    /// Executable, and as large as RandomX's compiled programs.
    Code,
    /// Backed by huge pages, and as large as the scratchpads of one thread.
    Scratchpad,
    /// As large as the memory of one thread of yespower or yescrypt.
    Workspace,
}

impl MappingClass {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Cache => "cache",
            Self::Code => "code",
            Self::Scratchpad => "scratchpad",
            Self::Workspace => "workspace",
        }
    }
}

/// A process mapped memory of a suspicious size, possibly before the daemon started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// The likely use of the memory.
    pub class: MappingClass,
    /// Size of this mapping, bytes.
    pub size: u64,
    /// Mappings of this class so far, including this one. Only the 1st, 2nd, 4th, 8th and so on are reported. Workspaces
    /// and scratchpads of 16 MiB are counted per size.
    pub count: u64,
    /// Whether the process asked for huge pages explicitly.
    pub huge: bool,
}

/// A pool of huge pages, after a process opened the pool's control file for writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePages {
    /// Path of the control file.
    pub path: Arc<str>,
    /// Number of pages in the pool before the process opened the control file.
    pub before: u64,
    /// Number of pages in the pool afterwards.
    pub after: u64,
}
