//! Kinds of events, for filters and counters.

/// The kinds of event, for filters (`tail --kind`) and counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EventKind {
    /// A process was created.
    Fork,
    /// A process replaced its image.
    Exec,
    /// A process ended.
    Exit,
    /// The result of an outbound connection attempt.
    Connect,
    /// An outbound connection ended.
    Close,
    /// A file changed.
    File,
    /// CPU use of a busy process, and throttling by its CPU quota.
    Cpu,
    /// The rounding modes of a process that uses a mode other than round-to-nearest.
    Rounding,
    /// Memory mappings of suspicious sizes, and changes to the host's pool of huge pages.
    Memory,
    /// State that was read instead of observed: processes and connections at the start, and answers to requests.
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
    /// A signal from one process to another.
    Signal,
    /// A privileged call: access to another process, a BPF program or a kernel module.
    Privileged,
}

impl EventKind {
    /// Every kind, in the order of display.
    pub const ALL: [Self; 17] = [
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
        Self::Signal,
        Self::Privileged,
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
            Self::Signal => "signal",
            Self::Privileged => "privileged",
        }
    }

    /// Returns the kind with this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}
