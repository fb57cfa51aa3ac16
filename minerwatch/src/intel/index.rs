//! The hash table for look-ups, with 64-bit keys and 16 bytes per slot. It is built once and then only read.
//!
//! A key is a hash of an entry and its kind. The text of the entry is not stored, because the caller has it. So a
//! million entries take 20 MB.
//!
//! Something that is on no list may match because of a hash collision. The probability per look-up is the number of
//! entries divided by 2⁶⁴. With a million entries, this is one in 18 million million.

use std::net::IpAddr;

/// The place that an entry comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    /// Line number of the entry in its list, or its number if the format has no lines.
    pub(super) line: u32,
    /// Position of the list in the table's lists.
    pub(super) list: u16,
    /// Number of the note, from 1; 0 for no note.
    pub(super) note: u16,
}

/// A key with the origin of its entry. A key is never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) key: u64,
    pub(super) origin: Origin,
}

const EMPTY: Slot = Slot { key: 0, origin: Origin { line: 0, list: 0, note: 0 } };

/// The hash table. It uses open addressing and is at most four fifths full.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    slots: Box<[Slot]>,
    len: usize,
}

impl Index {
    /// Builds a table of these entries. If two entries have the same key, the first is kept.
    pub(super) fn new(entries: &[Slot]) -> Self {
        if entries.is_empty() {
            return Self::default();
        }
        let capacity = entries.len() + entries.len() / 4 + 1;
        let mut index = Self { slots: vec![EMPTY; capacity].into_boxed_slice(), len: 0 };
        for entry in entries {
            index.insert(*entry);
        }
        index
    }

    /// Number of entries.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// Memory of the slots, in bytes.
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.slots)
    }

    /// Returns all entries, in any order.
    pub(super) fn entries(&self) -> impl Iterator<Item = Slot> {
        self.slots.iter().copied().filter(|slot| slot.key != 0)
    }

    /// Returns the origin of the entry with this key.
    pub(super) fn get(&self, key: u64) -> Option<Origin> {
        if self.slots.is_empty() {
            return None;
        }
        let (before, after) = self.slots.split_at(self.home(key));
        for slot in after.iter().chain(before) {
            if slot.key == key {
                return Some(slot.origin);
            }
            if slot.key == 0 {
                return None;
            }
        }
        None
    }

    fn insert(&mut self, entry: Slot) {
        let home = self.home(entry.key);
        let (before, after) = self.slots.split_at_mut(home);
        let found = after.iter_mut().chain(before).find(|slot| slot.key == 0 || slot.key == entry.key);
        if let Some(slot) = found.filter(|slot| slot.key == 0) {
            *slot = entry;
            self.len += 1;
        }
    }

    /// Returns the slot where the search for a key begins: the key scaled from the 64-bit range to the size of the
    /// table.
    fn home(&self, key: u64) -> usize {
        let scaled = (u128::from(key) * self.slots.len() as u128) >> 64;
        usize::try_from(scaled).unwrap_or(0)
    }
}

/// The kinds of key. The kind is part of the hash, so that a name and a file do not have the same key.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Domain = 1,
    Network = 2,
    Endpoint = 3,
    NamedEndpoint = 4,
    File = 5,
}

/// Mixes every bit into the whole word (the finalizer of `SplitMix64`).
fn mix(mut word: u64) -> u64 {
    word = (word ^ word >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    word = (word ^ word >> 27).wrapping_mul(0x94D0_49BB_1331_11EB);
    word ^ word >> 31
}

/// Returns the key of an entry with this kind and hash.
pub(super) fn key(kind: Kind, hash: u64) -> u64 {
    mix(hash ^ (kind as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15)).max(1)
}

/// A hash of a name, computed backwards from its last byte. On the way it passes the hashes of all parent names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backward(u64);

impl Backward {
    pub(super) const START: Self = Self(0x243F_6A88_85A3_08D3);

    /// Adds the byte in front of the bytes so far.
    #[must_use]
    pub(super) fn then(self, byte: u8) -> Self {
        let word = (self.0 ^ u64::from(byte)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self(word ^ word >> 32)
    }

    pub(super) fn of(text: &str) -> u64 {
        text.bytes().rev().fold(Self::START, Self::then).0
    }

    pub(super) fn hash(self) -> u64 {
        self.0
    }
}

/// Hashes the first `bits` of an address, its family, and the number of bits.
pub(super) fn network(address: IpAddr, bits: u8) -> u64 {
    let (value, all) = match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32_u8),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let masked = match all.saturating_sub(bits) {
        128 => 0,
        dropped => value >> dropped << dropped,
    };
    #[expect(clippy::cast_possible_truncation, reason = "the two halves")]
    let (high, low) = ((masked >> 64) as u64, masked as u64);
    mix(mix(high ^ u64::from(all) << 8 ^ u64::from(bits)) ^ low)
}

/// Hashes the hash of a host together with a port.
pub(super) fn endpoint(host: u64, port: u16) -> u64 {
    mix(host ^ u64::from(port))
}

/// Reduces the SHA-256 of a file to a 64-bit hash.
pub(super) fn file(hash: &[u8; 32]) -> u64 {
    hash.as_chunks::<8>().0.iter().fold(0, |word, part| mix(word ^ u64::from_le_bytes(*part)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(key: u64, line: u32) -> Slot {
        Slot { key, origin: Origin { line, list: 0, note: 0 } }
    }

    #[test]
    fn every_entry_is_found_and_nothing_else() {
        let keys: Vec<u64> = (1..5_000).map(|number| key(Kind::Domain, number)).collect();
        let entries: Vec<Slot> = keys.iter().zip(1..).map(|(key, line)| slot(*key, line)).collect();
        let index = Index::new(&entries);
        assert_eq!(index.len(), entries.len());
        for entry in &entries {
            assert_eq!(index.get(entry.key), Some(entry.origin));
        }
        assert!((5_000..10_000).all(|number| index.get(key(Kind::Domain, number)).is_none()));
        assert!((1..5_000).all(|number| index.get(key(Kind::File, number)).is_none()));
        assert_eq!(index.entries().count(), entries.len());
    }

    #[test]
    fn the_first_of_two_equal_keys_stays_and_the_search_wraps() {
        let index = Index::new(&[slot(u64::MAX, 1), slot(u64::MAX, 2), slot(u64::MAX - 1, 3), slot(1, 4)]);
        assert_eq!(index.len(), 3);
        assert_eq!(index.get(u64::MAX).map(|origin| origin.line), Some(1));
        assert_eq!(index.get(u64::MAX - 1).map(|origin| origin.line), Some(3));
        assert_eq!(index.get(1).map(|origin| origin.line), Some(4));
        assert_eq!(index.get(2), None);
        assert_eq!(Index::default().get(1), None);
    }

    #[test]
    fn networks_of_different_length_or_family_differ() {
        let v4 = |text: &str, bits| network(text.parse().unwrap(), bits);
        assert_eq!(v4("10.1.2.3", 8), v4("10.9.9.9", 8));
        assert_ne!(v4("10.0.0.0", 8), v4("10.0.0.0", 9));
        assert_ne!(v4("10.0.0.0", 8), v4("11.0.0.0", 8));
        assert_ne!(v4("0.0.0.0", 16), v4("::", 16));
        assert_eq!(v4("2001:db8::1", 32), v4("2001:db8:ffff::", 32));
        assert_eq!(v4("2001:db8::1", 0), v4("::", 0));
    }
}
