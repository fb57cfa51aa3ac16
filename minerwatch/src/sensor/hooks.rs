//! The table of hooks: for each purpose the ways to serve it, best first. One file per family of purposes.

mod compute;
mod file;
mod network;
mod process;

/// What the sensor watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Creation of processes.
    Fork,
    /// Replacement of images.
    Exec,
    /// End of processes.
    Exit,
    /// Outbound TCP connections.
    Tcp,
    /// TCP connections whose peer does not answer.
    TcpUnanswered,
    /// Outbound UDP flows.
    Udp,
    /// The first payloads of connections, DNS, and byte counts of UDP flows.
    Payload,
    /// Files opened for writing and created.
    FileOpen,
    /// Files renamed, deleted, changed in mode.
    FileChange,
    /// CPU time and switches.
    Cpu,
    /// Voluntary yields.
    Yield,
    /// Rounding modes of the floating-point unit.
    Rounding,
    /// Memory asked for in sizes worth a look.
    Mapping,
}

impl Purpose {
    /// The name on the command line, in reports and in `minerwatch.blind`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fork => "fork",
            Self::Exec => "exec",
            Self::Exit => "exit",
            Self::Tcp => "tcp",
            Self::TcpUnanswered => "tcp-unanswered",
            Self::Udp => "udp",
            Self::Payload => "payload",
            Self::FileOpen => "file-open",
            Self::FileChange => "file-change",
            Self::Cpu => "cpu",
            Self::Yield => "yield",
            Self::Rounding => "rounding",
            Self::Mapping => "mapping",
        }
    }
}

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
    /// System-call tracepoints. Calls that this kernel or architecture does not have are passed over.
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

/// A purpose and the ways to serve it.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// What for.
    pub purpose: Purpose,
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

/// How one purpose is served on this kernel.
#[derive(Clone, Debug)]
pub struct Service {
    /// What for.
    pub purpose: Purpose,
    /// The hook that serves, `None` if none does.
    pub hook: Option<&'static str>,
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

    /// Whether a hook serves this purpose.
    pub fn serves(&self, purpose: Purpose) -> bool {
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
    fn every_purpose_has_one_row() {
        let names: HashSet<&str> = table().map(|row| row.purpose.name()).collect();
        assert_eq!(names.len(), table().count());
    }
}
