//! Lists of indicators and the look-ups in all of them at once.

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

/// What it means to be on a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Mining pools, miners and their servers.
    Mining,
    /// Something else that is malicious.
    Threat,
    /// Its entries are never reported, even if another list has them.
    Allow,
}

/// A list, as evidence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Where it is from: a path, or the built-in list.
    pub source: String,
    /// What being on it means.
    pub kind: ListKind,
    /// Points for a match, 1 to 100.
    pub weight: u8,
}

/// The entry of a list that matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A name; it matches itself and every name below it.
    Domain(String),
    /// An address, or a network if the number of bits is smaller than the address.
    Network(IpAddr, u8),
    /// One port of an address.
    Endpoint(SocketAddr),
    /// One port of a name.
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

/// Something that is on a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed<'a> {
    /// Which list.
    pub list: &'a List,
    /// The entry that matched.
    pub entry: Entry,
    /// Its line in the list, or its number if the format has no lines.
    pub line: u32,
    /// What the list says about it.
    pub note: Option<&'a str>,
}

/// All lists, ready for look-ups.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    pub(super) lists: Vec<List>,
    pub(super) notes: Vec<Arc<str>>,
    pub(super) watched: Index,
    pub(super) allowed: Index,
    pub(super) shape: Shape,
}

/// Which kinds of entry exist, so that look-ups for others are skipped.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Lengths of IPv4 networks: bit n for n leading bits.
    v4: u64,
    /// Lengths of IPv6 networks, without whole addresses.
    v6: u128,
    /// Whether there are whole IPv6 addresses.
    v6_whole: bool,
    /// Whether any entry names a port.
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

    /// Adds the kinds of all entries of another table.
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

    /// The lengths of the networks of this address family, longest first.
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
    /// Empty lists.
    pub fn none() -> Self {
        Self::default()
    }

    /// Entries that are watched for.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether no entry is watched for.
    pub fn is_empty(&self) -> bool {
        self.watched.len() == 0
    }

    /// Entries that are never reported.
    pub fn allowed(&self) -> usize {
        self.allowed.len()
    }

    /// The lists, in order of precedence.
    pub fn lists(&self) -> &[List] {
        &self.lists
    }

    /// Memory the entries take, bytes.
    pub fn bytes(&self) -> usize {
        self.watched.bytes()
            + self.allowed.bytes()
            + self.notes.iter().map(|note| note.len() + 32).sum::<usize>()
    }

    /// Looks up a name, in lower case without a final dot. It matches if it or a name above it is listed; the most
    /// specific entry counts. A name that is allowed, or below an allowed one, never matches.
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

    /// Looks up a name together with the port of the connection.
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

    /// Looks up an endpoint: with its port, then its address, then the networks around it, narrow ones first. The
    /// first one that is listed counts. An allowed address never matches.
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
        // A table is built together with its lists, so this is never used.
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

/// Bits of an address of this family.
pub(super) fn width(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The first address of a network.
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

/// Where each name above `name` begins in it, and its hash: the shortest first, the whole name last.
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
