//! How processes enter the table, and when they leave it.

use super::ProcessTable;
use crate::{
    model::{BootTime, ProcessKey},
    process::Process,
};

impl ProcessTable {
    /// Records the end of a process. Earlier events of the process may still arrive.
    pub fn exit(&mut self, key: ProcessKey, at: BootTime) {
        let Some(process) = self.rows.get_mut(&key) else { return };
        if process.died.is_some() {
            return;
        }
        process.died = Some(at);
        process.queued = true;
        if self.current.get(&key.pid) == Some(&key) {
            self.current.remove(&key.pid);
        }
        self.dead.push_back((at, key));
        while self.dead.len() > self.limits.dead {
            self.forgotten_early += u64::from(self.forget_oldest_dead());
        }
    }

    /// Removes dead processes whose retention time is over.
    pub fn expire(&mut self, now: BootTime) {
        while let Some((died, _)) = self.dead.front()
            && now.since(*died) >= self.limits.memory
        {
            self.forget_oldest_dead();
        }
    }

    pub(super) fn insert(&mut self, mut process: Process) {
        let key = process.key();
        while self.rows.len() >= self.limits.processes.max(1) {
            self.make_room();
        }
        self.arrivals += 1;
        process.arrival = self.arrivals;
        let since = process.since;
        self.rows.insert(key, process);
        // Two living processes cannot have the same pid: the older one has ended, even if its exit was lost.
        match self.current.insert(key.pid, key) {
            Some(other) if other.start_ticks > key.start_ticks => {
                self.current.insert(key.pid, other);
                self.exit(key, since);
            }
            Some(other) if other != key => self.exit(other, since),
            _ => {}
        }
    }

    /// Sets the parent of a process that has none. A parent must not be younger than its child. This rule keeps a
    /// hostile recording from creating cycles, except among processes with the same start tick.
    pub(super) fn set_parent(&mut self, key: ProcessKey, parent: Option<ProcessKey>) {
        let Some(parent) = parent.filter(|parent| *parent != key && parent.start_ticks <= key.start_ticks)
        else {
            return;
        };
        let known = self.rows.contains_key(&parent);
        let Some(process) = self.rows.get_mut(&key) else { return };
        let first = *process.parent.get_or_insert(parent);
        if first == parent && known && !process.counted {
            process.counted = true;
            if let Some(parent) = self.rows.get_mut(&parent) {
                parent.children += 1;
            }
        }
    }

    /// Takes the process that died first out of the queue. Returns whether its row was removed: a dead process with
    /// children stays until its last child is removed.
    fn forget_oldest_dead(&mut self) -> bool {
        let Some((_, key)) = self.dead.pop_front() else { return false };
        let Some(process) = self.rows.get_mut(&key) else { return false };
        process.queued = false;
        if process.children > 0 || process.is_alive() {
            return false;
        }
        self.remove(key);
        true
    }

    /// Removes a row, and its dead ancestors that were kept only for this row.
    fn remove(&mut self, key: ProcessKey) {
        let mut next = Some(key);
        while let Some(key) = next.take() {
            let Some(process) = self.rows.remove(&key) else { return };
            if self.current.get(&key.pid) == Some(&key) {
                self.current.remove(&key.pid);
            }
            let Some(parent) = process.parent.filter(|_| process.counted) else { return };
            let Some(above) = self.rows.get_mut(&parent) else { return };
            above.children = above.children.saturating_sub(1);
            // A dead process in the queue is removed when its retention time is over. Outside the queue, only children
            // kept it.
            if above.children == 0 && !above.is_alive() && !above.queued {
                next = Some(parent);
            }
        }
    }

    /// Removes at least one row.
    fn make_room(&mut self) {
        let before = self.rows.len();
        while self.rows.len() == before && !self.dead.is_empty() {
            self.forget_oldest_dead();
        }
        if self.rows.len() < before {
            self.evicted += (before - self.rows.len()) as u64;
            return;
        }
        // Every dead process has children. Remove a sixteenth of the table at once, because sorting the table is slow.
        let mut rows: Vec<_> = self
            .rows
            .values()
            .map(|row| (row.is_alive(), row.children > 0, row.arrival, row.key()))
            .collect();
        rows.sort_unstable();
        rows.truncate((before / 16).max(1));
        for (.., key) in rows {
            self.remove(key);
        }
        self.evicted += (before - self.rows.len()) as u64;
    }
}
