//! The file of the state directory with the open incidents, which lets them go on after a kill or an upgrade of the
//! daemon.
//!
//! The event loop encodes the incidents, and the [journal](super::journal) writes the file before an alert leaves. So a
//! daemon that is killed in between never opens an incident twice. Other changes are written once a second, or less
//! often if writing takes long.
//!
//! A file that is damaged, too large or of another version is reported and set aside.

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
    state_files::StateFile,
};

/// Minimum time between two writes that no alert needs.
const INTERVAL: Duration = Duration::from_secs(1);
/// Writes that no alert needs take at most this fraction of the time.
const SHARE: u32 = 50;
/// The version of the file format.
const VERSION: u32 = 1;
/// Maximum size of the file, in bytes. The least important incidents are left out.
const MAX_SIZE: usize = 16 << 20;
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

/// The path of the file, and when it was last encoded.
#[derive(Debug)]
pub struct IncidentStore {
    path: PathBuf,
    boot_id: Arc<str>,
    encoded: Instant,
    /// Whether something changed since the last encoding.
    waiting: bool,
    left_out: usize,
}

impl IncidentStore {
    /// Creates a store for the file in this directory. Neither needs to exist yet.
    pub fn new(directory: &Path, boot_id: Arc<str>) -> Self {
        Self { path: directory.join(NAME), boot_id, encoded: Instant::now(), waiting: false, left_out: 0 }
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

    /// Encodes the incidents if something changed and the last time was long enough ago. `cost` is the time that the
    /// last write took.
    pub fn encode_if_due(
        &mut self,
        engine: &mut Engine,
        clock: WallClock,
        cost: Duration,
    ) -> Option<StateFile> {
        self.waiting |= engine.take_changed();
        let is_due = self.waiting && self.encoded.elapsed() >= INTERVAL.max(cost.saturating_mul(SHARE));
        is_due.then(|| self.encode(engine, clock))
    }

    /// Encodes the incidents. Logs when more incidents than before do not fit.
    pub fn encode(&mut self, engine: &mut Engine, clock: WallClock) -> StateFile {
        engine.take_changed();
        let header = Header { version: VERSION, boot_id: Arc::clone(&self.boot_id), clock };
        // Plain data with strings as keys always serializes.
        let mut bytes = serde_json::to_vec(&header).unwrap_or_default();
        // The state is a member of the header's object.
        bytes.pop();
        bytes.extend_from_slice(b",\"state\":");
        let EncodedState { left_out, .. } = engine.encode_incidents(MAX_SIZE - 16, &mut bytes);
        bytes.push(b'}');
        if left_out > self.left_out {
            warn!("{left_out} incidents would be forgotten at a restart: {NAME} has its maximum size");
        }
        self.left_out = left_out;
        self.waiting = false;
        self.encoded = Instant::now();
        StateFile { path: self.path.clone(), bytes }
    }

    /// Says that the last encoded content could not be written.
    pub fn set_unwritten(&mut self) {
        self.waiting = true;
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
}

#[cfg(test)]
mod tests;
