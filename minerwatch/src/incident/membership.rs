//! The index that maps processes, files and containers to incidents.

use std::{collections::BTreeSet, sync::Arc};

use rustc_hash::FxHashMap;

use crate::{
    model::{FileId, ProcessKey},
    process::{Process, ProcessTable},
};

/// The serial number of an incident. Numbers are never reused, so a stale number finds nothing.
pub(super) type Serial = u64;

/// Why a process is a member of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum MemberKind {
    /// The process is the root of a tree, wrote a file that was run, or showed a weak signal. Its children belong to
    /// the incident only within the bounds of the process tree.
    Tree,
    /// The process is a suspect. Its children belong to the incident even if the process was old when it started them.
    Suspect,
}

/// Maximum number of entries of each kind that one incident holds.
const MAX_HELD: usize = 256;

#[derive(Clone, Debug)]
struct PathOwner {
    serial: Serial,
    container: Option<Arc<str>>,
}

/// The index entries of one incident, for their removal at its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Members {
    pub(super) processes: Vec<ProcessKey>,
    trees: BTreeSet<ProcessKey>,
    files: Vec<FileId>,
    paths: Vec<Arc<str>>,
    containers: Vec<Arc<str>>,
    /// Number of attempts to add a file while the limit was reached.
    refused: u32,
}

/// The index over all incidents.
#[derive(Debug, Default)]
pub(super) struct MembershipIndex {
    processes: FxHashMap<ProcessKey, (Serial, MemberKind)>,
    files: FxHashMap<FileId, Serial>,
    paths: FxHashMap<Arc<str>, PathOwner>,
    containers: FxHashMap<Arc<str>, Serial>,
}

impl MembershipIndex {
    /// Returns the incident that a process belongs to, directly or through its tree.
    pub(super) fn of_process(&self, table: &ProcessTable, key: ProcessKey) -> Option<Serial> {
        if self.processes.is_empty() {
            return None;
        }
        if let Some((serial, _)) = self.processes.get(&key) {
            return Some(*serial);
        }
        let suspect = |key| self.processes.get(&key).is_some_and(|(_, hold)| *hold == MemberKind::Suspect);
        table
            .tree_path(key, suspect)
            .find_map(|process| self.processes.get(&process.key()).map(|(serial, _)| *serial))
    }

    /// Returns the incident that wrote the program of a process, or the script that the process interprets.
    pub(super) fn of_program(&self, process: &Process) -> Option<Serial> {
        if self.paths.is_empty() {
            return None;
        }
        let executable = &process.view.executable;
        if let Some(serial) = executable.file.and_then(|file| self.files.get(&file)) {
            return Some(*serial);
        }
        let container = container_id(process);
        let by_path = |path: &str| {
            let owner = self.paths.get(path)?;
            (owner.container == container).then_some(owner.serial)
        };
        // A file with a known identity that is not in the index is another file, even at the same path.
        let program = executable.file.is_none().then(|| by_path(&executable.path)).flatten();
        program.or_else(|| by_path(process.script.as_deref()?))
    }

    /// Returns the incident of a container.
    pub(super) fn of_container(&self, container: &str) -> Option<Serial> {
        self.containers.get(container).copied()
    }

    /// Adds a process to an incident, unless the process belongs to one already.
    pub(super) fn hold_process(
        &mut self,
        serial: Serial,
        holdings: &mut Members,
        key: ProcessKey,
        hold: MemberKind,
    ) {
        if let Some((owner, known)) = self.processes.get_mut(&key) {
            if *owner == serial {
                *known = (*known).max(hold);
            }
            return;
        }
        if holdings.processes.len() < MAX_HELD {
            holdings.processes.push(key);
            self.processes.insert(key, (serial, hold));
        }
    }

    /// Adds the root of a tree to an incident. Returns true if the tree is new to the incident.
    pub(super) fn hold_tree(&mut self, serial: Serial, holdings: &mut Members, root: ProcessKey) -> bool {
        if !holdings.trees.insert(root) || holdings.trees.len() > MAX_HELD {
            return false;
        }
        self.hold_process(serial, holdings, root, MemberKind::Tree);
        true
    }

