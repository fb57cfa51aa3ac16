//! Traces: `syscalls:sys_enter_sched_yield`.
//! Kernel: kernel/sched/syscalls.c (before 6.11 kernel/sched/core.c), `sched_yield`. A thread that yields on a
//! CPU where nobody waits goes on without a switch, so `sched_switch` does not see it.
//! Produces: additions to the process's row of [`super::sched_switch`]; never an event.
//! Price: this call only, one table lookup.

use aya_ebpf::{helpers::bpf_get_current_pid_tgid, macros::tracepoint, programs::TracePointContext};

use super::sched_switch;

#[tracepoint(category = "syscalls", name = "sys_enter_sched_yield")]
fn sched_yield(_context: TracePointContext) -> u32 {
    sched_switch::yielded((bpf_get_current_pid_tgid() >> 32) as u32);
    0
}
