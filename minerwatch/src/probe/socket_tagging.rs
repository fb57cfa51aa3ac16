//! Tags sockets of other processes, so that the kernel side looks at what they say and tells of their end: those that
//! were connected before the daemon watched, and those on which a process serves that was found to speak to a pool.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context as _;
use tracing::debug;

use super::pidfd_getfd::{NotBorrowed, borrow};
use crate::{
    enrich::snapshot,
    host,
    model::{BootTime, Close, Event, EventBody, HeldSocket, Protocol, SocketSide, Subject},
    sensor::{Flows, Remembered, Sockets},
};

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SocketTaggingCounters {
    /// Sockets that were marked.
    pub marked: u64,
    /// Sockets that were gone by then, or that the kernel did not hand over.
    pub missed: u64,
}

/// How long after a process was found to speak to a pool it is looked at again for sockets on which it serves; each
/// time twice as long as the time before.
const FIRST_LOOK: Duration = Duration::from_secs(1);
/// The longest time between two looks.
const LAST_LOOK: Duration = Duration::from_secs(60);
/// Processes that are looked at; of more, the earliest are let go.
const MAX_POOL_CLIENTS: usize = 64;

/// A process that speaks to a pool, and so may serve others with what it hears.
#[derive(Debug)]
struct PoolClient {
    owner: Subject,
    next: BootTime,
    pause: Duration,
}

/// Tags sockets, and counts what came of it.
#[derive(Debug)]
pub struct SocketTagger {
    /// `None` where no payload is read.
    sockets: Option<Sockets>,
    flows: Option<Flows>,
    pool_clients: VecDeque<PoolClient>,
    counters: SocketTaggingCounters,
}

impl SocketTagger {
    /// None yet.
    pub fn new(sockets: Option<Sockets>, flows: Option<Flows>) -> Self {
        Self { sockets, flows, pool_clients: VecDeque::new(), counters: SocketTaggingCounters::default() }
    }

    /// Tags sockets that were found. Appends an event for each connection that had ended by then, of which nobody else
    /// will tell.
    pub fn tag(&mut self, found: &[HeldSocket], ended: &mut Vec<Event>) {
        for held in found {
            match self.take(held) {
                Ok(Tagged::New) => self.counters.marked += 1,
                Ok(Tagged::Known) => {}
                Ok(Tagged::Ended) => {
                    self.counters.missed += 1;
                    ended.extend(end_of(held));
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

    fn take(&mut self, held: &HeldSocket) -> anyhow::Result<Tagged> {
        let socket = match borrow(held) {
            Ok(socket) => socket,
            Err(NotBorrowed::Gone) => return Ok(Tagged::Ended),
            Err(error) => return Err(error.into()),
        };
        let is_tcp = !matches!(held.side, SocketSide::Opened(flow) if flow.protocol == Protocol::Udp);
        let watched = match &mut self.sockets {
            Some(sockets) if is_tcp => sockets.watch(&socket, held, host::now()).context("its tag"),
            Some(_) | None => Ok(true),
        };
        if let Ok(false) = watched {
            return Ok(Tagged::Known);
        }
        // Its end is told of even where what it says is not.
        if let (SocketSide::Opened(flow), Some(flows)) = (held.side, &mut self.flows)
            && flows.remember(&socket, &held.owner, &flow)? == Remembered::Ended
        {
            return Ok(Tagged::Ended);
        }
        watched.map(|_| Tagged::New)
    }

    /// Tags what a process serves others with, now and as long as it runs.
    pub fn follow(&mut self, owner: Subject) {
        if self.look_at(&owner) {
            if self.pool_clients.len() >= MAX_POOL_CLIENTS {
                self.pool_clients.pop_front();
            }
            let next = host::now().plus(FIRST_LOOK);
            self.pool_clients.push_back(PoolClient { owner, next, pause: FIRST_LOOK });
        }
    }

    /// Lets time pass: a process may begin to serve later.
    pub fn tick(&mut self, now: BootTime) {
        let mut pool_clients = std::mem::take(&mut self.pool_clients);
        pool_clients.retain_mut(|client| {
            if client.next > now {
                return true;
            }
            client.pause = (client.pause * 2).min(LAST_LOOK);
            client.next = now.plus(client.pause);
            self.look_at(&client.owner)
        });
        self.pool_clients = pool_clients;
    }

    /// What came of it so far.
    pub fn counters(&self) -> SocketTaggingCounters {
        self.counters
    }

    /// Whether the process still runs.
    fn look_at(&mut self, owner: &Subject) -> bool {
        let served = snapshot::served_by(owner);
        // None of these is a connection whose end is told of.
        self.tag(served.as_deref().unwrap_or_default(), &mut Vec::new());
        served.is_some()
    }
}

/// What came of one socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tagged {
    New,
    /// The programs knew it already.
    Known,
    Ended,
}

/// The end of a connection of which nothing was counted; `None` of a socket that is no connection of this host's.
fn end_of(held: &HeldSocket) -> Option<Event> {
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
