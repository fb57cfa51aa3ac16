//! Traces: the entry of the system call's function, `__do_sys_sched_yield` or `do_sched_yield`; where a kernel takes no such program,
//! `syscalls:sys_enter_sched_yield`.
//! Kernel: kernel/sched/syscalls.c (before 6.11 kernel/sched/core.c), `sched_yield`. A thread that yields on a
//! CPU where nobody waits goes on without a switch, so `sched_switch` does not see it.
//! Produces: additions to the process's row of [`super::sched_switch`]; never an event.
//! Price: this call only, one table lookup.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{fentry, tracepoint},
    programs::{FEntryContext, TracePointContext},
};

use super::sched_switch;

#[tracepoint(category = "syscalls", name = "sys_enter_sched_yield")]
fn sched_yield(_context: TracePointContext) -> u32 {
    sched_switch::yielded((bpf_get_current_pid_tgid() >> 32) as u32);
    0
}

/// `__do_sys_sched_yield(regs)`, or `do_sched_yield()` where that is not the name
#[fentry(function = "__do_sys_sched_yield")]
fn sched_yield_function(_context: FEntryContext) -> i32 {
    sched_switch::yielded((bpf_get_current_pid_tgid() >> 32) as u32);
    0
}
