//! The spool of a network output: lines on disk that the server has not taken yet.
//!
//! Alerts are written before they count as taken. Events are written only while the server does not take them. The file
//! is bounded by size and age, events are dropped before alerts, and every loss is counted. A damaged file is set aside
//! and replaced by an empty one. While the disk fails, the caller keeps the lines in memory.

mod renew;
mod size;
mod store;

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};

use bytes::Bytes;
use tracing::warn;

use self::store::{Entry, Store, StoreError};
use super::{Batch, Class, SpoolCounters};

/// Pause after a failed access to the disk.
const PAUSE: Duration = Duration::from_secs(2);

/// Number of alerts whose ids are remembered, so that an alert that is handed over again is not spooled twice.
/// An outbox of the daemon has at most as many.
const REMEMBERED: usize = 1_024;

/// An alert for the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpooledAlert {
    /// Identifies the alert over restarts.
    pub id: u64,
    /// The line with its newline.
    pub line: Bytes,
}

/// The bounds of a spool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpoolLimits {
    /// Maximum size of the file, in bytes.
    pub bytes: u64,
    /// Maximum age of a line.
    pub age: Duration,
}

/// A batch from the spool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spooled {
    /// Identifies the batch within its class.
    pub key: u64,
    /// The lines.
    pub batch: Batch,
}

/// Lines on disk. Several threads may use it.
#[derive(Debug)]
pub struct Spool {
    name: String,
    path: PathBuf,
    limits: SpoolLimits,
    disk: Mutex<Disk>,
    /// Apart from the disk, so that reading the counters never waits for it.
    counters: Mutex<Totals>,
}

#[derive(Debug, Default)]
struct Disk {
    store: Option<Store>,
    /// No access before this time.
    not_before: Option<Instant>,
    has_failed: bool,
    /// What was delivered and is still in the file, because the disk failed. Nothing is read before it is removed, so
    /// that nothing is sent twice.
    unsettled: Vec<Settlement>,
}

/// Batches of one class that were delivered, each with its undelivered lines.
#[derive(Debug)]
struct Settlement {
    class: Class,
    batches: Vec<(u64, Option<Batch>)>,
}

/// The counters, and what was dropped.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    counters: SpoolCounters,
    oldest: Option<u64>,
    events_dropped: u64,
    alerts_dropped: u64,
}

/// The disk does not take or give lines now. The reason was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the spool cannot be used now")]
pub struct SpoolUnavailable;

impl Spool {
    /// Opens or creates the spool at `path` for the output `name`. A failure is logged, and tried again later.
    pub fn open(name: String, path: PathBuf, limits: SpoolLimits) -> Self {
        let spool = Self {
            name,
            path,
            limits,
            disk: Mutex::new(Disk::default()),
            counters: Mutex::new(Totals::default()),
        };
        let _ = spool.with_store(|_| Ok(()));
        spool
    }

    /// Adds alerts, and returns when they are on the disk. Alerts that are known already are left out.
    pub fn add_alerts(&self, alerts: &[SpooledAlert]) -> Result<(), SpoolUnavailable> {
        let now = unix_seconds();
        let outcome = self.with_store(|store| {
            let new: Vec<&SpooledAlert> = alerts.iter().filter(|alert| !store.knows(alert.id)).collect();
            let entries: Vec<Entry> = new.iter().map(|alert| Entry::new(now, 1, &alert.line)).collect();
            let ids: Vec<u64> = new.iter().map(|alert| alert.id).collect();
            self.add(store, Class::Alert, &entries, &ids)
        });
        self.count_failure(&outcome, alerts.len() as u64);
        outcome
    }

    /// Adds batches of events.
    pub fn add_events(&self, batches: &[Batch]) -> Result<(), SpoolUnavailable> {
        let now = unix_seconds();
        let parts = batches.iter().flat_map(|batch| batch.parts(size::ENTRY));
        let entries: Vec<Entry> = parts.map(|part| Entry::new(now, part.count, &part.lines)).collect();
        let outcome = self.with_store(|store| self.add(store, Class::Event, &entries, &[]));
        self.count_failure(&outcome, batches.iter().map(|batch| batch.count).sum());
        outcome
    }

    /// Adds entries in transactions that are small enough for the file, and makes room before each. `ids` has an id for
    /// each entry, or is empty.
    fn add(&self, store: &mut Store, class: Class, entries: &[Entry], ids: &[u64]) -> Result<(), StoreError> {
        let most = size::transaction(self.limits.bytes);
        let mut entries = entries;
        let mut ids = ids;
        while !entries.is_empty() {
            let mut pages = 0;
            let fit = entries.iter().take_while(|entry| {
                pages += entry.pages();
                pages <= most
            });
            let (group, rest) = entries.split_at(fit.count().clamp(1, entries.len()));
            let (group_ids, rest_ids) = ids.split_at(group.len().min(ids.len()));
            (entries, ids) = (rest, rest_ids);
            if store.make_room(class, group.iter().map(Entry::pages).sum(), self.limits)? {
                store.add(class, group, group_ids)?;
            } else {
                store.count_dropped(class, group.iter().map(Entry::lines).sum());
            }
        }
        Ok(())
    }

    /// Returns the oldest batches of a class, of about `bytes` bytes and at least one.
    pub fn oldest(&self, class: Class, bytes: usize) -> Result<Vec<Spooled>, SpoolUnavailable> {
        let empty = {
            let counters = self.totals().counters;
            match class {
                Class::Event => counters.events == 0,
                Class::Alert => counters.alerts == 0,
            }
        };
        if empty { Ok(Vec::new()) } else { self.with_store(|store| store.oldest(class, bytes)) }
    }

