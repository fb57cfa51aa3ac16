//! The stage `freeze`: the suspects do not run until they are released.
//!
//! The freezer of the unified hierarchy is used where it is mounted, else that of version 1, else SIGSTOP. A suspect
//! cannot see or undo the first two. It can see the last one, and a process that may signal it can undo that.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use rustix::process::Signal;
use tracing::debug;

use super::{
    cgroup::{self, Hierarchy, Version},
    home::{Applied, Place, Work},
    ledger::Change,
    signals,
    tree::{Running, Tree},
};
use crate::model::ProcessKey;

/// Time for the kernel to stop all threads of a cgroup. A thread in an uninterruptible wait takes longer.
const FREEZING: Duration = Duration::from_millis(500);
/// Time to stop a tree by signals.
const STOPPING: Duration = Duration::from_secs(2);

/// Freezes the living processes of the tree.
pub fn apply(work: &mut Work<'_>, tree: &mut Tree) -> anyhow::Result<Applied> {
    let hierarchies = work.hierarchies;
    let freezers = [hierarchies.unified(), hierarchies.of_controller("freezer")];
    for hierarchy in freezers.into_iter().flatten() {
        match by_cgroup(work, tree, hierarchy) {
            Ok((homes, is_frozen)) => {
                let processes = tree.living(work.proc);
                let cgroups = homes.iter().map(|home| hierarchy.shown(home)).collect();
                let version = match hierarchy.version {
                    Version::One => "the freezer of cgroup v1",
                    Version::Two => "the freezer of cgroup v2",
                };
                let how = if is_frozen {
                    version.to_owned()
                } else {
                    format!("{version}; a thread in a wait of the kernel has not stopped yet")
                };
                return Ok(Applied { processes, cgroups, how, path: None });
            }
            Err(error) => debug!("{} cannot freeze: {error:#}", hierarchy.mount.display()),
        }
    }
    by_signal(work, tree)
}

/// Freezes the cgroups of the suspects. Returns them, and whether all their threads have stopped.
fn by_cgroup(
    work: &mut Work<'_>,
    tree: &mut Tree,
    hierarchy: &Hierarchy,
) -> anyhow::Result<(Vec<PathBuf>, bool)> {
    let (name, value) = match hierarchy.version {
        Version::One => ("freezer.state", "FROZEN"),
        Version::Two => ("cgroup.freeze", "1"),
    };
    // The cgroup is frozen before a process moves there, so a process that forks all the time stops as it arrives.
    let homes =
        work.homes(hierarchy, tree, Place::Below, |work, home| work.control(&home.join(name), value))?;
    let until = Instant::now() + FREEZING;
    let is_frozen = |home: &Path| match hierarchy.version {
        Version::One => cgroup::read(&home.join(name)).is_ok_and(|state| state == "FROZEN"),
        Version::Two => cgroup::keyed(&home.join("cgroup.events"), "frozen") == Some(1),
    };
    while !homes.iter().all(|home| is_frozen(home)) {
        if Instant::now() > until {
            return Ok((homes, false));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok((homes, true))
}

/// Stops each process of the tree, until nothing new appears.
fn by_signal(work: &mut Work<'_>, tree: &mut Tree) -> anyhow::Result<Applied> {
    let until = Instant::now() + STOPPING;
    let mut done: Vec<ProcessKey> = Vec::new();
    loop {
        let living = tree.living(work.proc);
        let runs = |process: &&Running| {
            !done.contains(&process.key)
                && signals::state(process.key, work.proc)
                    .is_some_and(|state| !matches!(state, 'T' | 't' | 'Z' | 'X'))
        };
        let new: Vec<ProcessKey> = living.iter().filter(runs).map(|process| process.key).collect();
        if new.is_empty() {
            let how = "SIGSTOP, because no freezer is available".to_owned();
            return Ok(Applied { processes: living, how, ..Applied::default() });
        }
        work.record(Change::Stopped { processes: new.clone() })?;
        for process in &new {
            signals::send(*process, Signal::STOP, work.proc)
                .with_context(|| format!("stopping the process {}", process.pid))?;
        }
        done.extend(new);
        anyhow::ensure!(Instant::now() < until, "the suspects fork faster than they can be stopped");
    }
}
