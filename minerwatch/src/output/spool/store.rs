//! The file of a spool: a database with one table for alerts and one for events.
//!
//! The database is redb, because it is transactional, pure Rust, and keeps every acknowledged record through a kill;
//! an append-only file of our own would need its own recovery, and fjall and sled keep more memory and files.

use std::{
    collections::VecDeque,
    fs::{self, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

use bytes::Bytes;
use redb::{
    Database, ReadableDatabase as _, ReadableTable as _, StorageError, TableDefinition, backends::FileBackend,
};

use super::{Batch, Class, REMEMBERED, SpoolCounters, SpoolLimits, Spooled, size};
use crate::state_files;

/// Lines by their key, which grows. A value is an [`Entry`].
pub(super) type Table = TableDefinition<'static, u64, &'static [u8]>;

pub(super) const ALERTS: Table = Table::new("alerts");
pub(super) const EVENTS: Table = Table::new("events");
/// The ids of the latest alerts, under the key 0.
pub(super) const KNOWN: Table = Table::new("known");

/// Memory that the database may use for pages, in bytes.
const CACHE: usize = 2 << 20;

/// An empty file that is larger than this is replaced by a new one, in bytes.
const LARGE: u64 = 2 << 20;

/// Number of entries that one transaction drops.
const DROPPED_AT_ONCE: usize = 256;

/// Lines from before 2020 were written before a host without a clock had asked for the time. Their age is unknown, and
/// they do not count as old. In seconds since 1970.
const PLAUSIBLE: u64 = 1_577_836_800;

/// Length of the time and the count before the lines of an entry, in bytes.
const HEADER: usize = 12;

/// A value of a table: a time in seconds since 1970, the number of lines, and the lines.
pub(super) struct Entry(Vec<u8>);

impl Entry {
    pub fn new(time: u64, count: u64, lines: &[u8]) -> Self {
        let mut bytes = Vec::with_capacity(HEADER + lines.len());
        bytes.extend_from_slice(&time.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(lines);
        Self(bytes)
    }

    /// Size of the pages that the entry takes, in bytes.
    pub fn pages(&self) -> u64 {
        size::pages(self.0.len())
    }

    /// Number of lines.
    pub fn lines(&self) -> u64 {
        Self::parts(&self.0).1
    }

    /// Splits a value into the time, the count and the lines. A value that is too short has none.
    fn parts(bytes: &[u8]) -> (u64, u64, &[u8]) {
        let (header, lines) = bytes.split_at_checked(HEADER).unwrap_or((&[], &[]));
        let time = header.first_chunk().copied().map_or(0, u64::from_le_bytes);
        let count = header.last_chunk().copied().map_or(0, u32::from_le_bytes);
        (time, u64::from(count), lines)
    }
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum StoreError {
    /// The system refuses an access.
    #[error("{0}")]
    System(#[from] io::Error),
    /// The content makes no sense.
    #[error("{0}")]
    Damaged(String),
}

impl StoreError {
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged(_))
    }

    pub fn remedy(&self) -> &'static str {
        match self {
            Self::System(error) => crate::output::notice::remedy(error),
            Self::Damaged(_) => "a new spool is used from now on",
        }
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::Io(error) if !is_of_damage(&error) => Self::System(error),
            // After a failed access the database must be opened again.
            redb::Error::PreviousIo | redb::Error::DatabaseClosed => {
                Self::System(io::Error::other("an earlier access failed"))
            }
            redb::Error::DatabaseAlreadyOpen => Self::System(io::Error::new(
                io::ErrorKind::ResourceBusy,
                "the output of before the reload, or another process, still uses it",
            )),
            error => Self::Damaged(error.to_string()),
        }
    }
}

/// Whether an error comes from a file that is shorter than it says, or that names impossible places.
fn is_of_damage(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, InvalidData, InvalidInput, UnexpectedEof};
    matches!(error.kind(), FileTooLarge | InvalidData | InvalidInput | UnexpectedEof)
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        redb::Error::from(error).into()
    }
}

