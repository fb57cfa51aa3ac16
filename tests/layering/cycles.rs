//! Modules that import each other.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Names, Tree};

/// Who imports whom, with one place where it does.
type Graph = BTreeMap<Names, BTreeMap<Names, String>>;

/// Every group of sibling modules that import each other, directly or in a circle, as one sentence with the places.
///
/// A module and its children belong together: what a child imports counts for the module, and a child may use what its
/// parent defines.
pub fn find(tree: &Tree) -> Vec<String> {
    let graph = siblings(tree);
    let mut told = BTreeSet::new();
    let mut cycles = Vec::new();
    for start in graph.keys() {
        let Some(cycle) = shortest_circle(&graph, start) else { continue };
        let members: BTreeSet<_> = cycle.iter().cloned().collect();
        if told.insert(members) {
            let steps = cycle.iter().zip(cycle.iter().cycle().skip(1));
            let steps = steps.map(|(from, to)| {
                format!("{} imports {} ({})", from.join("::"), to.join("::"), graph[from][to])
            });
            cycles.push(steps.collect::<Vec<_>>().join(", "));
        }
    }
    cycles
}

/// Edges between modules of one parent.
fn siblings(tree: &Tree) -> Graph {
    let mut graph = Graph::new();
    for (module, content) in &tree.modules {
        for mention in &content.mentions {
            for target in tree.modules_of(module, mention) {
                let common = module.iter().zip(&target).take_while(|(one, other)| one == other).count();
                if common == module.len() || common == target.len() {
                    continue;
                }
                let place = format!("{}:{}", content.file.display(), mention.line);
                let edges = graph.entry(module[..=common].to_vec()).or_default();
                edges.entry(target[..=common].to_vec()).or_insert(place);
            }
        }
    }
    graph
}

/// The shortest way from a module back to itself, breadth first.
fn shortest_circle(graph: &Graph, start: &Names) -> Option<Vec<Names>> {
    let mut ways = vec![vec![start.clone()]];
    let mut seen = BTreeSet::new();
    while !ways.is_empty() {
        let mut longer = Vec::new();
        for way in ways {
            for next in graph.get(way.last()?).into_iter().flat_map(BTreeMap::keys) {
                if next == start {
                    return Some(way);
                }
                if seen.insert(next.clone()) {
                    longer.push([&way[..], std::slice::from_ref(next)].concat());
                }
            }
        }
        ways = longer;
    }
    None
}
