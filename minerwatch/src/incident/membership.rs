//! The index that maps processes, files, containers, programs and mining peers to incidents.

use std::{collections::BTreeSet, hash::Hash, net::SocketAddr, sync::Arc};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::identity::{Identity, IdentityKey};
use crate::{
    model::{FileId, ProcessKey},
    process::{Process, ProcessTable},
};

/// The serial number of an incident. Numbers are never reused, so a stale number finds nothing.
pub(super) type Serial = u64;

/// Why a process is a member of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum MemberKind {
    /// The process is the root of a tree, wrote a file that was run, or showed a weak signal. Its children belong to
    /// the incident only within the bounds of the process tree.
    Tree,
    /// The process is a suspect. Its children belong to the incident even if the process was old when it started them.
    Suspect,
}

/// Maximum number of entries of each kind that one incident holds.
const MAX_HELD: usize = 256;

/// A process that an incident holds.
#[derive(Clone, Copy, Debug)]
struct HeldProcess {
    serial: Serial,
    kind: MemberKind,
    alive: bool,
}

#[derive(Clone, Debug)]
struct PathOwner {
    serial: Serial,
    container: Option<Arc<str>>,
}

/// The index entries of one incident, for their removal at its end.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Members {
    /// The processes, each with its kind.
    processes: Vec<(ProcessKey, MemberKind)>,
    trees: BTreeSet<ProcessKey>,
    files: Vec<FileId>,
    /// The paths of the files, each with its container.
    paths: Vec<(Arc<str>, Option<Arc<str>>)>,
    containers: Vec<Arc<str>>,
    identities: Vec<IdentityKey>,
    peers: Vec<SocketAddr>,
    accounts: Vec<Arc<str>>,
    /// The services through which suspects came.
    entries: Vec<ProcessKey>,
    /// The places that start programs and that members changed. Only a watched incident has them.
    #[serde(default)]
    places: Vec<Place>,
    /// Number of attempts to add a file while the limit was reached.
    #[serde(skip)]
    refused: u32,
}

/// A path, and the container in which it is seen.
pub(super) type Place = (Arc<str>, Option<Arc<str>>);

impl Members {
    /// Keeps only what can return after the incident was closed: files, programs, peers and accounts. Adds the places
    /// that start programs.
    pub(super) fn keep_what_returns(&mut self, places: impl Iterator<Item = Place>) {
        self.processes.clear();
        self.trees.clear();
        self.containers.clear();
        self.entries.clear();
        self.places = places.take(MAX_HELD).collect();
    }

    /// Forgets the inodes of files, and processes. After a boot, these numbers mean something else.
    pub(super) fn leave_boot(&mut self) {
        self.files.clear();
        self.identities.retain(IdentityKey::outlives_boot);
    }

    /// Takes the places, which only a watched incident has.
    pub(super) fn take_places(&mut self) -> Vec<Place> {
        std::mem::take(&mut self.places)
    }

    /// The places that a watched incident is watched at.
    pub(super) fn places(&self) -> impl Iterator<Item = &Place> {
        self.places.iter()
    }

    /// The peers that suspects mine with.
    pub(super) fn peers(&self) -> impl Iterator<Item = SocketAddr> {
        self.peers.iter().copied()
    }

    /// The processes that the incident holds.
    pub(super) fn processes(&self) -> impl Iterator<Item = ProcessKey> {
        self.processes.iter().map(|(key, _)| *key)
    }
}

/// The index over all incidents.
#[derive(Debug, Default)]
pub(super) struct MembershipIndex {
    processes: FxHashMap<ProcessKey, HeldProcess>,
    files: FxHashMap<FileId, Serial>,
    paths: FxHashMap<Arc<str>, PathOwner>,
    containers: FxHashMap<Arc<str>, Serial>,
    identities: FxHashMap<IdentityKey, Serial>,
    peers: FxHashMap<SocketAddr, Serial>,
    accounts: FxHashMap<Arc<str>, Serial>,
    entries: FxHashMap<ProcessKey, Serial>,
    places: FxHashMap<Place, Serial>,
}

impl MembershipIndex {
    /// Returns the incident that a process belongs to, directly or through its tree.
    pub(super) fn of_process(&self, table: &ProcessTable, key: ProcessKey) -> Option<Serial> {
        if self.processes.is_empty() {
            return None;
        }
        if let Some(held) = self.processes.get(&key) {
            return Some(held.serial);
        }
        let suspect = |key| self.processes.get(&key).is_some_and(|held| held.kind == MemberKind::Suspect);
        table
            .tree_path(key, suspect)
            .find_map(|process| self.processes.get(&process.key()).map(|held| held.serial))
    }

