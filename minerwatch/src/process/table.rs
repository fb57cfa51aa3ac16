//! The table of processes: bounded, safe against reused pids, patient with the dead.
//!
//! The dead are remembered for a while, because their last events may come after their exit and because
//! the living still need their names: a dead process whose child is in the table stays. When the table is
//! full the dead go first, oldest first; only then the living, those without children first.

mod image;
mod retention;

use std::{collections::VecDeque, sync::Arc, time::Duration};

use rustc_hash::FxHashMap;

use super::Process;
use crate::model::{BootTime, Event, EventBody, ProcessKey};

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
            | EventBody::FlowUpdate(_)
            | EventBody::SocketOptions(_)
            | EventBody::HashedFile(_) => true,
            EventBody::Exit(_)
            | EventBody::Connect(_)
            | EventBody::Payload(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::Rounding(_)
            | EventBody::Mapping(_)
            | EventBody::HugePages(_)
            | EventBody::Quota(_)
            | EventBody::DnsServerRole(_)
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
            EventBody::Close(_)
            | EventBody::FlowUpdate(_)
            | EventBody::SocketOptions(_)
            | EventBody::DnsServerRole(_) => {}
            EventBody::Connect(connect) => {
                self.touch(*time, subject);
                self.moved(subject.key, connect.network_namespace);
            }
            EventBody::Exit(_)
            | EventBody::Payload(_)
            | EventBody::File(_)
            | EventBody::Cpu(_)
            | EventBody::Rounding(_)
            | EventBody::Mapping(_)
            | EventBody::HugePages(_)
            | EventBody::Quota(_)
            | EventBody::RunningFlow(_) => self.touch(*time, subject),
        }
    }
}

#[cfg(test)]
mod tests;
