//! Renders the chain of an incident as a tree. Each process is below its parent, and the steps of a process are below
//! the process, in order of time.

use super::{
    line::{Edge, Process},
    text::{Row, Tone, time_of_day},
};

const MARGIN: &str = "   ";
/// Maximum depth of the tree. Deeper processes are drawn at this depth. No real chain is so deep, and the limit bounds
/// the length of rows.
const MAX_DEPTH: usize = 24;

/// A process of the chain.
struct Node<'a> {
    process: &'a Process,
    parent: Option<usize>,
    /// The steps and child processes, in order of time.
    items: Vec<Item<'a>>,
    /// The step that created the process, if the chain has that step.
    arrival: Option<&'a Edge>,
}

enum Item<'a> {
    Step(&'a Edge),
    Process(usize),
}

/// Returns the rows of the tree. `takes_part` says whether a process has a part in the incident. What only stands above
/// the first step, such as a terminal or an editor, is left out.
pub(super) fn rows(chain: &[&Edge], takes_part: impl Fn(&Process) -> bool) -> Vec<Row> {
    let nodes = tree(chain);
    let roots = (0..nodes.len()).filter(|index| nodes.get(*index).is_some_and(|node| node.parent.is_none()));
    let roots: Vec<usize> = roots.map(|root| first_step(&nodes, root, &takes_part)).collect();
    let mut rows = Vec::new();
    for (position, root) in roots.iter().enumerate() {
        draw(&nodes, *root, "", position + 1 == roots.len(), &mut rows);
    }
    rows
}

/// Assigns edges to processes and processes to their parents. A parent may come later in the chain than its child
/// process: when a process executes another program, its step takes the time of that exec.
fn tree<'a>(chain: &[&'a Edge]) -> Vec<Node<'a>> {
    let mut nodes: Vec<Node<'a>> = Vec::new();
    let mut owners = Vec::with_capacity(chain.len());
    for edge in chain {
        let known = find(&nodes, &edge.process.entity_id);
        owners.push((known.unwrap_or(nodes.len()), known.is_none()));
        if known.is_none() {
            let arrival = (edge.kind == "create").then_some(*edge);
            nodes.push(Node { process: &edge.process, parent: None, items: Vec::new(), arrival });
        }
    }
    for own in 0..nodes.len() {
        let parent = nodes.get(own).and_then(|node| node.process.parent.as_ref());
        let parent = parent.and_then(|parent| find(&nodes, &parent.entity_id));
        let parent = parent.filter(|parent| !is_below(&nodes, *parent, own));
        if let Some(node) = nodes.get_mut(own) {
            node.parent = parent;
        }
    }
    for (edge, (own, is_first)) in chain.iter().zip(owners) {
        let above = nodes.get(own).filter(|_| is_first).and_then(|node| node.parent);
        if let Some(parent) = above.and_then(|parent| nodes.get_mut(parent)) {
            parent.items.push(Item::Process(own));
        }
        if let Some(node) = nodes.get_mut(own)
            && !(is_first && node.arrival.is_some())
        {
            node.items.push(Item::Step(edge));
        }
    }
    nodes
}

fn find(nodes: &[Node<'_>], id: &str) -> Option<usize> {
    nodes.iter().position(|node| !id.is_empty() && node.process.entity_id == id)
}

/// Returns whether `node` is `ancestor` or a descendant of it, by the parents that are set so far. Forged input may
/// have cycles, which must not be drawn.
fn is_below(nodes: &[Node<'_>], node: usize, ancestor: usize) -> bool {
    let mut above = Some(node);
    while let Some(index) = above {
        if index == ancestor {
            return true;
        }
        above = nodes.get(index).and_then(|node| node.parent);
    }
    false
}

/// Returns the first process, from a root down, that takes part, has a step of its own, or has several children.
fn first_step(nodes: &[Node<'_>], root: usize, takes_part: impl Fn(&Process) -> bool) -> usize {
    let mut first = root;
    for _ in 0..nodes.len() {
        match nodes.get(first) {
            Some(Node { process, items, .. }) if !takes_part(process) => match items.as_slice() {
                [Item::Process(only)] => first = *only,
                _ => break,
            },
            _ => break,
        }
    }
    first
}

/// Draws a process and all its descendants. The tree has no cycles, so the number of processes bounds the depth. A work
/// list replaces recursion, so that deep input cannot overflow the stack.
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

/// Builds the row of a step: time, kind, process and object.
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
    row.push(Tone::Strong, &process_name(&edge.process))
        .push(Tone::Plain, "   ")
        .push(Tone::Plain, &edge.object);
    row
}

/// Builds the row of a process that existed before the chain began.
fn known(prefix: &str, branch: &str, process: &Process) -> Row {
    let mut row = Row::default();
    row.push(Tone::Dim, MARGIN).push(Tone::Dim, prefix).push(Tone::Dim, branch);
    row.push(Tone::Strong, &process_name(process));
    row
}

fn process_name(process: &Process) -> String {
    let pid = process.pid.map(|pid| pid.to_string()).unwrap_or_default();
    format!("{} {pid}", process.name)
}
