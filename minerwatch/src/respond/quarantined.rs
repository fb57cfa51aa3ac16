//! A file that was moved into the quarantine.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::model::ProcessKey;

/// A file in the quarantine, with what is needed to put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantined {
    /// Its path, below `root`.
    pub path: PathBuf,
    /// A process in whose root directory the path is. `None` means the host's.
    pub root: Option<ProcessKey>,
    /// Its place in the quarantine.
    pub stored: PathBuf,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Permissions.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Times of access and modification, in seconds and nanoseconds since 1970.
    pub times: [(i64, i64); 2],
    /// Extended attributes, with values in base64.
    pub attributes: BTreeMap<String, String>,
    /// Flags of the inode, as `lsattr` shows them.
    pub flags: u32,
}
