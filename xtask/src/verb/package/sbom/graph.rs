//! The packages that an executable is made of. `cargo tree` resolves features as a build does; `cargo metadata` resolves
//! them for all members of the workspace and for tests together, so it lists packages that a build does not use.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use anyhow::{Context, Result, ensure};
use xtask::{ebpf, toolchain};

use crate::command;

/// The package whose executable is shipped.
pub const PROGRAM: &str = "minerwatch";

/// A package. Its name and its version identify it, as they do in `Cargo.lock` of a tree that uses one registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version, such as `1.2.3`.
    pub version: String,
}

impl fmt::Display for Package {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}", self.name, self.version)
    }
}

/// Each package of a tree, with the packages that it depends on directly.
type Edges = BTreeMap<Package, BTreeSet<Package>>;

/// The packages of an executable.
#[derive(Debug)]
pub struct Graph {
    /// The package of the executable.
    pub root: Package,
    /// All packages, with what they depend on. Dependencies of tests are left out.
    pub edges: Edges,
    /// The packages whose code is in the executable. The others run while it is compiled: macros, build scripts, and what
    /// these depend on.
    pub linked: BTreeSet<Package>,
}

impl Graph {
    /// Asks cargo for the packages of minerwatch on `target`, with those of the eBPF programs, which the executable
    /// contains as data.
    pub fn of(target: &str) -> Result<Self> {
        let mut graph = Self::of_package(PROGRAM, target)?;
        let programs = Self::of_package(ebpf::PACKAGE, toolchain::TARGET)?;
        graph.edges.entry(graph.root.clone()).or_default().insert(programs.root.clone());
        for (package, needed) in programs.edges {
            graph.edges.entry(package).or_default().extend(needed);
        }
        graph.linked.extend(programs.linked);
        Ok(graph)
    }

    fn of_package(package: &str, target: &str) -> Result<Self> {
        let (root, edges) = tree(package, target, "normal,build")?;
        let (_, linked) = tree(package, target, "normal,no-proc-macro")?;
        Ok(Self { root, edges, linked: linked.into_keys().collect() })
    }
}

/// Asks cargo for the packages that `package` needs on `target`. `kinds` are the kinds of dependencies to follow.
fn tree(package: &str, target: &str, kinds: &str) -> Result<(Package, Edges)> {
    let mut cargo = command::cargo(["tree", "--locked", "--quiet", "--package", package, "--target", target]);
    cargo.args(["--edges", kinds, "--prefix", "depth", "--charset", "ascii", "--format", " {p}"]);
    parse(&command::output(&mut cargo)?).with_context(|| format!("reading the packages of {package}"))
}

/// Reads lines such as `2 serde v1.0.0 (/path) (*)`: the depth, the name, the version, and remarks. cargo lists the
/// dependencies of a package once; later lines of the same package have the remark `(*)` and none below them.
fn parse(tree: &str) -> Result<(Package, Edges)> {
    let mut edges = Edges::new();
    let mut path: Vec<Package> = Vec::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let (depth, package) = parse_line(line).with_context(|| format!("unexpected line {line:?}"))?;
        path.truncate(depth);
        ensure!(path.len() == depth && (depth > 0 || edges.is_empty()), "unexpected depth in {line:?}");
        if let Some(parent) = path.last() {
            edges.entry(parent.clone()).or_default().insert(package.clone());
        }
        edges.entry(package.clone()).or_default();
        path.push(package);
    }
    let root = path.into_iter().next().context("cargo listed no package")?;
    Ok((root, edges))
}

fn parse_line(line: &str) -> Option<(usize, Package)> {
    let mut words = line.split(' ');
    let depth = words.next()?.parse().ok()?;
    let name = words.next()?.to_owned();
    let version = words.next()?.strip_prefix('v')?.to_owned();
    Some((depth, Package { name, version }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned() }
    }

    #[test]
    fn the_tree_of_cargo_is_read() {
        let text = "0 program v0.1.0 (/src/program)\n1 a v1.0.0\n2 shared v2.0.0+x\n3 leaf v1.0.0\n\
            1 b v1.0.0 (proc-macro)\n2 shared v2.0.0+x (*)\n2 shared v1.0.0\n";
        let (root, edges) = parse(text).unwrap();
        assert_eq!(root, package("program", "0.1.0"));
        let expected = [
            (package("a", "1.0.0"), vec![package("shared", "2.0.0+x")]),
            (package("b", "1.0.0"), vec![package("shared", "1.0.0"), package("shared", "2.0.0+x")]),
            (package("leaf", "1.0.0"), vec![]),
            (package("program", "0.1.0"), vec![package("a", "1.0.0"), package("b", "1.0.0")]),
            (package("shared", "1.0.0"), vec![]),
            (package("shared", "2.0.0+x"), vec![package("leaf", "1.0.0")]),
        ];
        let expected: Edges = expected.map(|(from, to)| (from, to.into_iter().collect())).into();
        assert_eq!(edges, expected);
    }

    #[test]
    fn another_format_is_an_error() {
        let two_roots = "0 a v1.0.0\n0 b v1.0.0";
        let gap = "0 a v1.0.0\n2 b v1.0.0";
        for text in
            ["", "program v0.1.0", "0 program 0.1.0", "0 program", "[build-dependencies]", two_roots, gap]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
