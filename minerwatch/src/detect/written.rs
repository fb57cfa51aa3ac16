//! Recently written files that may be run: who wrote them, and when. The "dropped by" steps of an incident come from
//! here.

mod builds;
mod directories;
mod fetches;
mod reserve;

use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::{
    directories::Directories,
    fetches::{Fetches, Write},
    reserve::Reserve,
};
use super::PathKind;
use crate::{
    model::{BootTime, Event, EventBody, Exchange, FileAction, FileChange, FileId, ProcessKey},
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

/// A written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// The current path of the file.
    pub path: Arc<str>,
    /// The identity of the file, if known.
    pub file: Option<FileId>,
    /// The kind of location of `path`; of a file with hard links, an odd one of them if there is one.
    pub place: PathKind,
    /// Number of hard links that were created since, and not deleted. Only known for a file with an identity.
    links: u32,
    /// Whether the content was written, and not only the name or mode changed. Other programs may keep using a file
    /// that an attacker merely renamed or made executable.
    pub content: bool,
    /// Whether the content came from another host: a downloader wrote it or fed who did, or a process that had connected
    /// out.
    pub fetched: bool,
    /// When the file was last opened for writing, else when it was renamed or made executable.
    pub written: BootTime,
    /// The process that made the change at `written`.
    pub writer: ProcessKey,
    /// The name of the writer.
    pub writer_name: Arc<str>,
    /// The root of the writer's process tree.
    pub tree: ProcessKey,
    /// Whose share of the reserved slots the file takes, if it was fetched.
    owner: ProcessKey,
    /// Whether the writer belonged to a person's session.
    pub by_person: bool,
    /// The callers of the linker that wrote the file, if one did.
    builders: Option<Arc<[ProcessKey]>>,
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

    /// Whether a linker of the system wrote the file, and the shell or job that started the linker started this process, too.
    pub fn is_built_by_caller_of(&self, table: &ProcessTable, process: ProcessKey) -> bool {
        let is_builder = |caller| self.builders.as_ref().is_some_and(|builders| builders.contains(&caller));
        self.content && !self.fetched && builds::callers(table, process).any(is_builder)
    }
}

/// What is known about the content of a changed file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Content {
    /// Only the name or the mode changed.
    Kept,
    /// The content was written.
    Written,
    /// The content was written, and came from another host.
    Fetched,
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
    directories: Directories,
    /// The slots at the end that are for fetched files alone, so that a busy host does not push them out.
    reserve: Reserve,
    fetches: Fetches,
    evicted: u64,
}

impl WrittenFiles {
    /// Creates a buffer of `capacity` slots, at least one, and some more for fetched files.
    pub fn new(capacity: usize) -> Self {
        Self {
            slots: vec![None; capacity.max(1) + capacity / RESERVED_SHARE],
            next: 0,
            reserve: Reserve::new(capacity.max(1), capacity / RESERVED_SHARE),
            fetches: Fetches::new(),
            by_file: FxHashMap::default(),
            by_path: FxHashMap::default(),
            directories: Directories::default(),
            evicted: 0,
        }
    }

