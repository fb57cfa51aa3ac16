//! Traces: the entry of the system call's function, `__do_sys_sched_yield` or `do_sched_yield`; on kernels that do not allow
//! such programs, `syscalls:sys_enter_sched_yield`.
//! Kernel: kernel/sched/syscalls.c (before 6.11 kernel/sched/core.c), `sched_yield(void)`. If no other thread waits for the
//! CPU, a yield causes no switch, so `sched_switch` does not see it.
//! Produces: a counter in the process's row of [`super::sched_switch`]. It never sends an event.
//! Overhead: this call only, one table lookup; the tracepoint also puts all system calls on the slow entry path.

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
