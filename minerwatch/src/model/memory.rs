//! What is known of a process's memory and of the host's huge pages.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a mapping may be for, by its size and protection alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MappingClass {
    /// Of the size of RandomX's dataset.
    Dataset,
    /// Of the size of RandomX's cache.
    Cache,
    /// Executable, of the size of RandomX's compiled programs.
    Code,
    /// Huge pages, of the size of one thread's scratchpad.
    Scratchpad,
}

impl MappingClass {
    /// Its name in objects.
    pub fn name(self) -> &'static str {
        match self {
            Self::Dataset => "dataset",
            Self::Cache => "cache",
            Self::Code => "code",
            Self::Scratchpad => "scratchpad",
        }
    }
}

/// A process asked for memory of a class, or was found with it at the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// What it may be for.
    pub class: MappingClass,
    /// Bytes of this one.
    pub size: u64,
    /// How many of this class there were, this one included. Told of the first, the second, the fourth and so on.
    pub count: u64,
    /// Whether it is of huge pages by name.
    pub huge: bool,
}

/// The pool of huge pages after somebody opened its control for writing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HugePages {
    /// The control.
    pub path: Arc<str>,
    /// Pages in the pool before.
    pub before: u64,
    /// Pages in the pool afterwards.
    pub after: u64,
}
