//! The chain of an incident as a tree: each process below its parent, its steps below it, all in the order
//! of time.

use super::{
    line::{Edge, Process},
    text::{Row, Tone, time_of_day},
};

const MARGIN: &str = "   ";
/// Deeper processes are drawn at this depth: no real chain is so deep, and the row has an end.
const MAX_DEPTH: usize = 24;

/// A process of the chain.
struct Node<'a> {
    process: &'a Process,
    parent: Option<usize>,
    /// What hangs below it, in order of time.
    items: Vec<Item<'a>>,
    /// The step that brought the process, if it is among the edges.
    arrival: Option<&'a Edge>,
}

enum Item<'a> {
    Step(&'a Edge),
    Process(usize),
}

/// The rows of the tree.
pub(super) fn rows(chain: &[Edge]) -> Vec<Row> {
    let nodes = tree(chain);
    let roots = (0..nodes.len()).filter(|index| nodes.get(*index).is_some_and(|node| node.parent.is_none()));
    let roots: Vec<usize> = roots.collect();
    let mut rows = Vec::new();
    for (position, root) in roots.iter().enumerate() {
        draw(&nodes, *root, "", position + 1 == roots.len(), &mut rows);
    }
    rows
}

/// Puts the edges with their processes, and those below their parents. A parent is only ever a process that
/// showed up earlier, so that whatever the input says, this is a tree.
fn tree(chain: &[Edge]) -> Vec<Node<'_>> {
    let mut nodes: Vec<Node<'_>> = Vec::new();
    for edge in chain {
        let find = |id: &str| nodes.iter().position(|node| !id.is_empty() && node.process.entity_id == id);
        if let Some(own) = find(&edge.process.entity_id) {
            if let Some(node) = nodes.get_mut(own) {
                node.items.push(Item::Step(edge));
            }
            continue;
        }
        let parent = edge.process.parent.as_ref().and_then(|parent| find(&parent.entity_id));
        let own = nodes.len();
        let mut node = Node { process: &edge.process, parent, items: Vec::new(), arrival: None };
        if edge.kind == "create" {
            node.arrival = Some(edge);
        } else {
            node.items.push(Item::Step(edge));
        }
        nodes.push(node);
        if let Some(parent) = parent.and_then(|parent| nodes.get_mut(parent)) {
            parent.items.push(Item::Process(own));
        }
    }
    nodes
}

/// Draws a process and what hangs below it. Every process hangs below one that came earlier, so the depth
/// is bounded by their number; `work` keeps the stack out of it.
fn draw(nodes: &[Node<'_>], root: usize, prefix: &str, last: bool, rows: &mut Vec<Row>) {
    let mut work = vec![(Item::Process(root), prefix.to_owned(), last, 0)];
    while let Some((item, prefix, last, depth)) = work.pop() {
        let branch = if last { "└ " } else { "├ " };
        match item {
            Item::Step(edge) => rows.push(step(&prefix, branch, edge)),
            Item::Process(index) => {
                let Some(node) = nodes.get(index) else { continue };
                rows.push(match node.arrival {
                    Some(edge) => step(&prefix, branch, edge),
                    None => known(&prefix, branch, node.process),
                });
                let below = match (depth < MAX_DEPTH, last) {
                    (false, _) => prefix,
                    (true, true) => format!("{prefix}   "),
                    (true, false) => format!("{prefix}│  "),
                };
                for (position, item) in node.items.iter().enumerate().rev() {
                    let item = match item {
                        Item::Step(edge) => Item::Step(edge),
                        Item::Process(index) => Item::Process(*index),
                    };
                    work.push((item, below.clone(), position + 1 == node.items.len(), depth + 1));
                }
            }
        }
    }
}

/// A step: when, what, who, to what.
fn step(prefix: &str, branch: &str, edge: &Edge) -> Row {
    let tone = match edge.kind.as_str() {
        "create" => Tone::Good,
        "connect" => Tone::Network,
        "persist" => Tone::Bad,
        _ => Tone::File,
    };
    let mut row = Row::default();
    row.push(Tone::Dim, MARGIN).push(Tone::Dim, prefix).push(Tone::Dim, branch);
    row.push(Tone::Dim, time_of_day(&edge.at)).push(Tone::Plain, " ");
    row.column(tone, &edge.kind, 7);
    row.push(Tone::Strong, &who(&edge.process)).push(Tone::Plain, "   ").push(Tone::Plain, &edge.object);
    row
}

/// A process that was there before the chain began.
fn known(prefix: &str, branch: &str, process: &Process) -> Row {
    let mut row = Row::default();
    row.push(Tone::Dim, MARGIN).push(Tone::Dim, prefix).push(Tone::Dim, branch);
    row.push(Tone::Strong, &who(process));
    row
}

fn who(process: &Process) -> String {
    let pid = process.pid.map(|pid| pid.to_string()).unwrap_or_default();
    format!("{} {pid}", process.name)
}
