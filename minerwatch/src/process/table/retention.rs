//! Who stays in the table and who goes.

use super::ProcessTable;
use crate::{
    model::{BootTime, ProcessKey},
    process::Process,
};

impl ProcessTable {
    /// Takes in the end of a process. What it did last may still come in.
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

    /// Forgets the dead whose time is over.
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
        // Whoever held this pid before has ended, even if its exit was lost; and a process older than the
        // holder has ended long ago.
        match self.current.insert(key.pid, key) {
            Some(before) if before.start_ticks > key.start_ticks => {
                self.current.insert(key.pid, before);
                self.exit(key, since);
            }
            Some(before) if before != key => self.exit(before, since),
            _ => {}
        }
    }

    /// Ties a process to its parent, unless it has one already. A parent is never younger than its child,
    /// so nothing a hostile recording says can make a family go in circles.
    pub(super) fn adopt(&mut self, key: ProcessKey, parent: Option<ProcessKey>) {
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

    /// Whether a row became free: a dead process with children stays, and the last of them takes it along.
    fn forget_oldest_dead(&mut self) -> bool {
        let Some((_, key)) = self.dead.pop_front() else { return false };
        let Some(process) = self.rows.get_mut(&key) else { return false };
        process.queued = false;
        if process.children > 0 || process.lives() {
            return false;
        }
        self.remove(key);
        true
    }

    /// Removes a row, and the dead above it that were only kept for its sake.
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
            // A dead one still in the queue has its own time; once out of it, only children held it.
            if above.children == 0 && !above.lives() && !above.queued {
                next = Some(parent);
            }
        }
    }

    fn make_room(&mut self) {
        let before = self.rows.len();
        while self.rows.len() == before && !self.dead.is_empty() {
            self.forget_oldest_dead();
        }
        if self.rows.len() < before {
            self.evicted += (before - self.rows.len()) as u64;
            return;
        }
        // Nobody is dead and childless: a whole sixteenth at once, so that the search is paid for.
        let mut rows: Vec<_> =
            self.rows.values().map(|row| (row.lives(), row.children > 0, row.arrival, row.key())).collect();
        rows.sort_unstable();
        rows.truncate((before / 16).max(1));
        for (.., key) in rows {
            self.remove(key);
        }
        self.evicted += (before - self.rows.len()) as u64;
    }
}