    /// Returns the incident that holds this very process.
    pub(super) fn holding(&self, key: ProcessKey) -> Option<Serial> {
        self.processes.get(&key).map(|held| held.serial)
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
        let container = process.container_id().cloned();
        let by_path = |path: &str| {
            let owner = self.paths.get(path)?;
            (owner.container == container).then_some(owner.serial)
        };
        // A file with a known identity that is not in the index is another file, even at the same path.
        let program = executable.file.is_none().then(|| by_path(&executable.path)).flatten();
        program.or_else(|| by_path(process.script.as_deref()?))
    }

    /// Whether an incident holds the program of a suspect.
    pub(super) fn has_identities(&self) -> bool {
        !self.identities.is_empty()
    }

    /// Returns the incident in which this program is a suspect.
    pub(super) fn of_identity(&self, identity: &Identity) -> Option<Serial> {
        if self.identities.is_empty() {
            return None;
        }
        identity.keys().find_map(|key| self.identities.get(&key).copied())
    }

    /// Returns the incident of a container.
    pub(super) fn of_container(&self, container: &str) -> Option<Serial> {
        self.containers.get(container).copied()
    }

    /// Returns the incident whose suspects mine with this peer.
    pub(super) fn of_peer(&self, peer: SocketAddr) -> Option<Serial> {
        self.peers.get(&peer).copied()
    }

    /// Returns the incident whose suspects mine for this account.
    pub(super) fn of_account(&self, account: &str) -> Option<Serial> {
        self.accounts.get(account).copied()
    }

    /// Returns the incident whose suspects came through this service.
    pub(super) fn of_entry(&self, service: ProcessKey) -> Option<Serial> {
        self.entries.get(&service).copied()
    }

    /// Removes places of an incident that is no longer watched.
    pub(super) fn release_places(&mut self, serial: Serial, places: &[Place]) {
        release(&mut self.places, places, serial);
    }

    /// Returns the watched incident whose members changed this place.
    pub(super) fn of_place(&self, place: &Place) -> Option<Serial> {
        self.places.get(place).copied()
    }

    /// Adds a process to an incident, unless the process belongs to one already. If the incident is full, a dead
    /// process makes room, else the oldest.
    pub(super) fn hold_process(
        &mut self,
        serial: Serial,
        holdings: &mut Members,
        key: ProcessKey,
        kind: MemberKind,
    ) {
        if let Some(held) = self.processes.get_mut(&key) {
            if held.serial == serial && kind > held.kind {
                held.kind = kind;
                for (known, kind_of) in &mut holdings.processes {
                    if *known == key {
                        *kind_of = kind;
                    }
                }
            }
            return;
        }
        if holdings.processes.len() >= MAX_HELD {
            self.make_room(holdings);
        }
        holdings.processes.push((key, kind));
        self.processes.insert(key, HeldProcess { serial, kind, alive: true });
    }

    /// Removes a process of a full incident: a dead one, if possible one that is no root of a tree.
    fn make_room(&mut self, holdings: &mut Members) {
        let is_dead = |key: &ProcessKey| self.processes.get(key).is_none_or(|held| !held.alive);
        let place = holdings
            .processes
            .iter()
            .position(|(key, _)| is_dead(key) && !holdings.trees.contains(key))
            .or_else(|| holdings.processes.iter().position(|(key, _)| is_dead(key)))
            .unwrap_or(0);
        let (gone, _) = holdings.processes.remove(place);
        holdings.trees.remove(&gone);
        self.processes.remove(&gone);
    }

    /// Records the end of a process. Returns the incident that holds it.
    pub(super) fn exit(&mut self, key: ProcessKey) -> Option<Serial> {
        let held = self.processes.get_mut(&key)?;
        held.alive = false;
        Some(held.serial)
    }

    /// Adds the root of a tree to an incident. Returns true if the tree is new to the incident.
    pub(super) fn hold_tree(&mut self, serial: Serial, holdings: &mut Members, root: ProcessKey) -> bool {
        if holdings.trees.contains(&root) {
            return false;
        }
        self.hold_process(serial, holdings, root, MemberKind::Tree);
        if self.holding(root) == Some(serial) {
            holdings.trees.insert(root);
        }
        true
    }