    /// Adds a file to an incident, if the incident has room. Whoever runs the file later belongs to the incident.
    pub(super) fn hold_file(
        &mut self,
        serial: Serial,
        holdings: &mut Members,
        path: &Arc<str>,
        file: Option<FileId>,
        container: Option<Arc<str>>,
    ) {
        if holdings.paths.len() >= MAX_HELD || holdings.files.len() >= MAX_HELD {
            // Entries of deleted files are stale and can be removed. Every 64th attempt does so.
            holdings.refused = holdings.refused.wrapping_add(1);
            if holdings.refused % 64 == 1 {
                holdings.files.retain(|file| self.files.get(file) == Some(&serial));
                holdings
                    .paths
                    .retain(|path| self.paths.get(path).is_some_and(|owner| owner.serial == serial));
            }
        }
        if holdings.paths.len() >= MAX_HELD || holdings.files.len() >= MAX_HELD {
            return;
        }
        if let Some(file) = file
            && self.files.insert(file, serial) != Some(serial)
        {
            holdings.files.push(file);
        }
        let known = self.paths.insert(Arc::clone(path), PathOwner { serial, container });
        if known.is_none_or(|known| known.serial != serial) {
            holdings.paths.push(Arc::clone(path));
        }
    }

    /// Removes a deleted file from the index. Returns the incident that held the file.
    pub(super) fn release_file(
        &mut self,
        path: &str,
        file: Option<FileId>,
        container: Option<&str>,
    ) -> Option<Serial> {
        if self.paths.is_empty() && self.files.is_empty() {
            return None;
        }
        let by_file = file.and_then(|file| self.files.remove(&file));
        let at_path = self.paths.get(path).is_some_and(|owner| owner.container.as_deref() == container);
        let by_path = if at_path { self.paths.remove(path).map(|owner| owner.serial) } else { None };
        by_file.or(by_path)
    }

    /// Adds a container to an incident. Later signals in the container belong to the incident.
    pub(super) fn hold_container(&mut self, serial: Serial, holdings: &mut Members, container: &Arc<str>) {
        if holdings.containers.len() < MAX_HELD
            && self.containers.insert(Arc::clone(container), serial) != Some(serial)
        {
            holdings.containers.push(Arc::clone(container));
        }
    }

    /// Moves all entries of one incident to another.
    pub(super) fn hand_over(&mut self, from: Members, serial: Serial, to: &mut Members) {
        for key in from.processes {
            if let Some((owner, _)) = self.processes.get_mut(&key) {
                *owner = serial;
                to.processes.push(key);
            }
        }
        to.trees.extend(from.trees);
        for file in from.files {
            if let Some(owner) = self.files.get_mut(&file) {
                *owner = serial;
                to.files.push(file);
            }
        }
        for path in from.paths {
            if let Some(owner) = self.paths.get_mut(&path) {
                owner.serial = serial;
                to.paths.push(path);
            }
        }
        for container in from.containers {
            if let Some(owner) = self.containers.get_mut(&container) {
                *owner = serial;
                to.containers.push(container);
            }
        }
    }

    /// Removes all entries of an incident.
    pub(super) fn release(&mut self, serial: Serial, holdings: &Members) {
        for key in &holdings.processes {
            if self.processes.get(key).is_some_and(|(owner, _)| *owner == serial) {
                self.processes.remove(key);
            }
        }
        for file in &holdings.files {
            if self.files.get(file) == Some(&serial) {
                self.files.remove(file);
            }
        }
        for path in &holdings.paths {
            if self.paths.get(path).is_some_and(|owner| owner.serial == serial) {
                self.paths.remove(path);
            }
        }
        for container in &holdings.containers {
            if self.containers.get(container) == Some(&serial) {
                self.containers.remove(container);
            }
        }
    }
}

/// Returns the id of the container that a process runs in.
pub(super) fn container_id(process: &Process) -> Option<Arc<str>> {
    process.view.container.as_ref().and_then(|container| container.id.clone())
}
