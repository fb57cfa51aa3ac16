//! What is watched, the ways the kernel offers for it, and a user's choice among them.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// What the sensor watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DataSource {
    /// Creation of processes.
    Fork,
    /// Replacement of images.
    Exec,
    /// End of processes.
    Exit,
    /// Outbound TCP connections.
    Tcp,
    /// TCP connections whose peer does not answer.
    TcpUnanswered,
    /// Outbound UDP flows.
    Udp,
    /// The first payloads of connections, DNS, and byte counts of UDP flows.
    Payload,
    /// Files opened for writing and created.
    FileOpen,
    /// Files renamed, deleted, changed in mode.
    FileChange,
    /// CPU time and switches.
    Cpu,
    /// Voluntary yields.
    Yield,
    /// Rounding modes of the floating-point unit.
    Rounding,
    /// Memory asked for in sizes worth a look.
    Mapping,
    /// How all of that reaches the daemon.
    RingBackend,
}

/// Every purpose, in the order of the families.
static PURPOSES: [DataSource; 14] = [
    DataSource::Fork,
    DataSource::Exec,
    DataSource::Exit,
    DataSource::Tcp,
    DataSource::TcpUnanswered,
    DataSource::Udp,
    DataSource::Payload,
    DataSource::FileOpen,
    DataSource::FileChange,
    DataSource::Cpu,
    DataSource::Yield,
    DataSource::Rounding,
    DataSource::Mapping,
    DataSource::RingBackend,
];

/// Purposes that are chosen for together: a name and where in [`PURPOSES`] they stand.
const FAMILIES: [(&str, std::ops::Range<usize>); 4] =
    [("process", 0..3), ("network", 3..7), ("file", 7..9), ("compute", 9..13)];

impl DataSource {
    /// The name on the command line, in reports, in `minerwatch.hooks` and `minerwatch.blind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Tcp => "tcp",
            Self::TcpUnanswered => "tcp-unanswered",
            Self::Udp => "udp",
            Self::Payload => "payload",
            Self::FileOpen => "file-open",
            Self::FileChange => "file-change",
            Self::Cpu => "cpu",
            Self::Yield => "yield",
            Self::Rounding => "rounding",
            Self::Mapping => "mapping",
            Self::RingBackend => "transport",
        }
    }
}

/// The kinds of place in the kernel where a program can be attached, and the kinds of buffer it can send to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachType {
    /// A raw tracepoint.
    RawTracepoint,
    /// A raw tracepoint with typed arguments.
    BtfTracepoint,
    /// The entry of a function of the kernel's.
    Fentry,
    /// The end of a function of the kernel's.
    Fexit,
    /// A tracepoint; here always one of system calls.
    Tracepoint,
    /// The root of the unified cgroup hierarchy.
    Cgroup,
    /// Rings that all CPUs share.
    RingBuffer,
    /// A buffer for each CPU.
    PerfBuffer,
}

impl AttachType {
    const ALL: [Self; 8] = [
        Self::RawTracepoint,
        Self::BtfTracepoint,
        Self::Fentry,
        Self::Fexit,
        Self::Tracepoint,
        Self::Cgroup,
        Self::RingBuffer,
        Self::PerfBuffer,
    ];

    /// The name on the command line and in `minerwatch.hooks`.
    pub fn name(self) -> &'static str {
        match self {
            Self::RawTracepoint => "raw-tracepoint",
            Self::BtfTracepoint => "btf-tracepoint",
            Self::Fentry => "fentry",
            Self::Fexit => "fexit",
            Self::Tracepoint => "tracepoint",
            Self::Cgroup => "cgroup",
            Self::RingBuffer => "ring-buffer",
            Self::PerfBuffer => "perf-buffer",
        }
    }
}

/// The word for no way at all.
const OFF: &str = "off";

/// `PURPOSE=WAY`: how a purpose, or each of a family that can be, is to be served, instead of by the best way that
/// works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HookChoice {
    name: &'static str,
    purposes: &'static [DataSource],
    /// The one way that is tried; `None` switches off.
    pub way: Option<AttachType>,
}

