//! Lists of indicators, and look-ups in all lists at once.

mod ask;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

pub use ask::Answer;

use super::{
    Indicator,
    index::{self, Backward, Index, Kind, Origin},
    indicator::sha256,
};

/// What a match with a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Mining pools, miners and their servers.
    Mining,
    /// Other malicious hosts and files.
    Threat,
    /// The entries are never reported, even if another list has them.
    Allow,
}

/// A list, as evidence describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// The name of the list.
    pub name: String,
    /// The source of the list: a path, or the built-in list.
    pub source: String,
    /// What a match means.
    pub kind: ListKind,
    /// Points for a match, 1 to 100.
    pub weight: u8,
}

/// A list entry that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A name, which matches itself and its subdomains.
    Domain(String),
    /// A single address, or a network if the prefix is shorter than the address.
    Network(IpAddr, u8),
    /// An address with a port.
    Endpoint(SocketAddr),
    /// A name with a port.
    NamedEndpoint(String, u16),
    /// A file's SHA-256 in hexadecimal.
    Sha256(String),
}

impl std::fmt::Display for Entry {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Domain(name) => formatter.write_str(name),
            Self::Network(address, bits) if *bits == width(*address) => write!(formatter, "{address}"),
            Self::Network(address, bits) => write!(formatter, "{address}/{bits}"),
            Self::Endpoint(endpoint) => write!(formatter, "{endpoint}"),
            Self::NamedEndpoint(name, port) => write!(formatter, "{name}:{port}"),
            Self::Sha256(hash) => formatter.write_str(hash),
        }
    }
}

/// A match: the list and the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// The list with the entry.
    pub list: &'a List,
    /// The entry that matched.
    pub entry: Entry,
    /// The line number of the entry, or its number if the format has no lines.
    pub line: u32,
    /// The note of the list about the entry.
    pub note: Option<&'a str>,
}

/// The lookup table of all lists.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    pub(super) lists: Vec<List>,
    pub(super) notes: Vec<Arc<str>>,
    pub(super) watched: Index,
    pub(super) allowed: Index,
    pub(super) shape: Shape,
}

/// The kinds of entry in the table. Look-ups of other kinds are skipped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Prefix lengths of IPv4 networks and addresses: bit n stands for the length n.
    v4: u64,
    /// Prefix lengths of IPv6 networks, without single addresses.
    v6: u128,
    /// Whether the table has single IPv6 addresses.
    v6_whole: bool,
    /// Whether any entry has a port.
    ports: bool,
}

impl Shape {
    /// Adds the kind of an entry.
    pub(super) fn add(&mut self, indicator: &Indicator) {
        match indicator {
            Indicator::Domain(_) | Indicator::Sha256(_) => {}
            Indicator::Address(address) => self.network(*address, width(*address)),
            Indicator::Network(address, bits) => self.network(*address, *bits),
            Indicator::Endpoint(_) | Indicator::NamedEndpoint(..) => self.ports = true,
        }
    }

    /// Adds the kinds of another table's entries.
    pub(super) fn add_all(&mut self, other: Self) {
        let Self { v4, v6, v6_whole, ports } = other;
        self.v4 |= v4;
        self.v6 |= v6;
        self.v6_whole |= v6_whole;
        self.ports |= ports;
    }

    fn network(&mut self, address: IpAddr, bits: u8) {
        match address {
            IpAddr::V4(_) => self.v4 |= 1 << bits.min(32),
            IpAddr::V6(_) if bits >= 128 => self.v6_whole = true,
            IpAddr::V6(_) => self.v6 |= 1 << bits,
        }
    }

    /// Returns the prefix lengths in the table for this address family, longest first.
    fn lengths(self, address: IpAddr) -> impl Iterator<Item = u8> {
        let (mut bits, whole) = match address {
            IpAddr::V4(_) => (u128::from(self.v4), false),
            IpAddr::V6(_) => (self.v6, self.v6_whole),
        };
        let shorter = std::iter::from_fn(move || {
            let longest = bits.checked_ilog2()?;
            bits ^= 1 << longest;
            u8::try_from(longest).ok()
        });
        whole.then_some(128).into_iter().chain(shorter)
    }
}

impl Indicators {
    /// Creates an empty table.
    pub fn none() -> Self {
        Self::default()
    }

    /// Number of entries that are watched for.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Returns whether no entry is watched for.
    pub fn is_empty(&self) -> bool {
        self.watched.len() == 0
    }

    /// Number of entries that are never reported.
    pub fn allowed(&self) -> usize {
        self.allowed.len()
    }

