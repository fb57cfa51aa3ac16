//! The hooks for CPU use and memory.

use super::{
    super::program_types::{BtfTracepoint, Fentry, PartOf, SystemCalls},
    fields::{IDENTITY, SYSTEM_CALL_CAVEAT},
    row::{Hook, HookProgram, Row, program},
};
use crate::model::{AttachType, DataSource};

/// The rows of this family.
pub(super) const ROWS: &[Row] = &[
    Row {
        source: DataSource::Cpu,
        only_with: None,
        if_unavailable: "CPU time is not counted",
        hooks: &[Hook {
            name: "BTF tracepoint sched_switch",
            programs: &[program("sched_switch", &BtfTracepoint("sched_switch"))],
            fields: &[
                IDENTITY,
                &[
                    "task_flags",
                    "task_tgid",
                    "task_pid",
                    "task_state",
                    "task_policy",
                    "task_sum_exec_runtime",
                    "task_static_prio",
                ],
            ],
            caveat: None,
        }],
    },
    Row {
        source: DataSource::Yield,
        only_with: None,
        if_unavailable: "calls of sched_yield are not counted",
        hooks: &[
            Hook {
                name: "entry of sched_yield",
                programs: &[program(
                    "sched_yield_function",
                    &Fentry(&["__do_sys_sched_yield", "do_sched_yield"]),
                )],
                fields: &[],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoint of sched_yield",
                programs: &[program("sched_yield", &SystemCalls(&["sys_enter_sched_yield"]))],
                fields: &[],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
    Row {
        source: DataSource::Rounding,
        only_with: None,
        if_unavailable: "a miner with unreadable traffic is not recognized by its arithmetic",
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
        source: DataSource::Mapping,
        only_with: None,
        if_unavailable: "memory in the sizes that RandomX uses is only known for processes that ran at the start",
        hooks: &[
            Hook {
                name: "entries of mmap, mprotect and madvise",
                programs: &[
                    program("memory_map_function", &Fentry(&["ksys_mmap_pgoff"])),
                    program(
                        "memory_protect_function",
                        &Fentry(&["__x64_sys_mprotect", "__arm64_sys_mprotect"]),
                    ),
                    program("memory_advise_function", &Fentry(&["__x64_sys_madvise", "__arm64_sys_madvise"])),
                ],
                fields: &[IDENTITY],
                caveat: None,
            },
            Hook {
                name: "system-call tracepoints of mmap, mprotect and madvise",
                programs: &[
                    program("memory_map", &SystemCalls(&["sys_enter_mmap"])),
                    program(
                        "memory_protect",
                        &SystemCalls(&["sys_enter_mprotect", "sys_enter_pkey_mprotect"]),
                    ),
                    program("memory_advise", &SystemCalls(&["sys_enter_madvise"])),
                ],
                fields: &[IDENTITY],
                caveat: Some(SYSTEM_CALL_CAVEAT),
            },
        ],
    },
];

/// A hook that reads the rounding mode from the floating-point state that the kernel saves at a context switch. Only
/// the fields differ between kernels.
const fn saved_state(name: &'static str, fields: &'static [&'static [&'static str]]) -> Hook {
    const PROGRAMS: &[HookProgram] = &[program("sched_switch", &PartOf(AttachType::BtfTracepoint))];
    Hook { name, programs: PROGRAMS, fields, caveat: None }
}
