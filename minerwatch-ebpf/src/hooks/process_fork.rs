//! Traces: `sched:sched_process_fork`, in the parent, before the child first runs.
//! Kernel: kernel/fork.c, `trace_sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
//! Produces: [`ForkRecord`] for a new process, nothing for a new thread.
//! Overhead: fork and clone only.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use minerwatch_common::{ForkRecord, RecordHeader};

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    kernel::Address,
    task,
};

#[raw_tracepoint(tracepoint = "sched_process_fork")]
fn process_fork(context: RawTracePointContext) -> i32 {
    let _ = report(Context::of(&context), Address(context.arg(1)));
    0
}

#[inline(always)]
fn report(context: Context, child: Address) -> Outcome {
    let pid: u32 = child.read(offset!(task_tgid))?;
    let tid: u32 = child.read(offset!(task_pid))?;
    if pid != tid {
        return Ok(());
    }
    // The child starts with the cgroup and the user of its parent.
    let parent = task::current_header::<ForkRecord>();
    emit::record(
        context,
        ForkRecord {
            header: RecordHeader { pid, tid, start: child.read(offset!(task_start))?, ..parent },
            parent_start: parent.start,
            parent_pid: parent.pid,
            reserved: 0,
            comm: child.read(offset!(task_comm))?,
        },
    );
    Ok(())
}
