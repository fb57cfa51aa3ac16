//! Look-ups for people. They also show allowed entries, and the entries that those hide.

use std::{fmt::Write as _, net::IpAddr};

use super::{Entry, Index, Indicators, Kind, Listed, base, index, suffixes, width};
use crate::intel::Indicator;

/// The result of a look-up for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer<'a> {
    /// The indicator would be reported.
    Listed(Listed<'a>),
    /// The indicator is never reported.
    Allowed {
        /// The entry that allows the indicator.
        by: Listed<'a>,
        /// The entry that would otherwise match, if there is one.
        otherwise: Option<Listed<'a>>,
    },
    /// The indicator is on no list.
    Unlisted,
}

impl Indicators {
    /// Looks up an indicator in the same way as a connection or a program, and returns the entry that decides. A
    /// network is never found, because only addresses are looked up.
    pub fn ask(&self, indicator: &Indicator) -> Answer<'_> {
        let watched = self.find(&self.watched, indicator);
        match (self.find(&self.allowed, indicator), watched) {
            (Some(by), otherwise) => Answer::Allowed { by, otherwise },
            (None, Some(listed)) => Answer::Listed(listed),
            (None, None) => Answer::Unlisted,
        }
    }

    fn find(&self, index: &Index, indicator: &Indicator) -> Option<Listed<'_>> {
        let get = |kind, hash| index.get(index::key(kind, hash));
        let (entry, origin) = match indicator {
            Indicator::Domain(name) => return self.find_name(index, name),
            Indicator::NamedEndpoint(name, port) => {
                let port_of = |hash| get(Kind::NamedEndpoint, index::endpoint(hash, *port));
                let found = suffixes(name).filter_map(|(start, hash)| Some((start, port_of(hash)?))).last();
                let Some((start, origin)) = found else { return self.find_name(index, name) };
                (Entry::NamedEndpoint(name.get(start..)?.to_owned(), *port), origin)
            }
            Indicator::Address(address) => return self.find_address(index, *address),
            Indicator::Endpoint(endpoint) => {
                let whole = index::network(endpoint.ip(), width(endpoint.ip()));
                match get(Kind::Endpoint, index::endpoint(whole, endpoint.port())) {
                    Some(origin) => (Entry::Endpoint(*endpoint), origin),
                    None => return self.find_address(index, endpoint.ip()),
                }
            }
            Indicator::Network(..) => return None,
            Indicator::Sha256(hash) => {
                let mut digits = String::with_capacity(64);
                for byte in hash {
                    let _ = write!(digits, "{byte:02x}");
                }
                (Entry::Sha256(digits), get(Kind::File, index::file(hash))?)
            }
        };
        Some(self.listed(origin, entry))
    }

    fn find_name(&self, index: &Index, name: &str) -> Option<Listed<'_>> {
        let get = |hash| index.get(index::key(Kind::Domain, hash));
        let (start, origin) =
            suffixes(name).filter_map(|(start, hash): (usize, u64)| Some((start, get(hash)?))).last()?;
        Some(self.listed(origin, Entry::Domain(name.get(start..)?.to_owned())))
    }

    fn find_address(&self, index: &Index, address: IpAddr) -> Option<Listed<'_>> {
        let get = |bits| index.get(index::key(Kind::Network, index::network(address, bits)));
        let (bits, origin) = self.shape.lengths(address).find_map(|bits| Some((bits, get(bits)?)))?;
        Some(self.listed(origin, Entry::Network(base(address, bits), bits)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intel::{Builder, List, ListKind};

    /// Checks that both ways to look up an indicator give the same result.
    #[test]
    fn people_and_events_get_the_same_answer() {
        let hash = "ab".repeat(32);
        let lists: [(ListKind, &[&str]); 2] = [
            (
                ListKind::Threat,
                &[
                    "pool.example",
                    "deep.pool.example",
                    "relay.example:3333",
                    "192.0.2.1",
                    "10.0.0.0/8",
                    "198.51.100.1:80",
                    "2001:db8::/32",
                    &hash,
                ],
            ),
            (
                ListKind::Allow,
                &["eu.pool.example", "10.1.0.0/16", "192.0.2.1:443", "relay.example", "2001:db8::1"],
            ),
        ];
        let mut builder = Builder::new(100);
        for (kind, entries) in lists {
            let list = List { name: "l".to_owned(), source: "l".to_owned(), kind, weight: 60 };
            assert!(builder.list(list));
            for (entry, line) in entries.iter().zip(1..) {
                assert!(builder.add(&Indicator::parse(entry).unwrap(), line, ""));
            }
        }
        let table = builder.build();
        for text in [
            "pool.example",
            "x.deep.pool.example",
            "eu.pool.example",
            "a.eu.pool.example",
            "other.example",
            "relay.example:3333",
            "relay.example",
            "pool.example:1",
            "192.0.2.1",
            "192.0.2.1:443",
            "192.0.2.1:80",
            "10.2.3.4",
            "10.1.3.4:9",
            "198.51.100.1",
            "198.51.100.1:80",
            "198.51.100.1:81",
            "2001:db8::1",
            "[2001:db8::2]:443",
            "2001:db9::1",
            hash.as_str(),
        ] {
            let indicator = Indicator::parse(text).unwrap();
            let by_event = match &indicator {
                Indicator::Domain(name) => table.domain(name),
                Indicator::NamedEndpoint(name, port) => table.named_endpoint(name, *port),
                Indicator::Address(address) => table.endpoint((*address, 0).into()),
                Indicator::Endpoint(endpoint) => table.endpoint(*endpoint),
                Indicator::Network(..) => None,
                Indicator::Sha256(_) => table.file(text),
            };
            let asked = match table.ask(&indicator) {
                Answer::Listed(listed) => Some(listed),
                Answer::Allowed { .. } | Answer::Unlisted => None,
            };
            assert_eq!(asked, by_event, "{text}");
        }
        let allowed = table.ask(&Indicator::parse("x.eu.pool.example").unwrap());
        let Answer::Allowed { by, otherwise } = allowed else { panic!("{allowed:?}") };
        assert_eq!(by.entry.to_string(), "eu.pool.example");
        assert_eq!(otherwise.unwrap().entry.to_string(), "pool.example");
    }
}
