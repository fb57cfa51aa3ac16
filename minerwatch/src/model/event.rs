//! What happened, as one value per thing that happened.
//!
//! A recording is these values as JSON, one per line, so every change here must still read what older
//! versions wrote: add optional fields, never rename one.

use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    BootTime, Container, CpuQuota, Credentials, Executable, FileId, Flow, FlowUpdate, GeoLocation, HugePages,
    Mapping, Namespaces, Payload, ProcessKey, Protocol, Rounding, SocketOptions,
};

/// Marks a cgroup identity of the version 1 hierarchy of the pids controller; without it the cgroup lies in
/// the unified hierarchy. Ids of different hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// One thing that happened on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When.
    pub time: BootTime,
    /// To which process.
    pub subject: Subject,
    /// What.
    #[serde(flatten)]
    pub body: EventBody,
}

/// The process an event is about, as every kernel record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Which process.
    pub key: ProcessKey,
    /// Which thread of it.
    pub tid: u32,
    /// Real user id at that moment.
    pub uid: u32,
    /// Real group id at that moment.
    pub gid: u32,
    /// Identity of its cgroup: the inode number of its directory, with [`CGROUP_V1`] where that lies in a
    /// version 1 hierarchy; 0 if unknown.
    #[serde(default)]
    pub cgroup: u64,
    /// Where it belongs, filled in by the enrich stage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<Arc<Container>>,
}

/// The kinds of event, for filters (`tail --kind`) and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A process was created.
    Fork,
    /// A process replaced its image.
    Exec,
    /// A process ended.
    Exit,
    /// An outbound connection got its result.
    Connect,
    /// An outbound connection ended.
    Close,
    /// A file changed.
    File,
    /// CPU use of a busy process, and how its quota holds it back.
    Cpu,
    /// A process that rounds otherwise than to the nearest.
    Rounding,
    /// Memory in sizes worth a look, and the host's pool of huge pages.
    Memory,
    /// Found by looking, most of it at the start; not seen happening.
    Snapshot,
    /// The hash of an executable became known.
    Hash,
    /// One of the first payloads of a connection that is none of the kinds below.
    Payload,
    /// How a connection goes on.
    Flow,
    /// A DNS message.
    Dns,
    /// The first message of a TLS client.
    Tls,
}

