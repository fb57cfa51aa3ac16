//! Nodes of Monero and its relatives. They verify each block with the arithmetic of RandomX, and do not mine.

use std::net::IpAddr;

use crate::{
    bounded::BoundedMap,
    detect::network::{is_private, leaves_host},
    model::{Direction, Payload, ProcessKey},
};

/// Number of networks with peers from which on a process is a node. A node has peers in a dozen networks, and a miner has no
/// reason to have any. An attacker can run peers of his own, but addresses in three networks of the Internet cost him more.
const PEERS: usize = 3;
/// Maximum number of processes with such peers.
const PROCESSES: usize = 256;

/// The networks of the peers that spoke the protocol between nodes with a process.
#[derive(Debug)]
pub(super) struct Nodes {
    peers: BoundedMap<ProcessKey, Vec<[u8; 6]>>,
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
        let destination = payload.flow.destination;
        let peer = destination.ip().to_canonical();
        if is_private(peer) || !leaves_host(destination) {
            return;
        }
        let peers = self.peers.entry(&process, Vec::new);
        let network = network_of(peer);
        if peers.len() < PEERS && !peers.contains(&network) {
            peers.push(network);
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

/// Returns the network of an address, after two bytes for the IP version: the first 16 bits of IPv4, as Monero itself does
/// for its outgoing connections, and the first 32 bits of IPv6.
fn network_of(address: IpAddr) -> [u8; 6] {
    match address {
        IpAddr::V4(address) => {
            let [one, two, ..] = address.octets();
            [0, 4, one, two, 0, 0]
        }
        IpAddr::V6(address) => {
            let [one, two, three, four, ..] = address.octets();
            [0, 6, one, two, three, four]
        }
    }
}
