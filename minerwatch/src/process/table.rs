//! The table of processes: bounded, safe against reused pids, patient with the dead.
//!
//! The dead are remembered for a while, because their last events may come after their exit and because
//! the living still need their names: a dead process whose child is in the table stays. When the table is
//! full the dead go first, oldest first; only then the living, those without children first.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rustc_hash::FxHashMap;

use super::{Knowledge, Process, Role, program::Identity, resolve, script_of};
use crate::model::{
    BootTime, Container, Credentials, Event, EventBody, Exec, Executable, ExecutableFlags, Fork, HashedFile,
    ProcessKey, ProcessView, RunningProcess, Subject,
};

/// How much the table keeps.
#[derive(Clone, Copy, Debug)]
pub struct TableLimits {
    /// The most rows, living and dead.
    pub processes: usize,
    /// The most dead ones without children among them.
    pub dead: usize,
    /// How long a dead one is remembered.
    pub memory: Duration,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { processes: 65_536, dead: 8_192, memory: Duration::from_secs(60) }
    }
}

/// The most user names remembered.
const MAX_USERS: usize = 1_024;

/// Every process known.
#[derive(Debug)]
pub struct ProcessTable {
    limits: TableLimits,
    rows: FxHashMap<ProcessKey, Process>,
    /// Which process holds a pid now.
    current: FxHashMap<u32, ProcessKey>,
    /// The dead in the order of their death, each until it is looked at once.
    dead: VecDeque<(BootTime, ProcessKey)>,
    /// Names of users as exec events told them, for processes that changed theirs without an exec.
    users: FxHashMap<u32, Arc<str>>,
    empty: Arc<str>,
    no_arguments: Arc<[Arc<str>]>,
    arrivals: u64,
    evicted: u64,
    forgotten_early: u64,
}

impl ProcessTable {
    /// An empty table.
    pub fn new(limits: TableLimits) -> Self {
        Self {
            limits,
            rows: FxHashMap::default(),
            current: FxHashMap::default(),
            dead: VecDeque::new(),
            users: FxHashMap::default(),
            empty: Arc::from(""),
            no_arguments: Arc::from(Vec::new()),
            arrivals: 0,
            evicted: 0,
            forgotten_early: 0,
        }
    }

    /// How many processes it knows, the dead included.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many rows were given up because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// How many dead were forgotten before their time because too many died in it.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// A process.
    pub fn get(&self, key: ProcessKey) -> Option<&Process> {
        self.rows.get(&key)
    }

    /// A process, to change what is remembered of it.
    pub fn get_mut(&mut self, key: ProcessKey) -> Option<&mut Process> {
        self.rows.get_mut(&key)
    }

