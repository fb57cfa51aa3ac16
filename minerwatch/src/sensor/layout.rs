//! Looks up the offsets of the kernel fields that the programs read.

use std::{fs, path::Path};

use minerwatch_common::KernelLayout;

use super::{
    btf::{self, Btf},
    error::SensorError,
};

/// The kernel's list of cgroup controllers, each with the number of its version 1 hierarchy (cgroups(7)).
const CONTROLLERS: &str = "/proc/cgroups";

/// Looks up every field of [`KernelLayout`] in the running kernel's types.
pub fn of_running_kernel() -> Result<KernelLayout, SensorError> {
    Btf::from_file(Path::new(btf::VMLINUX))
        .map(|types| resolve(&types))
        .map_err(|source| SensorError::Types { source: source.into() })
}

fn resolve(types: &Btf) -> KernelLayout {
    let pids_controller = if is_in_version_1(fs::read_to_string(CONTROLLERS).ok().as_deref(), "pids") {
        types.enumerator("cgroup_subsys_id", "pids_cgrp_id")
    } else {
        None
    };
    KernelLayout::resolve(pids_controller, |field| {
        field.member.split('|').find_map(|member| match member {
            "sizeof" => types.size_of(field.structure),
            member => types.member_offset(field.structure, member),
        })
    })
}

/// Returns whether a controller has a version 1 hierarchy. If none has, the programs need not look for one. If the list
/// cannot be read, the answer is `true`.
fn is_in_version_1(controllers: Option<&str>, name: &str) -> bool {
    controllers.is_none_or(|controllers| {
        controllers.lines().any(|line| {
            let mut fields = line.split_whitespace();
            fields.next() == Some(name) && fields.next().is_some_and(|hierarchy| hierarchy != "0")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_controller_with_a_hierarchy_number_is_version_1() {
        let controllers = "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t3\t1\t1\npids\t0\t1\t1\n";
        assert!(is_in_version_1(Some(controllers), "cpu"));
        for without in [controllers, "", "pids"] {
            assert!(!is_in_version_1(Some(without), "pids"), "{without}");
        }
        assert!(is_in_version_1(None, "pids"), "unknown");
    }
}
