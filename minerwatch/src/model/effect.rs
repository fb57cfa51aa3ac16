//! What the engine wants of the outside, as values: nothing in the engine reaches out by itself.

use std::sync::Arc;

use super::{Alert, Flow, ProcessKey, ProcessView, Subject};

/// One consequence of an event.
#[derive(Clone, Debug)]
pub enum Effect {
    /// The event, with what is known of its process. Comes first, and only where somebody wants the event.
    Observed(Observation),
    /// Somebody should be told.
    Alert(Box<Alert>),
    /// Something should be looked at outside. The answer is an event.
    Request(Request),
}

/// What the engine knows about the process of an event.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The process, if known.
    pub process: Option<Arc<ProcessView>>,
    /// Its parent, if known.
    pub parent: Option<Arc<ProcessView>>,
    /// The name that the peer's address was last resolved from, if that was seen.
    pub domain: Option<Arc<str>>,
}

/// Something to look at outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Sample the FPU state of this process more often for a while
    /// ([`crate::model::EventBody::Rounding`] comes from the kernel side).
    SampleRounding(ProcessKey),
    /// Read the options of the socket of this connection ([`crate::model::EventBody::SocketOptions`]).
    SocketOptions {
        /// Whose socket it is.
        owner: Subject,
        /// The connection.
        flow: Flow,
    },
    /// Watch what this process says on connections that it accepts: it speaks to a pool, and may pass mining on.
    WatchListeners(Subject),
    /// Find out whether this process is a DNS server ([`crate::model::EventBody::DnsServerRole`]). Events wait for the
    /// answer.
    DnsRole(Subject),
}