    /// Every process, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.rows.values()
    }

    /// Whether an event can be taken in now: its process is known, or it is what makes it known.
    pub fn can_take(&self, event: &Event) -> bool {
        match event.body {
            EventBody::Fork(_)
            | EventBody::Exec(_)
            | EventBody::RunningProcess(_)
            // These may come long after the process is forgotten, and say nothing of what it was.
            | EventBody::Close(_)
            | EventBody::HashedFile(_) => true,
            EventBody::Exit(_)
            | EventBody::Connect(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::RunningFlow(_) => self.rows.contains_key(&event.subject.key),
        }
    }

    /// Takes an event in, all but an exit (see [`Self::exit`]). A process of which nothing was known is
    /// made from the head of the event.
    pub fn take_in(&mut self, event: &Event) {
        let Event { time, subject, body } = event;
        match body {
            EventBody::Fork(fork) => self.fork(*time, subject, fork),
            EventBody::Exec(exec) => self.exec(*time, subject, exec),
            EventBody::RunningProcess(running) => self.merge(*time, subject, running),
            EventBody::HashedFile(hashed) => self.hashed(subject.key, hashed),
            EventBody::Close(_) => {}
            EventBody::Exit(_)
            | EventBody::Connect(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::RunningFlow(_) => self.touch(*time, subject),
        }
    }

    /// Notes the end of a process. What it did last may still come in.
    pub fn exit(&mut self, key: ProcessKey, at: BootTime) {
        let Some(process) = self.rows.get_mut(&key) else { return };
        if process.died.is_some() {
            return;
        }
        process.died = Some(at);
        process.queued = true;
        if self.current.get(&key.pid) == Some(&key) {
            self.current.remove(&key.pid);
        }
        self.dead.push_back((at, key));
        while self.dead.len() > self.limits.dead {
            self.forgotten_early += u64::from(self.forget_oldest_dead());
        }
    }

    /// Forgets the dead whose time is over.
    pub fn expire(&mut self, now: BootTime) {
        while let Some((died, _)) = self.dead.front()
            && now.since(*died) >= self.limits.memory
        {
            self.forget_oldest_dead();
        }
    }

    fn fork(&mut self, time: BootTime, subject: &Subject, fork: &Fork) {
        if self.rows.contains_key(&subject.key) {
            self.adopt(subject.key, Some(fork.parent));
            self.touch(time, subject);
            return;
        }
        let parent = self.rows.get(&fork.parent);
        let process = match parent {
            Some(parent) => {
                let mut view = ProcessView::clone(&parent.view);
                view.key = subject.key;
                self.settle(&mut view, subject);
                Process {
                    view: Arc::new(view),
                    parent: None,
                    knowledge: Knowledge::Inherited,
                    role: parent.role,
                    manager: parent.manager,
                    script: parent.script.clone(),
                    since: time,
                    died: None,
                    suspicion: parent.suspicion,
                    notes: None,
                    children: 0,
                    counted: false,
                    queued: false,
                    arrival: 0,
                }
            }
            None => self.bare(time, subject, &fork.name, Knowledge::Inherited),
        };
        self.insert(process);
        self.adopt(subject.key, Some(fork.parent));
    }

    fn exec(&mut self, time: BootTime, subject: &Subject, exec: &Exec) {
        let image = Image {
            executable: &exec.executable,
            invoked: &exec.invoked,
            name: &exec.name,
            arguments: &exec.arguments,
            directory: &exec.directory,
            credentials: &exec.credentials,
        };
        self.replace(time, subject, Some(exec.parent), &image, Knowledge::Exec, false);
    }

    fn merge(&mut self, time: BootTime, subject: &Subject, running: &RunningProcess) {
        if let Some(known) = self.rows.get(&subject.key) {
            // The snapshot was read after the hooks were attached: an exec they saw is at least as new.
            if known.knowledge >= Knowledge::Exec || !known.lives() {
                self.adopt(subject.key, running.parent);
                return;
            }
        }
        let image = Image {
            executable: &running.executable,
            invoked: "",
            name: &running.name,
            arguments: &running.arguments,
            directory: &running.directory,
            credentials: &running.credentials,
        };
        let since = if self.rows.contains_key(&subject.key) { time } else { subject.key.start() };
        self.replace(since, subject, running.parent, &image, Knowledge::Snapshot, running.kernel_thread);
    }

    fn replace(
        &mut self,
        time: BootTime,
        subject: &Subject,
        parent: Option<ProcessKey>,
        image: &Image<'_>,
        knowledge: Knowledge,
        kernel: bool,
    ) {
        let key = subject.key;
        if !self.rows.contains_key(&key) {
            let process = self.bare(time, subject, image.name, knowledge);
            self.insert(process);
        }
        self.adopt(key, parent);
        let lineage = self.rows.get(&key).and_then(|process| self.parent_of(process));
        let parent_role = lineage.map(|parent| parent.role);
        let inherited_manager = lineage.and_then(|parent| parent.manager);
        let mut view = ProcessView {
            key,
            name: Arc::clone(image.name),
            executable: image.executable.clone(),
            arguments: Arc::clone(image.arguments),
            directory: Arc::clone(image.directory),
            credentials: image.credentials.clone(),
            container: None,
            sha256: None,
        };
        if let Some(user) = &view.credentials.user
            && (self.users.len() < MAX_USERS || self.users.contains_key(&view.credentials.uid))
        {
            self.users.entry(view.credentials.uid).or_insert_with(|| Arc::clone(user));
        }
        self.settle(&mut view, subject);
        let script = script_of(&view.executable.path, image.invoked, &view.arguments);
        let resolved = script.map(|script| resolve(&view.directory, script));
        let role_of = |path| Role::of(&Identity::of_path(path), &view.arguments, key.pid, parent_role);
        let role = match resolved.as_deref().map(role_of) {
            _ if kernel => Role::Kernel,
            None | Some(Role::Other) => role_of(&view.executable.path),
            Some(role) => role,
        };
        let script = resolved.map(Arc::from);
        let Some(process) = self.rows.get_mut(&key) else { return };
        view.container = view.container.or_else(|| process.view.container.clone());
        process.manager = match role {
            Role::PackageManager => Some(key),
            _ => process.manager.filter(|manager| *manager != key).or(inherited_manager),
        };
        process.view = Arc::new(view);
        process.knowledge = knowledge;
        process.role = role;
        process.script = script;
        process.since = time;
        process.suspicion = None;
    }

    /// Notes what any event's head tells: a new user, a new cgroup, or that the process exists at all.
    fn touch(&mut self, time: BootTime, subject: &Subject) {
        let Some(process) = self.rows.get(&subject.key) else {
            let name = Arc::clone(&self.empty);
            let process = self.bare(time, subject, &name, Knowledge::Assumed);
            self.insert(process);
            return;
        };
        let view = &process.view;
        let moved =
            subject.container.is_some() && !same_place(view.container.as_ref(), subject.container.as_ref());
        if !moved && view.credentials.uid == subject.uid && view.credentials.gid == subject.gid {
            return;
        }
        let mut view = ProcessView::clone(view);
        self.settle(&mut view, subject);
        if let Some(process) = self.rows.get_mut(&subject.key) {
            process.view = Arc::new(view);
        }
    }

    /// Brings a view in line with the head of an event.
    fn settle(&self, view: &mut ProcessView, subject: &Subject) {
        if view.credentials.uid != subject.uid {
            view.credentials.user = self.users.get(&subject.uid).cloned();
        }
        view.credentials.uid = subject.uid;
        view.credentials.gid = subject.gid;
        if subject.container.is_some() {
            view.container.clone_from(&subject.container);
        }
    }

    fn hashed(&mut self, key: ProcessKey, hashed: &HashedFile) {
        if let Some(process) = self.rows.get_mut(&key)
            && process.view.executable.file == Some(hashed.file)
        {
            Arc::make_mut(&mut process.view).sha256 = Some(Arc::clone(&hashed.sha256));
        }
    }

    /// A process with nothing but what its events' heads say.
    fn bare(&self, time: BootTime, subject: &Subject, name: &Arc<str>, knowledge: Knowledge) -> Process {
        let view = ProcessView {
            key: subject.key,
            name: Arc::clone(name),
            executable: Executable {
                path: Arc::clone(&self.empty),
                file: None,
                flags: ExecutableFlags::default(),
            },
            arguments: Arc::clone(&self.no_arguments),
            directory: Arc::clone(&self.empty),
            credentials: Credentials {
                uid: subject.uid,
                gid: subject.gid,
                user: self.users.get(&subject.uid).cloned(),
                capabilities: 0,
            },
            container: subject.container.clone(),
            sha256: None,
        };
        Process {
            view: Arc::new(view),
            parent: None,
            knowledge,
            role: if subject.key.pid == 1 { Role::Init } else { Role::Other },
            manager: None,
            script: None,
            since: time,
            died: None,
            suspicion: None,
            notes: None,
            children: 0,
            counted: false,
            queued: false,
            arrival: 0,
        }
    }

    fn insert(&mut self, mut process: Process) {
        let key = process.key();
        while self.rows.len() >= self.limits.processes.max(1) {
            self.make_room();
        }
        self.arrivals += 1;
        process.arrival = self.arrivals;
        let since = process.since;
        self.rows.insert(key, process);
        // Whoever held this pid before has ended, even if its exit was lost; and a process older than the
        // holder has ended long ago.
        match self.current.insert(key.pid, key) {
            Some(before) if before.start_ticks > key.start_ticks => {
                self.current.insert(key.pid, before);
                self.exit(key, since);
            }
            Some(before) if before != key => self.exit(before, since),
            _ => {}
        }
    }

    /// Ties a process to its parent, unless it has one already. A parent is never younger than its child,
    /// so nothing a hostile recording says can make a family go in circles.
    fn adopt(&mut self, key: ProcessKey, parent: Option<ProcessKey>) {
        let Some(parent) = parent.filter(|parent| *parent != key && parent.start_ticks <= key.start_ticks)
        else {
            return;
        };
        let known = self.rows.contains_key(&parent);
        let Some(process) = self.rows.get_mut(&key) else { return };
        let first = *process.parent.get_or_insert(parent);
        if first == parent && known && !process.counted {
            process.counted = true;
            if let Some(parent) = self.rows.get_mut(&parent) {
                parent.children += 1;
            }
        }
    }

    /// Whether a row became free: a dead process with children stays, and the last of them takes it along.
    fn forget_oldest_dead(&mut self) -> bool {
        let Some((_, key)) = self.dead.pop_front() else { return false };
        let Some(process) = self.rows.get_mut(&key) else { return false };
        process.queued = false;
        if process.children > 0 || process.lives() {
            return false;
        }
        self.remove(key);
        true
    }

    /// Removes a row, and the dead above it that were only kept for its sake.
    fn remove(&mut self, key: ProcessKey) {
        let mut next = Some(key);
        while let Some(key) = next.take() {
            let Some(process) = self.rows.remove(&key) else { return };
            if self.current.get(&key.pid) == Some(&key) {
                self.current.remove(&key.pid);
            }
            let Some(parent) = process.parent.filter(|_| process.counted) else { return };
            let Some(above) = self.rows.get_mut(&parent) else { return };
            above.children = above.children.saturating_sub(1);
            // A dead one still in the queue has its own time; once out of it, only children held it.
            if above.children == 0 && !above.lives() && !above.queued {
                next = Some(parent);
            }
        }
    }

    fn make_room(&mut self) {
        let before = self.rows.len();
        while self.rows.len() == before && !self.dead.is_empty() {
            self.forget_oldest_dead();
        }
        if self.rows.len() < before {
            self.evicted += (before - self.rows.len()) as u64;
            return;
        }
        // Nobody is dead and childless: a whole sixteenth at once, so that the search is paid for.
        let mut rows: Vec<_> =
            self.rows.values().map(|row| (row.lives(), row.children > 0, row.arrival, row.key())).collect();
        rows.sort_unstable();
        rows.truncate((before / 16).max(1));
        for (.., key) in rows {
            self.remove(key);
        }
        self.evicted += (before - self.rows.len()) as u64;
    }
}

/// What a process runs, from an exec or from the snapshot.
struct Image<'a> {
    executable: &'a Executable,
    invoked: &'a str,
    name: &'a Arc<str>,
    arguments: &'a Arc<[Arc<str>]>,
    directory: &'a Arc<str>,
    credentials: &'a Credentials,
}

fn same_place(known: Option<&Arc<Container>>, told: Option<&Arc<Container>>) -> bool {
    match (known, told) {
        (Some(known), Some(told)) => Arc::ptr_eq(known, told) || known == told,
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

#[cfg(test)]
mod tests;
