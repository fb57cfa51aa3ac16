//! Memory mappings of a process, and the host's huge pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a mapping may be used for, judged by its size and protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingClass {
    /// As large as RandomX's dataset.
    Dataset,
    /// As large as RandomX's cache.
    Cache,
    /// Executable, and as large as RandomX's compiled programs.
    Code,
    /// Of huge pages, and as large as the scratchpad of one thread.
    Scratchpad,
}

impl MappingClass {
    /// Its name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Cache => "cache",
            Self::Code => "code",
            Self::Scratchpad => "scratchpad",
        }
    }
}

/// A process mapped memory of a suspicious size, or had done so before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// What the memory may be used for.
    pub class: MappingClass,
    /// Size of this mapping, bytes.
    pub size: u64,
    /// Mappings of this class so far, including this one. Only the 1st, 2nd, 4th, 8th and so on are reported.
    pub count: u64,
    /// Whether the process asked for huge pages explicitly.
    pub huge: bool,
}

/// The pool of huge pages, after a process opened its control file for writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePages {
    /// Path of the control file.
    pub path: Arc<str>,
    /// Pages in the pool before.
    pub before: u64,
    /// Pages in the pool afterwards.
    pub after: u64,
}
