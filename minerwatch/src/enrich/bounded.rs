//! A map with a cap: the oldest entry makes room, and that is counted.

use std::{collections::VecDeque, hash::Hash};

use rustc_hash::FxHashMap;

/// Keeps at most a fixed number of entries, in the order they came.
#[derive(Debug)]
pub(crate) struct BoundedMap<K, V> {
    entries: FxHashMap<K, (u64, V)>,
    /// Keys by age. An entry that was removed or replaced leaves a key with an old stamp behind.
    ages: VecDeque<(u64, K)>,
    stamp: u64,
    cap: usize,
    evicted: u64,
}

impl<K: Copy + Eq + Hash, V> BoundedMap<K, V> {
    /// A map for `cap` entries, at least one.
    pub(crate) fn new(cap: usize) -> Self {
        Self { entries: FxHashMap::default(), ages: VecDeque::new(), stamp: 0, cap: cap.max(1), evicted: 0 }
    }

    pub(crate) fn get(&self, key: K) -> Option<&V> {
        self.entries.get(&key).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, key: K) -> Option<&mut V> {
        self.entries.get_mut(&key).map(|(_, value)| value)
    }

    /// Adds or replaces; an added or replaced entry is the youngest.
    pub(crate) fn insert(&mut self, key: K, value: V) {
        self.stamp += 1;
        self.entries.insert(key, (self.stamp, value));
        self.ages.push_back((self.stamp, key));
        while self.entries.len() > self.cap {
            let Some((stamp, oldest)) = self.ages.pop_front() else { break };
            if self.is_current(stamp, oldest) {
                self.entries.remove(&oldest);
                self.evicted += 1;
            }
        }
        if self.ages.len() > 2 * self.cap {
            let entries = &self.entries;
            self.ages.retain(|(stamp, key)| entries.get(key).is_some_and(|(current, _)| current == stamp));
        }
    }

    pub(crate) fn remove(&mut self, key: K) -> Option<V> {
        self.entries.remove(&key).map(|(_, value)| value)
    }

    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// How many entries had to make room.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn is_current(&self, stamp: u64, key: K) -> bool {
        self.entries.get(&key).is_some_and(|(current, _)| *current == stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_room() {
        let mut map = BoundedMap::new(2);
        map.insert(1, 'a');
        map.insert(2, 'b');
        map.insert(1, 'c');
        map.insert(3, 'd');
        assert_eq!((map.get(1), map.get(2), map.get(3)), (Some(&'c'), None, Some(&'d')));
        assert_eq!((map.len(), map.evicted()), (2, 1));
    }

    #[test]
    fn churn_leaves_nothing_behind() {
        let mut map = BoundedMap::new(4);
        for number in 0..10_000_u32 {
            map.insert(number % 3, number);
            map.remove(number % 2);
        }
        assert!(map.len() <= 4);
        assert!(map.ages.len() <= 8);
        assert_eq!(map.evicted(), 0);
    }
}
