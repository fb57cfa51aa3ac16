//! The hooks for fork, exec and exit of processes, for signals, and for privileged calls.

use super::{
    super::program_types::{BtfTracepoint, Fentry, SystemCalls},
    fields::{IDENTITY, SYSTEM_CALL_CAVEAT, WALK},
    row::{Hook, Row, program},
};
use crate::model::DataSource;

/// The list of loaded modules, which only kernels with loadable modules have (`CONFIG_MODULES`; `proc_modules(5)`).
const MODULES: &str = "/proc/modules";

/// The rows of this family.
pub(super) const ROWS: &[Row] = &[
    Row {
        source: DataSource::Fork,
        only_with: None,
        if_unavailable: "processes are only known once they start another program",
        hooks: &[Hook {
            name: "BTF tracepoint sched_process_fork",
            programs: &[program("process_fork", &BtfTracepoint("sched_process_fork"))],
            fields: &[IDENTITY, &["task_pid", "task_tgid", "task_comm"]],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Exec,
        only_with: None,
        if_unavailable: "started programs are not seen, and little can be detected",
        hooks: &[Hook {
            name: "BTF tracepoint sched_process_exec",
            programs: &[program("process_exec", &BtfTracepoint("sched_process_exec"))],
            fields: &[
                IDENTITY,
                WALK,
                &[
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
                    "binprm_filename",
                    "task_signal",
                    "task_cred",
                    "cred_effective",
                    "task_nsproxy",
                    "inode_number",
                    "inode_mode",
                    "inode_superblock",
                    "inode_links",
                    "superblock_device",
                ],
            ],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Exit,
        only_with: None,
        if_unavailable: "ended processes stay in the table until it is full",
        hooks: &[Hook {
            name: "BTF tracepoint sched_process_exit",
            programs: &[program("process_exit", &BtfTracepoint("sched_process_exit"))],
            fields: &[
                IDENTITY,
                &[
                    "task_signal",
                    "signal_live",
                    "signal_flags",
                    "signal_group_exit_code",
                    "signal_runtime",
                    "signal_threads",
                    "task_exit_code",
                    "task_sum_exec_runtime",
                ],
            ],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Signal,
        only_with: None,
        if_unavailable: "security agents that are killed by their process ids are not noticed",
        hooks: &[
            Hook {
                name: "entry of security_task_kill",
                programs: &[program("signal_sent_function", &Fentry(&["security_task_kill"]))],
                fields: &[IDENTITY, &["task_tgid", "task_comm"]],
                caveat: None,
            },
            Hook {
                name: "BTF tracepoint signal_generate",
                programs: &[program("signal_sent", &BtfTracepoint("signal_generate"))],
                fields: &[IDENTITY, &["task_tgid", "task_comm"]],
                caveat: None,
            },
        ],
    },
    Row {
        source: DataSource::ProcessAccess,
        only_with: None,
        if_unavailable: "programs that change the memory of other processes are not noticed",
        hooks: &[
            Hook {
                name: "entry of security_ptrace_access_check",
                programs: &[program("process_accessed", &Fentry(&["security_ptrace_access_check"]))],
                fields: &[IDENTITY, &["task_tgid", "task_comm"]],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of ptrace and process_vm_writev",
                programs: &[
                    program("process_traced", &SystemCalls(&["sys_enter_ptrace"])),
                    program("process_written", &SystemCalls(&["sys_enter_process_vm_writev"])),
                ],
                fields: &[IDENTITY],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
    Row {
        source: DataSource::Bpf,
        only_with: None,
        if_unavailable: "BPF programs of others are not noticed",
        hooks: &[
            Hook {
                name: "entry of security_bpf",
                programs: &[program("bpf_called", &Fentry(&["security_bpf"]))],
                fields: &[IDENTITY],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoint of bpf",
                programs: &[program("bpf_entered", &SystemCalls(&["sys_enter_bpf"]))],
                fields: &[IDENTITY],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
    Row {
        source: DataSource::Module,
        only_with: Some(MODULES),
        if_unavailable: "kernel modules that a program loads itself are not noticed",
        hooks: &[Hook {
            name: "BTF tracepoint module_load",
            programs: &[program("module_loaded", &BtfTracepoint("module_load"))],
            fields: &[IDENTITY, &["module_name"]],
            caveat: None,
        }],
    },
];