/// Declares every event once: its variant, its content, and the kind that people filter by.
macro_rules! events {
    ($(
        #[doc = $doc:literal]
        $(#[serde($serde:meta)])?
        $variant:ident($content:ty) => $kind:ident,
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

        /// Which [`EventBody`] an event has. Detectors name the ones they want.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum EventType {
            $(
                #[doc = $doc]
                $variant,
            )+
        }

        impl EventType {
            /// Every type, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The kind of such an event, unless its content says more ([`EventBody::kind`]).
            pub fn kind(self) -> EventKind {
                match self {
                    $(Self::$variant => EventKind::$kind,)+
                }
            }
        }

        impl EventBody {
            /// Which type of event this is.
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
    Fork(Fork) => Fork,
    /// The subject replaced its image.
    Exec(Box<Exec>) => Exec,
    /// The subject's last thread ended.
    Exit(Exit) => Exit,
    /// The subject's outbound connection got its result.
    Connect(Connect) => Connect,
    /// The subject's outbound connection ended.
    Close(Close) => Close,
    /// The subject changed a file.
    File(Box<FileChange>) => File,
    /// What the subject used of the CPU.
    Cpu(CpuUsage) => Cpu,
    /// How far the CPU quota of the subject's cgroup throttles it.
    Quota(Box<CpuQuota>) => Cpu,
    /// The rounding modes of the subject's arithmetic.
    Rounding(Rounding) => Rounding,
    /// The subject asked for memory in a size worth a look.
    Mapping(Mapping) => Memory,
    /// The subject opened the control of the pool of huge pages.
    HugePages(HugePages) => Memory,
    /// The subject was already running at the start.
    RunningProcess(Box<RunningProcess>) => Snapshot,
    /// The subject already had this connection at the start.
    RunningFlow(RunningFlow) => Snapshot,
    /// The content of the subject's executable.
    HashedFile(HashedFile) => Hash,
    /// One of the first payloads of the subject's connection.
    Payload(Box<Payload>) => Payload,
    /// The subject's connection goes on.
    #[serde(rename = "course")]
    FlowUpdate(Box<FlowUpdate>) => Flow,
    /// The answer to a request: the options of a connection's socket.
    SocketOptions(SocketOptions) => Snapshot,
    /// The answer to a request: whether the subject is a DNS server.
    #[serde(rename = "serves-names")]
    DnsServerRole(DnsServerRole) => Snapshot,
}

impl EventKind {
    /// Every kind, in the order people are shown them.
    pub const ALL: [Self; 15] = [
        Self::Fork,
        Self::Exec,
        Self::Exit,
        Self::Connect,
        Self::Close,
        Self::File,
        Self::Cpu,
        Self::Rounding,
        Self::Memory,
        Self::Snapshot,
        Self::Hash,
        Self::Payload,
        Self::Flow,
        Self::Dns,
        Self::Tls,
    ];

    /// The name used on the command line, in the configuration and in counters.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Connect => "connect",
            Self::Close => "close",
            Self::File => "file",
            Self::Cpu => "cpu",
            Self::Rounding => "rounding",
            Self::Memory => "memory",
            Self::Snapshot => "snapshot",
            Self::Hash => "hash",
            Self::Payload => "payload",
            Self::Flow => "flow",
            Self::Dns => "dns",
            Self::Tls => "tls",
        }
    }

    /// The kind of this name, or `None` for a name no kind has.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl EventBody {
    /// The kind of event this is, for filters and counters.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Payload(payload) if payload.app.tls.is_some() => EventKind::Tls,
            Self::Payload(payload) if payload.app.dns.is_some() => EventKind::Dns,
            body => body.event_type().kind(),
        }
    }

    /// The connection this event is about, if it is about one that the host opened or accepted.
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

    /// The other end of the connection this event is about.
    pub fn destination(&self) -> Option<SocketAddr> {
        match self {
            Self::RunningFlow(flow) => Some(flow.destination),
            body => body.flow().map(|flow| flow.destination),
        }
    }

    /// Where the location of the peer is kept, for events that keep it.
    pub fn peer_mut(&mut self) -> Option<&mut Option<Box<GeoLocation>>> {
        match self {
            Self::Connect(connect) => Some(&mut connect.peer),
            Self::Close(close) => Some(&mut close.peer),
            Self::RunningFlow(flow) => Some(&mut flow.peer),
            _ => None,
        }
    }

    /// The location of the peer, where a database knows it.
    pub fn peer(&self) -> Option<&GeoLocation> {
        match self {
            Self::Connect(connect) => connect.peer.as_deref(),
            Self::Close(close) => close.peer.as_deref(),
            Self::RunningFlow(flow) => flow.peer.as_deref(),
            _ => None,
        }
    }
}

/// A process was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Its parent.
    pub parent: ProcessKey,
    /// The name it starts with.
    pub name: Arc<str>,
}

/// A process replaced its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Its parent at that moment.
    pub parent: ProcessKey,
    /// The program file that runs now (for a script, its interpreter).
    pub executable: Executable,
    /// The file name given to `execve` (for a script, the script).
    pub invoked: Arc<str>,
    /// The kernel's name for the process.
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Whether the arguments were longer than what was kept (4 KiB).
    #[serde(default)]
    pub arguments_cut: bool,
    /// Working directory.
    pub directory: Arc<str>,
    /// Whose rights it has now.
    pub credentials: Credentials,
    /// Effective capabilities it has and its parent has not, one bit each.
    #[serde(default)]
    pub capabilities_gained: u64,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
}

/// A process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Exit code, if it ended by itself.
    pub code: Option<u8>,
    /// The signal that ended it.
    pub signal: Option<u8>,
    /// Nanoseconds on a CPU, all threads together.
    pub on_cpu: u64,
}

/// An outbound connection got its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// Its ends.
    pub flow: Flow,
    /// 0 for success, else a positive errno; 115 (`EINPROGRESS`) while the peer has not answered.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// Where the peer is, if a database says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// An outbound connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// Its ends.
    pub flow: Flow,
    /// Payload bytes sent and received, if this kernel counts them for this transport.
    pub bytes: Option<(u64, u64)>,
    /// Segments with payload sent (retransmitted ones included) and received, if the kernel counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<(u32, u32)>,
    /// When its first payload was seen, if that was seen and the transport is TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_payload: Option<BootTime>,
    /// When its last payload was, to a tick of the kernel's timer (1 to 10 ms); of TCP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_payload: Option<BootTime>,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// Where the peer is, if a database says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Opened for writing.
    Write,
    /// Created and open for writing.
    Create,
    /// Renamed.
    Rename,
    /// Its directory entry was removed.
    Delete,
    /// Its permission bits changed.
    Chmod,
    /// A watched device (MSR, GPU) was opened, for reading or writing.
    DeviceOpen,
}

