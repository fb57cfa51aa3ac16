//! Reads JSON lists: strings, objects, MISP events, STIX 2.1 bundles and OTX pulses. Entries are added while the list
//! is read, so a long list takes no more memory than its entries.
//!
//! One walk handles all formats. It decides by the fields of an object, and enters containers with known names. The
//! parser skips everything else.

use std::{fmt, fmt::Write as _, io::Read};

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{
    Builder, ImportReport, Indicator,
    import_report::{Form, ImportLocation, Problem},
    importer::{Importer, reason_with},
    record::{Field, Record},
};

/// Adds the entries of a list to the builder's current list. Several JSON values in a row (JSON lines) count as one
/// list.
pub(super) fn read_json(input: impl Read, now: i64, builder: &mut Builder) -> ImportReport {
    let mut walk = Walk { importer: Importer::new(Form::Json, now, builder), path: Vec::new(), ordinal: 0 };
    let mut parser = serde_json::Deserializer::from_reader(input);
    loop {
        walk.path.clear();
        let node = Node { walk: &mut walk, within: Within::Nothing, inherited: None };
        if let Err(error) = node.deserialize(&mut parser) {
            let line = u32::try_from(error.line()).unwrap_or(u32::MAX);
            walk.importer.report.broken = Some(Problem {
                location: ImportLocation::Line(line),
                reason: format!("is not JSON: {error}"),
            });
            break;
        }
        if parser.end().is_ok() {
            break;
        }
    }
    walk.importer.report
}

struct Walk<'b> {
    importer: Importer<'b>,
    path: Vec<Step>,
    /// Number of possible entries so far.
    ordinal: u32,
}

enum Step {
    Into(&'static str),
    /// A key that is a number.
    Number(u64),
    Element(usize),
}

impl Walk<'_> {
    fn next_ordinal(&mut self) -> u32 {
        self.ordinal = self.ordinal.saturating_add(1);
        self.ordinal
    }
}

fn shown(path: &[Step]) -> ImportLocation {
    let mut text = String::new();
    for step in path {
        let dot = if text.is_empty() { "" } else { "." };
        let _ = match step {
            Step::Into(name) => write!(text, "{dot}{name}"),
            Step::Number(number) => write!(text, "{dot}{number}"),
            Step::Element(index) => write!(text, "[{index}]"),
        };
    }
    ImportLocation::Path(if text.is_empty() { "the top level".to_owned() } else { text })
}

/// The container of a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Within {
    /// No container: the value is at the top level.
    Nothing,
    /// A container whose strings are entries.
    Entries,
    /// A container with objects only.
    Objects,
}

/// The containers that the walk enters, and whether their strings are entries.
const CONTAINERS: [(&str, Within); 18] = [
    ("objects", Within::Objects),
    ("response", Within::Objects),
    ("Event", Within::Objects),
    ("Attribute", Within::Objects),
    ("Object", Within::Objects),
    ("results", Within::Objects),
    ("pulses", Within::Objects),
    ("pulse", Within::Objects),
    ("indicators", Within::Entries),
    ("iocs", Within::Entries),
    ("entries", Within::Entries),
    ("items", Within::Entries),
    ("list", Within::Entries),
    ("domains", Within::Entries),
    ("ips", Within::Entries),
    ("addresses", Within::Entries),
    ("hashes", Within::Entries),
    ("urls", Within::Entries),
];

/// A value that may contain entries.
struct Node<'w, 'b> {
    walk: &'w mut Walk<'b>,
    within: Within,
    inherited: Option<&'w str>,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl Node<'_, '_> {
    fn refuse(self, reason: &'static str) {
        let Walk { importer, path, .. } = self.walk;
        importer.refuse(|| shown(path), reason, reason);
    }
}

impl<'de> Visitor<'de> for Node<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        match self.within {
            Within::Entries => {
                let ordinal = self.walk.next_ordinal();
                let Walk { importer, path, .. } = self.walk;
                let note = self.inherited.unwrap_or_default();
                importer.add(Indicator::parse(text), ordinal, || shown(path), note);
            }
            Within::Nothing | Within::Objects => self.refuse("a string where an object belongs"),
        }
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.refuse("neither a string nor an object");
        Ok(())
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.refuse("neither a string nor an object");
        Ok(())
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.refuse("neither a string nor an object");
        Ok(())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.refuse("neither a string nor an object");
        Ok(())
    }

    /// Accepts `null` as an empty container.
    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        // A list may be a plain array.
        let within = if self.within == Within::Nothing { Within::Entries } else { self.within };
        for index in 0.. {
            self.walk.path.push(Step::Element(index));
            let node = Node { walk: &mut *self.walk, within, inherited: self.inherited };
            let element = elements.next_element_seed(node)?;
            self.walk.path.pop();
            if element.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { walk, within, inherited } = self;
        let mut record = Record::default();
        let mut has_children = false;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Field(field) => {
                    map.next_value_seed(Scalars { record: &mut record, field })?;
                }
                Key::Container(name, within) => {
                    has_children = true;
                    walk.path.push(Step::Into(name));
                    let note = record.note().map(str::to_owned);
                    // The note of an outer object says more than the name of a part.
                    let inherited = inherited.or(note.as_deref());
                    map.next_value_seed(Node { walk: &mut *walk, within, inherited })?;
                    walk.path.pop();
                }
                // ThreatFox has a numeric key for each entry.
                Key::Number(number) if within == Within::Nothing => {
                    has_children = true;
                    walk.path.push(Step::Number(number));
                    map.next_value_seed(Node { walk: &mut *walk, within: Within::Objects, inherited })?;
                    walk.path.pop();
                }
                // STIX 2.0 has numeric keys for observations. Observations accuse nobody, and their object is counted
                // already.
                Key::Number(_) => {
                    has_children = true;
                    map.next_value::<IgnoredAny>()?;
                }
                Key::Other => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        let ordinal = walk.next_ordinal();
        let Walk { importer, path, .. } = walk;
        let location = || shown(path);
        match record.stix_type() {
            Some("indicator") => record.take_pattern(importer, ordinal, location, inherited),
            Some("bundle") => {}
            Some(kind) => importer.skip(reason_with("STIX object", kind)),
            None if record.has_value() => record.take(importer, ordinal, location, inherited),
            None if has_children => {}
            None => importer.refuse(location, "none of its fields holds an entry", "object without an entry"),
        }
        Ok(())
    }
}

/// The meaning of a key, without its text.
enum Key {
    Field(Field),
    Container(&'static str, Within),
    Number(u64),
    Other,
}

impl<'de> serde::Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Names;
        impl Visitor<'_> for Names {
            type Value = Key;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
                if let Some((name, within)) = CONTAINERS.iter().find(|(known, _)| *known == name) {
                    return Ok(Key::Container(name, *within));
                }
                Ok(match (Field::of(name), name.parse()) {
                    (Some(field), _) => Key::Field(field),
                    (None, Ok(number)) => Key::Number(number),
                    (None, Err(_)) => Key::Other,
                })
            }
        }
        deserializer.deserialize_str(Names)
    }
}

/// The value of a field: a string, a number, a boolean, or an array of these.
struct Scalars<'r> {
    record: &'r mut Record,
    field: Field,
}

impl<'de> DeserializeSeed<'de> for Scalars<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Scalars<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.record.set(self.field, text);
        Ok(())
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<(), E> {
        self.visit_str(if value { "true" } else { "false" })
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<(), E> {
        self.visit_str(&value.to_string())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Scalars { record: &mut *self.record, field: self.field })?.is_some()
        {
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(())
    }
}

#[cfg(test)]
mod tests;
