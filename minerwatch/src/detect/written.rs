//! Files written lately that may be run: who wrote them, and when. What "dropped by" edges are made of.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::PathKind;
use crate::{
    model::{BootTime, Event, EventBody, FileAction, FileChange, FileId, ProcessKey},
    process::{Process, ProcessTable},
};

/// The regular-file type bits of a mode, and any execute permission.
const EXECUTE: u32 = 0o111;
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// One written file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Where it lies now.
    pub path: Arc<str>,
    /// Which file it is, if known.
    pub file: Option<FileId>,
    /// What its place tells.
    pub place: PathKind,
    /// Whether its content was written, not just its name or mode changed: what an attacker merely renames
    /// or makes executable, others may go on using.
    pub content: bool,
    /// When it was last opened for writing, else when it was renamed or made executable.
    pub written: BootTime,
    /// Who did that.
    pub writer: ProcessKey,
    /// The writer's name.
    pub writer_name: Arc<str>,
    /// The root of the writer's process tree.
    pub tree: ProcessKey,
    /// The container it lies in, so that equal paths of two containers are not taken for one file.
    pub container: Option<Arc<str>>,
    /// When, by whom and by what name it was made executable.
    pub armed: Option<(BootTime, ProcessKey, Arc<str>)>,
}

impl WrittenFile {
    /// When it was last touched in a way that readies it to run.
    pub fn ready(&self) -> BootTime {
        self.armed.as_ref().map_or(self.written, |(armed, ..)| (*armed).max(self.written))
    }
}

/// When and by whom a file was changed.
#[derive(Clone, Copy, Debug)]
struct Change<'a> {
    at: BootTime,
    process: &'a Process,
    table: &'a ProcessTable,
}

/// A bounded memory of written files: the one written longest ago makes room.
#[derive(Debug)]
pub struct WrittenFiles {
    slots: Vec<Option<WrittenFile>>,
    next: usize,
    by_file: FxHashMap<FileId, usize>,
    by_path: FxHashMap<Arc<str>, usize>,
    evicted: u64,
}

impl WrittenFiles {
    /// A memory for so many files.
    pub fn new(capacity: usize) -> Self {
        Self {
            slots: vec![None; capacity.max(1)],
            next: 0,
            by_file: FxHashMap::default(),
            by_path: FxHashMap::default(),
            evicted: 0,
        }
    }

    /// How many files had to be forgotten for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Keeps what a file change says of a file that may be run. What a package manager installs does not count.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        let EventBody::File(change) = &event.body else { return };
        let context = &Change { at: event.time, process, table };
        match change.action {
            FileAction::Write | FileAction::Create => {
                if PathKind::of(&change.path).is_odd() || is_program(change.mode) {
                    self.write(context, change, true);
                }
            }
            FileAction::Chmod => {
                if is_program(change.mode) {
                    self.arm(context, change);
                }
            }
            FileAction::Rename => self.rename(context, change),
            FileAction::DeviceOpen => {}
            // Its inode may serve another file at once.
            FileAction::Delete => drop(self.take(change.file, &change.path)),
        }
    }

    /// The file that is run: the very file if it is known which, else what lies at the path.
    pub fn find(&self, path: &str, file: Option<FileId>, container: Option<&str>) -> Option<&WrittenFile> {
        if let Some(found) = file.and_then(|file| self.by_file.get(&file)).and_then(|slot| self.at(*slot)) {
            return Some(found);
        }
        let found = self.by_path.get(path).and_then(|slot| self.at(*slot))?;
        let another = file.is_some() && found.file.is_some();
        (!another && found.container.as_deref() == container).then_some(found)
    }

    /// What processes of a tree wrote, oldest slot first.
    pub fn of_tree(&self, tree: ProcessKey) -> impl Iterator<Item = &WrittenFile> {
        self.slots.iter().flatten().filter(move |written| written.tree == tree)
    }

    fn at(&self, slot: usize) -> Option<&WrittenFile> {
        self.slots.get(slot)?.as_ref()
    }

    fn write(&mut self, context: &Change<'_>, change: &FileChange, content: bool) {
        if context.table.is_managed(context.process) {
            return;
        }
        let known = self.take(change.file, &change.path);
        let armed = known.and_then(|known| known.armed).filter(|_| change.action != FileAction::Create);
        self.keep(WrittenFile {
            path: Arc::clone(&change.path),
            file: change.file,
            place: PathKind::of(&change.path),
            content,
            written: context.at,
            writer: context.process.key(),
            writer_name: Arc::clone(&context.process.view.name),
            tree: context.table.tree_root(context.process.key()),
            container: container_of(context),
            armed,
        });
    }

    fn arm(&mut self, context: &Change<'_>, change: &FileChange) {
        if context.table.is_managed(context.process) {
            return;
        }
        let armed = (context.at, context.process.key(), Arc::clone(&context.process.view.name));
        let known = self.take(change.file, &change.path).or_else(|| {
            self.write(context, change, false);
            self.take(change.file, &change.path)
        });
        if let Some(known) = known {
            self.keep(WrittenFile { armed: Some(armed), ..known });
        }
    }

    fn rename(&mut self, context: &Change<'_>, change: &FileChange) {
        let place = PathKind::of(&change.path);
        let before = change.old_path.as_ref().unwrap_or(&change.path);
        match self.take(change.file, before) {
            Some(known) => self.keep(WrittenFile { path: Arc::clone(&change.path), place, ..known }),
            None if place.is_odd() || is_program(change.mode) => self.write(context, change, false),
            None => {}
        }
    }

    fn keep(&mut self, written: WrittenFile) {
        let slot = self.next;
        self.next = (self.next + 1) % self.slots.len();
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
            // Another file at the same path: the one before is gone from there.
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

fn is_program(mode: u32) -> bool {
    mode & EXECUTE != 0 && matches!(mode & TYPE, 0 | REGULAR)
}

fn container_of(context: &Change<'_>) -> Option<Arc<str>> {
    context.process.view.container.as_ref().and_then(|container| container.id.clone())
}
