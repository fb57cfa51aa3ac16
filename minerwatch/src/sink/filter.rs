//! Which events a sink wants. Alerts always pass.

use std::{fmt, str::FromStr};

use serde::Deserialize;

use crate::model::EventKind;

const KINDS: [EventKind; 9] = [
    EventKind::Fork,
    EventKind::Exec,
    EventKind::Exit,
    EventKind::Connect,
    EventKind::Close,
    EventKind::File,
    EventKind::Cpu,
    EventKind::Snapshot,
    EventKind::Hash,
];

/// The name of a kind in filters (`tail --kind`) and in the configuration.
pub const fn kind_name(kind: EventKind) -> &'static str {
    match kind {
        EventKind::Fork => "fork",
        EventKind::Exec => "exec",
        EventKind::Exit => "exit",
        EventKind::Connect => "connect",
        EventKind::Close => "close",
        EventKind::File => "file",
        EventKind::Cpu => "cpu",
        EventKind::Snapshot => "snapshot",
        EventKind::Hash => "hash",
    }
}

/// Some kinds of event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KindSet(u16);

impl KindSet {
    /// With one more.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | Self::bit(kind))
    }

    /// Whether the kind is among them.
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & Self::bit(kind) != 0
    }

    const fn bit(kind: EventKind) -> u16 {
        1 << match kind {
            EventKind::Fork => 0,
            EventKind::Exec => 1,
            EventKind::Exit => 2,
            EventKind::Connect => 3,
            EventKind::Close => 4,
            EventKind::File => 5,
            EventKind::Cpu => 6,
            EventKind::Snapshot => 7,
            EventKind::Hash => 8,
        }
    }
}

/// A word that names no kind of event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no kind of event; the kinds are fork, exec, exit, connect, close, file, cpu, snapshot")]
pub struct UnknownKind(pub String);

/// Names with commas between them: `exec,connect`.
impl FromStr for KindSet {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.split(',').map(str::trim).filter(|word| !word.is_empty()).try_fold(
            Self::default(),
            |set, word| {
                let kind = KINDS.into_iter().find(|kind| kind_name(*kind) == word);
                kind.map(|kind| set.with(kind)).ok_or_else(|| UnknownKind(word.to_owned()))
            },
        )
    }
}

/// Which events a sink wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "FilterText")]
pub enum EventFilter {
    /// None: alerts only.
    #[default]
    None,
    /// All.
    All,
    /// These kinds.
    Kinds(KindSet),
}

impl EventFilter {
    /// Whether an event of this kind passes.
    pub const fn passes(self, kind: EventKind) -> bool {
        match self {
            Self::None => false,
            Self::All => true,
            Self::Kinds(kinds) => kinds.contains(kind),
        }
    }
}

/// `none`, `all`, or kinds with commas between them.
impl FromStr for EventFilter {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "none" => Ok(Self::None),
            "all" => Ok(Self::All),
            kinds => kinds.parse().map(Self::Kinds),
        }
    }
}

impl fmt::Display for EventFilter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => formatter.write_str("none"),
            Self::All => formatter.write_str("all"),
            Self::Kinds(kinds) => {
                let chosen = KINDS.into_iter().filter(|kind| kinds.contains(*kind));
                for (index, kind) in chosen.enumerate() {
                    let comma = if index > 0 { "," } else { "" };
                    write!(formatter, "{comma}{}", kind_name(kind))?;
                }
                Ok(())
            }
        }
    }
}

/// The two ways the configuration writes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum FilterText {
    One(String),
    List(Vec<String>),
}

impl TryFrom<FilterText> for EventFilter {
    type Error = UnknownKind;

    fn try_from(text: FilterText) -> Result<Self, Self::Error> {
        match text {
            FilterText::One(text) => text.parse(),
            FilterText::List(kinds) => kinds.join(",").parse().map(Self::Kinds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_read() {
        #[derive(Deserialize)]
        struct Section {
            events: EventFilter,
        }
        let read = |text: &str| toml::from_str::<Section>(text).map(|section| section.events);
        assert_eq!(read("events = 'all'").unwrap(), EventFilter::All);
        assert_eq!(read("events = 'none'").unwrap(), EventFilter::None);
        let some = read("events = ['exec', 'file']").unwrap();
        assert_eq!(some, "exec, file".parse().unwrap());
        assert_eq!(some.to_string(), "exec,file");
        for kind in KINDS {
            assert!(EventFilter::All.passes(kind));
            assert!(!EventFilter::None.passes(kind));
            assert_eq!(some.passes(kind), matches!(kind, EventKind::Exec | EventKind::File));
            assert_eq!(kind_name(kind).parse::<EventFilter>().unwrap().to_string(), kind_name(kind));
        }
        let error = read("events = ['exce']").unwrap_err().to_string();
        assert!(error.contains("`exce` is no kind of event"), "{error}");
    }
}
