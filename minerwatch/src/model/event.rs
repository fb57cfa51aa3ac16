//! Events: one value per thing that happened on the host.
//!
//! A recording contains these values as JSON, one per line. So every change here must still read what older versions
//! wrote: add optional fields, never rename one.

use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    BootTime, Container, CpuQuota, Credentials, Executable, FileId, Flow, FlowUpdate, GeoLocation, HugePages,
    Mapping, Namespaces, Payload, ProcessKey, Protocol, Rounding, SocketOptions,
};

/// This bit of [`Subject::cgroup`] says that the cgroup is in the version 1 hierarchy of the pids controller. Without it the
/// cgroup is in the unified hierarchy. Inode numbers of different hierarchies overlap.
pub const CGROUP_V1: u64 = 1 << 63;

/// One thing that happened on the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened.
    pub time: BootTime,
    /// The process it is about.
    pub subject: Subject,
    /// What happened.
    #[serde(flatten)]
    pub body: EventBody,
}

/// The process an event is about. Every kernel record contains it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The process.
    pub key: ProcessKey,
    /// The thread of the process that acted.
    pub tid: u32,
    /// Real user id at that moment.
    pub uid: u32,
    /// Real group id at that moment.
    pub gid: u32,
    /// Its cgroup: the inode number of the cgroup's directory, plus [`CGROUP_V1`] if that is in the version 1 hierarchy; 0 if
    /// unknown.
    #[serde(default)]
    pub cgroup: u64,
    /// Its container or service, added by the enrich stage.
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
    /// CPU use of a busy process, and how much its quota throttles it.
    Cpu,
    /// A process that uses other rounding modes than round-to-nearest.
    Rounding,
    /// Memory mappings of suspicious sizes, and changes to the host's pool of huge pages.
    Memory,
    /// State that was read, not seen happening: processes and connections at the start, and answers to requests.
    Snapshot,
    /// The hash of an executable.
    Hash,
    /// One of the first payloads of a connection, if it is neither DNS nor TLS.
    Payload,
    /// An update about an open connection: its bytes and payload times.
    Flow,
    /// A DNS message.
    Dns,
    /// A TLS client hello.
    Tls,
}

/// Declares every event once: its variant, its content, and its kind for filters.
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

        /// The variants of [`EventBody`]. Detectors list the ones they want.
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

            /// The kind of such an event. For a payload, [`EventBody::kind`] is more exact.
            pub fn kind(self) -> EventKind {
                match self {
                    $(Self::$variant => EventKind::$kind,)+
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
    /// The subject's CPU use.
    Cpu(CpuUsage) => Cpu,
    /// How much the CPU quota of the subject's cgroup throttles it.
    Quota(Box<CpuQuota>) => Cpu,
    /// The rounding modes that the subject uses.
    Rounding(Rounding) => Rounding,
    /// The subject mapped memory of a suspicious size.
    Mapping(Mapping) => Memory,
    /// The subject opened a control file of the pool of huge pages.
    HugePages(HugePages) => Memory,
    /// The subject was already running at the start.
    RunningProcess(Box<RunningProcess>) => Snapshot,
    /// The subject already had this connection at the start.
    RunningFlow(RunningFlow) => Snapshot,
    /// The hash of the subject's executable.
    HashedFile(HashedFile) => Hash,
    /// One of the first payloads of the subject's connection.
    Payload(Box<Payload>) => Payload,
    /// An update about the subject's open connection.
    #[serde(rename = "course")]
    FlowUpdate(Box<FlowUpdate>) => Flow,
    /// The answer to a request: the options of a connection's socket.
    SocketOptions(SocketOptions) => Snapshot,
    /// The answer to a request: whether the subject is a DNS server.
    #[serde(rename = "serves-names")]
    DnsServerRole(DnsServerRole) => Snapshot,
}

impl EventKind {
    /// Every kind, in the order of display.
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

    /// The kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

impl EventBody {
    /// The kind of this event, for filters and counters.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Payload(payload) => payload.app.kind(),
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

    /// The field for the peer's location, for events that have one.
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

/// A process was created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fork {
    /// Its parent.
    pub parent: ProcessKey,
    /// The name it has at the start, which is its parent's.
    pub name: Arc<str>,
}

/// A process replaced its image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exec {
    /// Its parent at the time of the exec.
    pub parent: ProcessKey,
    /// The program file that it runs now (for a script, the interpreter).
    pub executable: Executable,
    /// The file name given to `execve` (for a script, the script).
    pub invoked: Arc<str>,
    /// The kernel's name for the process.
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Whether the arguments were cut after 4 KiB.
    #[serde(default)]
    pub arguments_cut: bool,
    /// Working directory.
    pub directory: Arc<str>,
    /// Its user, group and capabilities after the exec.
    pub credentials: Credentials,
    /// Effective capabilities that it has and its parent does not, one bit each.
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
    /// Exit code, 0 to 255, unless a signal ended it.
    pub code: Option<u8>,
    /// The signal that ended it, if any.
    pub signal: Option<u8>,
    /// CPU time of all threads, nanoseconds.
    pub on_cpu: u64,
}

/// An outbound connection got its result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The connection.
    pub flow: Flow,
    /// 0 for success, otherwise a positive errno; 115 (`EINPROGRESS`) if the peer has not answered yet.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// An outbound connection ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Close {
    /// The connection.
    pub flow: Flow,
    /// Payload bytes sent and received, if the kernel counts them for this protocol.
    pub bytes: Option<(u64, u64)>,
    /// TCP segments with payload, sent (including retransmissions) and received, if the kernel counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub segments: Option<(u32, u32)>,
    /// When its first payload was seen. TCP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_payload: Option<BootTime>,
    /// When its last payload was seen, with the resolution of the kernel's timer (1 to 10 ms). TCP only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_payload: Option<BootTime>,
    /// Inode number of the socket's network namespace, 0 if unknown.
    #[serde(default)]
    pub network_namespace: u32,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// What was done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileAction {
    /// Opened for writing.
    Write,
    /// Created and opened for writing.
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
    /// Absolute path in the process's mount namespace; for a rename, the new path.
    pub path: Arc<str>,
    /// For a rename, the old path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old_path: Option<Arc<str>>,
    /// The file itself, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileId>,
    /// File type and permission bits after the change, 0 if unknown.
    #[serde(default)]
    pub mode: u32,
    /// For a device, which one, and how it was opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device: Option<DeviceOpen>,
}

