//! The data sources of the sensor, how programs are attached for them, and a user's choice of hooks.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

macro_rules! data_sources {
    ($($(#[$doc:meta])* $source:ident = $name:literal, $family:expr;)+) => {
        /// An activity that the sensor watches.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum DataSource { $($(#[$doc])* $source,)+ }

        impl DataSource {
            /// Every data source.
            pub const ALL: [Self; [$($name),+].len()] = [$(Self::$source),+];

            /// The name on the command line, in reports, in `minerwatch.hooks` and `minerwatch.blind`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$source => $name,)+
                }
            }

            /// The family by which the data source can be chosen, if any.
            fn family(self) -> Option<Family> {
                match self {
                    $(Self::$source => $family,)+
                }
            }
        }
    };
}

data_sources! {
    /// Creation of processes.
    Fork = "fork", Some(Family::Process);
    /// Start of programs.
    Exec = "exec", Some(Family::Process);
    /// End of processes.
    Exit = "exit", Some(Family::Process);
    /// Signals from one process to another.
    Signal = "signal", Some(Family::Process);
    /// Access to the memory of other processes.
    ProcessAccess = "process-access", Some(Family::Process);
    /// BPF programs that others load or detach.
    Bpf = "bpf", Some(Family::Process);
    /// Kernel modules that are loaded.
    Module = "module", Some(Family::Process);
    /// Outbound TCP connections.
    Tcp = "tcp", Some(Family::Network);
    /// TCP connections whose peer does not answer.
    TcpUnanswered = "tcp-unanswered", Some(Family::Network);
    /// Outbound UDP flows.
    Udp = "udp", Some(Family::Network);
    /// The first payloads of connections, DNS, and byte counts of UDP flows.
    Payload = "payload", Some(Family::Network);
    /// Files that are created or opened for writing.
    FileOpen = "file-open", Some(Family::File);
    /// Files that are renamed, deleted or changed in mode.
    FileChange = "file-change", Some(Family::File);
    /// CPU time and context switches.
    Cpu = "cpu", Some(Family::Compute);
    /// Calls of `sched_yield`.
    Yield = "yield", Some(Family::Compute);
    /// Rounding modes of the floating-point unit.
    Rounding = "rounding", Some(Family::Compute);
    /// Memory in the sizes that miners use.
    Mapping = "mapping", Some(Family::Compute);
    /// The ring backend, which carries all records to the daemon.
    RingBackend = "transport", None;
}

/// Data sources that can be chosen together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Process,
    Network,
    File,
    Compute,
}

impl Family {
    const ALL: [Self; 4] = [Self::Process, Self::Network, Self::File, Self::Compute];

    fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Network => "network",
            Self::File => "file",
            Self::Compute => "compute",
        }
    }
}

macro_rules! attach_types {
    ($($(#[$doc:meta])* $attach_type:ident = $name:literal;)+) => {
        /// How an eBPF program is attached to the kernel, or the kind of ring that carries its records.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum AttachType { $($(#[$doc])* $attach_type,)+ }

        impl AttachType {
            const ALL: [Self; [$($name),+].len()] = [$(Self::$attach_type),+];

            /// The name on the command line and in `minerwatch.hooks`.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$attach_type => $name,)+
                }
            }
        }
    };
}

attach_types! {
    /// A raw tracepoint with typed arguments.
    BtfTracepoint = "btf-tracepoint";
    /// The entry of a kernel function.
    Fentry = "fentry";
    /// The exit of a kernel function.
    Fexit = "fexit";
    /// A system-call tracepoint.
    Tracepoint = "tracepoint";
    /// The root cgroup of the unified hierarchy.
    Cgroup = "cgroup";
    /// A ring buffer that all CPUs share.
    RingBuffer = "ring-buffer";
    /// One perf buffer per CPU.
    PerfBuffer = "perf-buffer";
}

/// The value that switches a data source off.
pub const OFF: &str = "off";

/// The target of a choice: one data source or a family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Source(DataSource),
    Family(Family),
}

impl Target {
    /// Returns every target: the families, then the single data sources.
    fn all() -> impl Iterator<Item = Self> {
        Family::ALL.into_iter().map(Self::Family).chain(DataSource::ALL.into_iter().map(Self::Source))
    }