impl HookChoice {
    /// Leaves `purpose` unwatched.
    pub fn off(purpose: DataSource) -> Self {
        let purposes = PURPOSES.iter().position(|known| *known == purpose);
        let purposes = purposes.and_then(|index| PURPOSES.get(index..=index)).unwrap_or_default();
        Self { name: purpose.name(), purposes, way: None }
    }

    /// Whether it says something about `purpose`.
    pub fn concerns(&self, purpose: DataSource) -> bool {
        self.purposes.contains(&purpose)
    }
}

impl fmt::Display for HookChoice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.way.map_or(OFF, AttachType::name))
    }
}

/// Why a text is no choice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoHookChoice {
    /// It has no equals sign.
    #[error("`{0}` is not of the form PURPOSE=WAY, for example file=tracepoint")]
    Form(String),
    /// Nothing of that name is watched.
    #[error("nothing that is watched is called `{0}`; there are {names}", names = purpose_names())]
    DataSource(String),
    /// There is no such kind of hook.
    #[error("there is no way called `{0}`; there are {names} and {OFF}", names = way_names())]
    AttachType(String),
}

fn purpose_names() -> String {
    let families = FAMILIES.iter().map(|(name, _)| *name);
    families.chain(PURPOSES.iter().map(|purpose| purpose.name())).collect::<Vec<_>>().join(", ")
}

fn way_names() -> String {
    AttachType::ALL.map(AttachType::name).join(", ")
}

impl FromStr for HookChoice {
    type Err = NoHookChoice;

    fn from_str(text: &str) -> Result<Self, NoHookChoice> {
        let (wanted, way) = text.split_once('=').ok_or_else(|| NoHookChoice::Form(text.to_owned()))?;
        let family = FAMILIES.into_iter().find(|(name, _)| *name == wanted);
        let single = PURPOSES.iter().position(|purpose| purpose.name() == wanted);
        let (name, purposes) = match (family, single) {
            (Some((name, range)), _) => (name, PURPOSES.get(range)),
            (None, Some(index)) => {
                let purposes = PURPOSES.get(index..=index);
                (purposes.and_then(<[_]>::first).map_or("", |purpose| purpose.name()), purposes)
            }
            (None, None) => return Err(NoHookChoice::DataSource(wanted.to_owned())),
        };
        let way = match AttachType::ALL.into_iter().find(|known| known.name() == way) {
            None if way == OFF => None,
            None => return Err(NoHookChoice::AttachType(way.to_owned())),
            found => found,
        };
        Ok(Self { name, purposes: purposes.unwrap_or_default(), way })
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
    fn a_choice_names_a_purpose_or_a_family() {
        let file: HookChoice = "file=tracepoint".parse().expect("a choice");
        assert_eq!(file.way, Some(AttachType::Tracepoint));
        assert!(file.concerns(DataSource::FileOpen) && file.concerns(DataSource::FileChange));
        assert!(!file.concerns(DataSource::Exec));
        let off: HookChoice = "payload=off".parse().expect("a choice");
        assert_eq!(off, HookChoice::off(DataSource::Payload));
        assert!(off.concerns(DataSource::Payload) && !off.concerns(DataSource::Udp));
    }

    #[test]
    fn every_purpose_and_family_can_be_written_and_read() {
        let families = FAMILIES.iter().map(|(name, _)| *name);
        for name in families.chain(PURPOSES.iter().map(|purpose| purpose.name())) {
            for way in AttachType::ALL.map(AttachType::name).into_iter().chain([OFF]) {
                let text = format!("{name}={way}");
                let choice: HookChoice = text.parse().expect("a choice");
                assert_eq!(choice.to_string(), text);
                assert!(!choice.purposes.is_empty(), "{text}");
            }
        }
        let in_families: usize = FAMILIES.iter().map(|(_, range)| range.len()).sum();
        assert_eq!(in_families, PURPOSES.len() - 1, "every purpose but the transport is of one family");
    }

    #[test]
    fn what_is_no_choice_is_told_why() {
        let message = |text: &str| text.parse::<HookChoice>().expect_err(text).to_string();
        assert!(message("file").contains("PURPOSE=WAY"));
        assert!(
            message("flie=tracepoint")
                .starts_with("nothing that is watched is called `flie`; there are process")
        );
        assert!(message("file=kprobe").contains("no way called `kprobe`; there are raw-tracepoint"));
        assert!(message("=").contains("called ``"));
    }
}
