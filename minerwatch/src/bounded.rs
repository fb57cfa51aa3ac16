//! A map with a limited capacity that evicts the least recently used (LRU) entry and counts evictions.
//!
//! The map uses the LRU cache of the crate hashlink (MIT or Apache-2.0): the crate is maintained, and reads and writes
//! of an entry take constant time.

use std::hash::{BuildHasherDefault, Hash};

use hashlink::LruCache;
use rustc_hash::FxHasher;

/// An LRU map with a limited capacity.
#[derive(Clone, Debug)]
pub struct BoundedMap<Key: Eq + Hash, Value> {
    entries: LruCache<Key, Value, BuildHasherDefault<FxHasher>>,
    evicted: u64,
}

impl<Key: Clone + Eq + Hash> BoundedMap<Key, ()> {
    /// Adds a key, or marks the key as used. Returns whether the key is new.
    pub fn note(&mut self, key: &Key) -> bool {
        if self.entries.get(key).is_some() {
            return false;
        }
        self.insert(key.clone(), ());
        true
    }
}

impl<Key: Clone + Eq + Hash, Value> BoundedMap<Key, Value> {
    /// Creates a map for at most `capacity` entries. A capacity of 0 counts as 1.
    pub fn new(capacity: usize) -> Self {
        let entries = LruCache::with_hasher(capacity.max(1), BuildHasherDefault::default());
        Self { entries, evicted: 0 }
    }

    /// Number of evicted entries.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the map has no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Returns the value of a key, created by `new` if the key is absent. The entry counts as used.
    pub fn entry(&mut self, key: &Key, new: impl FnOnce() -> Value) -> &mut Value {
        self.make_room(key);
        self.entries.entry(key.clone()).or_insert_with(new)
    }

    /// Adds or replaces a value.
    pub fn insert(&mut self, key: Key, value: Value) {
        self.make_room(&key);
        self.entries.insert(key, value);
    }

    /// Evicts the entry used longest ago, if the map is full and the key is absent.
    fn make_room(&mut self, key: &Key) {
        if self.entries.len() >= self.entries.capacity() && !self.entries.contains_key(key) {
            self.entries.remove_lru();
            self.evicted += 1;
        }
    }

    /// Returns the value of a key. The entry does not count as used.
    pub fn get(&self, key: &Key) -> Option<&Value> {
        self.entries.peek(key)
    }

    /// Returns the value of a key for modification. The entry counts as used.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Value> {
        self.entries.get_mut(key)
    }

    /// Removes a key. The removal does not count as an eviction.
    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        self.entries.remove(key)
    }

    /// Keeps the entries for which `keep` returns `true`. The removals do not count as evictions.
    pub fn retain(&mut self, keep: impl FnMut(&Key, &mut Value) -> bool) {
        self.entries.retain(keep);
    }

    /// Returns every entry, the least recently used first.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.entries.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entry_used_longest_ago_makes_room() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.get_mut(&1);
        map.insert(3, 'c');
        assert_eq!((map.get(&1), map.get(&2), map.get(&3)), (Some(&'a'), None, Some(&'c')));
        *map.entry(&4, || 'd') = 'e';
        assert_eq!((map.get(&1), map.get(&4)), (None, Some(&'e')));
        assert_eq!((map.len(), map.evicted()), (2, 2));
    }

    #[test]
    fn looking_changes_no_order_and_replacing_evicts_nothing() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.get(&1);
        map.insert(2, 'c');
        map.insert(3, 'd');
        assert_eq!((map.get(&1), map.get(&2)), (None, Some(&'c')));
        assert_eq!(map.evicted(), 1);
    }

    #[test]
    fn keys_that_come_and_go_leave_nothing_behind() {
        let mut map = BoundedMap::new(4);
        for key in 0..10_000 {
            assert!(map.note(&key) && !map.note(&key));
            map.remove(&key);
        }
        assert!(map.is_empty() && map.evicted() == 0);
    }
}
