//! The processes whose evidence is kept.

use rustc_hash::FxHashSet;

use super::{
    guard::with_ancestors,
    refusal::Refusal,
    target,
    tree::{Running, Tree},
};
use crate::{
    enrich::proc::Proc,
    evidence::Subject,
    model::{Alert, Suspect},
};

/// Returns the living suspects of an incident with everything that they started, and their ancestors. Evidence changes
/// nothing, so suspects of every verdict count, or the one that a person named by a pid.
pub fn subjects(alert: &Alert, only: Option<u32>) -> Result<Vec<Subject>, Refusal> {
    let proc = Proc::default();
    let suspects: Vec<&Suspect> = match only {
        Some(_) => target::suspects(alert, only)?,
        None => alert.suspects.iter().collect(),
    };
    let mut tree = target::tree(alert, &suspects, only, &proc);
    tree.living(&proc);
    Ok(of_tree(&tree, &proc))
}

/// Returns the processes of a tree that the last look found, and their ancestors.
pub(super) fn of_tree(tree: &Tree, proc: &Proc) -> Vec<Subject> {
    let living = tree.latest();
    let suspects: FxHashSet<u32> = living.iter().map(|process| process.key.pid).collect();
    let mut pids: Vec<u32> =
        living.iter().flat_map(|process| with_ancestors(process.key.pid, proc)).collect();
    pids.extend(&suspects);
    pids.sort_unstable();
    pids.dedup();
    let running = pids.into_iter().filter_map(|pid| Running::read(pid, proc));
    running
        .map(|process| Subject {
            pid: process.key.pid,
            parent: process.parent,
            start_ticks: process.key.start_ticks,
            is_suspect: suspects.contains(&process.key.pid),
            name: process.name,
        })
        .collect()
}
