//! Nodes of Monero and its relatives. They verify each block with the arithmetic of RandomX, and do not mine.

use std::net::IpAddr;

use crate::{
    bounded::BoundedMap,
    model::{Direction, Payload, ProcessKey},
};

/// Number of peers from which a process is a node. A node has a dozen; a miner has no reason to have any.
const PEERS: usize = 3;
/// Maximum number of processes with such peers.
const PROCESSES: usize = 256;

/// The peers that spoke the protocol between nodes with a process.
#[derive(Debug)]
pub(super) struct Nodes {
    peers: BoundedMap<ProcessKey, Vec<IpAddr>>,
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self { peers: BoundedMap::new(PROCESSES) }
    }

    /// Notes the peer of a received payload. A process can send such payloads to anybody, so sent ones do not count.
    pub(super) fn note(&mut self, process: ProcessKey, payload: &Payload) {
        if !payload.app.levin || payload.direction != Direction::Received {
            return;
        }
        let peers = self.peers.entry(&process, Vec::new);
        let peer = payload.flow.destination.ip();
        if peers.len() < PEERS && !peers.contains(&peer) {
            peers.push(peer);
        }
    }

    /// Whether the process is a node.
    pub(super) fn contains(&self, process: &ProcessKey) -> bool {
        self.peers.get(process).is_some_and(|peers| peers.len() >= PEERS)
    }

    pub(super) fn forget(&mut self, process: &ProcessKey) {
        if !self.peers.is_empty() {
            self.peers.remove(process);
        }
    }

    /// Number of evicted processes.
    pub(super) fn evicted(&self) -> u64 {
        self.peers.evicted()
    }
}
