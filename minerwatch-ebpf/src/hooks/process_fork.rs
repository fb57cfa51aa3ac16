//! Traces: `sched:sched_process_fork`, in the parent, before the child first runs.
//! Kernel: kernel/fork.c, `trace_sched_process_fork(struct task_struct *parent, struct task_struct *child)`.
//! Produces: [`ForkRecord`] for a new process, nothing for a new thread.
//! Overhead: fork and clone only.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use minerwatch_common::{ForkRecord, RecordHeader};

use crate::{
    emit::{self, Context},
    kernel::load,
    task,
};

#[btf_tracepoint(function = "sched_process_fork")]
fn process_fork(context: BtfTracePointContext) -> i32 {
    report(Context::of(&context), context.arg(0), context.arg(1));
    0
}

#[inline(always)]
fn report(context: Context, parent: *const u8, child: *const u8) {
    let pid = load!(child, task_tgid, u32);
    let tid = load!(child, task_pid, u32);
    if pid != tid {
        return;
    }
    // The child starts with the cgroup and the user of its parent.
    let parent = task::header_of_current::<ForkRecord>(parent);
    emit::record(
        context,
        ForkRecord {
            header: RecordHeader { pid, tid, start: load!(child, task_start, u64), ..parent },
            parent_start: parent.start,
            parent_pid: parent.pid,
            reserved: 0,
            comm: zerocopy::transmute!(load!(child, task_comm, [u64; 2])),
        },
    );
}