    fn name(self) -> &'static str {
        match self {
            Self::Source(source) => source.name(),
            Self::Family(family) => family.name(),
        }
    }
}

/// `SOURCE=TYPE`: the attach type to use for a data source instead of the best available one. A choice for a family
/// applies to each data source of the family that has such a hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookChoice {
    target: Target,
    /// The only attach type to try; `None` switches the data source off.
    pub attach_type: Option<AttachType>,
}

impl HookChoice {
    /// Creates a choice that switches a data source off.
    pub fn off(source: DataSource) -> Self {
        Self { target: Target::Source(source), attach_type: None }
    }

    /// Whether the choice applies to this data source.
    pub fn concerns(&self, source: DataSource) -> bool {
        match self.target {
            Target::Source(chosen) => chosen == source,
            Target::Family(family) => source.family() == Some(family),
        }
    }
}

impl fmt::Display for HookChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.target.name(), self.attach_type.map_or(OFF, AttachType::name))
    }
}

/// Error in the text of a [`HookChoice`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HookChoiceError {
    /// The text has no equals sign.
    #[error("`{0}` is not of the form SOURCE=TYPE, for example file=tracepoint")]
    Form(String),
    /// No data source has this name.
    #[error("there is no data source `{0}`; the data sources are {names}", names = target_names())]
    DataSource(String),
    /// No attach type has this name.
    #[error("there is no attach type `{0}`; the attach types are {names} and {OFF}", names = attach_type_names())]
    AttachType(String),
}

fn target_names() -> String {
    Target::all().map(Target::name).collect::<Vec<_>>().join(", ")
}

fn attach_type_names() -> String {
    AttachType::ALL.map(AttachType::name).join(", ")
}

impl FromStr for HookChoice {
    type Err = HookChoiceError;

    fn from_str(text: &str) -> Result<Self, HookChoiceError> {
        let (source, attach_type) =
            text.split_once('=').ok_or_else(|| HookChoiceError::Form(text.to_owned()))?;
        let target = Target::all()
            .find(|target| target.name() == source)
            .ok_or_else(|| HookChoiceError::DataSource(source.to_owned()))?;
        let attach_type = match AttachType::ALL.into_iter().find(|known| known.name() == attach_type) {
            None if attach_type == OFF => None,
            None => return Err(HookChoiceError::AttachType(attach_type.to_owned())),
            found => found,
        };
        Ok(Self { target, attach_type })
    }
}

impl Serialize for HookChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for HookChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_names_a_data_source_or_a_family() {
        let file: HookChoice = "file=tracepoint".parse().expect("a choice");
        assert_eq!(file.attach_type, Some(AttachType::Tracepoint));
        assert!(file.concerns(DataSource::FileOpen) && file.concerns(DataSource::FileChange));
        assert!(!file.concerns(DataSource::Exec));
        let off: HookChoice = "payload=off".parse().expect("a choice");
        assert_eq!(off, HookChoice::off(DataSource::Payload));
        assert!(off.concerns(DataSource::Payload) && !off.concerns(DataSource::Udp));
    }

    #[test]
    fn every_choice_can_be_written_and_read() {
        for target in Target::all() {
            for attach_type in AttachType::ALL.map(AttachType::name).into_iter().chain([OFF]) {
                let text = format!("{}={attach_type}", target.name());
                let choice: HookChoice = text.parse().expect("a choice");
                assert_eq!((choice.to_string(), choice.target), (text, target));
                assert!(DataSource::ALL.into_iter().any(|source| choice.concerns(source)));
            }
        }
    }

    #[test]
    fn an_invalid_choice_is_explained() {
        let message = |text: &str| text.parse::<HookChoice>().expect_err(text).to_string();
        assert!(message("file").contains("SOURCE=TYPE"));
        assert!(
            message("flie=tracepoint")
                .starts_with("there is no data source `flie`; the data sources are process,")
        );
        assert!(
            message("file=kprobe")
                .starts_with("there is no attach type `kprobe`; the attach types are btf-tracepoint,")
        );
        assert!(message("=").contains("data source ``"));
    }
}
