//! A set of event kinds, for `tail --kind` and the configuration.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeSeq};

use super::EventKind;

/// A set of event kinds. Serialized as `"none"`, `"all"` or a list of names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct KindSet(u32);

/// Error: no event kind has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no event is of kind `{0}`; the kinds are {names}", names = KindSet::ALL)]
pub struct UnknownKind(pub String);

impl KindSet {
    /// No kind.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self((1 << EventKind::ALL.len()) - 1);

    /// Returns the set with `kind` added.
    #[must_use]
    pub fn with(self, kind: EventKind) -> Self {
        Self(self.0 | 1 << kind as u16)
    }

    /// Whether the set contains `kind`.
    pub fn contains(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u16 != 0
    }

    /// Returns the union of two sets.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the set is empty.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the set as one bit per kind.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Returns the kinds in the set.
    pub fn iter(self) -> impl Iterator<Item = EventKind> {
        EventKind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<EventKind> for KindSet {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Display for KindSet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, kind) in self.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", ")?;
            }
            formatter.write_str(kind.name())?;
        }
        Ok(())
    }
}

/// Parses `none`, `all`, or names separated by commas.
impl FromStr for KindSet {
    type Err = UnknownKind;

    fn from_str(text: &str) -> Result<Self, UnknownKind> {
        match text {
            "none" => Ok(Self::NONE),
            "all" => Ok(Self::ALL),
            names => names.split(',').try_fold(Self::NONE, |set, name| Ok(set.union(parse(name.trim())?))),
        }
    }
}

/// Returns the kinds for a name. `payload` includes `dns` and `tls`.
fn parse(name: &str) -> Result<KindSet, UnknownKind> {
    let kind = EventKind::from_name(name).ok_or_else(|| UnknownKind(name.to_owned()))?;
    let set = KindSet::NONE.with(kind);
    Ok(if kind == EventKind::Payload { set.with(EventKind::Dns).with(EventKind::Tls) } else { set })
}

impl Serialize for KindSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_empty() {
            serializer.serialize_str("none")
        } else if *self == Self::ALL {
            serializer.serialize_str("all")
        } else {
            let mut names = serializer.serialize_seq(None)?;
            for kind in self.iter() {
                names.serialize_element(kind.name())?;
            }
            names.end()
        }
    }
}

impl<'de> Deserialize<'de> for KindSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KindsVisitor)
    }
}

struct KindsVisitor;

impl<'de> de::Visitor<'de> for KindsVisitor {
    type Value = KindSet;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\"none\", \"all\" or a list of event kinds ({})", KindSet::ALL)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<KindSet, E> {
        text.parse().map_err(E::custom)
    }

    fn visit_seq<A: de::SeqAccess<'de>>(self, mut names: A) -> Result<KindSet, A::Error> {
        let mut set = KindSet::NONE;
        while let Some(name) = names.next_element::<String>()? {
            set = set.union(parse(&name).map_err(de::Error::custom)?);
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_survives_serialization() {
        let some = KindSet::NONE.with(EventKind::Exec).with(EventKind::Hash);
        for set in [KindSet::NONE, KindSet::ALL, some] {
            let text = serde_json::to_string(&set).expect("a set is plain data");
            assert_eq!(serde_json::from_str::<KindSet>(&text).expect("written by itself"), set);
        }
        assert_eq!("exec, hash".parse::<KindSet>(), Ok(some));
        assert_eq!(some.to_string(), "exec, hash");
    }

    #[test]
    fn every_kind_has_its_own_bit_and_name() {
        for kind in EventKind::ALL {
            assert_eq!(EventKind::from_name(kind.name()), Some(kind));
            assert_eq!(KindSet::NONE.with(kind).iter().collect::<Vec<_>>(), [kind]);
        }
        assert_eq!(KindSet::ALL.iter().count(), EventKind::ALL.len());
    }

    #[test]
    fn payload_includes_dns_and_tls() {
        let set = "payload".parse::<KindSet>().expect("a known kind");
        assert!(
            [EventKind::Payload, EventKind::Dns, EventKind::Tls].into_iter().all(|kind| set.contains(kind))
        );
        assert_eq!("dns".parse::<KindSet>(), Ok(KindSet::NONE.with(EventKind::Dns)));
    }

    #[test]
    fn an_unknown_kind_is_an_error_that_lists_the_known_kinds() {
        let message = "exce".parse::<KindSet>().expect_err("no such kind").to_string();
        assert!(message.contains("`exce`") && message.contains("exec, exit"), "{message}");
    }
}