/// A file changed, or a watched device was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileChange {
    /// What was done.
    pub action: FileAction,
    /// Absolute path in the process's mount namespace (of a rename, the new one).
    pub path: Arc<str>,
    /// Of a rename, the path before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<Arc<str>>,
    /// The file itself, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// Type and permission bits afterwards, 0 if unknown.
    #[serde(default)]
    pub mode: u32,
    /// Of a device, which one and how it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceOpen>,
}

/// The device of a [`FileAction::DeviceOpen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOpen {
    /// Its driver's number, whatever the file is called: 202 is an MSR, 195 `NVIDIA`, 226 a graphics card.
    pub major: u32,
    /// Which of the driver's devices; of an MSR the CPU.
    pub minor: u32,
    /// Whether it was opened for writing.
    pub writable: bool,
    /// 0 for success, else a positive errno. Hooks that see the attempt alone say 0.
    #[serde(default)]
    pub result: i32,
}

/// What a busy process used of the CPU in one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUsage {
    /// Nanoseconds the interval lasted.
    pub window: u64,
    /// Nanoseconds on a CPU within it, all threads together.
    pub on_cpu: u64,
    /// Nanoseconds on a CPU since the process was first seen.
    pub total_on_cpu: u64,
    /// Switches so far in which a thread went to sleep.
    pub voluntary: u64,
    /// Switches so far in which a thread could have gone on: preempted, out of time, or yielding.
    pub involuntary: u64,
    /// Times so far that a thread gave way by `sched_yield`.
    #[serde(default)]
    pub yields: u64,
    /// Switches so far in which a thread was stopped (`SIGSTOP` and its like).
    #[serde(default)]
    pub stops: u64,
    /// Threads now.
    pub threads: u32,
    /// Nice value of its busiest or latest thread, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of that thread.
    #[serde(default)]
    pub policy: SchedulingPolicy,
    /// Processors that thread may run on, 0 if unknown.
    #[serde(default)]
    pub allowed_processors: u32,
}

/// How the scheduler treats a thread (`sched(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchedulingPolicy {
    /// `SCHED_OTHER`, the usual one.
    #[default]
    Other,
    /// `SCHED_FIFO`.
    Fifo,
    /// `SCHED_RR`.
    RoundRobin,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`: runs only when nobody else wants to.
    Idle,
    /// `SCHED_DEADLINE`.
    Deadline,
    /// One this build does not know.
    Unknown,
}

impl SchedulingPolicy {
    /// From its number in include/uapi/linux/sched.h.
    pub fn from_number(number: u32) -> Self {
        match number {
            0 => Self::Other,
            1 => Self::Fifo,
            2 => Self::RoundRobin,
            3 => Self::Batch,
            5 => Self::Idle,
            6 => Self::Deadline,
            _ => Self::Unknown,
        }
    }

    /// The name in events.
    pub fn name(self) -> &'static str {
        match self {
            Self::Other => "other",
            Self::Fifo => "fifo",
            Self::RoundRobin => "roundrobin",
            Self::Batch => "batch",
            Self::Idle => "idle",
            Self::Deadline => "deadline",
            Self::Unknown => "unknown",
        }
    }
}

/// A process that the snapshot at the start found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningProcess {
    /// Its parent, if that runs too.
    pub parent: Option<ProcessKey>,
    /// Its program file.
    pub executable: Executable,
    /// The kernel's name for it.
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Working directory.
    pub directory: Arc<str>,
    /// Whose rights it has.
    pub credentials: Credentials,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
    /// Whether it is a thread of the kernel.
    #[serde(default)]
    pub kernel_thread: bool,
}

/// A connection that the snapshot at the start found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningFlow {
    /// Transport.
    pub protocol: Protocol,
    /// This host's end.
    pub source: SocketAddr,
    /// The peer's end.
    pub destination: SocketAddr,
    /// Where the peer is, if a database says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// Whether a process answers for names: whether a socket of its own is bound to port 53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsServerRole {
    /// It does.
    pub serves: bool,
}

/// The content of an executable, hashed off the hot path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedFile {
    /// Which file.
    pub file: FileId,
    /// SHA-256 in hexadecimal.
    pub sha256: Arc<str>,
}
