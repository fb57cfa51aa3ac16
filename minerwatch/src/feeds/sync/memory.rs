//! Stores the last fetch of each list, so that the times and versions survive a restart of the daemon.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{config::ListSync, state_files};

/// Maximum number of bytes that are read from the file.
const MAX_SIZE: u64 = 1 << 20;

/// A successful fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// The source of the list.
    pub(super) from: String,
    /// Time of the fetch, in seconds since 1970.
    pub(super) at: i64,
    /// The entity tag of the response (RFC 9110, section 8.8.3).
    pub(super) etag: Option<String>,
    /// The field `Last-Modified` of the response.
    pub(super) modified: Option<String>,
}

/// The last fetch of each list.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    fetched: BTreeMap<String, Fetched>,
}

impl Memory {
    /// Reads the file in this directory. If the file is missing or damaged, all lists are fetched again.
    pub(super) fn load(directory: &Path) -> Self {
        let path = directory.join("sync.json");
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_SIZE).read_to_string(&mut text));
        let fetched = read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { path, fetched }
    }

    /// Returns the last fetch of a list, unless the source of the list has changed since.
    pub(super) fn get(&self, sync: &ListSync) -> Option<&Fetched> {
        self.fetched.get(&sync.name).filter(|fetched| fetched.from == sync.from.to_string())
    }

    /// Records a fetch, and writes the file.
    pub(super) fn set(&mut self, sync: &ListSync, fetched: Fetched) {
        self.fetched.insert(sync.name.clone(), fetched);
        if let Err(error) = self.save() {
            warn!(
                "{}: cannot be written: {error}; all lists will be fetched again after a restart",
                self.path.display()
            );
        }
    }

    fn save(&self) -> std::io::Result<()> {
        state_files::replace(&self.path, &serde_json::to_vec(&self.fetched)?)
    }
}
