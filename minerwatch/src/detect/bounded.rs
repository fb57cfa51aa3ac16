//! What a detector remembers of each of many: bounded, and whoever was not looked at for longest makes room.

use std::{collections::VecDeque, hash::Hash};

use rustc_hash::FxHashMap;

#[derive(Clone, Debug)]
struct Slot<Value> {
    value: Value,
    /// Whether it was looked at since it last came to the front of the queue.
    used: bool,
    /// Which entry of the queue is its own: a key that was removed and came back has a newer one.
    turn: u64,
}

/// A table with a cap. Eviction gives everyone a second chance (the clock algorithm), so that it costs the
/// same however large the table is.
#[derive(Clone, Debug)]
pub struct Bounded<Key, Value> {
    capacity: usize,
    slots: FxHashMap<Key, Slot<Value>>,
    queue: VecDeque<(Key, u64)>,
    turns: u64,
    evicted: u64,
}

impl<Key: Clone + Eq + Hash> Bounded<Key, ()> {
    /// Remembers a key; whether it was not remembered before.
    pub fn note(&mut self, key: &Key) -> bool {
        let is_new = !self.slots.contains_key(key);
        self.entry(key, || ());
        is_new
    }
}

impl<Key: Clone + Eq + Hash, Value> Bounded<Key, Value> {
    /// Keeps at most so many, at least 1.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            slots: FxHashMap::default(),
            queue: VecDeque::new(),
            turns: 0,
            evicted: 0,
        }
    }

    /// How many were given up for others.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// What is remembered of a key, made by `new` where nothing is.
    pub fn entry(&mut self, key: &Key, new: impl FnOnce() -> Value) -> &mut Value {
        if !self.slots.contains_key(key) {
            while self.slots.len() >= self.capacity {
                self.evict();
            }
            self.turns += 1;
            self.queue.push_back((key.clone(), self.turns));
            self.compact();
        }
        let turn = self.turns;
        let slot = self.slots.entry(key.clone()).or_insert_with(|| Slot { value: new(), used: false, turn });
        slot.used = true;
        &mut slot.value
    }

    /// What is remembered of a key.
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut Value> {
        let slot = self.slots.get_mut(key)?;
        slot.used = true;
        Some(&mut slot.value)
    }

    /// Forgets a key, to which something final happened.
    pub fn remove(&mut self, key: &Key) -> Option<Value> {
        self.slots.remove(key).map(|slot| slot.value)
    }

    /// Everything, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (&Key, &Value)> {
        self.slots.iter().map(|(key, slot)| (key, &slot.value))
    }

    fn evict(&mut self) {
        while let Some((key, turn)) = self.queue.pop_front() {
            match self.slots.get_mut(&key) {
                Some(slot) if slot.turn == turn && slot.used => {
                    slot.used = false;
                    self.queue.push_back((key, turn));
                }
                Some(slot) if slot.turn == turn => {
                    self.slots.remove(&key);
                    self.evicted += 1;
                    return;
                }
                Some(_) | None => {}
            }
        }
    }

    /// Drops what removed keys left in the queue, once that is most of it.
    fn compact(&mut self) {
        if self.queue.len() > 2 * self.capacity {
            let slots = &self.slots;
            self.queue.retain(|(key, turn)| slots.get(key).is_none_or(|slot| slot.turn == *turn));
            let last = self.turns;
            self.queue.retain(|(key, turn)| slots.contains_key(key) || *turn == last);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_was_not_looked_at_makes_room() {
        let mut table = Bounded::new(2);
        for key in [1, 2] {
            *table.entry(&key, || 0) = key;
        }
        // All have been used: the first round takes that away, the second evicts the oldest.
        table.entry(&3, || 3);
        assert!(table.get_mut(&1).is_none() && table.evicted() == 1);
        assert_eq!(table.get_mut(&2), Some(&mut 2));
        table.entry(&4, || 4);
        assert!(table.get_mut(&2).is_some() != table.get_mut(&3).is_some());
        assert_eq!((table.iter().count(), table.evicted()), (2, 2));
    }

    #[test]
    fn keys_that_come_and_go_leave_nothing_behind() {
        let mut table = Bounded::new(4);
        for key in 0..10_000 {
            table.entry(&key, || key);
            table.remove(&key);
            table.entry(&key, || key);
            if key % 2 == 0 {
                table.remove(&key);
            }
        }
        assert!(table.queue.len() <= 9 && table.iter().count() <= 4);
    }
}
