//! A process in the table.

use std::{net::SocketAddr, sync::Arc};

use super::{Role, is_in_system_directory};
use crate::model::{BootTime, ProcessKey, ProcessView};

/// The source of a process's image, from least to most reliable. A source never replaces a more reliable one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImageSource {
    /// Only the subject of an event is known: neither fork nor exec was seen.
    Assumed,
    /// The fork was seen, so the process runs its parent's program.
    Inherited,
    /// The image was read from `/proc` at the start of minerwatch.
    Snapshot,
    /// The exec was seen.
    Exec,
}

/// Why the connections of a process matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taint {
    /// The process runs a file that was dropped recently, or that a process of an incident wrote.
    Dropped,
    /// The process runs from memory or from a deleted file.
    Fileless,
    /// The process downloads for a shell that a service started.
    FetchesForService,
}

/// An outbound connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outbound {
    /// When the connection was established.
    pub at: BootTime,
    /// The process that opened the connection.
    pub process: ProcessKey,
    /// The name of that process.
    pub name: Arc<str>,
    /// The peer's address and port.
    pub destination: SocketAddr,
}

/// The latest outbound connections of a process tree, kept at the root for the chain of a later incident. The history
/// contains each pair of process and destination once.
#[derive(Clone, Debug, Default)]
pub struct ConnectionHistory {
    outbound: Vec<Outbound>,
}

impl ConnectionHistory {
    /// Maximum number of connections per tree. A new connection evicts the oldest.
    pub const LIMIT: usize = 8;

    /// Adds a connection, unless the history has its process and destination already.
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
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Process {
    /// What events and alerts show of the process. A change replaces the whole view, so a reader's copy does not
    /// change.
    pub view: Arc<ProcessView>,
    /// The process that created this one. The field never changes, although the kernel reports another parent after the
    /// creator ends.
    pub parent: Option<ProcessKey>,
    /// The source of the view.
    pub image_source: ImageSource,
    /// The role of the program.
    pub role: Role,
    /// The package manager that the process works for: the process itself, or its nearest ancestor that is one.
    pub manager: Option<ProcessKey>,
    /// The absolute path of the script that the process interprets.
    pub script: Option<Arc<str>>,
    /// Whether the process belongs to a person's session: it is a login service, or started below one.
    pub session: bool,
    /// Whether the process connected to another host since its last exec.
    pub connected: bool,
    /// Inode number of the network namespace, 0 if unknown.
    pub network: u32,
    /// When the image started: at the last exec, else at the fork, else at the first event.
    pub since: BootTime,
    /// When the process ended.
    pub died: Option<BootTime>,
    /// Why the connections of the process matter. Children inherit the taint until their next exec.
    pub taint: Option<Taint>,
    /// Connections of the whole process tree; set at the root only.
    pub connections: Option<Box<ConnectionHistory>>,
    /// Number of children in the table.
    pub(super) children: u32,
    /// Whether the process is counted in its parent's `children`.
    pub(super) counted: bool,
    /// Whether the process is in the table's queue of dead processes.
    pub(super) queued: bool,
    /// Sequence number of the insertion into the table.
    pub(super) arrival: u64,
}

impl Process {
    /// The key of the process.
    pub fn key(&self) -> ProcessKey {
        self.view.key
    }

    /// Whether the process runs a program of the host itself: a file in a system directory, outside of containers, with
    /// nothing else mounted in its place.
    pub fn is_of_system(&self) -> bool {
        let executable = &self.view.executable;
        let has_own_file = !executable.flags.memfd && !executable.flags.foreign;
        self.container_id().is_none() && has_own_file && is_in_system_directory(&executable.path)
    }

    /// Whether the process runs a program that was dropped, or one without a file.
    pub fn is_dropped(&self) -> bool {
        matches!(self.taint, Some(Taint::Dropped | Taint::Fileless))
    }

    /// The path of what the process runs: its script, else its executable.
    pub fn program_path(&self) -> &str {
        self.script.as_deref().unwrap_or(&self.view.executable.path)
    }

    /// The id of the container that the process runs in.
    pub fn container_id(&self) -> Option<&Arc<str>> {
        self.view.container.as_ref()?.id.as_ref()
    }

    /// Whether the exit of the process has not been seen.
    pub fn is_alive(&self) -> bool {
        self.died.is_none()
    }
}
