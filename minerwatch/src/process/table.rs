//! The process table. The table is bounded, and a reused pid is a new process.
//!
//! A dead process is kept for a retention time, because its last events may arrive after its exit. It is also kept
//! while the table has a child of it, because the child's lineage needs it. A full table evicts dead processes first,
//! oldest first, and then living processes, those without children first.

mod image;
mod retention;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rustc_hash::FxHashMap;

use super::{ImageSource, Process, containers::Containers};
use crate::model::{
    BootTime, Container, ContainerDescription, Event, EventBody, ProcessKey, ProcessPresence, Protocol,
    Subject,
};

/// Limits of the table.
#[derive(Clone, Copy, Debug)]
pub struct TableLimits {
    /// Maximum number of processes, living and dead.
    pub processes: usize,
    /// Maximum length of the queue of dead processes.
    pub dead: usize,
    /// Retention time of a dead process.
    pub memory: Duration,
}

impl Default for TableLimits {
    fn default() -> Self {
        Self { processes: 65_536, dead: 8_192, memory: Duration::from_secs(60) }
    }
}

/// Maximum number of cached user names.
const MAX_USERS: usize = 1_024;

/// All known processes.
#[derive(Debug)]
pub struct ProcessTable {
    limits: TableLimits,
    rows: FxHashMap<ProcessKey, Process>,
    /// The living process of each pid.
    current: FxHashMap<u32, ProcessKey>,
    /// Queue of dead processes in the order of their exits, each until its retention time is over.
    dead: VecDeque<(BootTime, ProcessKey)>,
    /// User names by uid, learnt from exec events, for processes that change their user without an exec.
    users: FxHashMap<u32, Arc<str>>,
    containers: Containers,
    empty: Arc<str>,
    no_arguments: Arc<[Arc<str>]>,
    arrivals: u64,
    evicted: u64,
    forgotten_early: u64,
}

impl ProcessTable {
    /// Creates an empty table.
    pub fn new(limits: TableLimits) -> Self {
        Self {
            limits,
            rows: FxHashMap::default(),
            current: FxHashMap::default(),
            dead: VecDeque::new(),
            users: FxHashMap::default(),
            containers: Containers::default(),
            empty: Arc::from(""),
            no_arguments: Arc::from(Vec::new()),
            arrivals: 0,
            evicted: 0,
            forgotten_early: 0,
        }
    }

    /// Number of processes, living and dead.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether the table is empty.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The number of processes evicted because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// The number of dead processes removed before [`TableLimits::memory`] was over, because the queue was full.
    pub fn forgotten_early(&self) -> u64 {
        self.forgotten_early
    }

    /// Returns a process.
    pub fn get(&self, key: ProcessKey) -> Option<&Process> {
        self.rows.get(&key)
    }

    /// Returns a process for modification.
    pub fn get_mut(&mut self, key: ProcessKey) -> Option<&mut Process> {
        self.rows.get_mut(&key)
    }

    /// Returns every process, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = &Process> {
        self.rows.values()
    }

    /// Number of containers that the table remembers, living and deleted.
    pub fn containers(&self) -> usize {
        self.containers.len()
    }

    /// The number of containers evicted because too many were remembered.
    pub fn containers_evicted(&self) -> u64 {
        self.containers.evicted()
    }

    /// Returns whether the runtimes must be asked about the container of an event's subject. Returns `true` once.
    pub fn must_ask(&mut self, subject: &Subject, now: BootTime) -> bool {
        subject.container.as_ref().is_some_and(|container| self.containers.see(container, now))
    }

    /// Stores what a runtime says about a container, for its processes. Returns whether anything changed.
    pub fn describe(&mut self, description: &ContainerDescription) -> bool {
        if !self.containers.describe(description) {
            return false;
        }
        let mut shared: Option<Arc<Container>> = None;
        for process in self.rows.values_mut() {
            let Some(place) = process.view.container.as_ref().filter(|place| place.awaits(&description.id))
            else {
                continue;
            };
            // Most processes of a container are in one cgroup, so they share one value.
            let named = match &shared {
                Some(shared) if shared.is_same_place(place) => Arc::clone(shared),
                _ => place.described(&description.details),
            };
            shared = Some(Arc::clone(&named));
            Arc::make_mut(&mut process.view).container = Some(named);
        }
        true
    }

    /// Whether an event can be applied now: its process is known, or the event does not need that.
    pub fn can_apply(&self, event: &Event) -> bool {
        match event.body.event_type().presence() {
            ProcessPresence::Introduces | ProcessPresence::Optional => true,
            ProcessPresence::Required => self.rows.contains_key(&event.subject.key),
        }
    }

    /// Updates the table from an event. An unknown process is created from the event's subject. An exit event does not
    /// end the process. Call [`Self::exit`] for that, after the event was processed.
    pub fn apply(&mut self, event: &Event) {
        let Event { time, subject, body } = event;
        match body {
            EventBody::Fork(fork) => self.fork(*time, subject, fork),
            EventBody::Exec(exec) => self.exec(*time, subject, exec),
            EventBody::RunningProcess(running) => self.running_process(*time, subject, running),
            EventBody::HashedFile(hashed) => self.hashed(subject.key, hashed),
            EventBody::Hidden(hidden) => {
                let is_known = self
                    .rows
                    .get(&subject.key)
                    .is_some_and(|known| known.image_source > ImageSource::Assumed);
                match &hidden.process {
                    Some(running) if !is_known => self.running_process(*time, subject, running),
                    _ => self.apply_subject(*time, subject),
                }
            }
            EventBody::Connect(connect) => {
                self.apply_subject(*time, subject);
                self.set_network(subject.key, connect.network_namespace);
                // What does not answer sends nothing, and resolvers connect UDP sockets only to learn their own address.
                let is_answered = connect.result == 0 && connect.flow.protocol == Protocol::Tcp;
                if is_answered
                    && !connect.flow.destination.ip().is_loopback()
                    && let Some(process) = self.rows.get_mut(&subject.key)
                {
                    process.connected = true;
                }
            }
            EventBody::Inspection(inspection) => {
                self.apply_subject(*time, subject);
                if let Some(input) = &inspection.input {
                    self.reads_script(subject.key, &input.path);
                }
            }
            body if body.event_type().presence() == ProcessPresence::Required => {
                self.apply_subject(*time, subject);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
