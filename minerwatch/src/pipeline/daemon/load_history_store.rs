//! Saves the load history of programs in a file of the state directory, so that it survives a restart of the daemon.
//!
//! Without the file the daemon only has to observe for a day again. Therefore a file that is damaged, too large or of
//! another version is reported and ignored. The [journal](super::journal) writes the file.

use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{detect::LoadHistoryState, engine::Engine, state_files::StateFile};

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
}

impl LoadHistoryStore {
    /// Creates a store for the file in this directory. Neither needs to exist yet.
    pub fn new(directory: &Path) -> Self {
        Self { path: directory.join(NAME), saved: Instant::now() }
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

    /// Encodes the history if the last time was `INTERVAL` ago.
    pub fn encode_if_due(&mut self, engine: &Engine, wall: i128) -> Option<StateFile> {
        (self.saved.elapsed() >= INTERVAL).then(|| self.encode(&engine.load_history(), wall))
    }

    /// Encodes the history for its file.
    pub fn encode(&mut self, state: &LoadHistoryState, wall: i128) -> StateFile {
        self.saved = Instant::now();
        let stored = Storing { version: VERSION, saved: wall, state };
        // Plain data with strings as keys always serializes.
        StateFile { path: self.path.clone(), bytes: serde_json::to_vec(&stored).unwrap_or_default() }
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
        store.encode(&LoadHistoryState::default(), NOW).write().unwrap();
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
        store.encode(&state, NOW).write().unwrap();
        let (loaded, elapsed) = store.load(NOW + 5_000_000_000).unwrap();
        assert_eq!((loaded, elapsed), (state.clone(), Duration::from_secs(5)));
        let (_, elapsed) = store.load(NOW - 1).unwrap();
        assert_eq!(elapsed, Duration::ZERO, "somebody set the clock back");
        store.encode(&state, NOW + 1).write().unwrap();
        assert!(store.load(NOW).is_some(), "replaced");
    }

    #[test]
    fn an_unusable_file_is_ignored() {
        let (_directory, mut store) = store();
        store.encode(&LoadHistoryState::default(), NOW).write().unwrap();
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
}
