//! What is remembered of fetches from one start of the daemon to the next.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Read as _,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use tracing::warn;

use crate::config::ListSync;

/// A larger file is not read, bytes.
const MAX_SIZE: u64 = 1 << 20;

/// A fetch that went well.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Fetched {
    /// From where.
    pub(super) from: String,
    /// When, seconds since 1970.
    pub(super) at: i64,
    /// The server's mark for the version (RFC 9110, section 8.8.3).
    pub(super) etag: Option<String>,
    /// When the server says it was changed.
    pub(super) modified: Option<String>,
}

/// The last fetch of each list.
#[derive(Debug)]
pub(super) struct Memory {
    path: PathBuf,
    fetched: BTreeMap<String, Fetched>,
}

impl Memory {
    /// What is kept in this directory; one that is damaged only makes lists be fetched again.
    pub(super) fn load(directory: &Path) -> Self {
        let path = directory.join("sync.json");
        let mut text = String::new();
        let read = File::open(&path).and_then(|file| file.take(MAX_SIZE).read_to_string(&mut text));
        let fetched = read.ok().and_then(|_| serde_json::from_str(&text).ok()).unwrap_or_default();
        Self { path, fetched }
    }

    /// The last fetch of a list from where it comes now.
    pub(super) fn get(&self, sync: &ListSync) -> Option<&Fetched> {
        self.fetched.get(&sync.name).filter(|fetched| fetched.from == sync.from.to_string())
    }

    /// Remembers a fetch.
    pub(super) fn set(&mut self, sync: &ListSync, fetched: Fetched) {
        self.fetched.insert(sync.name.clone(), fetched);
        if let Err(error) = self.save() {
            warn!(
                "{}: cannot be written: {error}; lists are fetched anew after a restart",
                self.path.display()
            );
        }
    }

    fn save(&self) -> std::io::Result<()> {
        let new = self.path.with_extension("json.new");
        fs::write(&new, serde_json::to_vec(&self.fetched)?)?;
        fs::rename(&new, &self.path)
    }
}
