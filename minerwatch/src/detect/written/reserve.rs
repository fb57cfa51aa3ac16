//! The slots that are for fetched files alone, shared fairly: each owner has a share, and a full reserve takes from the
//! owner that has the most.

use std::collections::VecDeque;

use crate::{bounded::BoundedMap, model::ProcessKey};

/// Maximum number of reserved slots for the files of one owner.
pub(super) const MAX_SHARE: usize = 32;

/// The reserved slots: a range at the end of all slots.
#[derive(Debug)]
pub(super) struct Reserve {
    /// The first reserved slot.
    first: usize,
    count: usize,
    free: Vec<usize>,
    /// The slots of each owner, the oldest first. An owner without slots has no entry.
    shares: BoundedMap<ProcessKey, VecDeque<usize>>,
}

impl Reserve {
    pub(super) fn new(first: usize, count: usize) -> Self {
        let free = (first..first.saturating_add(count)).rev().collect();
        Self { first, count, free, shares: BoundedMap::new(count) }
    }

    /// The number of slots before the reserved ones.
    pub(super) fn others(&self) -> usize {
        self.first
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the slot that must be cleared before `owner` can have another one, if any: its own oldest if its share is
    /// full, else the oldest of the owner with the most, if no slot is free.
    pub(super) fn in_the_way(&self, owner: ProcessKey) -> Option<usize> {
        if let Some(own) = self.shares.get(&owner).filter(|own| own.len() >= MAX_SHARE) {
            return own.front().copied();
        }
        if !self.free.is_empty() {
            return None;
        }
        let mut most: Option<&VecDeque<usize>> = None;
        for (_, share) in self.shares.iter() {
            if most.is_none_or(|most| share.len() > most.len()) {
                most = Some(share);
            }
        }
        most?.front().copied()
    }

    /// Gives a free slot to an owner. Returns `None` if none is free.
    pub(super) fn give(&mut self, owner: ProcessKey) -> Option<usize> {
        let slot = self.free.pop()?;
        self.shares.entry(&owner, VecDeque::new).push_back(slot);
        Some(slot)
    }

    /// Takes back a slot of an owner, if it is a reserved one.
    pub(super) fn take_back(&mut self, slot: usize, owner: ProcessKey) {
        if slot < self.first {
            return;
        }
        self.free.push(slot);
        if let Some(share) = self.shares.get_mut(&owner) {
            share.retain(|own| *own != slot);
            if share.is_empty() {
                self.shares.remove(&owner);
            }
        }
    }
}