/// Number and size of the entries of one table.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Content {
    pub lines: u64,
    pub bytes: u64,
    /// Size of the pages that the entries take, in bytes.
    pub pages: u64,
    pub next: u64,
    pub oldest: Option<u64>,
}

/// The open file.
pub(super) struct Store {
    pub path: PathBuf,
    pub database: Database,
    /// Device and number of the file.
    file: (u64, u64),
    pub alerts: Content,
    pub events: Content,
    pub known: VecDeque<u64>,
    /// Key of the newest entry of events that is being sent. An alert may take its place, and an event may not: the entry
    /// may arrive after all, so it would not be lost.
    sending: Option<u64>,
    /// Number of events and alerts that were dropped since the last call of [`Self::take_dropped`].
    pub dropped: (u64, u64),
}

impl std::fmt::Debug for Store {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens or creates the file.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        guarded(|| match fs::metadata(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            _ => Self::open_file(path),
        })
    }

    /// Opens or creates the file under this very name.
    pub fn open_file(path: &Path) -> Result<Self, StoreError> {
        if let Some(directory) = path.parent() {
            state_files::create_directory(directory)?;
        }
        match fs::metadata(path) {
            // Opening a pipe or a device would be wrong, and might wait.
            Ok(metadata) if !metadata.is_file() => return Err(io::Error::other("it is not a file").into()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            Ok(_) | Err(_) => {}
        }
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        let database = Database::builder()
            .set_cache_size(CACHE)
            .create_with_backend(FileBackend::new(file).map_err(redb::Error::from)?);
        let mut database = database.map_err(redb::Error::from)?;
        // The database panics later if a page is damaged. A check of everything finds the damage now.
        database.check_integrity().map_err(redb::Error::from)?;
        let write = database.begin_write().map_err(redb::Error::from)?;
        for table in [ALERTS, EVENTS, KNOWN] {
            write.open_table(table).map_err(redb::Error::from)?;
        }
        write.commit().map_err(redb::Error::from)?;
        let read = database.begin_read().map_err(redb::Error::from)?;
        let table = |definition| read.open_table(definition).map_err(redb::Error::from);
        let known = table(KNOWN)?
            .get(0)?
            .map(|value| value.value().as_chunks().0.iter().map(|chunk| u64::from_le_bytes(*chunk)).collect())
            .unwrap_or_default();
        let (alerts, events) = (content(&table(ALERTS)?)?, content(&table(EVENTS)?)?);
        drop(read);
        let file = (metadata.dev(), metadata.ino());
        Ok(Self {
            path: path.to_owned(),
            database,
            file,
            alerts,
            events,
            known,
            sending: None,
            dropped: (0, 0),
        })
    }

    /// Whether the file still has its name. Another program may have removed or replaced it.
    pub fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.file)
    }

    /// Size of the file, in bytes.
    pub fn file_size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Whether an alert with this id was added lately.
    pub fn knows(&self, id: u64) -> bool {
        self.known.contains(&id)
    }

    /// Adds entries in one transaction, and the ids of alerts.
    pub fn add(&mut self, class: Class, entries: &[Entry], ids: &[u64]) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        guarded(|| {
            let mut content = *self.content(class);
            let mut known = self.known.clone();
            known.extend(ids);
            known.drain(..known.len().saturating_sub(REMEMBERED));
            let write = self.database.begin_write().map_err(redb::Error::from)?;
            {
                let mut table = write.open_table(definition(class)).map_err(redb::Error::from)?;
                for entry in entries {
                    table.insert(content.next, entry.0.as_slice())?;
                    content.next += 1;
                    content.add(&entry.0);
                }
                if !ids.is_empty() {
                    let bytes: Vec<u8> = known.iter().flat_map(|id| id.to_le_bytes()).collect();
                    write.open_table(KNOWN).map_err(redb::Error::from)?.insert(0, bytes.as_slice())?;
                }
            }
            write.commit().map_err(redb::Error::from)?;
            *self.content(class) = content;
            self.known = known;
            Ok(())
        })
    }

    /// Returns the oldest entries, of about `bytes` bytes and at least one.
    pub fn oldest(&mut self, class: Class, bytes: usize) -> Result<Vec<Spooled>, StoreError> {
        guarded(|| {
            let read = self.database.begin_read().map_err(redb::Error::from)?;
            let table = read.open_table(definition(class)).map_err(redb::Error::from)?;
            let mut spooled: Vec<Spooled> = Vec::new();
            let mut size = 0;
            for entry in table.iter()? {
                let (key, value) = entry?;
                let (_, count, lines) = Entry::parts(value.value());
                size += lines.len();
                if size > bytes && !spooled.is_empty() {
                    break;
                }
                let batch = Batch { class, lines: Bytes::copy_from_slice(lines), count };
                spooled.push(Spooled { key: key.value(), batch });
            }
            if class == Class::Event {
                self.sending = spooled.last().map(|spooled| spooled.key);
            }
            Ok(spooled)
        })
    }

    /// Removes entries that were sent. An entry with a rest is replaced by the rest, and keeps its time.
    pub fn settle(&mut self, class: Class, batches: &[(u64, Option<Batch>)]) -> Result<(), StoreError> {
        if class == Class::Event {
            self.sending = None;
        }
        if batches.is_empty() { Ok(()) } else { self.replace(class, batches) }
    }

    /// Replaces entries by their rests in one transaction.
    fn replace(&mut self, class: Class, batches: &[(u64, Option<Batch>)]) -> Result<(), StoreError> {
        guarded(|| {
            let mut content = *self.content(class);
            let write = self.database.begin_write().map_err(redb::Error::from)?;
            {
                let mut table = write.open_table(definition(class)).map_err(redb::Error::from)?;
                for (key, rest) in batches {
                    let Some(time) = table.remove(key)?.map(|removed| {
                        content.subtract(removed.value());
                        Entry::parts(removed.value()).0
                    }) else {
                        continue;
                    };
                    if let Some(batch) = rest {
                        let entry = Entry::new(time, batch.count, &batch.lines);
                        table.insert(key, entry.0.as_slice())?;
                        content.add(&entry.0);
                    }
                }
                content.oldest = table.first()?.map(|(_, value)| Entry::parts(value.value()).0);
            }
            write.commit().map_err(redb::Error::from)?;
            *self.content(class) = content;
            self.renew_if_empty()
        })
    }

    /// Drops what is too old or too much.
    pub fn enforce(&mut self, limits: SpoolLimits, now: u64) -> Result<(), StoreError> {
        let age = limits.age.as_secs();
        let is_old = |time: u64| time >= PLAUSIBLE && now.saturating_sub(time) > age;
        let expired = |oldest: Option<u64>| oldest.is_some_and(is_old);
        for class in [Class::Event, Class::Alert] {
            while expired(self.content(class).oldest) {
                if self.drop_oldest(class, 0, 0, is_old)? == 0 {
                    break;
                }
            }
        }
        self.make_room(Class::Alert, 0, limits)?;
        Ok(())
    }

    /// Drops the oldest entries until `pages` bytes fit: events, and for an alert also alerts. Returns whether they fit.
    pub fn make_room(&mut self, class: Class, pages: u64, limits: SpoolLimits) -> Result<bool, StoreError> {
        let most = size::most_pages(limits.bytes);
        if pages > most {
            return Ok(false);
        }
        let behind = self.sending.map_or(0, |key| key.saturating_add(1));
        let all = [(Class::Event, behind), (Class::Event, 0), (Class::Alert, 0)];
        let droppable = if class == Class::Alert { &all[..] } else { &all[..1] };
        let excess = |store: &Self| (store.alerts.pages + store.events.pages + pages).saturating_sub(most);
        for (class, first) in droppable {
            while excess(self) > 0 && self.drop_oldest(*class, *first, excess(self), |_| false)? > 0 {}
        }
        Ok(excess(self) == 0)
    }

    /// Returns the number of events and alerts that were dropped since the last call.
    pub fn take_dropped(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.dropped)
    }

    /// Counts dropped lines.
    pub fn count_dropped(&mut self, class: Class, lines: u64) {
        match class {
            Class::Event => self.dropped.0 += lines,
            Class::Alert => self.dropped.1 += lines,
        }
    }

    /// Drops the oldest entries from the key `first` on that take `excess` bytes of pages together, and expired ones.
    /// Returns their number.
    fn drop_oldest(
        &mut self,
        class: Class,
        first: u64,
        excess: u64,
        expired: impl Fn(u64) -> bool,
    ) -> Result<usize, StoreError> {
        let keys = guarded(|| {
            let read = self.database.begin_read().map_err(redb::Error::from)?;
            let table = read.open_table(definition(class)).map_err(redb::Error::from)?;
            let (mut keys, mut bytes) = (Vec::new(), 0);
            for entry in table.range(first..)?.take(DROPPED_AT_ONCE) {
                let (key, value) = entry?;
                if bytes >= excess && !expired(Entry::parts(value.value()).0) {
                    break;
                }
                bytes += size::pages(value.value().len());
                keys.push((key.value(), None));
            }
            Ok(keys)
        })?;
        if !keys.is_empty() {
            let before = self.content(class).lines;
            self.replace(class, &keys)?;
            let lines = before - self.content(class).lines;
            self.count_dropped(class, lines);
        }
        Ok(keys.len())
    }

    /// Returns the time of the oldest entry, in seconds since 1970.
    pub fn oldest_time(&self) -> Option<u64> {
        [self.alerts.oldest, self.events.oldest].into_iter().flatten().min()
    }

    /// Returns `counters` with the present content.
    pub fn counters(&self, counters: SpoolCounters) -> SpoolCounters {
        SpoolCounters {
            alerts: self.alerts.lines,
            events: self.events.lines,
            bytes: self.alerts.bytes + self.events.bytes,
            ..counters
        }
    }

    /// A database never gives space back, so an empty file that has become large is replaced.
    fn renew_if_empty(&mut self) -> Result<(), StoreError> {
        let is_empty = self.alerts.lines == 0 && self.events.lines == 0;
        if is_empty && self.file_size() > LARGE { self.renew(0) } else { Ok(()) }
    }

    pub fn content(&mut self, class: Class) -> &mut Content {
        match class {
            Class::Event => &mut self.events,
            Class::Alert => &mut self.alerts,
        }
    }
}

impl Content {
    pub fn add(&mut self, value: &[u8]) {
        let (time, count, _) = Entry::parts(value);
        self.lines += count;
        self.bytes += value.len() as u64;
        self.pages += size::pages(value.len());
        self.oldest.get_or_insert(time);
    }

    fn subtract(&mut self, value: &[u8]) {
        self.lines = self.lines.saturating_sub(Entry::parts(value).1);
        self.bytes = self.bytes.saturating_sub(value.len() as u64);
        self.pages = self.pages.saturating_sub(size::pages(value.len()));
    }
}

pub(super) fn definition(class: Class) -> Table {
    match class {
        Class::Event => EVENTS,
        Class::Alert => ALERTS,
    }
}

fn content(table: &redb::ReadOnlyTable<u64, &'static [u8]>) -> Result<Content, StoreError> {
    let mut content = Content::default();
    for entry in table.iter()? {
        let (key, value) = entry?;
        content.next = key.value().saturating_add(1);
        content.add(value.value());
    }
    Ok(content)
}

/// Calls the database. It panics on some damaged files, and a damaged file must not end the output's thread.
pub(super) fn guarded<T>(action: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(action))
        .unwrap_or_else(|_| Err(StoreError::Damaged("its content makes no sense".to_owned())))
}
