//! Saves the load history of programs in a file of the state directory, so that it survives a restart of the daemon.
//!
//! Without the file the daemon only has to observe for a day again. Therefore a file that is damaged, too large or of
//! another version is reported and ignored. Repeated write failures are reported once.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{detect::LoadHistoryState, engine::Engine, state_files};

/// Time between two writes.
const INTERVAL: Duration = Duration::from_secs(600);
/// The version of the file format.
const VERSION: u32 = 1;
/// Maximum size of the file, in bytes. A full table takes about 2 MiB.
const MAX_SIZE: u64 = 16 << 20;
const NAME: &str = "duty.json";

/// The file format for reading.
#[derive(Deserialize)]
struct Stored {
    version: u32,
    /// The time of the write, in nanoseconds since 1970.
    saved: i128,
    state: LoadHistoryState,
}

/// The file format for writing.
#[derive(Serialize)]
struct Storing<'a> {
    version: u32,
    saved: i128,
    state: &'a LoadHistoryState,
}

/// The path of the file and the time of the last write.
#[derive(Debug)]
pub struct LoadHistoryStore {
    path: PathBuf,
    saved: Instant,
    has_failed: bool,
}

impl LoadHistoryStore {
    /// Creates a store for the file in this directory. Neither needs to exist yet.
    pub fn new(directory: &Path) -> Self {
        Self { path: directory.join(NAME), saved: Instant::now(), has_failed: false }
    }

    /// Reads the history that an earlier daemon stored. Also returns the time from the write to `wall`, which is in
    /// nanoseconds since 1970. Returns `None` if there is no usable file.
    pub fn load(&self, wall: i128) -> Option<(LoadHistoryState, Duration)> {
        match self.read() {
            Ok(Some(Stored { saved, state, .. })) => {
                let elapsed = u64::try_from(wall.saturating_sub(saved)).unwrap_or(0);
                info!("programs whose earlier CPU use is known: {}", state.len());
                Some((state, Duration::from_nanos(elapsed)))
            }
            Ok(None) => None,
            Err(error) => {
                warn!("the earlier CPU use of programs is not known: {error:#}");
                None
            }
        }
    }

    /// Writes the file if the last write was `INTERVAL` ago.
    pub fn save_if_due(&mut self, engine: &Engine, wall: i128) {
        if self.saved.elapsed() >= INTERVAL {
            self.save(&engine.load_history(), wall);
        }
    }

    /// Writes the file. Logs the first of several failures.
    pub fn save(&mut self, state: &LoadHistoryState, wall: i128) {
        self.saved = Instant::now();
        match self.write(state, wall) {
            Ok(()) => self.has_failed = false,
            Err(error) if !self.has_failed => {
                self.has_failed = true;
                warn!("the CPU use of programs cannot be stored: writing {}: {error}", self.path.display());
            }
            Err(_) => {}
        }
    }

    fn read(&self) -> anyhow::Result<Option<Stored>> {
        let path = self.path.display();
        let mut bytes = Vec::new();
        match File::open(&self.path) {
            Ok(file) => file.take(MAX_SIZE + 1).read_to_end(&mut bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .with_context(|| format!("reading {path}"))?;
        if bytes.len() as u64 > MAX_SIZE {
            bail!("{path} is larger than {} MiB", MAX_SIZE >> 20);
        }
        let kept: Stored = serde_json::from_slice(&bytes).with_context(|| format!("{path} is damaged"))?;
        if kept.version != VERSION {
            bail!("{path} is of version {}, and this is {VERSION}", kept.version);
        }
        Ok(Some(kept))
    }

    fn write(&self, state: &LoadHistoryState, saved: i128) -> io::Result<()> {
        if let Some(directory) = self.path.parent() {
            state_files::create_directory(directory)?;
        }
        state_files::replace(&self.path, &serde_json::to_vec(&Storing { version: VERSION, saved, state })?)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    const NOW: i128 = 1_800_000_000_000_000_000;

    fn store() -> (tempfile::TempDir, LoadHistoryStore) {
        let directory = tempfile::tempdir().unwrap();
        let store = LoadHistoryStore::new(&directory.path().join("state"));
        (directory, store)
    }

    #[test]
    fn only_the_daemons_user_can_read_the_file() {
        let (directory, mut store) = store();
        store.save(&LoadHistoryState::default(), NOW);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&store.path), 0o600);
        assert_eq!(mode(&directory.path().join("state")), 0o700);
        assert_eq!(store.path.file_name().unwrap(), "duty.json", "the name of earlier versions");
    }

    #[test]
    fn the_history_comes_back_with_its_age() {
        let (_directory, mut store) = store();
        assert!(store.load(NOW).is_none(), "nothing is stored");
        let state = LoadHistoryState::default();
        store.save(&state, NOW);
        let (loaded, elapsed) = store.load(NOW + 5_000_000_000).unwrap();
        assert_eq!((loaded, elapsed), (state.clone(), Duration::from_secs(5)));
        let (_, elapsed) = store.load(NOW - 1).unwrap();
        assert_eq!(elapsed, Duration::ZERO, "somebody set the clock back");
        store.save(&state, NOW + 1);
        assert!(store.load(NOW).is_some(), "replaced");
    }

    #[test]
    fn an_unusable_file_is_ignored() {
        let (_directory, mut store) = store();
        store.save(&LoadHistoryState::default(), NOW);
        let good = fs::read_to_string(&store.path).unwrap();
        let other = good.replace("\"version\":1", "\"version\":2");
        assert_ne!(good, other);
        for text in ["", "{", "[]", &good[..good.len() - 2], other.as_str(), "\u{0}\u{0}"] {
            fs::write(&store.path, text).unwrap();
            assert!(store.load(NOW).is_none(), "{text}");
        }
        let large = File::create(&store.path).unwrap();
        large.set_len(MAX_SIZE + 1).unwrap();
        assert!(store.load(NOW).is_none());
    }

    #[test]
    fn a_directory_that_cannot_be_created_is_reported_only() {
        let (directory, _) = store();
        fs::write(directory.path().join("file"), "").unwrap();
        let mut store = LoadHistoryStore::new(&directory.path().join("file"));
        store.save(&LoadHistoryState::default(), NOW);
        assert!(store.has_failed);
    }
}
