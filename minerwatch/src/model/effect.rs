//! What the engine wants done outside. The engine does nothing outside itself; it returns these values.

use std::{sync::Arc, time::Duration};

use super::{Alert, Flow, ProcessKey, ProcessView, Subject};

/// One consequence of an event.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The event was seen: what is known about its process. Comes first, and only if an output wants the event.
    Observed(Observation),
    /// An alert to send.
    Alert(Box<Alert>),
    /// A question to the outside. The answer comes back as an event.
    Request(Request),
}

/// What the engine knows about the process of an event.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The process, if known.
    pub process: Option<Arc<ProcessView>>,
    /// Its parent, if known.
    pub parent: Option<Arc<ProcessView>>,
    /// The domain name that last resolved to the peer's address, if that was seen.
    pub domain: Option<Arc<str>>,
}

/// A question to the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Sample the FPU state of this process more often for some seconds. The kernel side answers with
    /// [`crate::model::EventBody::Rounding`].
    SampleRounding {
        /// Which process.
        process: ProcessKey,
        /// For how long.
        span: Duration,
    },
    /// Read the options of a connection's socket. The answer is [`crate::model::EventBody::SocketOptions`].
    SocketOptions {
        /// The process that has the socket.
        owner: Subject,
        /// The connection.
        flow: Flow,
    },
    /// Capture payloads on the connections that this process accepts. It talks to a pool, so it may be a mining proxy.
    WatchListeners(Subject),
    /// Find out whether this process is a DNS server. The answer is [`crate::model::EventBody::DnsServerRole`]; events
    /// of the process are parked until it arrives.
    DnsRole(Subject),
}