/// The device of a [`FileAction::DeviceOpen`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceOpen {
    /// Major device number: 202 is an MSR, 195 an `NVIDIA` card, 226 a graphics card of another driver.
    pub major: u32,
    /// Minor device number; for an MSR, the CPU.
    pub minor: u32,
    /// Whether it was opened for writing.
    pub writable: bool,
    /// 0 for success, otherwise a positive errno. A hook that does not see the result reports 0.
    #[serde(default)]
    pub result: i32,
}

/// CPU use of a busy process in one interval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuUsage {
    /// Length of the interval, nanoseconds.
    pub window: u64,
    /// CPU time of all threads in the interval, nanoseconds.
    pub on_cpu: u64,
    /// CPU time of all threads since the process was first seen, nanoseconds.
    pub total_on_cpu: u64,
    /// Context switches so far because a thread went to sleep.
    pub voluntary: u64,
    /// Context switches so far of a runnable thread: preempted, at the end of its time slice, or yielding.
    pub involuntary: u64,
    /// Calls of `sched_yield` so far.
    #[serde(default)]
    pub yields: u64,
    /// Context switches so far because a thread was stopped (`SIGSTOP` and similar).
    #[serde(default)]
    pub stops: u64,
    /// Number of threads.
    pub threads: u32,
    /// Nice value of its busiest or last seen thread, -20 to 19.
    pub nice: i32,
    /// Scheduling policy of that thread.
    #[serde(default)]
    pub policy: SchedulingPolicy,
    /// Number of processors that thread may run on, 0 if unknown.
    #[serde(default)]
    pub allowed_processors: u32,
}

/// How the scheduler treats a thread (`sched(7)`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SchedulingPolicy {
    /// `SCHED_OTHER`, the default.
    #[default]
    Other,
    /// `SCHED_FIFO`.
    Fifo,
    /// `SCHED_RR`.
    RoundRobin,
    /// `SCHED_BATCH`.
    Batch,
    /// `SCHED_IDLE`: runs only when no other thread wants to run.
    Idle,
    /// `SCHED_DEADLINE`.
    Deadline,
    /// A policy that this version does not know.
    Unknown,
}

impl SchedulingPolicy {
    /// The policy with this number in include/uapi/linux/sched.h.
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

    /// Its name in JSON.
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

/// A process that was already running at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningProcess {
    /// Its parent, if that is running too.
    pub parent: Option<ProcessKey>,
    /// Its program file.
    pub executable: Executable,
    /// The kernel's name for it.
    pub name: Arc<str>,
    /// Arguments, the program's own name first.
    pub arguments: Arc<[Arc<str>]>,
    /// Working directory.
    pub directory: Arc<str>,
    /// Its user, group and capabilities.
    pub credentials: Credentials,
    /// Its namespaces.
    #[serde(default)]
    pub namespaces: Namespaces,
    /// Session id, 0 if unknown.
    #[serde(default)]
    pub session: u32,
    /// Whether it is a kernel thread.
    #[serde(default)]
    pub kernel_thread: bool,
}

/// A connection that was already open at the start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunningFlow {
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address and port of this host.
    pub source: SocketAddr,
    /// Address and port of the peer.
    pub destination: SocketAddr,
    /// The peer's location, if a database knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Box<GeoLocation>>,
}

/// Whether a process is a DNS server: whether it has a socket bound to port 53.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DnsServerRole {
    /// Whether it is one.
    pub serves: bool,
}

/// The hash of an executable, computed in the background.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HashedFile {
    /// The file.
    pub file: FileId,
    /// SHA-256 in hexadecimal.
    pub sha256: Arc<str>,
}
