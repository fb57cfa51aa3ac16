//! Remembers the last fetches over a restart of the daemon.

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::{config::ListSync, state_files};

/// A larger file is not read, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// A successful fetch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// Where the list came from.
    pub(super) from: String,
    /// When, seconds since 1970.
    pub(super) at: i64,
    /// The server's name for the version (RFC 9110, section 8.8.3).
    pub(super) etag: Option<String>,
    /// When it was changed, according to the server.
    pub(super) modified: Option<String>,
}

/// The last fetch of each list.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    fetched: BTreeMap<String, Fetched>,
}

impl Memory {
    /// Reads what is kept in this directory. If that is damaged, all lists are fetched again.
    pub(super) fn load(directory: &Path) -> Self {
        let path = directory.join("sync.json");
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_SIZE).read_to_string(&mut text));
        let fetched = read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { path, fetched }
    }

    /// The last fetch of a list from its current source.
    pub(super) fn get(&self, sync: &ListSync) -> Option<&Fetched> {
        self.fetched.get(&sync.name).filter(|fetched| fetched.from == sync.from.to_string())
    }

    /// Remembers a fetch.
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
