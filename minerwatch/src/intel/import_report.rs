//! What became of a list that was read: what it gave, and what was left out and why.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::{Builder, Indicator, Refusal};

/// The most problems of one list that are told; a file that is no list has one on every line.
pub(super) const MAX_PROBLEMS: usize = 20;
/// The most different reasons that are counted apart: some of them quote the list.
const MAX_REASONS: usize = 64;
/// What the reasons beyond are counted as.
const OTHER: &str = "other reasons";

/// How a list is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One entry a line.
    Text,
    /// A table whose first line names its columns.
    Csv,
    /// JSON of one of the kinds that `docs/intel.md` lists.
    Json,
}

impl Form {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// Where something stands in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportLocation {
    /// A line, from 1.
    Line(u32),
    /// An object of JSON: `objects[17]`.
    Path(String),
}

impl fmt::Display for ImportLocation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(formatter, "{line}"),
            Self::Path(path) => formatter.write_str(path),
        }
    }
}

/// An entry that adds nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where.
    pub place: ImportLocation,
    /// Why.
    pub reason: String,
}

/// Entries by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Names.
    pub domains: u64,
    /// Whole addresses.
    pub addresses: u64,
    /// Networks.
    pub networks: u64,
    /// Ports of names and of addresses.
    pub endpoints: u64,
    /// Files.
    pub files: u64,
}

impl Kinds {
    fn count(&mut self, indicator: &Indicator) {
        *match indicator {
            Indicator::Domain(_) => &mut self.domains,
            Indicator::Address(_) => &mut self.addresses,
            Indicator::Network(..) => &mut self.networks,
            Indicator::Endpoint(_) | Indicator::NamedEndpoint(..) => &mut self.endpoints,
            Indicator::Sha256(_) => &mut self.files,
        } += 1;
    }

    /// All together.
    pub fn total(&self) -> u64 {
        let Self { domains, addresses, networks, endpoints, files } = self;
        domains + addresses + networks + endpoints + files
    }
}

/// What became of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// How it is written down.
    pub form: Form,
    /// Entries taken in, by kind; of doubles each counts.
    pub kinds: Kinds,
    /// What was left out, by reason.
    pub skipped: BTreeMap<Cow<'static, str>, u64>,
    /// The first of what was left out because it makes no sense, each with its place.
    pub problems: Vec<Problem>,
    /// Where the list is damaged so that nothing behind can be read.
    pub broken: Option<Problem>,
    /// When the first of the entries taken in runs out, seconds since 1970.
    pub next_expiry: Option<i64>,
}

impl ImportReport {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            kinds: Kinds::default(),
            skipped: BTreeMap::new(),
            problems: Vec::new(),
            broken: None,
            next_expiry: None,
        }
    }

    /// How many entries were left out.
    pub fn skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// The reasons with their counts, in a line; empty when nothing was left out.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> =
            self.skipped.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        reasons.join(", ")
    }
}

/// Takes entries in for a builder and keeps the books.
pub(super) struct Importer<'a> {
    builder: &'a mut Builder,
    pub(super) reading: ImportReport,
    /// Seconds since 1970.
    now: i64,
}

impl<'a> Importer<'a> {
    pub(super) fn new(form: Form, now: i64, builder: &'a mut Builder) -> Self {
        Self { builder, reading: ImportReport::new(form), now }
    }

    /// An entry; `ordinal` is its line or number, and `place` says where it stands if it is none.
    pub(super) fn add(
        &mut self,
        parsed: Result<Indicator, Refusal>,
        ordinal: u32,
        place: impl FnOnce() -> ImportLocation,
        note: &str,
    ) -> bool {
        match parsed {
            Ok(indicator) if self.builder.add(&indicator, ordinal, note) => {
                self.reading.kinds.count(&indicator);
                return true;
            }
            Ok(_) => self.refuse(place, "there is no room for more entries", "no room"),
            Err(refusal) => self.refuse(place, refusal.to_string(), refusal.kind()),
        }
        false
    }

    /// Something that makes no sense: counted as `kind`, and told with its place.
    pub(super) fn refuse(
        &mut self,
        place: impl FnOnce() -> ImportLocation,
        reason: impl Into<String>,
        kind: impl Into<Cow<'static, str>>,
    ) {
        if self.reading.problems.len() < MAX_PROBLEMS {
            self.reading.problems.push(Problem { place: place(), reason: reason.into() });
        }
        self.pass_over(kind);
    }

    /// Something that is left out and rightly so: counted.
    pub(super) fn pass_over(&mut self, kind: impl Into<Cow<'static, str>>) {
        let kind = kind.into();
        let skipped = &mut self.reading.skipped;
        let kind = if skipped.len() >= MAX_REASONS && !skipped.contains_key(&kind) {
            Cow::Borrowed(OTHER)
        } else {
            kind
        };
        *skipped.entry(kind).or_default() += 1;
    }

    /// Whether this moment has passed.
    pub(super) fn has_passed(&self, seconds: i64) -> bool {
        seconds <= self.now
    }

    /// An entry taken in runs out then.
    pub(super) fn expires(&mut self, seconds: i64) {
        let first = self.reading.next_expiry.map_or(seconds, |earlier| earlier.min(seconds));
        self.reading.next_expiry = Some(first);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_problems_nor_reasons_grow_without_end() {
        let mut builder = Builder::new(1);
        let mut intake = Importer::new(Form::Text, 0, &mut builder);
        for number in 0..1_000 {
            intake.refuse(|| ImportLocation::Line(number), "nonsense", format!("kind {number}"));
        }
        let reading = intake.reading;
        assert_eq!(reading.problems.len(), MAX_PROBLEMS);
        assert_eq!((reading.skipped.len(), reading.skipped()), (MAX_REASONS + 1, 1_000));
        assert_eq!(reading.skipped.get(OTHER), Some(&(1_000 - MAX_REASONS as u64)));
    }
}
