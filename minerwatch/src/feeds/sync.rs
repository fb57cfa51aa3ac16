//! Fetches lists from the configured sources into the state directory, where the reloader finds them. The work happens
//! in a separate thread without privileges. The thread contacts no other host.

mod copy;
mod http;
mod memory;
mod request;

use std::{
    fs::{self, File},
    io::{self, BufReader, Read as _},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use anyhow::{Context as _, bail};
use caps::{CapSet, CapsHashSet};
use rustc_hash::FxHashMap;
use tracing::{info, warn};

use self::{
    memory::{Fetched, Memory},
    request::{Answer, Request},
};
use super::{load::MAX_SIZE, synced};
use crate::{
    config::{Config, ListSync, SyncList, SyncSource},
    host,
    intel::{self, Builder, List, ListKind},
    state_files,
};

/// Maximum delay before a retry, in seconds.
const RETRY: i64 = 300;

/// Handle of the thread that fetches lists. When the handle is dropped, the thread ends after the fetches that are due.
#[derive(Debug)]
pub struct Syncer {
    configurations: mpsc::Sender<Vec<ListSync>>,
    state: PathBuf,
    counters: Arc<Counters>,
}

/// Counters of successful and failed fetches.
#[derive(Debug, Default)]
struct Counters {
    fetched: AtomicU64,
    failed: AtomicU64,
}

impl Syncer {
    /// Creates the directories, removes lists that are no longer configured, and starts the thread.
    ///
    /// # Errors
    ///
    /// The thread cannot be started.
    pub fn start(config: &Config) -> anyhow::Result<Self> {
        let state = config.state.directory.clone();
        prepare(&state, &config.intel.sync);
        let (configurations, queue) = mpsc::channel();
        let mut worker = Worker::new(state.clone(), config.intel.sync.clone());
        let counters = Arc::clone(&worker.counters);
        thread::Builder::new()
            .name("list-sync".to_owned())
            .spawn(move || {
                drop_privileges();
                worker.run(&queue);
            })
            .context("starting the thread that fetches lists")?;
        Ok(Self { configurations, state, counters })
    }

    /// Returns the numbers of successful and failed fetches.
    pub fn fetches(&self) -> (u64, u64) {
        (self.counters.fetched.load(Ordering::Relaxed), self.counters.failed.load(Ordering::Relaxed))
    }

    /// Passes a new configuration to the thread, and removes lists that are no longer configured.
    pub fn reconfigure(&self, syncs: &[ListSync]) {
        prepare(&self.state, syncs);
        if self.configurations.send(syncs.to_vec()).is_err() {
            warn!("lists are no longer fetched: the thread for it has ended");
        }
    }
}

/// Drops all privileges of the calling thread, which talks to the network and needs none.
fn drop_privileges() {
    for set in [CapSet::Effective, CapSet::Permitted] {
        if let Err(error) = caps::set(None, set, &CapsHashSet::new()) {
            warn!("the thread that fetches lists keeps its privileges: {error}");
        }
    }
}

/// Creates the directories if any list is to be fetched, and removes lists that are no longer configured.
fn prepare(state: &Path, syncs: &[ListSync]) {
    for list in SyncList::ALL {
        let directory = synced::directory(state, list);
        let made = if syncs.is_empty() { Ok(()) } else { state_files::create_directory(&directory) };
        if let Err(error) = made.and_then(|()| prune(&directory, list, syncs)) {
            warn!("{}: fetched lists cannot be kept there: {error}", directory.display());
        }
    }
}

fn prune(directory: &Path, list: SyncList, syncs: &[ListSync]) -> io::Result<()> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let file = entry.file_name();
        let name = file.to_str().and_then(|file| file.split('.').next()).unwrap_or_default();
        if !syncs.iter().any(|sync| sync.list == list && sync.name == name) {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

struct Worker {
    state: PathBuf,
    syncs: Vec<ListSync>,
    memory: Memory,
    /// Time of the next retry of each failed list, in seconds since 1970.
    retries: FxHashMap<String, i64>,
    counters: Arc<Counters>,
}

impl Worker {
    fn new(state: PathBuf, syncs: Vec<ListSync>) -> Self {
        let memory = Memory::load(&state.join("intel"));
        Self { state, syncs, memory, retries: FxHashMap::default(), counters: Arc::default() }
    }

    fn run(&mut self, queue: &mpsc::Receiver<Vec<ListSync>>) {
        loop {
            let now = host::unix_seconds();
            for sync in self.syncs.clone() {
                if self.due(&sync, now) <= now {
                    self.fetch(&sync, now);
                }
            }
            let now = host::unix_seconds();
            let next = self.syncs.iter().map(|sync| self.due(sync, now)).min();
            let configuration = match next {
                Some(next) => {
                    let wait = u64::try_from(next - now).unwrap_or(0).max(1);
                    queue.recv_timeout(Duration::from_secs(wait))
                }
                None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match configuration {
                Ok(syncs) => {
                    self.syncs = syncs;
                    self.retries.clear();
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Returns the time of the next fetch of a list, in seconds since 1970.
    fn due(&self, sync: &ListSync, now: i64) -> i64 {
        if let Some(retry) = self.retries.get(&sync.name) {
            return *retry;
        }
        let every = i64::try_from(sync.every_minutes * 60).unwrap_or(i64::MAX);
        match self.memory.get(sync) {
            // A time in the future means that the clock was set back.
            Some(fetched) if fetched.at <= now => fetched.at.saturating_add(every),
            _ => now,
        }
    }

    fn fetch(&mut self, sync: &ListSync, now: i64) {
        let ListSync { name, from, every_minutes, .. } = sync;
        match self.try_fetch(sync, now) {
            Ok(is_new) => {
                let outcome = if is_new { "fetched" } else { "unchanged" };
                info!("list {name}: {outcome} ({from})");
                self.counters.fetched.fetch_add(1, Ordering::Relaxed);
                self.retries.remove(name);
            }
            Err(error) => {
                let wait = RETRY.min(i64::try_from(every_minutes * 60).unwrap_or(RETRY));
                warn!(
                    "list {name}: {error:#}; the earlier version stays in use, and the next attempt is in {wait} s"
                );
                self.counters.failed.fetch_add(1, Ordering::Relaxed);
                self.retries.insert(name.clone(), now.saturating_add(wait));
            }
        }
    }

    /// Fetches a list. Returns whether the list has changed.
    fn try_fetch(&mut self, sync: &ListSync, now: i64) -> anyhow::Result<bool> {
        let directory = synced::directory(&self.state, sync.list);
        let target = directory.join(&sync.name);
        let (is_new, etag, modified) = match &sync.from {
            SyncSource::Path(path) => (copy::copy(path, &target)?, None, None),
            SyncSource::Url(url) => {
                // The request is conditional only if the file still exists.
                let known = self.memory.get(sync).filter(|_| target.is_file());
                let temporary = temporary(&target);
                let mut file =
                    File::create(&temporary).with_context(|| format!("writing {}", temporary.display()))?;
                let request = Request {
                    url,
                    etag: known.and_then(|known| known.etag.as_deref()),
                    modified: known.and_then(|known| known.modified.as_deref()),
                    ca_file: sync.ca_file.as_deref(),
                    headers_file: sync.headers_file.as_deref(),
                    limit: MAX_SIZE,
                };
                let outcome = http::get(&request, &mut file).and_then(|answer| match answer {
                    Answer::Unchanged => Ok((
                        false,
                        known.and_then(|known| known.etag.clone()),
                        known.and_then(|known| known.modified.clone()),
                    )),
                    Answer::Changed { etag, modified } => Ok((install(&temporary, &target)?, etag, modified)),
                });
                // After an installation, the temporary file no longer exists.
                let _ = fs::remove_file(&temporary);
                outcome?
            }
        };
        self.memory.set(sync, Fetched { from: sync.from.to_string(), at: now, etag, modified });
        Ok(is_new)
    }
}

/// Returns the temporary name of a file that is being written. The reloader ignores such names.
fn temporary(target: &Path) -> PathBuf {
    let name = target.file_name().unwrap_or_default().to_string_lossy();
    target.with_file_name(format!(".{name}.new"))
}

/// Moves a complete file to its final name if its content differs from the file there. Returns whether the content
/// differs. Fails if the file is not a list.
fn install(temporary: &Path, target: &Path) -> anyhow::Result<bool> {
    check(temporary)?;
    if is_same(temporary, target) {
        return Ok(false);
    }
    fs::rename(temporary, target).with_context(|| format!("writing {}", target.display()))?;
    Ok(true)
}

/// Fails if a file is not a list. An error page must not replace a list, not even after a restart.
fn check(path: &Path) -> anyhow::Result<()> {
    if fs::metadata(path)?.len() == 0 {
        bail!("the fetched file is empty");
    }
    let mut builder = Builder::new(1);
    let list = List { name: String::new(), source: String::new(), kind: ListKind::Threat, weight: 1 };
    if !builder.list(list) {
        bail!("there is no room for a list");
    }
    let import = intel::read_list("", BufReader::new(File::open(path)?), host::unix_seconds(), &mut builder);
    if let Some(broken) = import.broken {
        bail!("the fetched file is damaged at line {}: {}", broken.location, broken.reason);
    }
    if import.kinds.total() == 0 && !import.problems.is_empty() {
        bail!("the fetched file is not a list");
    }
    Ok(())
}

fn is_same(one: &Path, other: &Path) -> bool {
    let bytes = |path: &Path| File::open(path).map(|file| BufReader::new(file.take(MAX_SIZE)).bytes());
    let lengths = (
        fs::metadata(one).map(|metadata| metadata.len()),
        fs::metadata(other).map(|metadata| metadata.len()),
    );
    let (Ok(length), Ok(known)) = lengths else { return false };
    let (Ok(one), Ok(other)) = (bytes(one), bytes(other)) else { return false };
    length == known
        && one.zip(other).all(|(one, other)| matches!((one, other), (Ok(one), Ok(other)) if one == other))
}

#[cfg(test)]
mod tests;
