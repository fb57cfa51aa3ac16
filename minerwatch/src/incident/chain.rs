//! The chain of an incident: its steps in chronological order.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::model::{BootTime, ChainEdge, ChainKind, ProcessKey, ProcessView};

/// Returns the maximum number of steps of a kind; the limits add up to 64. Each kind has its own limit, so that a
/// hundred connections cannot crowd out the one crontab.
fn most(kind: ChainKind) -> usize {
    match kind {
        ChainKind::Create => 16,
        ChainKind::Connect | ChainKind::Modify | ChainKind::Drop | ChainKind::Persist => 12,
    }
}

/// Maximum length of a command line, in characters.
const MAX_OBJECT: usize = 200;

/// Steps in chronological order, without duplicates.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Chain {
    edges: Vec<ChainEdge>,
    left_out: u64,
}

impl Chain {
    /// Adds a step. Returns true if the step is the first of its kind.
    ///
    /// If the chain has the maximum number of steps of the kind, the process with the most of them gives up its oldest,
    /// so that a busy process cannot crowd out the others.
    pub(super) fn add(&mut self, edge: ChainEdge) -> bool {
        let mut of_kind = 0;
        for known in &self.edges {
            if known.kind == edge.kind {
                of_kind += 1;
                if known.process == edge.process && known.object == edge.object {
                    return false;
                }
            }
        }
        if of_kind >= most(edge.kind) {
            self.left_out += 1;
            self.make_room(edge.kind);
        }
        let place = self.edges.iter().position(|known| comes_before(&edge, known));
        let place = place.unwrap_or(self.edges.len());
        self.edges.insert(place, edge);
        of_kind == 0
    }

    fn make_room(&mut self, kind: ChainKind) {
        let count = |process| self.of(kind).filter(|edge| edge.process == process).count();
        let busiest = self.of(kind).map(|edge| edge.process).max_by_key(|process| count(*process));
        let place = self.edges.iter().position(|edge| edge.kind == kind && Some(edge.process) == busiest);
        if let Some(place) = place {
            self.edges.remove(place);
        }
    }

    /// Whether the creation of a process at this time is a step already.
    pub(super) fn has_created(&self, process: ProcessKey, at: BootTime) -> bool {
        self.of(ChainKind::Create).any(|edge| edge.process == process && edge.at == at)
    }

    /// Returns the steps. The parent of each step is the parent in the creation step of its process, if the chain has
    /// one.
    pub(super) fn with_parents(&self) -> Vec<ChainEdge> {
        let parent = |process| {
            self.of(ChainKind::Create).find(|edge| edge.process == process).and_then(|edge| edge.parent)
        };
        self.edges
            .iter()
            .map(|edge| ChainEdge { parent: parent(edge.process).or(edge.parent), ..edge.clone() })
            .collect()
    }

    /// The number of steps left out because their kind had reached its limit.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Adds the steps of another chain.
    pub(super) fn absorb(&mut self, other: Self) {
        self.left_out += other.left_out;
        for edge in other.edges {
            self.add(edge);
        }
    }

    /// Returns the steps of a kind, oldest first.
    pub(super) fn of(&self, kind: ChainKind) -> impl Iterator<Item = &ChainEdge> {
        self.edges.iter().filter(move |edge| edge.kind == kind)
    }
}

/// Whether a new step sorts before a known one. Of two processes created at the same time, the parent comes first: the
/// start time of a process found running has the resolution of a clock tick, and a child is added before its parent.
fn comes_before(edge: &ChainEdge, known: &ChainEdge) -> bool {
    let is_parent = edge.kind == ChainKind::Create && known.parent == Some(edge.process);
    order(known) > order(edge) || (order(known) == order(edge) && is_parent)
}

/// Returns the sort key of a step: the time, then the kind. A process is created before it does anything at the same
/// time.
fn order(edge: &ChainEdge) -> (u64, u8) {
    let rank = match edge.kind {
        ChainKind::Create => 0,
        ChainKind::Connect => 1,
        ChainKind::Drop => 2,
        ChainKind::Modify => 3,
        ChainKind::Persist => 4,
    };
    (edge.at.0, rank)
}

/// Returns the command line of a process, cut to `MAX_OBJECT` characters. Without arguments, returns the path of the
/// executable, or the name if the path is empty.
pub(super) fn command_line(view: &ProcessView) -> String {
    let mut line = String::new();
    for argument in view.arguments.iter() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(argument);
        if line.len() > MAX_OBJECT {
            break;
        }
    }
    if line.is_empty() {
        let known: &Arc<str> =
            if view.executable.path.is_empty() { &view.name } else { &view.executable.path };
        line.push_str(known);
    }
    if let Some((cut, _)) = line.char_indices().nth(MAX_OBJECT) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootTime, ProcessKey};

    fn edge(kind: ChainKind, at: u64, object: &str) -> ChainEdge {
        let process = ProcessKey { pid: 1, start_ticks: 1 };
        ChainEdge {
            kind,
            at: BootTime(at),
            process,
            name: Arc::from("x"),
            parent: None,
            object: object.to_owned(),
        }
    }

    #[test]
    fn in_order_of_time_and_each_once() {
        let mut chain = Chain::default();
        assert!(chain.add(edge(ChainKind::Persist, 5, "c")));
        assert!(chain.add(edge(ChainKind::Connect, 3, "b")));
        assert!(chain.add(edge(ChainKind::Create, 3, "a")));
        assert!(!chain.add(edge(ChainKind::Connect, 9, "b")), "known");
        assert!(!chain.add(edge(ChainKind::Connect, 1, "d")), "not the first connection");
        let objects: Vec<_> = chain.edges.iter().map(|edge| edge.object.as_str()).collect();
        assert_eq!(objects, ["d", "a", "b", "c"]);
    }

    #[test]
    fn parents_before_their_children() {
        let mut chain = Chain::default();
        let key = |pid| ProcessKey { pid, start_ticks: 1 };
        for pid in (1..=3).rev() {
            let parent = Some(key(pid - 1));
            let object = pid.to_string();
            chain.add(ChainEdge { process: key(pid), parent, ..edge(ChainKind::Create, 7, &object) });
        }
        let objects: Vec<_> = chain.edges.iter().map(|edge| edge.object.as_str()).collect();
        assert_eq!(objects, ["1", "2", "3"]);
    }

    #[test]
    fn one_kind_cannot_crowd_out_another() {
        let mut chain = Chain::default();
        for number in 0..100 {
            chain.add(edge(ChainKind::Connect, number, &number.to_string()));
        }
        assert!(chain.add(edge(ChainKind::Persist, 200, "x")));
        assert_eq!(chain.edges.len(), most(ChainKind::Connect) + 1);
        assert_eq!(chain.left_out(), 88);
        let last = chain.of(ChainKind::Connect).last().expect("twelve");
        assert_eq!(last.object, "99", "the latest are kept");
    }
}
