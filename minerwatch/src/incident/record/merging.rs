//! Merges incidents, and restores them after a restart.

use super::{Incident, MAX_PARTS};
use crate::{
    incident::suspect::{Suspect, SuspectNumber},
    model::ProcessKey,
};

impl Incident {
    /// Merges the content of another incident into this one.
    pub(in crate::incident) fn absorb(&mut self, other: Self) {
        let Self {
            id,
            holdings: _,
            owner: _,
            last_activity,
            next_look: _,
            suspects,
            next_suspect: _,
            by_process: _,
            chain,
            links,
            connections: _,
            parts,
            dropped,
            folded,
            verdict,
            reported: _,
            alerts: _,
            budget: _,
            last_alert: _,
            news,
            resumed: _,
            watch: _,
            reopened: _,
            held_back: _,
            next_confirmation: _,
        } = other;
        if (id.opened, id.origin) < (self.id.opened, self.id.origin) && !self.is_reported() {
            self.id = id;
        }
        self.last_activity = self.last_activity.max(last_activity);
        for suspect in suspects.into_values() {
            self.take_over(suspect);
        }
        self.chain.absorb(chain);
        self.links.absorb(links);
        for member in parts.into_values() {
            self.take_part(member);
        }
        for file in dropped {
            if self.dropped.len() < MAX_PARTS && self.dropped.iter().all(|known| known.path != file.path) {
                self.dropped.push(file);
            }
        }
        self.folded += folded;
        self.verdict = self.verdict.max(verdict);
        if let Some(news) = news {
            self.news.get_or_insert(news);
        }
        self.judge_all(self.last_activity);
    }

    fn take_over(&mut self, suspect: Suspect) {
        let number = if let Some(number) = self.number_of(&suspect.identity) {
            if let Some(known) = self.suspects.get_mut(&number) {
                known.absorb(suspect);
            }
            number
        } else {
            self.insert(suspect)
        };
        self.index(number);
    }

    fn index(&mut self, number: SuspectNumber) {
        let keys: Vec<_> = self.suspects.get(&number).into_iter().flat_map(Suspect::processes).collect();
        for key in keys {
            self.by_process.insert(key, number);
        }
    }

    /// Rebuilds what is not stored, after a restart. `lives` says whether a process still runs.
    pub(in crate::incident) fn restore(&mut self, lives: impl Fn(ProcessKey) -> bool) {
        let numbers: Vec<_> = self.suspects.keys().copied().collect();
        for number in numbers {
            self.index(number);
            if let Some(suspect) = self.suspects.get_mut(&number) {
                suspect.retain_living(&lives);
            }
        }
        let next = self.suspects.keys().next_back().map_or(0, |last| last.saturating_add(1));
        self.next_suspect = self.next_suspect.max(next);
        let connected = self.links.connected();
        self.connections =
            connected.filter_map(|link| Some((*link.path.first()?, link.destination))).collect();
        self.resumed = false;
    }
}
