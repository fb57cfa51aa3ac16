//! Traces: the entry of the function `__do_sys_sched_yield` or `do_sched_yield` (fentry). On kernels without fentry,
//! the tracepoint `syscalls:sys_enter_sched_yield`.
//! Kernel: kernel/sched/syscalls.c (before 6.11 kernel/sched/core.c), `sched_yield(void)`. If no other thread waits for
//! the CPU, a yield causes no context switch, and `sched_switch` does not see the yield.
//! Produces: a counter in the row of the process in [`super::sched_switch`]. The hook never sends an event.
//! Overhead: one table lookup for each of these calls. The tracepoint also puts all system calls on the slow entry
//! path.

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

/// Entry of `__do_sys_sched_yield(regs)`, or of `do_sched_yield()` on kernels without that function.
#[fentry(function = "__do_sys_sched_yield")]
fn sched_yield_function(_context: FEntryContext) -> i32 {
    sched_switch::yielded((bpf_get_current_pid_tgid() >> 32) as u32);
    0
}
