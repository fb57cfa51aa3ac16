//! Reassembles messages that are split over several payloads of a connection.
//!
//! State is kept only for connections with an unfinished message or with a tunnel.

use std::net::SocketAddr;

use super::mining::{self, Reading};
use crate::{
    bounded::BoundedMap,
    model::{AccountHasher, Direction, Flow, Payload, ProcessKey, TunnelRequest},
};

/// Limit of connections with state.
const CONNECTIONS: usize = 4_096;
/// Maximum length of an unfinished message, in bytes. A miner's login has some hundreds of bytes.
const MAX_PENDING: usize = 2_048;

/// Identifies one connection of one process.
type ConnectionKey = (ProcessKey, SocketAddr, SocketAddr);

/// The state of a connection.
#[derive(Debug, Default)]
struct Connection {
    /// The beginning of a message that this host has not finished sending.
    sent: Vec<u8>,
    /// The beginning of a message that the peer has not finished sending.
    received: Vec<u8>,
    /// The tunnel that was requested on the connection.
    tunnel: Option<TunnelRequest>,
}

impl Connection {
    fn pending(&mut self, direction: Direction) -> &mut Vec<u8> {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    fn is_needed(&self) -> bool {
        !(self.sent.is_empty() && self.received.is_empty() && self.tunnel.is_none())
    }
}

/// The connections with an unfinished message or with a tunnel.
#[derive(Debug)]
pub struct Streams {
    connections: BoundedMap<ConnectionKey, Connection>,
    accounts: AccountHasher,
    /// A buffer for the content of frames.
    content: Vec<u8>,
}

impl Streams {
    pub fn new(accounts: AccountHasher) -> Self {
        Self { connections: BoundedMap::new(CONNECTIONS), accounts, content: Vec::with_capacity(MAX_PENDING) }
    }

    /// Parses a payload of a TCP connection, together with the unfinished message before it, and stores the result in
    /// the payload.
    pub fn read(&mut self, process: ProcessKey, payload: &mut Payload) {
        let key = (process, payload.flow.source, payload.flow.destination);
        let (direction, opened_here, is_whole) =
            (payload.direction, payload.is_sent_by_client(), payload.is_whole());
        let mut known = self.connections.get_mut(&key);
        let mut joined =
            known.as_mut().map(|known| std::mem::take(known.pending(direction))).unwrap_or_default();
        let bytes = &*payload.bytes.0;
        if joined.len() + bytes.len() > MAX_PENDING {
            joined.clear();
        }
        let stream = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        let Reading { message, carrier, tunnel, asks_height, unfinished } =
            mining::read(stream, &mut self.content);
        let tunnel = tunnel.filter(|_| opened_here).map(|tunnel| tunnel.to_request());
        // The next payload does not continue a truncated payload.
        let unfinished = unfinished.filter(|rest| is_whole && !rest.is_empty()).map(<[u8]>::to_vec);
        let mut message = message.map(|message| Box::new(message.to_message(&self.accounts)));

        let has_to_remember = tunnel.is_some() || unfinished.is_some();
        let connection =
            if has_to_remember { Some(self.connections.entry(&key, Connection::default)) } else { known };
        if let Some(connection) = connection {
            if tunnel.is_some() {
                connection.tunnel.clone_from(&tunnel);
            }
            if let Some(rest) = unfinished {
                *connection.pending(direction) = rest;
            }
            if let Some(message) = &mut message {
                message.tunnel.clone_from(&connection.tunnel);
            }
            if !connection.is_needed() {
                self.connections.remove(&key);
            }
        }
        payload.app.mining = message;
        payload.app.carrier = carrier;
        payload.app.tunnel = tunnel.map(Box::new);
        payload.app.asks_height = asks_height;
    }

    /// Drops the state of a connection that ended.
    pub fn close(&mut self, process: ProcessKey, flow: &Flow) {
        if !self.connections.is_empty() {
            self.connections.remove(&(process, flow.source, flow.destination));
        }
    }

    /// Drops the state of all connections of a process that ended.
    pub fn exit(&mut self, process: ProcessKey) {
        if !self.connections.is_empty() {
            self.connections.retain(|(owner, ..), _| *owner != process);
        }
    }

    /// Number of evicted connections.
    pub fn evicted(&self) -> u64 {
        self.connections.evicted()
    }

    /// Number of connections with state.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.connections.len()
    }
}
