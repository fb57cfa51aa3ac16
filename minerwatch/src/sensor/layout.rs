//! Where the running kernel keeps the fields the programs read.

use std::path::Path;

use minerwatch_common::KernelLayout;

use super::{
    SensorError,
    btf::{self, Btf},
};

/// Looks every field of [`KernelLayout`] up in the running kernel's types.
pub fn of_running_kernel() -> Result<KernelLayout, SensorError> {
    Btf::from_file(Path::new(btf::VMLINUX))
        .map(|types| resolve(&types))
        .map_err(|source| SensorError::Types { source: source.into() })
}

fn resolve(types: &Btf) -> KernelLayout {
    KernelLayout::resolve(types.enumerator("cgroup_subsys_id", "pids_cgrp_id"), |field| {
        field.member.split('|').find_map(|member| match member {
            "sizeof" => types.size_of(field.structure),
            member => types.member_offset(field.structure, member),
        })
    })
}
