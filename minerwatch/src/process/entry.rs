//! One row of the table.

use std::{net::SocketAddr, sync::Arc};

use super::Role;
use crate::model::{BootTime, ProcessKey, ProcessView};

/// The source of what is known about a process's image, from least to most reliable. A source only replaces one that is not
/// more reliable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSource {
    /// Nothing is known but the subject of an event: neither fork nor exec was seen.
    Assumed,
    /// Its fork was seen, so it runs its parent's program.
    Inherited,
    /// Read from `/proc` at the start.
    Snapshot,
    /// Its exec was seen.
    Exec,
}

/// Why the connections of a process matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taint {
    /// It runs a file that was dropped recently, or that a process of an incident wrote.
    Dropped,
    /// It runs from memory or from a deleted file.
    Fileless,
    /// It downloads for a shell that a service started.
    FetchesForService,
}

/// An outbound connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// When it was established.
    pub at: BootTime,
    /// The process that opened it.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// The peer's address and port.
    pub destination: SocketAddr,
}

/// The latest outbound connections of a process tree, kept at its root for the chain of a later incident. Contains each
/// pair of process and destination once.
#[derive(Clone, Debug, Default)]
pub struct ConnectionHistory {
    outbound: Vec<Outbound>,
}

impl ConnectionHistory {
    /// The most connections per tree. The oldest makes room.
    pub const LIMIT: usize = 8;

    /// Adds a connection, unless its process and destination are known already.
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
    /// What events and alerts show of it. A change replaces the whole view, so a reader's copy stays as it was.
    pub view: Arc<ProcessView>,
    /// The process that created it. Never changes, although the kernel reports another parent after this one ends.
    pub parent: Option<ProcessKey>,
    /// The source of the view.
    pub image_source: ImageSource,
    /// The role of its program.
    pub role: Role,
    /// The package manager it works for: itself or its nearest ancestor that is one.
    pub manager: Option<ProcessKey>,
    /// The script it interprets, as an absolute path.
    pub script: Option<Arc<str>>,
    /// Inode number of its network namespace, 0 if unknown.
    pub network: u32,
    /// When its image started: its last exec, else its fork, else its first event.
    pub since: BootTime,
    /// When it ended.
    pub died: Option<BootTime>,
    /// Why its connections matter. Children inherit it until their next exec.
    pub taint: Option<Taint>,
    /// Connections of the whole process tree; set at the root only.
    pub connections: Option<Box<ConnectionHistory>>,
    /// Number of children in the table.
    pub(super) children: u32,
    /// Whether it is counted in its parent's `children`.
    pub(super) counted: bool,
    /// Whether it is in the table's queue of dead processes.
    pub(super) queued: bool,
    /// Sequence number of its insertion into the table.
    pub(super) arrival: u64,
}

impl Process {
    /// Which process.
    pub fn key(&self) -> ProcessKey {
        self.view.key
    }

    /// Whether its exit has not been seen.
    pub fn is_alive(&self) -> bool {
        self.died.is_none()
    }
}
