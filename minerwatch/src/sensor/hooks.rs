//! The table of hooks: for each purpose the ways to serve it, best first. One file per family of purposes.

mod compute;
mod file;
mod network;
mod process;

use super::{SensorError, ring_backend};
use crate::model::{AttachType, DataSource, HookChoice};

/// One program and where it goes.
#[derive(Clone, Copy, Debug)]
pub enum Attachment {
    /// A raw tracepoint.
    RawTracepoint {
        /// The program in the object.
        program: &'static str,
        /// The tracepoint.
        tracepoint: &'static str,
    },
    /// A raw tracepoint whose arguments the verifier knows the types of.
    BtfTracepoint {
        /// The program in the object.
        program: &'static str,
        /// The tracepoint.
        tracepoint: &'static str,
    },
    /// The entry of a function of the kernel.
    Function {
        /// The program in the object.
        program: &'static str,
        /// The function under the names it has on different architectures; the first that this kernel has.
        functions: &'static [&'static str],
    },
    /// The end of a function of the kernel's.
    FunctionExit {
        /// The program in the object.
        program: &'static str,
        /// The function.
        function: &'static str,
    },
    /// System-call tracepoints. Calls that this kernel or architecture does not have are passed over (arm64 has no
    /// `rename`, only its successors), but one of the hook's must be there.
    SystemCalls {
        /// The program in the object.
        program: &'static str,
        /// The tracepoints, in the category `syscalls`.
        tracepoints: &'static [&'static str],
    },
    /// A program on addresses of sockets, at the root of the unified cgroup hierarchy.
    CgroupAddress {
        /// The program in the object.
        program: &'static str,
    },
    /// A program on the packets of sockets, at the root of the unified cgroup hierarchy.
    CgroupPacket {
        /// The program in the object.
        program: &'static str,
        /// Whether it sees those that are sent, not those that are received.
        sent: bool,
    },
    /// A program on sockets, at the root of the unified cgroup hierarchy.
    CgroupSocket {
        /// The program in the object.
        program: &'static str,
    },
    /// A part of a program that an earlier row attached.
    PartOf {
        /// The program in the object.
        program: &'static str,
    },
}

/// One way to serve a purpose.
#[derive(Clone, Copy, Debug)]
pub struct Hook {
    /// Its name in reports.
    pub name: &'static str,
    /// The programs; all of them or none.
    pub attachments: &'static [Attachment],
    /// The fields of [`minerwatch_common::KernelLayout`] it cannot do without, in groups.
    pub fields: &'static [&'static [&'static str]],
    /// What it does not see or what it costs, where that is worth telling.
    pub caveat: Option<&'static str>,
}

impl Attachment {
    fn way(&self) -> AttachType {
        match self {
            Self::RawTracepoint { .. } => AttachType::RawTracepoint,
            // Only the program on switches has parts that serve alone.
            Self::BtfTracepoint { .. } | Self::PartOf { .. } => AttachType::BtfTracepoint,
            Self::Function { .. } => AttachType::Fentry,
            Self::FunctionExit { .. } => AttachType::Fexit,
            Self::SystemCalls { .. } => AttachType::Tracepoint,
            Self::CgroupAddress { .. } | Self::CgroupPacket { .. } | Self::CgroupSocket { .. } => {
                AttachType::Cgroup
            }
        }
    }
}

impl Hook {
    /// What kind of hook it is; its programs are all of one kind.
    pub fn way(&self) -> Option<AttachType> {
        self.attachments.first().map(Attachment::way)
    }
}

/// A purpose and the ways to serve it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What for.
    pub purpose: DataSource,
    /// What is lost when no hook serves.
    pub without: &'static str,
    /// The ways, best first; the first that loads and attaches serves.
    pub hooks: &'static [Hook],
}

/// Who a process is.
const IDENTITY: &[&str] = &["task_leader", "task_start"];

/// The way from a directory entry up to the root of its mount namespace.
const WALK: &[&str] = &[
    "path_mount",
    "path_dentry",
    "dentry_parent",
    "dentry_name",
    "vfsmount_root",
    "mount_vfsmount",
    "mount_parent",
    "mount_mountpoint",
];

