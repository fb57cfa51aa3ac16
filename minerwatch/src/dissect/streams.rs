//! Reassembles messages that are split over several payloads of a connection.
//!
//! State is kept only for connections with an unfinished message, with a cut line or with a tunnel.

use std::net::SocketAddr;

use super::{
    http,
    mining::{self, Reading},
};
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

/// The end of what one side of a connection has sent.
#[derive(Debug, Default)]
struct Tail {
    /// The beginning of a message that is not finished.
    pending: Vec<u8>,
    /// Whether the side is in the middle of a line of JSON whose beginning is not kept.
    is_cut: bool,
}

impl Tail {
    fn is_empty(&self) -> bool {
        self.pending.is_empty() && !self.is_cut
    }
}

/// The state of a connection.
#[derive(Debug, Default)]
struct Connection {
    /// What this host sent.
    sent: Tail,
    /// What the peer sent.
    received: Tail,
    /// The tunnel that was requested on the connection.
    tunnel: Option<TunnelRequest>,
}

impl Connection {
    fn tail(&mut self, direction: Direction) -> &mut Tail {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    fn is_needed(&self) -> bool {
        !(self.sent.is_empty() && self.received.is_empty() && self.tunnel.is_none())
    }
}

/// The connections with an unfinished message, with a cut line or with a tunnel.
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
        let Tail { pending: mut joined, mut is_cut } =
            known.as_mut().map(|known| std::mem::take(known.tail(direction))).unwrap_or_default();
        let bytes = &*payload.bytes.0;
        if joined.len() + bytes.len() > MAX_PENDING {
            is_cut |= matches!(joined.first(), Some(b'{' | b'['));
            joined.clear();
        }
        // A request begins anew if the rest of the one before was not captured.
        if joined.starts_with(b"GET ") && http::begins_request(bytes) {
            joined.clear();
        }
        let counted = mining::asks_height(&joined);
        let stream = if joined.is_empty() {
            bytes
        } else {
            joined.extend_from_slice(bytes);
            &joined
        };
        // The same is true of other messages after a head that was not captured to its end.
        let begins_anew = stream.starts_with(b"GET ") && http::head_of(stream).is_none();
        let mut reading = mining::read(if begins_anew { bytes } else { stream }, &mut self.content);
        if begins_anew && reading.is_empty() {
            reading = mining::read(stream, &mut self.content);
        }
        if is_cut && reading.is_empty() {
            reading = mining::read_next_line(stream);
        }
        is_cut = if reading.is_empty() { is_cut } else { !is_whole && reading.is_within_line() };
        let Reading { message, carrier, tunnel, asks_height, unfinished } = reading;
        let tunnel = tunnel.filter(|_| opened_here).map(|tunnel| tunnel.to_request());
        // The next payload does not continue a truncated payload.
        let unfinished = unfinished.filter(|rest| is_whole && !rest.is_empty()).map(<[u8]>::to_vec);
        let mut message = message.map(|message| Box::new(message.to_message(&self.accounts)));

        let has_to_remember = tunnel.is_some() || unfinished.is_some() || is_cut;
        let connection =
            if has_to_remember { Some(self.connections.entry(&key, Connection::default)) } else { known };
        if let Some(connection) = connection {
            if tunnel.is_some() {
                connection.tunnel.clone_from(&tunnel);
            }
            *connection.tail(direction) = Tail { pending: unfinished.unwrap_or_default(), is_cut };
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
        // A question in several payloads is one.
        payload.app.asks_height = asks_height.filter(|_| counted.is_none());
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
