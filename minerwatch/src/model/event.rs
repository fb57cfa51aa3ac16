//! Events: one value per thing that happened on the host.
//!
//! A recording contains these values as JSON, one per line. Later versions must be able to read older recordings, so
//! add only optional fields and never rename a field.

mod cpu;
mod file;
mod hidden;
mod inspection;
mod kind;
mod network;
mod privileged;
mod process;

use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    BootTime, Container, ContainerDescription, CpuQuota, Flow, FlowUpdate, GeoLocation, HugePages, Mapping,
    Payload, ProcessKey, ProcessView, Rounding, SocketOptions,
};

pub use cpu::{CpuUsage, SchedulingPolicy};
pub use file::{DeviceOpen, Exchange, FileAction, FileChange};
pub use hidden::{HiddenBy, HiddenProcess};
pub use inspection::{InputFile, Inspection, MinerSettings};
pub use kind::EventKind;
pub use network::{Close, Connect, DnsServerRole, RunningFlow};
pub use privileged::{AccessedProcess, PrivilegedCall};
pub use process::{Exec, Exit, Fork, HashedFile, RunningProcess, SentSignal};

/// The bit of [`Subject::cgroup`] that marks a cgroup in the version 1 hierarchy of the pids controller. Without this
/// bit the cgroup is in the unified hierarchy. Inode numbers of different hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// One thing that happened on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When the event happened.
    pub time: BootTime,
    /// The process that the event is about.
    pub subject: Subject,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

impl Event {
    /// For the first event of an exchange of two files, returns the second one. The kernel has one record for both.
    pub fn second_of_exchange(&self) -> Option<Self> {
        let EventBody::File(change) = &self.body else { return None };
        let is_first = change.exchange.is_some_and(|exchange| exchange.first);
        let other = is_first.then(|| change.of_other_file()).flatten()?;
        Some(Self { time: self.time, subject: self.subject.clone(), body: EventBody::File(Box::new(other)) })
    }
}

/// The process that an event is about. Every kernel record contains this data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The process.
    pub key: ProcessKey,
    /// The thread of the process that acted.
    pub tid: u32,
    /// Real user id at the time of the event.
    pub uid: u32,
    /// Real group id at the time of the event.
    pub gid: u32,
    /// The cgroup of the process: the inode number of the cgroup's directory, plus [`CGROUP_V1`] for the version 1
    /// hierarchy; 0 if unknown.
    #[serde(default)]
    pub cgroup: u64,
    /// The container or service of the process, added by the enrich stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Arc<Container>>,
}

impl Subject {
    /// The subject of an event that userspace makes about a process. Its main thread stands for it, and its cgroup is unknown.
    pub fn of(view: &ProcessView) -> Self {
        Self {
            key: view.key,
            tid: view.key.pid,
            uid: view.credentials.uid,
            gid: view.credentials.gid,
            cgroup: 0,
            container: view.container.clone(),
        }
    }
}

/// Whether the process of an event must be known before the event is applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessPresence {
    /// No: the event makes the process known.
    Introduces,
    /// Yes: an event that arrives before the fork of its process waits for the fork.
    Required,
    /// No: the event may arrive long after the process was forgotten, and does not make the process known again.
    Optional,
}

/// Declares every event once: its variant, its content, its kind for filters, and whether its process must be known.
macro_rules! events {
    ($(
        #[doc = $doc:literal]
        $(#[serde($serde:meta)])?
        $variant:ident($content:ty) => $kind:ident, $presence:ident;
    )+) => {
        /// What happened.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "kind", content = "body", rename_all = "kebab-case")]
        pub enum EventBody {
            $(
                #[doc = $doc]
                $(#[serde($serde)])?
                $variant($content),
            )+
        }

        /// The variants of [`EventBody`]. Each detector lists the types that it wants.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(
                #[doc = $doc]
                $variant,
            )+
        }

        impl EventType {
            /// Every type, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the kind of events of this type. For a payload, [`EventBody::kind`] is more exact.
            pub fn kind(self) -> EventKind {
                match self {
                    $(Self::$variant => EventKind::$kind,)+
                }
            }
        }

        impl EventType {
            /// Returns whether the process of an event of this type must be known.
            pub fn presence(self) -> ProcessPresence {
                match self {
                    $(Self::$variant => ProcessPresence::$presence,)+
                }
            }
        }

        impl EventBody {
            /// The type of this event.
            pub fn event_type(&self) -> EventType {
                match self {
                    $(Self::$variant(_) => EventType::$variant,)+
                }
            }
        }
    };
}

