//! Whose signals count for a suspect: its own, and those of the processes that caused it.
//!
//! The causes of a suspect are its ancestors in its process tree, and the processes that wrote its program or its script, with
//! their ancestors. Never its siblings. If a script dropped the program, the deeds that serve the whole script count as
//! well, such as an entry in a crontab: the script is the head of the suspect.

use serde::{Deserialize, Serialize};

use super::score::HeldSignal;
use crate::{
    detect::SignalKind,
    model::{ProcessKey, SignalClass},
    process::{Process, ProcessTable, Role},
};

/// Maximum number of causes that are kept per suspect.
const MAX_RELATED: usize = 48;
/// Maximum number of heads that are kept per suspect.
const MAX_HEADS: usize = 8;
/// Maximum number of ancestors between the writer of a file and the script that it worked for.
const MAX_CLIMB: usize = 4;

/// The processes that caused a suspect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Causes {
    related: Vec<ProcessKey>,
    heads: Vec<ProcessKey>,
}

impl Causes {
    /// Adds the ancestors of a process of the suspect.
    pub(super) fn descends_from(&mut self, table: &ProcessTable, key: ProcessKey) {
        for ancestor in table.tree_path(key, |_| false).skip(1) {
            self.relate(ancestor.key());
        }
    }

    /// Adds the process that wrote the suspect's program, the ancestors of the writer, and the script that the writer
    /// worked for.
    pub(super) fn written_by(&mut self, table: &ProcessTable, key: ProcessKey, writer: ProcessKey) {
        self.relate(writer);
        for ancestor in table.tree_path(writer, |_| false).skip(1) {
            self.relate(ancestor.key());
        }
        self.lead(head_of(table, key, writer));
    }

    fn relate(&mut self, key: ProcessKey) {
        if self.related.len() < MAX_RELATED && !self.related.contains(&key) {
            self.related.push(key);
        }
    }

    fn lead(&mut self, key: ProcessKey) {
        if self.heads.contains(&key) {
            return;
        }
        if self.heads.len() >= MAX_HEADS {
            self.heads.remove(0);
        }
        self.heads.push(key);
    }

    /// Whether a process is an ancestor or a writer.
    pub(super) fn include(&self, key: ProcessKey) -> bool {
        self.related.contains(&key)
    }

    /// Whether `path`, a process and its ancestors, begins at or below a script that dropped the suspect.
    pub(super) fn lead_to(&self, path: &[ProcessKey]) -> bool {
        self.heads.iter().any(|head| path.contains(head))
    }

    /// Whether a signal of another suspect counts: any of a cause, and a deed of a descendant (`is_own`) or of a
    /// descendant of the script that dropped the suspect. Mining and load count only for who shows them.
    pub(super) fn count(&self, held: &HeldSignal, is_own: impl Fn(&ProcessKey) -> bool) -> bool {
        match held.kind {
            SignalKind::Mining | SignalKind::Load | SignalKind::Hint => return false,
            SignalKind::Sign | SignalKind::Step => {}
        }
        if held.signal.class == SignalClass::Compute && !held.is_deed() {
            return false;
        }
        self.include(held.signal.process)
            || (held.is_deed() && (self.lead_to(&held.path) || held.path.iter().any(is_own)))
    }

    /// The scripts that dropped the suspect.
    pub(super) fn heads(&self) -> &[ProcessKey] {
        &self.heads
    }

    /// Adds the causes of the same program in another incident.
    pub(super) fn absorb(&mut self, other: &Self) {
        for key in &other.related {
            self.relate(*key);
        }
        for key in &other.heads {
            self.lead(*key);
        }
    }
}

/// Returns the script that a writer worked for: the nearest common ancestor of the writer and the process that runs the
/// file. If they are in different trees, it is the nearest ancestor of the writer that is a shell or an interpreter.
fn head_of(table: &ProcessTable, key: ProcessKey, writer: ProcessKey) -> ProcessKey {
    let path: Vec<ProcessKey> = table.tree_path(key, |_| false).map(Process::key).collect();
    if let Some(common) = table.tree_path(writer, |_| false).find(|process| path.contains(&process.key())) {
        return common.key();
    }
    let works_for = |process: &&Process| {
        matches!(process.role, Role::Shell | Role::Interpreter) || process.script.is_some()
    };
    table.tree_path(writer, |_| false).take(MAX_CLIMB).find(works_for).map_or(writer, Process::key)
}

/// Returns a process and its ancestors in its process tree, nearest first.
pub(super) fn path_of(table: &ProcessTable, key: ProcessKey) -> Vec<ProcessKey> {
    const MAX_PATH: usize = 16;
    let mut path: Vec<ProcessKey> =
        table.tree_path(key, |_| false).map(Process::key).take(MAX_PATH).collect();
    if path.is_empty() {
        path.push(key);
    }
    path
}
