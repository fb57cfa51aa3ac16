//! The result of reading a list: the number of entries, and what was skipped and why.

use std::{borrow::Cow, collections::BTreeMap, fmt};

use super::Indicator;

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Plain text with one entry per line.
    Text,
    /// CSV with a header row.
    Csv,
    /// JSON in one of the formats that `docs/intel.md` lists.
    Json,
}

impl Form {
    /// The name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Csv => "csv",
            Self::Json => "json",
        }
    }
}

/// A position in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportLocation {
    /// A line number, from 1.
    Line(u32),
    /// The path of a JSON value, such as `objects[17]`.
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

/// Something in a list that cannot be used as an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The position in the list.
    pub location: ImportLocation,
    /// Why it cannot be used.
    pub reason: String,
}

/// Numbers of entries by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kinds {
    /// Domain names.
    pub domains: u64,
    /// Single addresses.
    pub addresses: u64,
    /// Networks.
    pub networks: u64,
    /// Names and addresses with a port.
    pub endpoints: u64,
    /// Hashes of files.
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

    /// Returns the number of entries of all kinds.
    pub fn total(&self) -> u64 {
        let Self { domains, addresses, networks, endpoints, files } = self;
        domains + addresses + networks + endpoints + files
    }
}

/// The result of reading a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportReport {
    /// The format of the list.
    pub form: Form,
    /// Entries that were added, by kind. Duplicates count each time.
    pub kinds: Kinds,
    /// Number of skipped entries, by reason.
    pub skipped: BTreeMap<Cow<'static, str>, u64>,
    /// The first problems of the list, each with its location.
    pub problems: Vec<Problem>,
    /// Where the list is damaged. Nothing after this location was read.
    pub broken: Option<Problem>,
    /// The earliest expiry time of an added entry, in seconds since 1970.
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

    /// Returns the number of skipped entries.
    pub fn skipped(&self) -> u64 {
        self.skipped.values().sum()
    }

    /// Returns the reasons with their counts, in one line. The line is empty if nothing was skipped.
    pub fn reasons(&self) -> String {
        let reasons: Vec<String> =
            self.skipped.iter().map(|(reason, count)| format!("{reason}: {count}")).collect();
        reasons.join(", ")
    }
}
