//! What the CPUs do.

use super::{Attachment, Hook, IDENTITY, Row};
use crate::model::DataSource;

/// What a system-call tracepoint costs.
const ON_EVERY_CALL: &str = "a system-call tracepoint: every system call of the host pays some nanoseconds";

/// The rows of the table.
pub(super) const ROWS: &[Row] = &[
    Row {
        purpose: DataSource::Cpu,
        without: "no CPU time is counted",
        hooks: &[Hook {
            name: "BTF tracepoint sched_switch",
            attachments: &[Attachment::BtfTracepoint { program: "sched_switch", tracepoint: "sched_switch" }],
            fields: &[
                IDENTITY,
                &[
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
            ],
            caveat: None,
        }],
    },
    Row {
        purpose: DataSource::Yield,
        without: "no sched_yield is counted",
        hooks: &[
            Hook {
                name: "entry of sched_yield",
                attachments: &[Attachment::Function {
                    program: "sched_yield_function",
                    functions: &["__do_sys_sched_yield", "do_sched_yield"],
                }],
                fields: &[],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoint of sched_yield",
                attachments: &[Attachment::SystemCalls {
                    program: "sched_yield",
                    tracepoints: &["sys_enter_sched_yield"],
                }],
                fields: &[],
                caveat: Some(ON_EVERY_CALL),
            },
        ],
    },
    Row {
        purpose: DataSource::Rounding,
        without: "a miner that says nothing readable is not known by its arithmetic",
        hooks: &[
            saved_state(
                "state saved at switches (x86_64, 5.16 and later)",
                &[&["task_fpu", "fpu_fpstate", "fpstate_mxcsr"]],
            ),
            saved_state("state saved at switches (x86_64, before 5.16)", &[&["task_fpu", "fpu_mxcsr"]]),
            saved_state("state saved at switches (arm64)", &[&["task_fpcr"]]),
        ],
    },
    Row {
        purpose: DataSource::Mapping,
        without: "memory of the sizes that RandomX uses is known only of what ran at the start",
        hooks: &[
            Hook {
                name: "entries of mmap and mprotect",
                attachments: &[
                    Attachment::Function { program: "memory_map_function", functions: &["ksys_mmap_pgoff"] },
                    Attachment::Function {
                        program: "memory_protect_function",
                        functions: &["__x64_sys_mprotect", "__arm64_sys_mprotect"],
                    },
                ],
                fields: &[IDENTITY],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of mmap and mprotect",
                attachments: &[
                    Attachment::SystemCalls { program: "memory_map", tracepoints: &["sys_enter_mmap"] },
                    Attachment::SystemCalls {
                        program: "memory_protect",
                        tracepoints: &["sys_enter_mprotect"],
                    },
                ],
                fields: &[IDENTITY],
                caveat: Some(ON_EVERY_CALL),
            },
        ],
    },
];

const fn saved_state(name: &'static str, fields: &'static [&'static [&'static str]]) -> Hook {
    Hook { name, attachments: &[Attachment::PartOf { program: "sched_switch" }], fields, caveat: None }
}
