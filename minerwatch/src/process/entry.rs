//! One row of the table.

use std::{net::SocketAddr, sync::Arc};

use super::Role;
use crate::model::{BootTime, ProcessKey, ProcessView};

/// Where the knowledge of a process's image comes from, least first: better knowledge replaces poorer,
/// never the other way round.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    /// Nothing but the head of some record: its fork and exec were never seen.
    Assumed,
    /// Its fork was seen, so it runs what its parent ran.
    Inherited,
    /// Read from `/proc` at the start.
    Snapshot,
    /// Its exec was seen.
    Exec,
}

/// Why the connections of a process matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taint {
    /// It runs a file that was dropped shortly before, or that an incident's process wrote.
    Dropped,
    /// It runs from memory or from a file without a name.
    Fileless,
    /// It fetches for a shell that a service started.
    FetchesForService,
}

/// A connection to another host that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// When it was established.
    pub at: BootTime,
    /// Who opened it.
    pub process: ProcessKey,
    /// The name of who opened it.
    pub name: Arc<str>,
    /// To where.
    pub destination: SocketAddr,
}

/// What is remembered at the root of a process tree in case the tree turns out to matter: its latest
/// outbound connections, each pair of process and destination once.
#[derive(Clone, Debug, Default)]
pub struct ConnectionHistory {
    outbound: Vec<Outbound>,
}

impl ConnectionHistory {
    /// The most connections kept per tree; the oldest makes room.
    pub const LIMIT: usize = 8;

    /// Keeps a connection, unless the same one is kept already.
    pub fn add(&mut self, outbound: Outbound) {
        let known =
            |kept: &Outbound| kept.process == outbound.process && kept.destination == outbound.destination;
        if self.outbound.iter().any(known) {
            return;
        }
        if self.outbound.len() >= Self::LIMIT {
            self.outbound.remove(0);
        }
        self.outbound.push(outbound);
    }

    /// The connections, oldest first.
    pub fn outbound(&self) -> &[Outbound] {
        &self.outbound
    }
}

/// A process as the table knows it.
#[derive(Clone, Debug)]
pub struct Process {
    /// What others are shown of it; replaced, never changed, so that whoever holds it keeps what was.
    pub view: Arc<ProcessView>,
    /// The process that created it: the first one known, since the kernel names another once that dies.
    pub parent: Option<ProcessKey>,
    /// Where the view comes from.
    pub knowledge: Knowledge,
    /// What its program is.
    pub role: Role,
    /// The package manager it works for: itself or its nearest such ancestor.
    pub manager: Option<ProcessKey>,
    /// The script it interprets, as an absolute path.
    pub script: Option<Arc<str>>,
    /// Inode number of its network namespace, 0 if unknown.
    pub network: u32,
    /// When its image began: exec, else fork, else the first that was heard of it.
    pub since: BootTime,
    /// When it ended.
    pub died: Option<BootTime>,
    /// Why its connections matter. Children have it too, until they run something else.
    pub taint: Option<Taint>,
    /// Remembered for the whole tree, at its root only.
    pub connections: Option<Box<ConnectionHistory>>,
    /// Rows of the table whose parent this is.
    pub(super) children: u32,
    /// Whether it is counted in its parent's `children`.
    pub(super) counted: bool,
    /// Whether it is dead and its time in memory not over.
    pub(super) queued: bool,
    /// Rank by arrival in the table.
    pub(super) arrival: u64,
}

impl Process {
    /// Which process.
    pub fn key(&self) -> ProcessKey {
        self.view.key
    }

    /// Whether it has not ended, as far as is known.
    pub fn lives(&self) -> bool {
        self.died.is_none()
    }
}
