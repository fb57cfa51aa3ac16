//! Recently written files that may be run: who wrote them, and when. The "dropped by" steps of an incident come from
//! here.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::PathKind;
use crate::{
    bounded::BoundedMap,
    model::{BootTime, Event, EventBody, FileAction, FileChange, FileId, ProcessKey},
    process::{Process, ProcessTable, Role},
};

/// Any execute permission of a mode.
const EXECUTE: u32 = 0o111;
/// The file type bits of a mode.
const TYPE: u32 = 0o170_000;
/// The file type of a regular file.
const REGULAR: u32 = 0o100_000;
/// The file type of a directory.
const DIRECTORY: u32 = 0o040_000;

/// The table has one additional slot for fetched files for each four slots.
const RESERVED_SHARE: usize = 4;
/// Maximum number of these additional slots for the files of one process.
const MAX_FETCHED: usize = 32;
/// Maximum number of processes whose fetched files are counted.
const WRITERS: usize = 1_024;

/// A written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// The current path of the file.
    pub path: Arc<str>,
    /// The identity of the file, if known.
    pub file: Option<FileId>,
    /// The kind of location of `path`.
    pub place: PathKind,
    /// Whether the content was written, and not only the name or mode changed. Other programs may keep using a file
    /// that an attacker merely renamed or made executable.
    pub content: bool,
    /// Whether the content came from another host: a downloader wrote it, or a process that had connected out.
    pub fetched: bool,
    /// When the file was last opened for writing, else when it was renamed or made executable.
    pub written: BootTime,
    /// The process that made the change at `written`.
    pub writer: ProcessKey,
    /// The name of the writer.
    pub writer_name: Arc<str>,
    /// The root of the writer's process tree.
    pub tree: ProcessKey,
    /// The container that the file lies in. Equal paths in two containers are different files.
    pub container: Option<Arc<str>>,
    /// When the file was made executable, by which process, and the name of that process.
    pub armed: Option<(BootTime, ProcessKey, Arc<str>)>,
}

impl WrittenFile {
    /// Returns when the file became ready to run: the later of being written and being made executable.
    pub fn ready(&self) -> BootTime {
        self.armed.as_ref().map_or(self.written, |(armed, ..)| (*armed).max(self.written))
    }
}

/// When a file was changed, and by which process.
#[derive(Clone, Copy, Debug)]
struct Origin<'a> {
    at: BootTime,
    process: &'a Process,
    table: &'a ProcessTable,
}

/// A ring buffer of written files. A new entry evicts the file in its slot, if there is one.
#[derive(Debug)]
pub struct WrittenFiles {
    slots: Vec<Option<WrittenFile>>,
    next: usize,
    by_file: FxHashMap<FileId, usize>,
    by_path: FxHashMap<Arc<str>, usize>,
    /// Number of slots at the end that are for fetched files alone, so that a busy host does not push them out.
    reserved: usize,
    next_fetched: usize,
    /// Number of fetched files that each process wrote, for a fair share.
    shares: BoundedMap<ProcessKey, usize>,
    evicted: u64,
}

impl WrittenFiles {
    /// Creates a buffer of `capacity` slots, at least one, and some more for fetched files.
    pub fn new(capacity: usize) -> Self {
        Self {
            slots: vec![None; capacity.max(1) + capacity / RESERVED_SHARE],
            next: 0,
            reserved: capacity / RESERVED_SHARE,
            next_fetched: 0,
            shares: BoundedMap::new(WRITERS),
            by_file: FxHashMap::default(),
            by_path: FxHashMap::default(),
            evicted: 0,
        }
    }

