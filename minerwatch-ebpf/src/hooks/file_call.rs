//! Traces: `syscalls:sys_enter_*` and `sys_exit_*` of rename, unlink and chmod in all their forms.
//! Kernel: kernel/trace/trace_syscalls.c; the arguments follow the common fields and the number of the call, eight bytes
//! each.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for calls that succeeded. Names are read at the end of the call,
//! when their pages are in memory. Another thread could change a name in between, but it could also do so before the call.
//! Overhead: a table entry for each of these calls; any system-call tracepoint puts all system calls of the host on the
//! slow entry path. Does not see io_uring.

use aya_ebpf::{
    helpers::bpf_get_current_pid_tgid,
    macros::{map, tracepoint},
    maps::HashMap,
    programs::TracePointContext,
};
use minerwatch_common::{FileOperation, Loss, MAX_NAME, MAX_PATH};

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    files::{self, FileDetails, Name, Slot, Written},
    hooks::file_open::{RESULT, open_file},
    kernel::{Address, Unreadable, UserAddress},
    path, task,
};

/// The most calls in progress at once.
const MAX_CALLS: u32 = 4_096;
/// The descriptor that means "relative to the working directory" (`AT_FDCWD`, include/uapi/linux/fcntl.h).
const WORKING_DIRECTORY: i32 = -100;

/// The arguments of a call, stored until it ends. An address of 0 means that there is no such name.
#[derive(Clone, Copy)]
#[repr(C)]
struct Call {
    name: u64,
    second_name: u64,
    directory: i32,
    second_directory: i32,
    mode: u32,
    operation: u32,
}

/// Calls in progress, by thread.
#[map]
static CALLS: HashMap<u64, Call> = HashMap::with_max_entries(MAX_CALLS, 0);

/// An argument of a system call at its entry, counted from 0.
#[inline(always)]
fn argument(context: &TracePointContext, index: usize) -> u64 {
    // SAFETY: within the fixed layout of the tracepoint, as the call has at least that many arguments.
    unsafe { context.read_at(16 + 8 * index) }.unwrap_or(0)
}

#[inline(always)]
fn remember(call: Call) {
    if task::is_agent() {
        return;
    }
    if CALLS.insert(bpf_get_current_pid_tgid(), call, 0).is_err() {
        emit::count(Loss::CallTableFull);
    }
}

const NO_CALL: Call = Call {
    name: 0,
    second_name: 0,
    directory: WORKING_DIRECTORY,
    second_directory: WORKING_DIRECTORY,
    mode: 0,
    operation: 0,
};

/// rename(old, new)
#[tracepoint(category = "syscalls", name = "sys_enter_rename")]
fn rename_enter(context: TracePointContext) -> u32 {
    remember(Call {
        name: argument(&context, 0),
        second_name: argument(&context, 1),
        operation: FileOperation::Rename as u32,
        ..NO_CALL
    });
    0
}

/// renameat(olddirfd, old, newdirfd, new), renameat2(…, flags)
#[tracepoint(category = "syscalls", name = "sys_enter_renameat")]
fn renameat_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: argument(&context, 0) as i32,
        name: argument(&context, 1),
        second_directory: argument(&context, 2) as i32,
        second_name: argument(&context, 3),
        operation: FileOperation::Rename as u32,
        ..NO_CALL
    });
    0
}

/// unlink(path)
#[tracepoint(category = "syscalls", name = "sys_enter_unlink")]
fn unlink_enter(context: TracePointContext) -> u32 {
    remember(Call { name: argument(&context, 0), operation: FileOperation::Delete as u32, ..NO_CALL });
    0
}

/// unlinkat(dirfd, path, flags)
#[tracepoint(category = "syscalls", name = "sys_enter_unlinkat")]
fn unlinkat_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: argument(&context, 0) as i32,
        name: argument(&context, 1),
        operation: FileOperation::Delete as u32,
        ..NO_CALL
    });
    0
}

/// chmod(path, mode)
#[tracepoint(category = "syscalls", name = "sys_enter_chmod")]
fn chmod_enter(context: TracePointContext) -> u32 {
    remember(Call {
        name: argument(&context, 0),
        mode: argument(&context, 1) as u32,
        operation: FileOperation::Chmod as u32,
        ..NO_CALL
    });
    0
}

/// fchmodat(dirfd, path, mode), fchmodat2(…, flags)
#[tracepoint(category = "syscalls", name = "sys_enter_fchmodat")]
fn fchmodat_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: argument(&context, 0) as i32,
        name: argument(&context, 1),
        mode: argument(&context, 2) as u32,
        operation: FileOperation::Chmod as u32,
        ..NO_CALL
    });
    0
}

/// fchmod(fd, mode)
#[tracepoint(category = "syscalls", name = "sys_enter_fchmod")]
fn fchmod_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: argument(&context, 0) as i32,
        mode: argument(&context, 1) as u32,
        operation: FileOperation::Chmod as u32,
        ..NO_CALL
    });
    0
}

/// The end of any of these calls.
#[tracepoint(category = "syscalls", name = "sys_exit_renameat")]
fn file_call_exit(context: TracePointContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: a live row that only this thread adds and removes.
    let Some(call) = (unsafe { CALLS.get(thread) }).copied() else { return 0 };
    let _ = CALLS.remove(thread);
    // SAFETY: within the fixed layout of the tracepoint.
    if unsafe { context.read_at::<i64>(RESULT) } == Ok(0) {
        let _ = report(Context::of(&context), &call);
    }
    0
}

#[inline(always)]
fn report(context: Context, call: &Call) -> Outcome {
    let Some(operation) = FileOperation::from_number(call.operation as u16) else { return Err(Unreadable) };
    let details =
        FileDetails { operation, mode: call.mode, inode: 0, device: 0, special: 0, writable: false };
    let first = NameArgument { directory: call.directory, name: call.name };
    if call.second_name == 0 {
        return files::send(context, Slot::Call, &details, &first, None);
    }
    let second = NameArgument { directory: call.second_directory, name: call.second_name };
    files::send(context, Slot::Call, &details, &first, Some(&second))
}

/// A directory's descriptor and a name in it, as the process passed them. The directory is omitted if the name is absolute.
/// Without a name the descriptor is that of the file itself.
struct NameArgument {
    directory: i32,
    name: u64,
}

impl Name for NameArgument {
    #[inline(always)]
    unsafe fn write(&self, target: *mut u8, position: *mut u32) -> Result<Written, Unreadable> {
        let Self { directory, name } = *self;
        let mut written = Written { directory: 0, name: 0, cut: false };
        let mut first = 0_u8;
        if name != 0 {
            // SAFETY: one byte on our own stack.
            unsafe { UserAddress(name).read_bytes(&raw mut first, 1) }?;
        }
        if first != b'/' {
            let path = if directory == WORKING_DIRECTORY {
                Address::current_task().follow(offset!(task_fs))?.field(offset!(fs_directory))?
            } else {
                open_file(directory as u32)?.field(offset!(file_path))?
            };
            // SAFETY: the caller guarantees the memory.
            let walked = unsafe { path::walk(path::mount_and_entry(path)?, target, position) }?;
            written.directory = (walked.length as usize).min(MAX_PATH);
            written.cut = walked.cut;
        }
        if name != 0 {
            // SAFETY: the directory took at most one path of the caller's memory.
            let length =
                unsafe { UserAddress(name).read_string(target.add(written.directory), MAX_NAME as u32) }?;
            written.name = (length as usize).min(MAX_NAME);
            written.cut |= written.name == MAX_NAME;
        }
        Ok(written)
    }
}
