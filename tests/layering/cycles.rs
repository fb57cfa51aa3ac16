//! Finds import cycles between modules.

use std::collections::{BTreeMap, BTreeSet};

use crate::tree::{Names, Tree};

/// The import graph: the modules that each module imports, with the place of one import.
type Graph = BTreeMap<Names, BTreeMap<Names, String>>;

/// Finds the import cycles between sibling modules. Returns one sentence per cycle, with the place of each import.
///
/// A child module belongs to its parent: an import by the child counts as an import by the parent, and the child may
/// use what the parent defines.
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

/// Builds the graph of imports between sibling modules.
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

/// Finds the shortest cycle through a module, by breadth-first search.
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
