//! Traces: `sched:sched_process_exit`, in each thread that ends.
//! Kernel: kernel/exit.c, `trace_sched_process_exit(struct task_struct *task, …)`. The kernel decrements `signal->live`
//! before this point, so zero means that this is the last thread.
//! Produces: [`ExitRecord`] once per process.
//! Overhead: exits of threads only.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use minerwatch_common::ExitRecord;

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    hooks::{memory_map, sched_switch},
    kernel::Address,
    task,
};

/// Bit of `signal->flags`: all threads of the process exit together (include/linux/sched/signal.h).
const SIGNAL_GROUP_EXIT: u32 = 0x4;

#[raw_tracepoint(tracepoint = "sched_process_exit")]
fn process_exit(context: RawTracePointContext) -> i32 {
    let _ = report(Context::of(&context), Address(context.arg(0)));
    0
}

#[inline(always)]
fn report(context: Context, task: Address) -> Outcome {
    let signal = task.follow(offset!(task_signal))?;
    if signal.read::<i32>(offset!(signal_live))? != 0 {
        return Ok(());
    }
    let status = if signal.read::<u32>(offset!(signal_flags))? & SIGNAL_GROUP_EXIT == 0 {
        task.read(offset!(task_exit_code))?
    } else {
        signal.read(offset!(signal_group_exit_code))?
    };
    let header = task::current_header::<ExitRecord>();
    sched_switch::forget(header.pid);
    memory_map::forget(header.pid);
    // CPU time of the threads that ended earlier, and of this last thread.
    let earlier: u64 = signal.read(offset!(signal_runtime)).unwrap_or(0);
    let own: u64 = task.read(offset!(task_sum_exec_runtime)).unwrap_or(0);
    emit::record(context, ExitRecord { header, status, reserved: 0, on_cpu: earlier.wrapping_add(own) });
    Ok(())
}