    /// Removes batches that the server has taken. A batch with a rest is replaced by the rest: the lines that are still
    /// to be sent.
    pub fn settle(&self, class: Class, batches: Vec<(u64, Option<Batch>)>) -> Result<(), SpoolUnavailable> {
        self.disk().unsettled.push(Settlement { class, batches });
        self.with_store(|_| Ok(()))
    }

    /// Drops lines that are too old. Call this now and then.
    pub fn expire(&self) {
        if self.totals().oldest.is_some() {
            // A failure was logged.
            let _ = self.with_store(|_| Ok(()));
        }
    }

    /// Returns whether there is nothing in the spool.
    pub fn is_empty(&self) -> bool {
        let counters = self.totals().counters;
        counters.alerts == 0 && counters.events == 0
    }

    /// Returns the counters, and how many events and alerts were dropped. Never waits for the disk.
    pub fn counters(&self) -> (SpoolCounters, (u64, u64)) {
        let totals = *self.totals();
        let oldest_seconds = totals.oldest.map_or(0, |time| unix_seconds().saturating_sub(time));
        let counters = SpoolCounters { oldest_seconds, limit_bytes: self.limits.bytes, ..totals.counters };
        (counters, (totals.events_dropped, totals.alerts_dropped))
    }

    /// Uses the store, opens it first if necessary, and drops what is beyond the limits.
    fn with_store<T>(
        &self,
        action: impl FnOnce(&mut Store) -> Result<T, StoreError>,
    ) -> Result<T, SpoolUnavailable> {
        let mut disk = self.disk();
        if disk.not_before.is_some_and(|time| Instant::now() < time) {
            return Err(SpoolUnavailable);
        }
        let outcome = match disk.store.take() {
            Some(store) => Ok(store),
            None => self.open_store(),
        };
        let outcome = outcome.and_then(|mut store| {
            let outcome = self.put_in_place(&mut store).and_then(|()| {
                for Settlement { class, batches } in &disk.unsettled {
                    store.settle(*class, batches)?;
                }
                let value = action(&mut store)?;
                store.enforce(self.limits, unix_seconds())?;
                Ok(value)
            });
            self.count_dropped(store.take_dropped());
            outcome.map(|value| (store, value))
        });
        match outcome {
            Ok((store, value)) => {
                let mut totals = self.totals();
                totals.oldest = store.oldest_time();
                totals.counters = SpoolCounters { ..store.counters(totals.counters) };
                drop(totals);
                if std::mem::take(&mut disk.has_failed) {
                    warn!("{}: the spool {} works again", self.name, self.path.display());
                }
                disk.unsettled.clear();
                disk.not_before = None;
                disk.store = Some(store);
                Ok(value)
            }
            Err(error) => {
                disk.not_before = Instant::now().checked_add(PAUSE);
                if !std::mem::replace(&mut disk.has_failed, true) {
                    warn!(
                        "{}: the spool {} cannot be used: {error}. Lines are kept in memory, and lost if minerwatch \
                         ends; {}",
                        self.name,
                        self.path.display(),
                        error.remedy(),
                    );
                }
                if error.is_damage() {
                    self.set_aside();
                    disk.not_before = None;
                }
                Err(SpoolUnavailable)
            }
        }
    }

    /// Writes the file again if it is gone, or if it is larger than the limit.
    fn put_in_place(&self, store: &mut Store) -> Result<(), StoreError> {
        let most = size::most_pages(self.limits.bytes);
        if !store.is_in_place() {
            warn!(
                "{}: another program has removed or replaced the spool {}. It is written again",
                self.name,
                self.path.display()
            );
            store.renew(most)
        } else if store.file_size() > self.limits.bytes {
            store.renew(most / 2)
        } else {
            Ok(())
        }
    }

    fn count_dropped(&self, (events, alerts): (u64, u64)) {
        if alerts > 0 {
            warn!("{}: alerts dropped, because the spool is full or they are too old: {alerts}", self.name);
        }
        let mut totals = self.totals();
        totals.events_dropped += events;
        totals.alerts_dropped += alerts;
    }

    fn open_store(&self) -> Result<Store, StoreError> {
        match Store::open(&self.path) {
            Err(error) if error.is_damage() => {
                warn!("{}: the spool {} is damaged: {error}", self.name, self.path.display());
                self.set_aside();
                Store::open(&self.path)
            }
            outcome => outcome,
        }
    }

    /// Moves a damaged file away, so that a person can look at it. An earlier one is replaced.
    fn set_aside(&self) {
        let unusable = unusable(&self.path);
        self.totals().counters.damaged += 1;
        match std::fs::rename(&self.path, &unusable) {
            Ok(()) => warn!("{}: the damaged spool is kept as {}", self.name, unusable.display()),
            Err(error) => {
                warn!("{}: the damaged spool cannot be moved to {}: {error}", self.name, unusable.display());
            }
        }
    }

    fn count_failure<T>(&self, outcome: &Result<T, SpoolUnavailable>, lines: u64) {
        if outcome.is_err() {
            self.totals().counters.failures += lines;
        }
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn totals(&self) -> MutexGuard<'_, Totals> {
        self.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unusable(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unusable");
    PathBuf::from(name)
}

/// Returns the seconds since 1970. A clock that was set back makes lines younger, never older than they are.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs())
}

#[cfg(test)]
mod tests;
