//! Effects: the consequences of an event outside the engine. The engine does no I/O; it returns these values.

use std::{sync::Arc, time::Duration};

use super::{Alert, Flow, IncidentId, ProcessKey, ProcessView, Subject};

/// One consequence of an event.
#[derive(Clone, Debug)]
pub enum Effect {
    /// What is known about the process of the event. Comes first, and only if an output wants the event.
    Observed(Observation),
    /// An alert to send.
    Alert(Box<Alert>),
    /// The state of an incident for the response. It lists only suspects with the verdict `mining` that have a new process.
    Confirmed(Box<Alert>),
    /// A request to a probe. An answer comes back as an event.
    Request(Request),
}

/// What the engine knows about the process of an event.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The process, if known.
    pub process: Option<Arc<ProcessView>>,
    /// The parent of the process, if known.
    pub parent: Option<Arc<ProcessView>>,
    /// The domain name that last resolved to the peer's address, if the DNS answer was seen.
    pub domain: Option<Arc<str>>,
    /// The reported incident that the process belongs to, if any.
    pub incident: Option<IncidentId>,
}

/// Whether the outputs want an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// No output wants it.
    #[default]
    No,
    /// An output wants it if its process belongs to a reported incident.
    OfIncident,
    /// An output wants it.
    Yes,
}

/// A request to a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Sample the FPU state of this process more often for some seconds. The kernel side answers with
    /// [`crate::model::EventBody::Rounding`].
    SampleRounding {
        /// The process.
        process: ProcessKey,
        /// The duration of the sampling.
        span: Duration,
    },
    /// Read the options of a connection's socket. The answer is [`crate::model::EventBody::SocketOptions`].
    SocketOptions {
        /// The process that holds the socket.
        owner: Subject,
        /// The connection.
        flow: Flow,
    },
    /// Capture payloads on the connections that this process accepts. The process talks to a pool, so it may be a
    /// mining proxy.
    WatchListeners(Subject),
    /// Find out whether this process is a DNS server. The answer is [`crate::model::EventBody::DnsServerRole`]. Events
    /// of the process are parked until the answer arrives.
    DnsRole(Subject),
    /// Ask the runtime about the container of this process. The answer is
    /// [`crate::model::EventBody::ContainerDescription`]. No event waits for it.
    DescribeContainer(Subject),
    /// Find out whether the host's users see this process, which uses CPU time. An answer comes only if they do not:
    /// [`crate::model::EventBody::Hidden`].
    Visibility(Subject),
    /// Inspect this process. The answer is [`crate::model::EventBody::Inspection`]. No answer comes if nothing new is found.
    Inspect(Box<InspectionRequest>),
}

/// A request to inspect a running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InspectionRequest {
    /// The process.
    pub subject: Subject,
    /// The known name (`comm`).
    pub name: Arc<str>,
    /// The known first argument.
    pub title: Arc<str>,
    /// Whether to look only at the standard input.
    pub only_input: bool,
    /// Absolute paths of files, as the process sees them, that may hold the settings of a miner. Empty if neither files
    /// nor the environment are to be searched for such settings.
    pub files: Vec<Arc<str>>,
}
