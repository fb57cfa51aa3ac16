//! The result of reading a list: how many entries it gave, and what was left out and why.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::Indicator;

/// The format of a list.
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

/// Where something is in a list.
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

/// Something in a list that is not an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is.
    pub location: ImportLocation,
    /// What is wrong with it.
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
    pub(super) fn count(&mut self, indicator: &Indicator) {
        *match indicator {
            Indicator::Domain(_) => &mut self.domains,
            Indicator::Address(_) => &mut self.addresses,
            Indicator::Network(..) => &mut self.networks,
            Indicator::Endpoint(_) | Indicator::NamedEndpoint(..) => &mut self.endpoints,
            Indicator::Sha256(_) => &mut self.files,
        } += 1;
    }

    /// The sum.
    pub fn total(&self) -> u64 {
        let Self { domains, addresses, networks, endpoints, files } = self;
        domains + addresses + networks + endpoints + files
    }
}

/// The result of reading a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// Its format.
    pub form: Form,
    /// Entries that were added, by kind. Duplicates count each time.
    pub kinds: Kinds,
    /// What was left out, by reason.
    pub skipped: BTreeMap<Cow<'static, str>, u64>,
    /// The first things that are not entries, each with its location.
    pub problems: Vec<Problem>,
    /// Where the list is damaged; nothing after that can be read.
    pub broken: Option<Problem>,
    /// When the first of the added entries expires, seconds since 1970.
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

    /// The reasons with their counts, in one line; empty when nothing was left out.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> =
            self.skipped.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        reasons.join(", ")
    }
}
