//! Traces: `syscalls:sys_exit_open`, `sys_exit_openat`, `sys_exit_openat2` and `sys_exit_creat`.
//! Kernel: kernel/trace/trace_syscalls.c. The result follows the common fields and the number of the call.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for successful opens for writing and opens of watched
//! devices. The record names the file that the kernel resolved, not the name that the process passed.
//! Overhead: a few reads of kernel memory for each open. A system-call tracepoint also puts all system calls of the
//! host on the slow entry path. Calls through io_uring are not seen.

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

/// Returns the address of the `struct file` of a descriptor of the current process.
#[inline(always)]
pub fn open_file(descriptor: u32) -> Result<Address, Unreadable> {
    let table = Address::current_task().follow(offset!(task_files))?.follow(offset!(files_table))?;
    let files = table.follow(offset!(table_files))?;
    Address(files.0 + u64::from(descriptor) * size_of::<u64>() as u64).follow(0)
}