    /// Adds a file to an incident, if the incident has room. A process that runs the file later belongs to the incident.
    pub(super) fn hold_file(
        &mut self,
        serial: Serial,
        holdings: &mut Members,
        path: &Arc<str>,
        file: Option<FileId>,
        container: Option<Arc<str>>,
    ) {
        let is_full =
            |holdings: &Members| holdings.paths.len() >= MAX_HELD || holdings.files.len() >= MAX_HELD;
        if is_full(holdings) {
            // Entries of deleted files are stale and can be removed. Every 64th attempt does so.
            holdings.refused = holdings.refused.wrapping_add(1);
            if holdings.refused % 64 == 1 {
                holdings.files.retain(|file| self.files.get(file) == Some(&serial));
                holdings
                    .paths
                    .retain(|(path, _)| self.paths.get(path).is_some_and(|owner| owner.serial == serial));
            }
        }
        if is_full(holdings) {
            return;
        }
        if let Some(file) = file {
            hold(&mut self.files, &mut holdings.files, file, serial);
        }
        let owner = PathOwner { serial, container: container.clone() };
        let known = self.paths.insert(Arc::clone(path), owner);
        if known.is_none_or(|known| known.serial != serial) {
            holdings.paths.push((Arc::clone(path), container));
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
        hold(&mut self.containers, &mut holdings.containers, Arc::clone(container), serial);
    }

    /// Adds the program of a suspect to an incident. A process that runs it anywhere belongs to the incident.
    pub(super) fn hold_identity(&mut self, serial: Serial, holdings: &mut Members, identity: &Identity) {
        for key in identity.keys() {
            hold(&mut self.identities, &mut holdings.identities, key, serial);
        }
    }

    /// Adds a peer that a suspect mines with.
    pub(super) fn hold_peer(&mut self, serial: Serial, holdings: &mut Members, peer: SocketAddr) {
        hold(&mut self.peers, &mut holdings.peers, peer, serial);
    }

    /// Adds an account that a suspect mines for.
    pub(super) fn hold_account(&mut self, serial: Serial, holdings: &mut Members, account: &Arc<str>) {
        hold(&mut self.accounts, &mut holdings.accounts, Arc::clone(account), serial);
    }

    /// Adds a service through which a suspect came.
    pub(super) fn hold_entry(&mut self, serial: Serial, holdings: &mut Members, service: ProcessKey) {
        hold(&mut self.entries, &mut holdings.entries, service, serial);
    }

    /// Adds the holdings of an incident to the index: those of an incident that was merged into this one, or of one
    /// that was restored.
    pub(super) fn hand_over(&mut self, from: Members, serial: Serial, to: &mut Members) {
        let Members {
            processes,
            trees,
            files,
            paths,
            containers,
            identities,
            peers,
            accounts,
            entries,
            places,
            refused: _,
        } = from;
        for (key, kind) in processes {
            let alive = self.processes.remove(&key).is_none_or(|held| held.alive);
            self.hold_process(serial, to, key, kind);
            if let Some(held) = self.processes.get_mut(&key) {
                held.alive = alive;
            }
        }
        to.trees.extend(trees.into_iter().filter(|root| self.holding(*root) == Some(serial)));
        // The paths come first: a full list of files leaves no room for a path.
        for (path, container) in paths {
            self.hold_file(serial, to, &path, None, container);
        }
        for file in files {
            hold(&mut self.files, &mut to.files, file, serial);
        }
        for container in containers {
            hold(&mut self.containers, &mut to.containers, container, serial);
        }
        for identity in identities {
            hold(&mut self.identities, &mut to.identities, identity, serial);
        }
        for peer in peers {
            hold(&mut self.peers, &mut to.peers, peer, serial);
        }
        for account in accounts {
            hold(&mut self.accounts, &mut to.accounts, account, serial);
        }
        for entry in entries {
            hold(&mut self.entries, &mut to.entries, entry, serial);
        }
        for place in places {
            hold(&mut self.places, &mut to.places, place, serial);
        }
    }

    /// Marks as ended the processes of an incident that are not alive.
    pub(super) fn retain_living(&mut self, holdings: &Members, lives: impl Fn(ProcessKey) -> bool) {
        for (key, _) in &holdings.processes {
            if let Some(held) = self.processes.get_mut(key) {
                held.alive &= lives(*key);
            }
        }
    }

    /// Removes all entries of an incident.
    pub(super) fn release(&mut self, serial: Serial, holdings: &Members) {
        let Members {
            processes,
            trees: _,
            files,
            paths,
            containers,
            identities,
            peers,
            accounts,
            entries,
            places,
            refused: _,
        } = holdings;
        for (key, _) in processes {
            if self.holding(*key) == Some(serial) {
                self.processes.remove(key);
            }
        }
        for (path, _) in paths {
            if self.paths.get(path).is_some_and(|owner| owner.serial == serial) {
                self.paths.remove(path);
            }
        }
        release(&mut self.files, files, serial);
        release(&mut self.containers, containers, serial);
        release(&mut self.identities, identities, serial);
        release(&mut self.peers, peers, serial);
        release(&mut self.accounts, accounts, serial);
        release(&mut self.entries, entries, serial);
        release(&mut self.places, places, serial);
    }
}

/// Adds an entry to an index and to the list of the incident that holds it, unless the list is full.
fn hold<Key: Clone + Eq + Hash>(
    index: &mut FxHashMap<Key, Serial>,
    held: &mut Vec<Key>,
    key: Key,
    serial: Serial,
) {
    if index.get(&key) == Some(&serial) || held.len() >= MAX_HELD {
        return;
    }
    index.insert(key.clone(), serial);
    held.push(key);
}

/// Removes the entries of an incident from an index.
fn release<Key: Eq + Hash>(index: &mut FxHashMap<Key, Serial>, held: &[Key], serial: Serial) {
    for key in held {
        if index.get(key) == Some(&serial) {
            index.remove(key);
        }
    }
}
