//! Nodes of Monero and its relatives. They verify each block with the arithmetic of RandomX, and do not mine.

use std::net::IpAddr;

use crate::{
    bounded::BoundedMap,
    detect::network::{is_private, leaves_host},
    model::{Direction, Payload, ProcessKey},
};

/// Minimum number of networks in which a node has peers. A node has peers in a dozen networks, and a miner needs none. An
/// attacker can run peers, but addresses in three networks of the Internet cost money.
const NETWORKS: usize = 3;
/// Maximum number of processes with such peers.
const PROCESSES: usize = 256;

/// The networks of the peers that spoke the protocol between nodes with a process.
#[derive(Debug)]
pub(super) struct Nodes {
    networks: BoundedMap<ProcessKey, Vec<[u8; 6]>>,
}

impl Nodes {
    pub(super) fn new() -> Self {
        Self { networks: BoundedMap::new(PROCESSES) }
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
        let networks = self.networks.entry(&process, Vec::new);
        let network = network_of(peer);
        if networks.len() < NETWORKS && !networks.contains(&network) {
            networks.push(network);
        }
    }

    /// Whether the process is a node.
    pub(super) fn contains(&self, process: &ProcessKey) -> bool {
        self.networks.get(process).is_some_and(|networks| networks.len() >= NETWORKS)
    }

    pub(super) fn forget(&mut self, process: &ProcessKey) {
        if !self.networks.is_empty() {
            self.networks.remove(process);
        }
    }

    /// Number of evicted processes.
    pub(super) fn evicted(&self) -> u64 {
        self.networks.evicted()
    }
}

/// Returns a number for the network of an address: the IP version, then the first 16 bits of an IPv4 address or the first 32
/// bits of an IPv6 address. Monero's nodes, too, prefer peers in different 16-bit networks
/// (`make_new_connection_from_peerlist`, `src/p2p/net_node.inl`).
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
