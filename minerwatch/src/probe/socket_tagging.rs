//! Tags sockets of other processes, so that the kernel side captures their payloads and reports their close. These are
//! sockets that were connected before the daemon started, and the listening and accepted sockets of processes that talk
//! to a pool.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context as _;
use tracing::debug;

use super::pidfd_getfd::{DuplicateError, duplicate_socket};
use crate::{
    enrich::snapshot,
    host,
    model::{BootTime, Close, Event, EventBody, HeldSocket, Protocol, SocketSide, Subject},
    sensor::{Flows, Remembered, Sockets},
};

/// Counters of socket tagging.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketTaggingCounters {
    /// Number of tagged sockets.
    pub tagged: u64,
    /// Number of sockets that were closed before, or that could not be tagged.
    pub missed: u64,
}

/// Time until the first repeated search of a pool client for listening and accepted sockets. The time doubles after
/// each search.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Maximum time between two searches.
const MAX_PAUSE: Duration = Duration::from_secs(60);
/// Maximum number of pool clients that are searched repeatedly. When the queue is full, the oldest is removed.
const MAX_POOL_CLIENTS: usize = 64;

/// A process that talks to a pool, and that may therefore be a proxy for other miners.
#[derive(Debug)]
struct PoolClient {
    owner: Subject,
    due: BootTime,
    pause: Duration,
}

/// Tags sockets, and searches pool clients repeatedly.
#[derive(Debug)]
pub struct SocketTagger {
    /// `None` if no payloads are captured.
    sockets: Option<Sockets>,
    /// `None` if no closes are reported.
    flows: Option<Flows>,
    pool_clients: VecDeque<PoolClient>,
    counters: SocketTaggingCounters,
}

impl SocketTagger {
    /// Creates a tagger that has tagged no socket.
    pub fn new(sockets: Option<Sockets>, flows: Option<Flows>) -> Self {
        Self { sockets, flows, pool_clients: VecDeque::new(), counters: SocketTaggingCounters::default() }
    }

    /// Tags the sockets that the snapshot found. Appends a close event for each connection that has ended meanwhile,
    /// because the kernel side does not report that close.
    pub fn tag(&mut self, found: &[HeldSocket], ended: &mut Vec<Event>) {
        for held in found {
            match self.tag_one(held) {
                Ok(Tagged::New) => self.counters.tagged += 1,
                Ok(Tagged::Known) => {}
                Ok(Tagged::Ended) => {
                    self.counters.missed += 1;
                    ended.extend(close_of(held));
                }
                Err(error) => {
                    self.counters.missed += 1;
                    debug!(
                        process = held.owner.key.pid,
                        descriptor = held.descriptor,
                        "a socket was not tagged: {error:#}"
                    );
                }
            }
        }
    }

    fn tag_one(&mut self, held: &HeldSocket) -> anyhow::Result<Tagged> {
        let socket = match duplicate_socket(held) {
            Ok(socket) => socket,
            Err(DuplicateError::Gone) => return Ok(Tagged::Ended),
            Err(error) => return Err(error.into()),
        };
        let is_tcp = !matches!(held.side, SocketSide::Opened(flow) if flow.protocol == Protocol::Udp);
        let is_new = match &mut self.sockets {
            Some(sockets) if is_tcp => sockets.watch(&socket, held, host::now()).context("writing its tag"),
            Some(_) | None => Ok(true),
        };
        if let Ok(false) = is_new {
            return Ok(Tagged::Known);
        }
        // The close is reported even if tagging failed and payloads are not captured.
        if let (SocketSide::Opened(flow), Some(flows)) = (held.side, &mut self.flows)
            && flows.remember(&socket, &held.owner, &flow)? == Remembered::Ended
        {
            return Ok(Tagged::Ended);
        }
        is_new.map(|_| Tagged::New)
    }

    /// Tags the listening and accepted sockets of a process, now and repeatedly while it runs.
    pub fn watch_listeners(&mut self, owner: Subject) {
        if self.tag_listeners(&owner) {
            if self.pool_clients.len() >= MAX_POOL_CLIENTS {
                self.pool_clients.pop_front();
            }
            let due = host::now().plus(FIRST_PAUSE);
            self.pool_clients.push_back(PoolClient { owner, due, pause: FIRST_PAUSE });
        }
    }

    /// Searches the pool clients that are due again, because a process may start to listen later.
    pub fn tick(&mut self, now: BootTime) {
        let mut pool_clients = std::mem::take(&mut self.pool_clients);
        pool_clients.retain_mut(|client| {
            if client.due > now {
                return true;
            }
            client.pause = (client.pause * 2).min(MAX_PAUSE);
            client.due = now.plus(client.pause);
            self.tag_listeners(&client.owner)
        });
        self.pool_clients = pool_clients;
    }

    /// Returns the counters.
    pub fn counters(&self) -> SocketTaggingCounters {
        self.counters
    }

    /// Tags the listening and accepted sockets of a process. Returns whether the process still runs.
    fn tag_listeners(&mut self, owner: &Subject) -> bool {
        let served = snapshot::served_by(owner);
        // None of these sockets is an outbound connection, so there are no close events.
        self.tag(served.as_deref().unwrap_or_default(), &mut Vec::new());
        served.is_some()
    }
}

/// The outcome of tagging one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tagged {
    New,
    /// The kernel side already knew the socket.
    Known,
    /// The socket was closed before it could be tagged.
    Ended,
}

/// Returns a close event without counts, or `None` if the socket is not an outbound connection.
fn close_of(held: &HeldSocket) -> Option<Event> {
    let SocketSide::Opened(flow) = held.side else { return None };
    let close = Close {
        flow,
        bytes: None,
        segments: None,
        first_payload: None,
        last_payload: None,
        network_namespace: 0,
        peer: None,
    };
    Some(Event { time: host::now(), subject: held.owner.clone(), body: EventBody::Close(close) })
}