    /// The number of evicted files.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Records a change of a file that may be run. Files that a package manager writes are not recorded.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        let EventBody::File(change) = &event.body else { return };
        let origin = &Origin { at: event.time, process, table };
        match change.action {
            FileAction::Write | FileAction::Create => {
                if place_of(&change.path, is_fetching(process)).is_odd() || is_program(change.mode) {
                    self.write(origin, change, true);
                }
            }
            FileAction::Chmod => {
                if is_program(change.mode) {
                    self.arm(origin, change);
                }
            }
            FileAction::Rename if change.mode & TYPE == DIRECTORY => self.rename_directory(change),
            FileAction::Rename => self.rename(origin, change),
            FileAction::DeviceOpen => {}
            // The file system may reuse the inode at once.
            FileAction::Delete => drop(self.take(change.file, &change.path)),
        }
    }

    /// Finds a written file that is run: by its identity if known, else by its path in the same container.
    pub fn find(&self, path: &str, file: Option<FileId>, container: Option<&str>) -> Option<&WrittenFile> {
        if let Some(found) = file.and_then(|file| self.by_file.get(&file)).and_then(|slot| self.at(*slot)) {
            return Some(found);
        }
        let found = self.by_path.get(path).and_then(|slot| self.at(*slot))?;
        let another = file.is_some() && found.file.is_some();
        (!another && found.container.as_deref() == container).then_some(found)
    }

    /// Returns the files that processes of a tree wrote, in slot order.
    pub fn of_tree(&self, tree: ProcessKey) -> impl Iterator<Item = &WrittenFile> {
        self.slots.iter().flatten().filter(move |written| written.tree == tree)
    }

    fn at(&self, slot: usize) -> Option<&WrittenFile> {
        self.slots.get(slot)?.as_ref()
    }

    fn write(&mut self, origin: &Origin<'_>, change: &FileChange, content: bool) {
        let fetched = content && is_fetching(origin.process);
        let place = place_of(&change.path, fetched);
        // A package's files are many, and lie in ordinary places.
        if !place.is_odd() && origin.table.is_managed(origin.process) {
            return;
        }
        let writer = origin.process.key();
        let known = self.take(change.file, &change.path);
        // Finding the root of a tree costs more than all other steps, and programs write the same file many times.
        let tree = known.as_ref().filter(|known| known.writer == writer).map(|known| known.tree);
        let armed = known.and_then(|known| known.armed).filter(|_| change.action != FileAction::Create);
        self.keep(WrittenFile {
            path: Arc::clone(&change.path),
            file: change.file,
            place,
            content,
            fetched,
            written: origin.at,
            writer,
            writer_name: Arc::clone(&origin.process.view.name),
            tree: tree.unwrap_or_else(|| origin.table.tree_root(writer)),
            container: container_of(origin),
            armed,
        });
    }

    fn arm(&mut self, origin: &Origin<'_>, change: &FileChange) {
        if !PathKind::of(&change.path).is_odd() && origin.table.is_managed(origin.process) {
            return;
        }
        let armed = (origin.at, origin.process.key(), Arc::clone(&origin.process.view.name));
        let known = self.take(change.file, &change.path).or_else(|| {
            self.write(origin, change, false);
            self.take(change.file, &change.path)
        });
        if let Some(known) = known {
            self.keep(WrittenFile { armed: Some(armed), ..known });
        }
    }

    fn rename(&mut self, origin: &Origin<'_>, change: &FileChange) {
        let place = PathKind::of(&change.path);
        let before = change.old_path.as_ref().unwrap_or(&change.path);
        match self.take(change.file, before) {
            Some(known) => {
                let place = place_of(&change.path, known.fetched);
                self.keep(WrittenFile { path: Arc::clone(&change.path), place, ..known });
            }
            None if place.is_odd() || is_program(change.mode) => self.write(origin, change, false),
            None => {}
        }
    }

    /// Gives the files below a renamed directory their new paths.
    fn rename_directory(&mut self, change: &FileChange) {
        let Some(before) = change.old_path.as_deref() else { return };
        for (slot, place) in self.slots.iter_mut().enumerate() {
            let Some(written) = place else { continue };
            let Some(rest) = written.path.strip_prefix(before).filter(|rest| rest.starts_with('/')) else {
                continue;
            };
            let path: Arc<str> = format!("{}{rest}", change.path).into();
            if self.by_path.get(&written.path) == Some(&slot) {
                self.by_path.remove(&written.path);
            }
            self.by_path.insert(Arc::clone(&path), slot);
            written.place = place_of(&path, written.fetched);
            written.path = path;
        }
    }

    /// Returns the slot for a file: one of the reserved for a fetched file, as long as its writer has not had its share.
    fn slot_for(&mut self, written: &WrittenFile) -> usize {
        let others = self.slots.len() - self.reserved;
        if written.fetched && self.reserved > 0 {
            let share = self.shares.entry(&written.writer, || 0);
            if *share < MAX_FETCHED {
                *share += 1;
                let slot = others + self.next_fetched;
                self.next_fetched = (self.next_fetched + 1) % self.reserved;
                return slot;
            }
        }
        let slot = self.next;
        self.next = (self.next + 1) % others.max(1);
        slot
    }

    fn keep(&mut self, written: WrittenFile) {
        let slot = self.slot_for(&written);
        if self.clear(slot).is_some() {
            self.evicted += 1;
        }
        if let Some(file) = written.file {
            self.by_file.insert(file, slot);
        }
        self.by_path.insert(Arc::clone(&written.path), slot);
        if let Some(place) = self.slots.get_mut(slot) {
            *place = Some(written);
        }
    }

    fn take(&mut self, file: Option<FileId>, path: &str) -> Option<WrittenFile> {
        let by_file = file.and_then(|file| self.by_file.get(&file)).copied();
        let slot = match (by_file, self.by_path.get(path).copied()) {
            (Some(slot), _) => slot,
            // If both identities are known here, they differ: another file lies at the path now.
            (None, Some(slot)) => {
                let known = self.at(slot)?;
                if known.file.is_some() && file.is_some() {
                    return None;
                }
                slot
            }
            (None, None) => return None,
        };
        self.clear(slot)
    }

    fn clear(&mut self, slot: usize) -> Option<WrittenFile> {
        let written = self.slots.get_mut(slot)?.take()?;
        if let Some(file) = written.file
            && self.by_file.get(&file) == Some(&slot)
        {
            self.by_file.remove(&file);
        }
        if self.by_path.get(&written.path) == Some(&slot) {
            self.by_path.remove(&written.path);
        }
        Some(written)
    }
}

/// Whether what a process writes comes from another host.
fn is_fetching(process: &Process) -> bool {
    process.role == Role::Downloader || process.connected
}

/// Returns the kind of location of a file, which depends on where the file came from.
fn place_of(path: &str, is_fetched: bool) -> PathKind {
    if is_fetched { PathKind::of_fetched(path) } else { PathKind::of(path) }
}

fn is_program(mode: u32) -> bool {
    mode & EXECUTE != 0 && matches!(mode & TYPE, 0 | REGULAR)
}

fn container_of(origin: &Origin<'_>) -> Option<Arc<str>> {
    origin.process.view.container.as_ref().and_then(|container| container.id.clone())
}
