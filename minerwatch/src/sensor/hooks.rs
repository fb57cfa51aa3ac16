//! The table of hooks: for each purpose the ways to serve it, best first.

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
    /// Byte counts of UDP flows.
    UdpBytes,
    /// Files opened for writing and created.
    FileOpen,
    /// Files renamed, deleted, changed in mode.
    FileChange,
    /// CPU time and switches.
    Cpu,
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
            Self::UdpBytes => "udp-bytes",
            Self::FileOpen => "file-open",
            Self::FileChange => "file-change",
            Self::Cpu => "cpu",
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
    /// A program on sockets, at the root of the unified cgroup hierarchy.
    CgroupSocket {
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
    /// The fields of [`minerwatch_common::KernelLayout`] it cannot do without.
    pub fields: &'static [&'static str],
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

const IDENTITY: &[&str] = &["task_leader", "task_start"];
const SYSTEM_CALL_CAVEAT: &str = "a system-call tracepoint: every system call of the host pays some nanoseconds, and io_uring goes round it";

/// The whole table.
pub const TABLE: &[Row] = &[
    Row {
        purpose: Purpose::Fork,
        without: "processes are known only once they run another program",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_fork",
            attachments: &[Attachment::RawTracepoint {
                program: "process_fork",
                tracepoint: "sched_process_fork",
            }],
            fields: &["task_leader", "task_start", "task_pid", "task_tgid", "task_comm"],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::Exec,
        without: "no program that is started is seen, and little can be detected",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_exec",
            attachments: &[Attachment::RawTracepoint {
                program: "process_exec",
                tracepoint: "sched_process_exec",
            }],
            fields: &[
                "task_leader",
                "task_start",
                "task_tgid",
                "task_real_parent",
                "task_comm",
                "task_mm",
                "task_fs",
                "mm_exe_file",
                "mm_arg_start",
                "mm_arg_end",
                "file_path",
                "file_inode",
                "fs_directory",
                "path_mount",
                "path_dentry",
                "dentry_parent",
                "dentry_name",
                "vfsmount_root",
                "mount_vfsmount",
                "mount_parent",
                "mount_mountpoint",
                "binprm_filename",
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::Exit,
        without: "ended processes are kept until the table is full",
        hooks: &[Hook {
            name: "raw tracepoint sched_process_exit",
            attachments: &[Attachment::RawTracepoint {
                program: "process_exit",
                tracepoint: "sched_process_exit",
            }],
            fields: &[
                "task_leader",
                "task_start",
                "task_signal",
                "signal_live",
                "signal_flags",
                "signal_group_exit_code",
                "task_exit_code",
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::Tcp,
        without: "no TCP connection is seen",
        hooks: &[Hook {
            name: "raw tracepoint inet_sock_set_state",
            attachments: &[Attachment::RawTracepoint {
                program: "tcp_state",
                tracepoint: "inet_sock_set_state",
            }],
            fields: &[
                "task_leader",
                "task_start",
                "sock_protocol",
                "sock_family",
                "sock_destination",
                "sock_source",
                "sock_destination_port",
                "inet_source_port",
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::TcpUnanswered,
        without: "an attempt that nobody answers is reported only when the kernel gives up",
        hooks: &[Hook {
            name: "raw tracepoint tcp_retransmit_skb",
            attachments: &[Attachment::RawTracepoint {
                program: "tcp_retransmit",
                tracepoint: "tcp_retransmit_skb",
            }],
            fields: &[],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::Udp,
        without: "no UDP flow is seen",
        hooks: &[Hook {
            name: "cgroup connect, sendmsg and sock_release",
            attachments: &[
                Attachment::CgroupAddress { program: "udp_connect4" },
                Attachment::CgroupAddress { program: "udp_connect6" },
                Attachment::CgroupAddress { program: "udp_send4" },
                Attachment::CgroupAddress { program: "udp_send6" },
                Attachment::CgroupSocket { program: "udp_release" },
            ],
            fields: IDENTITY,
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::UdpBytes,
        without: "the end of a UDP flow is reported without byte counts",
        hooks: &[Hook {
            name: "raw tracepoints sock_send_length and sock_recv_length",
            attachments: &[
                Attachment::RawTracepoint { program: "udp_sent", tracepoint: "sock_send_length" },
                Attachment::RawTracepoint { program: "udp_received", tracepoint: "sock_recv_length" },
            ],
            fields: &["sock_protocol", "sock_cookie"],
            caveat: None,
        }],
    },
    Row {
        purpose: Purpose::FileOpen,
        without: "no file that is written or created is seen",
        hooks: &[Hook {
            name: "system-call tracepoints of open",
            attachments: &[Attachment::SystemCalls {
                program: "file_open",
                tracepoints: &["sys_exit_openat", "sys_exit_open", "sys_exit_openat2", "sys_exit_creat"],
            }],
            fields: &[
                "task_leader",
                "task_start",
                "task_files",
                "files_table",
                "table_files",
                "file_mode",
                "file_inode",
                "file_path",
                "inode_mode",
                "inode_number",
                "inode_superblock",
                "superblock_device",
                "path_mount",
                "path_dentry",
                "dentry_parent",
                "dentry_name",
                "vfsmount_root",
                "mount_vfsmount",
                "mount_parent",
                "mount_mountpoint",
            ],
            caveat: Some(SYSTEM_CALL_CAVEAT),
        }],
    },
    Row {
        purpose: Purpose::FileChange,
        without: "no rename, deletion or change of mode is seen",
        hooks: &[Hook {
            name: "system-call tracepoints of rename, unlink and chmod",
            attachments: &[
                Attachment::SystemCalls { program: "rename_enter", tracepoints: &["sys_enter_rename"] },
                Attachment::SystemCalls {
                    program: "renameat_enter",
                    tracepoints: &["sys_enter_renameat", "sys_enter_renameat2"],
                },
                Attachment::SystemCalls { program: "unlink_enter", tracepoints: &["sys_enter_unlink"] },
                Attachment::SystemCalls { program: "unlinkat_enter", tracepoints: &["sys_enter_unlinkat"] },
                Attachment::SystemCalls { program: "chmod_enter", tracepoints: &["sys_enter_chmod"] },
                Attachment::SystemCalls {
                    program: "fchmodat_enter",
                    tracepoints: &["sys_enter_fchmodat", "sys_enter_fchmodat2"],
                },
                Attachment::SystemCalls { program: "fchmod_enter", tracepoints: &["sys_enter_fchmod"] },
                Attachment::SystemCalls {
                    program: "file_call_exit",
                    tracepoints: &[
                        "sys_exit_rename",
                        "sys_exit_renameat",
                        "sys_exit_renameat2",
                        "sys_exit_unlink",
                        "sys_exit_unlinkat",
                        "sys_exit_chmod",
                        "sys_exit_fchmodat",
                        "sys_exit_fchmodat2",
                        "sys_exit_fchmod",
                    ],
                },
            ],
            fields: &[
                "task_leader",
                "task_start",
                "task_files",
                "files_table",
                "table_files",
                "task_fs",
                "fs_directory",
                "file_path",
                "path_mount",
                "path_dentry",
                "dentry_parent",
                "dentry_name",
                "vfsmount_root",
                "mount_vfsmount",
                "mount_parent",
                "mount_mountpoint",
            ],
            caveat: Some(SYSTEM_CALL_CAVEAT),
        }],
    },
    Row {
        purpose: Purpose::Cpu,
        without: "no CPU time is counted",
        hooks: &[Hook {
            name: "BTF tracepoint sched_switch",
            attachments: &[Attachment::BtfTracepoint { program: "sched_switch", tracepoint: "sched_switch" }],
            fields: &[
                "task_leader",
                "task_start",
                "task_flags",
                "task_tgid",
                "task_pid",
                "task_state",
                "task_policy",
                "task_sum_exec_runtime",
                "task_prev_sum_exec_runtime",
                "task_exec_start",
                "task_static_prio",
            ],
            caveat: None,
        }],
    },
];

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
        for hook in TABLE.iter().flat_map(|row| row.hooks) {
            for field in hook.fields {
                assert!(known.contains(field), "{}: {field}", hook.name);
            }
        }
    }

    #[test]
    fn every_purpose_has_one_row() {
        let names: HashSet<&str> = TABLE.iter().map(|row| row.purpose.name()).collect();
        assert_eq!(names.len(), TABLE.len());
    }
}
