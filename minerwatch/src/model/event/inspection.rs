//! What a closer look at a process found.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::super::FileId;

/// Facts about a running process that its exec event does not contain. A field is empty if it was not looked for, has not
/// changed, or cannot be read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// The kernel's name for the process (`comm`), if it differs from the one in the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Arc<str>>,
    /// The first argument in `/proc/PID/cmdline`, if it differs from the one in the request. A program may overwrite it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<Arc<str>>,
    /// Whether the file of the program was deleted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
    /// The regular file that the process reads as its standard input.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<InputFile>,
    /// The libraries that the environment variables `LD_PRELOAD` and `LD_AUDIT` force into the program (`ld.so(8)`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preloaded: Vec<Arc<str>>,
    /// The settings of a miner. Settings of other programs are not kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settings: Option<MinerSettings>,
}

/// A regular file that is open as the standard input of a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Its path, as the process sees it.
    pub path: Arc<str>,
    /// The file.
    pub file: FileId,
}

/// Settings that only miners have, from the environment of a process or from a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MinerSettings {
    /// The path of the file; `None` for the environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<Arc<str>>,
    /// The settings in the form of a command line: `--url`, `stratum+tcp://pool.example:3333` and so on, without the name
    /// of a program.
    pub arguments: Vec<Arc<str>>,
}

impl Inspection {
    /// Whether the look found nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