events! {
    /// The subject was created.
    Fork(Fork) => Fork, Introduces;
    /// The subject replaced its image.
    Exec(Box<Exec>) => Exec, Introduces;
    /// The subject's last thread ended.
    Exit(Exit) => Exit, Required;
    /// The result of the subject's outbound connection attempt.
    Connect(Connect) => Connect, Required;
    /// The subject's outbound connection ended.
    Close(Close) => Close, Optional;
    /// The subject changed a file.
    File(Box<FileChange>) => File, Required;
    /// The subject's CPU use.
    Cpu(CpuUsage) => Cpu, Required;
    /// The throttling of the subject's cgroup by its CPU quota.
    Quota(Box<CpuQuota>) => Cpu, Required;
    /// The rounding modes that the subject uses.
    Rounding(Rounding) => Rounding, Required;
    /// The subject mapped memory of a suspicious size.
    Mapping(Mapping) => Memory, Required;
    /// The subject opened a control file of the pool of huge pages.
    HugePages(HugePages) => Memory, Required;
    /// The subject was already running at the start.
    RunningProcess(Box<RunningProcess>) => Snapshot, Introduces;
    /// The subject already had this connection at the start.
    RunningFlow(RunningFlow) => Snapshot, Required;
    /// The hash of the subject's executable.
    HashedFile(HashedFile) => Hash, Optional;
    /// One of the first payloads of the subject's connection.
    Payload(Box<Payload>) => Payload, Required;
    /// An update about the subject's open connection.
    #[serde(rename = "course")]
    FlowUpdate(Box<FlowUpdate>) => Flow, Optional;
    /// The subject sent a signal to another process.
    SentSignal(SentSignal) => Signal, Required;
    /// The subject made a privileged call.
    Privileged(Box<PrivilegedCall>) => Privileged, Required;
    /// The subject runs, and the host's users do not see it.
    Hidden(Box<HiddenProcess>) => Snapshot, Introduces;
    /// The answer to a request: what an inspection of the subject found.
    Inspection(Box<Inspection>) => Snapshot, Optional;
    /// The answer to a request: the options of a connection's socket.
    SocketOptions(SocketOptions) => Snapshot, Optional;
    /// The answer to a request: whether the subject is a DNS server.
    #[serde(rename = "serves-names")]
    DnsServerRole(DnsServerRole) => Snapshot, Required;
    /// The answer to a request: what its runtime says about the subject's container.
    #[serde(rename = "container")]
    ContainerDescription(Box<ContainerDescription>) => Snapshot, Optional;
}

impl EventBody {
    /// The kind of this event, for filters and counters.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Payload(payload) if payload.app.tls.is_some() => EventKind::Tls,
            Self::Payload(payload) if payload.app.dns.is_some() => EventKind::Dns,
            body => body.event_type().kind(),
        }
    }

    /// The connection this event is about, if any.
    pub fn flow(&self) -> Option<&Flow> {
        match self {
            Self::Connect(connect) => Some(&connect.flow),
            Self::Close(close) => Some(&close.flow),
            Self::Payload(payload) => Some(&payload.flow),
            Self::FlowUpdate(update) => Some(&update.flow),
            Self::SocketOptions(options) => Some(&options.flow),
            _ => None,
        }
    }

    /// The peer of the connection this event is about, if any.
    pub fn destination(&self) -> Option<SocketAddr> {
        match self {
            Self::RunningFlow(flow) => Some(flow.destination),
            body => body.flow().map(|flow| flow.destination),
        }
    }

    /// Returns the field for the peer's location, if this event has such a field.
    pub fn peer_mut(&mut self) -> Option<&mut Option<Box<GeoLocation>>> {
        match self {
            Self::Connect(connect) => Some(&mut connect.peer),
            Self::Close(close) => Some(&mut close.peer),
            Self::RunningFlow(flow) => Some(&mut flow.peer),
            _ => None,
        }
    }

    /// The peer's location, if a database knows it.
    pub fn peer(&self) -> Option<&GeoLocation> {
        match self {
            Self::Connect(connect) => connect.peer.as_deref(),
            Self::Close(close) => close.peer.as_deref(),
            Self::RunningFlow(flow) => flow.peer.as_deref(),
            _ => None,
        }
    }
}
