//! Counters of the questions to runtimes.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering::Relaxed},
};

use super::settings::RuntimeSocket;

/// The counters, as they are read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ContainerCounters {
    /// Containers that were asked about.
    pub asked: u64,
    /// Containers that a runtime named.
    pub named: u64,
    /// Containers that no runtime knows.
    pub unknown: u64,
    /// Questions that were not asked, because too many were waiting.
    pub refused: u64,
    /// Questions that wait for an answer now.
    pub pending: u64,
    /// The sockets, by name.
    pub sockets: Vec<SocketCounters>,
}

/// The counters of a socket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketCounters {
    /// The path of the socket, as it was configured.
    pub name: Arc<str>,
    /// Questions answered, also by the answer that there is no such container.
    pub answered: u64,
    /// Questions that failed: no answer in time, or one that was not understood.
    pub failed: u64,
    /// Questions that were not asked, because earlier ones failed.
    pub skipped: u64,
}

/// The counters that the thread and the event loop share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    asked: AtomicU64,
    named: AtomicU64,
    unknown: AtomicU64,
    refused: AtomicU64,
    sockets: Vec<Socket>,
}

#[derive(Debug, Default)]
struct Socket {
    name: Arc<str>,
    answered: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

impl Shared {
    pub(super) fn new(sockets: &[RuntimeSocket]) -> Self {
        let socket = |socket: &RuntimeSocket| Socket { name: Arc::clone(&socket.name), ..Socket::default() };
        Self { sockets: sockets.iter().map(socket).collect(), ..Self::default() }
    }

    pub(super) fn asked(&self) {
        self.asked.fetch_add(1, Relaxed);
    }

    pub(super) fn refused(&self) {
        self.refused.fetch_add(1, Relaxed);
    }

    pub(super) fn answered(&self, is_named: bool) {
        let counter = if is_named { &self.named } else { &self.unknown };
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn socket_answered(&self, index: usize) {
        self.count(index, |socket| &socket.answered);
    }

    pub(super) fn socket_failed(&self, index: usize) {
        self.count(index, |socket| &socket.failed);
    }

    pub(super) fn socket_skipped(&self, index: usize) {
        self.count(index, |socket| &socket.skipped);
    }

    fn count(&self, index: usize, counter: fn(&Socket) -> &AtomicU64) {
        if let Some(socket) = self.sockets.get(index) {
            counter(socket).fetch_add(1, Relaxed);
        }
    }

    pub(super) fn read(&self) -> ContainerCounters {
        let read = |counter: &AtomicU64| counter.load(Relaxed);
        let (asked, named, unknown, refused) =
            (read(&self.asked), read(&self.named), read(&self.unknown), read(&self.refused));
        let socket = |socket: &Socket| SocketCounters {
            name: Arc::clone(&socket.name),
            answered: read(&socket.answered),
            failed: read(&socket.failed),
            skipped: read(&socket.skipped),
        };
        ContainerCounters {
            asked,
            named,
            unknown,
            refused,
            pending: asked.saturating_sub(named + unknown + refused),
            sockets: self.sockets.iter().map(socket).collect(),
        }
    }
}
