//! Traces: `syscalls:sys_exit_open`, `…_openat`, `…_openat2`, `…_creat`.
//! Kernel: kernel/trace/trace_syscalls.c; the result lies behind the common fields and the call's number.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for opens that succeeded and matter, with the file the
//! kernel resolved, not the name the process gave.
//! Price: every open pays for finding its file's mode; any one system-call tracepoint puts all system calls
//! of the host on the slow entry path. Blind to io_uring.

use aya_ebpf::{macros::tracepoint, programs::TracePointContext};

use crate::{
    constants::offset,
    emit::{Context, Outcome},
    files::Opened,
    kernel::{Address, Unreadable},
};

/// Where the result of a system call lies in its exit tracepoint (events/syscalls/sys_exit_*/format).
pub const RESULT: usize = 16;

#[tracepoint(category = "syscalls", name = "sys_exit_openat")]
fn file_open(context: TracePointContext) -> u32 {
    // SAFETY: within the tracepoint's fixed layout.
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
