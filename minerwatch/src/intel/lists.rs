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

/// What being on a list means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListKind {
    /// Mining pools, miners and what serves them.
    Mining,
    /// Something malicious, whatever it does.
    Threat,
    /// Nothing: what is on it is never reported, whoever else lists it.
    Allow,
}

/// A list, as evidence names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// Its name.
    pub name: String,
    /// Where it came from: a path, or what was built in.
    pub source: String,
    /// What being on it means.
    pub kind: ListKind,
    /// Points for a match, 1 to 100.
    pub weight: u8,
}

/// What an entry says, in the form of the entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A name; what was looked up is it or below it.
    Domain(String),
    /// An address or, with fewer bits than it has, a network.
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
    /// Its line in the list, or its ordinal where the form has no lines.
    pub line: u32,
    /// What the list says of it.
    pub note: Option<&'a str>,
}

/// All lists, ready to be looked things up in.
#[derive(Clone, Debug, Default)]
pub struct Indicators {
    pub(super) lists: Vec<List>,
    pub(super) notes: Vec<Arc<str>>,
    pub(super) watched: Index,
    pub(super) allowed: Index,
    pub(super) shape: Shape,
}

/// What kinds of entry there are at all, so that nothing is looked up in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Shape {
    /// Lengths of IPv4 networks: bit n for n leading bits.
    v4: u64,
    /// Lengths of IPv6 networks, whole addresses apart.
    v6: u128,
    /// Whether there are whole IPv6 addresses.
    v6_whole: bool,
    /// Whether any entry names a port.
    ports: bool,
}

impl Shape {
    /// Takes note of an entry.
    pub(super) fn add(&mut self, indicator: &Indicator) {
        match indicator {
            Indicator::Domain(_) | Indicator::Sha256(_) => {}
            Indicator::Address(address) => self.network(*address, width(*address)),
            Indicator::Network(address, bits) => self.network(*address, *bits),
            Indicator::Endpoint(_) | Indicator::NamedEndpoint(..) => self.ports = true,
        }
    }

    /// Takes note of all entries of another table.
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

    /// The lengths of network there are for such an address, longest first.
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
    /// Nothing is on a list.
    pub fn none() -> Self {
        Self::default()
    }

    /// Entries that are watched for.
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Whether nothing is watched for.
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

    /// Looks a name up, in lower case without a final dot: it or one above it is listed; of several the
    /// most specific. An allowed name is on no list, and neither is one below it.
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

    /// Looks a name up together with the port that is talked to.
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

    /// Looks an endpoint up: with its port, by its address alone, by the networks it lies in; the first of
    /// these that is listed, the narrower network first. Allowed addresses are on no list.
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

    /// Looks a file up by its SHA-256 in hexadecimal.
    pub fn file(&self, hash: &str) -> Option<Listed<'_>> {
        let key = index::key(Kind::File, index::file(&sha256(hash)?));
        if self.allowed.get(key).is_some() {
            return None;
        }
        let origin = self.watched.get(key)?;
        Some(self.listed(origin, Entry::Sha256(hash.to_owned())))
    }

    fn listed(&self, origin: Origin, entry: Entry) -> Listed<'_> {
        // A table is built together with its lists, so this stands for none.
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

/// Where each name above `name` begins in it, and its hash, shortest first and the name itself last.
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