/// The whole table.
pub fn table() -> impl Iterator<Item = &'static Row> {
    [process::ROWS, network::ROWS, file::ROWS, compute::ROWS].into_iter().flatten()
}

/// Whether each choice chooses something that there is.
pub fn check(choices: &[HookChoice]) -> Result<(), SensorError> {
    for choice in choices {
        let hooks = table().filter(|row| choice.concerns(row.purpose)).flat_map(|row| row.hooks);
        let mut ways: Vec<Option<AttachType>> = hooks.map(Hook::way).collect();
        if choice.concerns(DataSource::RingBackend) {
            ways.extend(ring_backend::ways().map(Some));
        } else {
            ways.push(None);
        }
        if !ways.contains(&choice.way) {
            ways.dedup();
            return Err(SensorError::NoSuchWay { choice: *choice, ways });
        }
    }
    Ok(())
}

/// How one purpose is served on this kernel.
#[derive(Clone, Debug)]
pub struct Service {
    /// What for.
    pub purpose: DataSource,
    /// The hook that serves, `None` if none does.
    pub hook: Option<&'static str>,
    /// What kind of hook that is.
    pub way: Option<AttachType>,
    /// What it does not see or what it costs.
    pub caveat: Option<&'static str>,
    /// What is lost when no hook serves.
    pub without: &'static str,
    /// The hooks that were tried in vain, each with the reason.
    pub refused: Vec<(&'static str, String)>,
}

/// How every purpose is served on this kernel.
#[derive(Clone, Debug, Default)]
pub struct SensorReport {
    /// In the order of the table.
    pub services: Vec<Service>,
}

impl SensorReport {
    /// The names of the purposes no hook serves.
    pub fn blind(&self) -> impl Iterator<Item = &'static str> {
        self.services.iter().filter(|service| service.hook.is_none()).map(|service| service.purpose.name())
    }

    /// The purposes that a hook serves, each with its kind.
    pub fn served(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let served = self.services.iter().filter_map(|service| Some((service.purpose, service.way?)));
        served.map(|(purpose, way)| (purpose.name(), way.name()))
    }

    /// Whether a hook serves this purpose.
    pub fn serves(&self, purpose: DataSource) -> bool {
        self.services.iter().any(|service| service.purpose == purpose && service.hook.is_some())
    }

    pub(super) fn serves_nothing(&self) -> bool {
        self.services.iter().all(|service| service.hook.is_none())
    }

    pub(super) fn reasons(&self) -> Vec<String> {
        let refusals = self.services.iter().flat_map(|service| &service.refused);
        refusals.map(|(hook, reason)| format!("{hook}: {reason}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use minerwatch_common::KernelLayout;

    use super::*;

    #[test]
    fn every_required_field_is_one_of_the_layout() {
        let known: HashSet<&str> =
            KernelLayout::resolve(None, |_| None).absent().map(|field| field.name).collect();
        for hook in table().flat_map(|row| row.hooks) {
            for field in hook.fields.iter().copied().flatten() {
                assert!(known.contains(field), "{}: {field}", hook.name);
            }
        }
    }

    #[test]
    fn the_programs_of_a_hook_are_of_one_kind() {
        for hook in table().flat_map(|row| row.hooks) {
            let ways: HashSet<AttachType> = hook.attachments.iter().map(Attachment::way).collect();
            assert_eq!(ways.len(), 1, "{}", hook.name);
        }
    }

    #[test]
    fn what_cannot_be_chosen_is_told_with_what_can() {
        let check = |text: &str| check(&[text.parse().expect("a choice")]);
        for possible in
            ["file=tracepoint", "file-open=fexit", "network=cgroup", "exec=off", "transport=perf-buffer"]
        {
            assert!(check(possible).is_ok(), "{possible}");
        }
        let refusal = check("exec=fexit").expect_err("no such hook").to_string();
        assert!(refusal.contains("exec=fexit") && refusal.contains("raw-tracepoint or off"), "{refusal}");
        let refusal = check("transport=off").expect_err("there must be one").to_string();
        assert!(refusal.ends_with("what it can be is ring-buffer or perf-buffer"), "{refusal}");
    }

    #[test]
    fn every_purpose_has_one_row() {
        let names: HashSet<&str> = table().map(|row| row.purpose.name()).collect();
        assert_eq!(names.len(), table().count());
    }
}
