//! Saves the open incidents in a file of the state directory, so that they go on after a kill or an upgrade of the
//! daemon.
//!
//! The file is written before an alert leaves, by the event loop itself. So a daemon that is killed in between never
//! opens an incident twice. Other changes are written once a second, or less often if writing takes long.
//!
//! A file that is damaged, too large or of another version is reported and set aside. Repeated write failures are
//! reported once.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::{
    engine::Engine,
    incident::{EncodedState, IncidentState},
    model::WallClock,
    state_files,
};

/// Minimum time between two writes that no alert needs.
const INTERVAL: Duration = Duration::from_secs(1);
/// Writes that no alert needs take at most this fraction of the time.
const SHARE: u32 = 50;
/// The version of the file format.
const VERSION: u32 = 1;
/// Maximum size of the file, in bytes. The least important incidents are left out.
const MAX_SIZE: usize = 16 << 20;
/// Size of the buffer that is kept between two writes, in bytes.
const KEPT_BUFFER: usize = 1 << 20;
const NAME: &str = "incidents.json";
/// Name of a file that was set aside.
const UNUSABLE: &str = "incidents.json.unusable";

/// What the file begins with. The state follows.
#[derive(Serialize, Deserialize)]
struct Header {
    version: u32,
    /// The boot to which the times and the processes of the incidents belong.
    boot_id: Arc<str>,
    /// The wall clock of that boot.
    clock: WallClock,
}

/// The part of the file after the header.
#[derive(Deserialize)]
struct Body {
    state: IncidentState,
}

/// The incidents that an earlier daemon stored.
#[derive(Debug)]
pub enum StoredIncidents {
    /// There is no usable file.
    None,
    /// They belong to this boot, so they may go on.
    Open(IncidentState),
    /// They belong to an earlier boot, so they have ended.
    Ended {
        /// The incidents.
        state: IncidentState,
        /// The earlier boot.
        boot_id: Arc<str>,
        /// The wall clock of the earlier boot.
        clock: WallClock,
    },
}

/// The path of the file and the last write.
#[derive(Debug)]
pub struct IncidentStore {
    path: PathBuf,
    boot_id: Arc<str>,
    saved: Instant,
    /// How long the last write took.
    cost: Duration,
    /// Whether there is something to write.
    waiting: bool,
    left_out: usize,
    has_failed: bool,
    buffer: Vec<u8>,
}

impl IncidentStore {
    /// Creates a store for the file in this directory. Neither needs to exist yet.
    pub fn new(directory: &Path, boot_id: Arc<str>) -> Self {
        Self {
            path: directory.join(NAME),
            boot_id,
            saved: Instant::now(),
            cost: Duration::ZERO,
            waiting: false,
            left_out: 0,
            has_failed: false,
            buffer: Vec::new(),
        }
    }

    /// Reads the incidents that an earlier daemon stored.
    pub fn load(&self) -> StoredIncidents {
        match self.read() {
            Ok(None) => StoredIncidents::None,
            Ok(Some((Header { boot_id, clock, .. }, state))) => {
                // Without a boot id, nobody knows whether the host booted in between.
                let is_this_boot = boot_id == self.boot_id && !boot_id.is_empty();
                match (is_this_boot, state.len()) {
                    (_, 0) => {}
                    (true, count) => info!("incidents of the earlier run: {count}"),
                    (false, count) => info!("incidents of an earlier boot, which have ended: {count}"),
                }
                if is_this_boot {
                    StoredIncidents::Open(state)
                } else {
                    StoredIncidents::Ended { state, boot_id, clock }
                }
            }
            Err(error) => {
                warn!("the earlier incidents are not known: {error:#}");
                self.set_aside();
                StoredIncidents::None
            }
        }
    }

    /// Writes the file if something changed and the last write was long enough ago.
    pub fn save_if_due(&mut self, engine: &mut Engine, clock: WallClock) {
        self.waiting |= engine.take_changed();
        if self.waiting && self.saved.elapsed() >= INTERVAL.max(self.cost * SHARE) {
            self.save(engine, clock);
        }
    }

    /// Writes the file. Logs the first of several failures, and when more incidents than before do not fit.
    pub fn save(&mut self, engine: &mut Engine, clock: WallClock) {
        let start = Instant::now();
        engine.take_changed();
        match self.write(engine, clock) {
            Ok(EncodedState { left_out, .. }) => {
                self.has_failed = false;
                self.waiting = false;
                if left_out > self.left_out {
                    warn!(
                        "{left_out} incidents would be forgotten at a restart: {NAME} has its maximum size"
                    );
                }
                self.left_out = left_out;
            }
            Err(error) => {
                self.waiting = true;
                if !self.has_failed {
                    self.has_failed = true;
                    warn!("the incidents cannot be stored: writing {}: {error}", self.path.display());
                }
            }
        }
        self.saved = Instant::now();
        self.cost = start.elapsed();
    }

    /// The number of incidents that did not fit into the file.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    fn read(&self) -> anyhow::Result<Option<(Header, IncidentState)>> {
        let path = self.path.display();
        let mut bytes = Vec::new();
        match fs::metadata(&self.path) {
            // Opening a pipe would wait for a writer.
            Ok(metadata) if !metadata.is_file() => bail!("{path} is no file"),
            Ok(_) => {
                File::open(&self.path).and_then(|file| file.take(MAX_SIZE as u64 + 1).read_to_end(&mut bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .with_context(|| format!("reading {path}"))?;
        if bytes.len() > MAX_SIZE {
            bail!("{path} is larger than {} MiB", MAX_SIZE >> 20);
        }
        // The header comes first, because another version may have another body.
        let header: Header = serde_json::from_slice(&bytes).with_context(|| format!("{path} is damaged"))?;
        if header.version != VERSION {
            bail!("{path} is of version {}, and this is {VERSION}", header.version);
        }
        let body: Body = serde_json::from_slice(&bytes).with_context(|| format!("{path} is damaged"))?;
        Ok(Some((header, body.state)))
    }

    /// Moves the file away, so that a person can look at it.
    fn set_aside(&self) {
        let to = self.path.with_file_name(UNUSABLE);
        match fs::rename(&self.path, &to) {
            Ok(()) => info!("the file is kept as {}", to.display()),
            Err(error) => warn!("the file cannot be moved to {}: {error}", to.display()),
        }
    }

    fn write(&mut self, engine: &Engine, clock: WallClock) -> io::Result<EncodedState> {
        let bytes = &mut self.buffer;
        bytes.clear();
        serde_json::to_writer(
            &mut *bytes,
            &Header { version: VERSION, boot_id: Arc::clone(&self.boot_id), clock },
        )?;
        // The state is a member of the header's object.
        bytes.pop();
        bytes.extend_from_slice(b",\"state\":");
        let encoded = engine.encode_incidents(MAX_SIZE - 16, bytes);
        bytes.push(b'}');
        if let Some(directory) = self.path.parent() {
            state_files::create_directory(directory)?;
        }
        state_files::replace(&self.path, bytes)?;
        self.buffer.clear();
        self.buffer.shrink_to(KEPT_BUFFER);
        Ok(encoded)
    }
}

#[cfg(test)]
mod tests;
