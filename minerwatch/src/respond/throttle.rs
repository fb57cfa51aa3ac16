//! The stage `throttle`: the suspects get a few per cent of one processor.

use std::path::Path;

use super::{
    cgroup::{self, Hierarchy, Version},
    home::{Applied, Place, Work},
    refusal::{Guard, Refusal},
    tree::Tree,
};

/// The period of the limit, in microseconds. It is the kernel's own default.
const PERIOD: u64 = 100_000;

/// Limits the processor time of the suspects to this many per cent of one processor.
pub fn apply(work: &mut Work<'_>, tree: &mut Tree, percent: u64) -> anyhow::Result<Applied> {
    let hierarchies = work.hierarchies;
    let Some(hierarchy) = hierarchies.of_controller("cpu").or_else(|| hierarchies.unified()) else {
        return Err(no_controller("no cgroup hierarchy with the controller `cpu` is mounted").into());
    };
    // The kernel accepts no less than a millisecond.
    let quota = (PERIOD * percent / 100).max(1_000);
    let place = match hierarchy.version {
        Version::One => Place::Below,
        Version::Two => Place::Beside,
    };
    let homes = work.homes(hierarchy, tree, place, |work, home| match hierarchy.version {
        Version::One => {
            work.control(&home.join("cpu.cfs_period_us"), &PERIOD.to_string())?;
            work.control(&home.join("cpu.cfs_quota_us"), &quota.to_string())
        }
        Version::Two => {
            check(hierarchy, home)?;
            work.control(&home.join("cpu.max"), &format!("{quota} {PERIOD}"))
        }
    })?;
    Ok(Applied {
        processes: tree.living(work.proc),
        cgroups: homes.iter().map(|home| hierarchy.shown(home)).collect(),
        how: format!("{percent} per cent of one processor"),
        path: None,
    })
}

fn check(hierarchy: &Hierarchy, home: &Path) -> Result<(), Refusal> {
    if home.join("cpu.max").exists() {
        return Ok(());
    }
    let parent = home.parent().unwrap_or(home);
    let controllers = cgroup::read(&parent.join("cgroup.subtree_control")).unwrap_or_default();
    Err(no_controller(&format!(
        "the cgroup {} has no controller `cpu`: {} enables only `{controllers}`. Freeze the suspect instead, or release \
         it first if it was isolated or frozen before",
        hierarchy.shown(home),
        hierarchy.shown(parent)
    )))
}

fn no_controller(message: &str) -> Refusal {
    Refusal::new(Guard::NoCpuController, message)
}