    /// The lists, in order of precedence.
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Approximate memory of the entries and notes, in bytes.
    pub fn bytes(&self) -> usize {
        self.watched.bytes()
            + self.allowed.bytes()
            + self.notes.iter().map(|note| note.len() + 32).sum::<usize>()
    }

    /// Looks up a name, in lower case without a final dot. The name matches if it or a parent name is listed; the most
    /// specific entry counts. An allowed name and its subdomains never match.
    pub fn domain(&self, name: &str) -> Option<Listed<'_>> {
        let mut found = None;
        for (start, hash) in suffixes(name) {
            let key = index::key(Kind::Domain, hash);
            if self.allowed.get(key).is_some() {
                return None;
            }
            if let Some(origin) = self.watched.get(key) {
                found = Some((start, origin));
            }
        }
        let (start, origin) = found?;
        Some(self.listed(origin, Entry::Domain(name.get(start..)?.to_owned())))
    }

    /// Looks up a name together with the port of the connection. An entry with this port takes precedence over an entry
    /// without a port.
    pub fn named_endpoint(&self, name: &str, port: u16) -> Option<Listed<'_>> {
        if !self.shape.ports {
            return self.domain(name);
        }
        let mut found = None;
        for (start, hash) in suffixes(name) {
            if self.allowed.get(index::key(Kind::Domain, hash)).is_some() {
                return None;
            }
            let key = index::key(Kind::NamedEndpoint, index::endpoint(hash, port));
            if self.allowed.get(key).is_some() {
                return None;
            }
            if let Some(origin) = self.watched.get(key) {
                found = Some((start, origin));
            }
        }
        let Some((start, origin)) = found else { return self.domain(name) };
        Some(self.listed(origin, Entry::NamedEndpoint(name.get(start..)?.to_owned(), port)))
    }

    /// Looks up an endpoint: first with its port, then its address, then the networks that contain it, longest prefix
    /// first. The first match counts. An allowed address never matches.
    pub fn endpoint(&self, endpoint: SocketAddr) -> Option<Listed<'_>> {
        let address = endpoint.ip().to_canonical();
        let endpoint = SocketAddr::new(address, endpoint.port());
        let whole = index::network(address, width(address));
        let mut found = None;
        if self.shape.ports {
            let key = index::key(Kind::Endpoint, index::endpoint(whole, endpoint.port()));
            if self.allowed.get(key).is_some() {
                return None;
            }
            found = self.watched.get(key).map(|origin| (Entry::Endpoint(endpoint), origin));
        }
        for bits in self.shape.lengths(address) {
            let key = index::key(Kind::Network, index::network(address, bits));
            if self.allowed.get(key).is_some() {
                return None;
            }
            if found.is_none() {
                found =
                    self.watched.get(key).map(|origin| (Entry::Network(base(address, bits), bits), origin));
            }
        }
        found.map(|(entry, origin)| self.listed(origin, entry))
    }

    /// Looks up a file by its SHA-256 in hexadecimal.
    pub fn file(&self, hash: &str) -> Option<Listed<'_>> {
        let key = index::key(Kind::File, index::file(&sha256(hash)?));
        if self.allowed.get(key).is_some() {
            return None;
        }
        let origin = self.watched.get(key)?;
        Some(self.listed(origin, Entry::Sha256(hash.to_owned())))
    }

    fn listed(&self, origin: Origin, entry: Entry) -> Listed<'_> {
        // A table is built together with its lists, so this value is never used.
        static NOBODY: List =
            List { name: String::new(), source: String::new(), kind: ListKind::Threat, weight: 0 };
        let note = usize::from(origin.note).checked_sub(1).and_then(|note| self.notes.get(note));
        Listed {
            list: self.lists.get(usize::from(origin.list)).unwrap_or(&NOBODY),
            entry,
            line: origin.line,
            note: note.map(AsRef::as_ref),
        }
    }
}

/// Number of bits of an address in this family.
pub(super) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Returns the first address of a network.
fn base(address: IpAddr, bits: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(bits.min(32))).unwrap_or(0);
            IpAddr::V4((u32::from(address) & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(bits.min(128))).unwrap_or(0);
            IpAddr::V6((u128::from(address) & mask).into())
        }
    }
}

/// Returns the start position and the hash of each suffix of `name` that is a name: the shortest first, the whole name
/// last.
fn suffixes(name: &str) -> impl Iterator<Item = (usize, u64)> {
    let bytes = name.as_bytes();
    let mut hash = Backward::START;
    (0..bytes.len()).rev().filter_map(move |at| {
        hash = hash.then(*bytes.get(at)?);
        let starts = at == 0 || bytes.get(at - 1) == Some(&b'.');
        starts.then(|| (at, hash.hash()))
    })
}

#[cfg(test)]
mod tests;
