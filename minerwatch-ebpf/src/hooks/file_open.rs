//! Traces: `syscalls:sys_exit_open`, `…_openat`, `…_openat2`, `…_creat`.
//! Kernel: kernel/trace/trace_syscalls.c; the result follows the common fields and the number of the call.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for opens that succeeded and are worth reporting, with the file
//! that the kernel resolved, not the name that the process passed.
//! Overhead: each open reads the mode of its file; any system-call tracepoint puts all system calls of the host on the
//! slow entry path. Does not see io_uring.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use crate::{
    constants::offset,
    emit::{Context, Outcome},
    files::Opened,
    kernel::{Address, Unreadable},
};

/// The offset of the result in the exit tracepoint of a system call (events/syscalls/sys_exit_*/format).
pub const RESULT: usize = 16;

#[tracepoint(category = "syscalls", name = "sys_exit_openat")]
fn file_open(context: TracePointContext) -> u32 {
    // SAFETY: within the fixed layout of the tracepoint.
    if let Ok(descriptor) = unsafe { context.read_at::<i64>(RESULT) }
        && descriptor >= 0
    {
        let _ = report(Context::of(&context), descriptor as u32);
    }
    0
}

#[inline(always)]
fn report(context: Context, descriptor: u32) -> Outcome {
    Opened::read(open_file(descriptor)?)?.report(context)
}

/// The open file behind a descriptor of the current process.
#[inline(always)]
pub fn open_file(descriptor: u32) -> Result<Address, Unreadable> {
    let table = Address::current_task().follow(offset!(task_files))?.follow(offset!(files_table))?;
    let files = table.follow(offset!(table_files))?;
    Address(files.0 + u64::from(descriptor) * size_of::<u64>() as u64).follow(0)
}