    /// The number of evicted files.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Records a change of a file that may be run. Files that a package manager writes are not recorded.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        let origin = &Origin { at: event.time, process, table };
        let change = match &event.body {
            EventBody::File(change) => change,
            EventBody::Exec(_) if process.role == Role::Downloader => {
                for write in self.fetches.start(origin) {
                    self.fetched(&write, table);
                }
                return;
            }
            _ => return,
        };
        match change.action {
            FileAction::Write | FileAction::Create => {
                // Most written files will not be run, wherever their content comes from.
                if !may_be_run(change, true) && process.role != Role::Downloader {
                    return;
                }
                let fetched = is_fetching(process) || self.fetches.feed(origin);
                if !fetched {
                    self.fetches.note(origin, change);
                }
                if may_be_run(change, fetched) || is_fetched_for_service(process, table) {
                    let content = if fetched { Content::Fetched } else { Content::Written };
                    self.write(origin, change, content);
                }
            }
            FileAction::Chmod => {
                if is_program(change.mode) {
                    self.arm(origin, change);
                }
            }
            FileAction::Rename => match change.exchange {
                Some(exchange) if exchange.first => self.exchange(origin, change, exchange),
                // The first event of an exchange stands for both files. Only together do they keep their entries, because a
                // file without an identity is known by its path.
                Some(_) => {}
                None if is_directory(change.mode) => self.rename_directories(&[change]),
                None => self.rename(origin, change),
            },
            FileAction::Link => self.link(origin, change),
            FileAction::DeviceOpen | FileAction::Symlink | FileAction::Mount => {}
            // The file system may reuse the inode at once.
            FileAction::Delete => self.delete(change),
        }
    }

    /// Finds a written file that is run: by its identity if known, else by its path in the same container.
    pub fn find(&self, path: &str, file: Option<FileId>, container: Option<&str>) -> Option<&WrittenFile> {
        if let Some(found) = self.find_file(file) {
            return Some(found);
        }
        let found = self.by_path.get(path).and_then(|slot| self.at(*slot))?;
        let another = file.is_some() && found.file.is_some();
        (!another && found.container.as_deref() == container).then_some(found)
    }

    /// Finds a written file by its identity.
    pub fn find_file(&self, file: Option<FileId>) -> Option<&WrittenFile> {
        file.and_then(|file| self.by_file.get(&file)).and_then(|slot| self.at(*slot))
    }

    /// Finds a written file at a path or, if there is a directory, one below it.
    pub fn at_or_below(&self, path: &str) -> Option<&WrittenFile> {
        let is_below = |written: &&WrittenFile| {
            written.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.slots.iter().flatten().filter(is_below).max_by_key(|written| written.written)
    }

    /// Returns the files that processes of a tree wrote, in slot order.
    pub fn of_tree(&self, tree: ProcessKey) -> impl Iterator<Item = &WrittenFile> {
        self.slots.iter().flatten().filter(move |written| written.tree == tree)
    }

    fn at(&self, slot: usize) -> Option<&WrittenFile> {
        self.slots.get(slot)?.as_ref()
    }

    /// Marks what a process wrote as fetched.
    fn fetched(&mut self, write: &Write, table: &ProcessTable) {
        let Write { at, writer, change, .. } = write;
        if let Some(process) = table.get(*writer) {
            self.write(&Origin { at: *at, process, table }, change, Content::Fetched);
        }
    }

    fn write(&mut self, origin: &Origin<'_>, change: &FileChange, content: Content) {
        let fetched = content == Content::Fetched;
        let place = place_of(&change.path, fetched);
        // A package's files are many, and lie in ordinary places.
        if !place.is_odd() && origin.table.is_managed(origin.process) {
            return;
        }
        let writer = origin.process.key();
        let known = self.take(change.file, &change.path);
        // Finding the root of a tree costs more than all other steps, and programs write the same file many times.
        let by_same = known.as_ref().filter(|known| known.writer == writer);
        let tree = by_same.map(|known| known.tree);
        let owner = by_same.filter(|known| known.fetched || !fetched).map(|known| known.owner);
        let known = known.filter(|_| change.action != FileAction::Create);
        let links = known.as_ref().map_or(0, |known| known.links);
        let armed = known.and_then(|known| known.armed);
        self.keep(WrittenFile {
            path: Arc::clone(&change.path),
            file: change.file,
            place,
            links,
            content: content != Content::Kept,
            fetched,
            written: origin.at,
            writer,
            writer_name: Arc::clone(&origin.process.view.name),
            tree: tree.unwrap_or_else(|| origin.table.tree_root(writer)),
            owner: owner.unwrap_or_else(|| if fetched { owner_of(origin) } else { writer }),
            by_person: origin.process.session,
            builders: if fetched { None } else { builds::builders(origin.table, origin.process) },
            container: origin.process.container_id().cloned(),
            armed,
        });
    }

    fn arm(&mut self, origin: &Origin<'_>, change: &FileChange) {
        if !PathKind::of(&change.path).is_odd() && origin.table.is_managed(origin.process) {
            return;
        }
        let armed = (origin.at, origin.process.key(), Arc::clone(&origin.process.view.name));
        let known = self.take(change.file, &change.path).or_else(|| {
            self.write(origin, change, Content::Kept);
            self.take(change.file, &change.path)
        });
        if let Some(known) = known {
            self.keep(WrittenFile { armed: Some(armed), ..known });
        }
    }

    fn rename(&mut self, origin: &Origin<'_>, change: &FileChange) {
        let known = self.take_renamed(change);
        // What has an entry of its own is a file.
        let is_directory = || {
            let path = change.old_path.as_ref().unwrap_or(&change.path);
            may_be_directory(change.mode) && self.directories.contains(path)
        };
        if known.is_none() && is_directory() {
            self.rename_directories(&[change]);
        }
        self.keep_renamed(origin, change, known);
    }

    /// Exchanges the paths of two files. Both entries are taken out before one of them is kept under the other's path.
    fn exchange(&mut self, origin: &Origin<'_>, change: &FileChange, exchange: Exchange) {
        // Two links to one file stay as they are.
        if change.file.is_some() && change.file == exchange.file {
            return;
        }
        let Some(other) = change.of_other_file() else { return };
        let changes = [change, &other];
        let [known, known_other] = changes.map(|change| self.take_renamed(change));
        self.keep_renamed(origin, change, known);
        self.keep_renamed(origin, &other, known_other);
        if may_be_directory(change.mode) || may_be_directory(exchange.mode) {
            self.rename_directories(&changes);
        }
    }

    fn take_renamed(&mut self, change: &FileChange) -> Option<WrittenFile> {
        self.take(change.file, change.old_path.as_ref().unwrap_or(&change.path))
    }

    /// Keeps a file, which is `known` if it has an entry, under its new path.
    fn keep_renamed(&mut self, origin: &Origin<'_>, change: &FileChange, known: Option<WrittenFile>) {
        let place = PathKind::of(&change.path);
        match known {
            Some(known) => {
                let place = place_of(&change.path, known.fetched);
                self.keep(WrittenFile { path: Arc::clone(&change.path), place, ..known });
            }
            None if is_directory(change.mode) => {}
            None if place.is_odd() || is_program(change.mode) => self.write(origin, change, Content::Kept),
            None => {}
        }
    }

    /// Adds the path of a new hard link. A file with an identity keeps its one entry, which a deletion of one of its paths
    /// does not remove. Without an identity, each path has an entry.
    fn link(&mut self, origin: &Origin<'_>, change: &FileChange) {
        let old_path = change.old_path.as_ref().unwrap_or(&change.path);
        match self.take(change.file, old_path) {
            Some(known) => {
                let place = place_of(&change.path, known.fetched);
                let place = if place.is_odd() { place } else { known.place };
                let links = known.links + u32::from(known.file.is_some());
                let linked = WrittenFile { path: Arc::clone(&change.path), place, links, ..known.clone() };
                if known.file.is_none() {
                    self.keep(known);
                }
                self.keep(linked);
            }
            // A file of `O_TMPFILE` gets its first path, or an existing file gets an odd path.
            None if PathKind::of(&change.path).is_odd() => self.write(origin, change, Content::Kept),
            None => {}
        }
    }

    /// Removes a file, or one of its hard links.
    fn delete(&mut self, change: &FileChange) {
        if let Some(known) = self.take(change.file, &change.path)
            && known.links > 0
        {
            self.keep(WrittenFile { links: known.links - 1, ..known });
        }
    }

    /// Gives the files below renamed directories their new paths. Two directories may have exchanged their paths.
    fn rename_directories(&mut self, changes: &[&FileChange]) {
        let new_path = |path: &str| {
            changes.iter().find_map(|change| {
                let rest = path.strip_prefix(change.old_path.as_deref()?)?;
                rest.starts_with('/').then(|| Arc::<str>::from(format!("{}{rest}", change.path)))
            })
        };
        let mut renamed = Vec::new();
        for (slot, place) in self.slots.iter_mut().enumerate() {
            let Some(written) = place else { continue };
            let Some(path) = new_path(&written.path) else { continue };
            if self.by_path.get(&written.path) == Some(&slot) {
                self.by_path.remove(&written.path);
            }
            self.directories.remove(&written.path);
            self.directories.add(&path);
            renamed.push((Arc::clone(&path), slot));
            written.place = place_of(&path, written.fetched);
            written.path = path;
        }
        self.by_path.extend(renamed);
    }

    /// Keeps a file: a fetched one in a reserved slot. The fetched file that it displaces is kept like any other.
    fn keep(&mut self, written: WrittenFile) {
        if !written.fetched || self.reserve.is_empty() {
            self.keep_among_others(written);
            return;
        }
        if let Some(displaced) = self.reserve.in_the_way(written.owner).and_then(|slot| self.clear(slot)) {
            self.keep_among_others(displaced);
        }
        match self.reserve.give(written.owner) {
            Some(slot) => self.put(slot, written),
            None => self.keep_among_others(written),
        }
    }

    fn keep_among_others(&mut self, written: WrittenFile) {
        let slot = self.next;
        self.next = (self.next + 1) % self.reserve.others().max(1);
        if self.clear(slot).is_some() {
            self.evicted += 1;
        }
        self.put(slot, written);
    }

    fn put(&mut self, slot: usize, written: WrittenFile) {
        if let Some(file) = written.file {
            self.by_file.insert(file, slot);
        }
        self.by_path.insert(Arc::clone(&written.path), slot);
        self.directories.add(&written.path);
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
        self.reserve.take_back(slot, written.owner);
        self.directories.remove(&written.path);
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

/// Returns the process that is responsible for a fetched file: the topmost one below a process that starts unrelated ones.
/// Unlike the root of a tree, it is the same for all that an old shell starts.
fn owner_of(origin: &Origin<'_>) -> ProcessKey {
    let writer = origin.process.key();
    let own = origin.table.ancestry(writer).take_while(|ancestor| !ancestor.role.bounds_tree());
    own.last().map_or(writer, Process::key)
}

/// Whether what a process writes comes from another host.
fn is_fetching(process: &Process) -> bool {
    process.role == Role::Downloader || process.connected
}

/// Whether the writer is a downloader below a service. An intruder can write only where the service can, and makes the file
/// executable later.
fn is_fetched_for_service(writer: &Process, table: &ProcessTable) -> bool {
    writer.role == Role::Downloader
        && table
            .ancestry(writer.key())
            .take_while(|ancestor| !ancestor.role.bounds_tree())
            .any(|ancestor| ancestor.role == Role::Service)
}

/// Returns the kind of location of a file, which depends on where the file came from.
fn place_of(path: &str, is_fetched: bool) -> PathKind {
    if is_fetched { PathKind::of_fetched(path) } else { PathKind::of(path) }
}

/// Whether a written file may be run: it is executable or lies in an odd place.
fn may_be_run(change: &FileChange, is_fetched: bool) -> bool {
    is_program(change.mode) || place_of(&change.path, is_fetched).is_odd()
}

fn is_directory(mode: u32) -> bool {
    mode & TYPE == DIRECTORY
}

/// Whether a file is a directory, or may be one: a hook that sees only names does not say what was renamed.
fn may_be_directory(mode: u32) -> bool {
    matches!(mode & TYPE, 0 | DIRECTORY)
}

fn is_program(mode: u32) -> bool {
    mode & EXECUTE != 0 && matches!(mode & TYPE, 0 | REGULAR)
}

#[cfg(test)]
mod tests;
