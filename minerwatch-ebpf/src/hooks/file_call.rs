//! Traces: `syscalls:sys_enter_*` and `syscalls:sys_exit_*` of all variants of rename, unlink, link, symlink
//! and chmod.
//! Kernel: kernel/trace/trace_syscalls.c. The arguments follow the common fields and the number of the call, with eight
//! bytes each.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for calls that succeeded. The hook reads names at the end of
//! the call, when their pages are in memory. Another thread may change a name during the call, as it may before the
//! call.
//! Overhead: a table entry for each of these calls. A system-call tracepoint also puts all system calls of the host on
//! the slow entry path. Calls through io_uring are not seen.

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
    path,
    system_call::argument,
    task,
};

/// Limit of concurrent file calls that are tracked.
const MAX_CALLS: u32 = 4_096;
/// The descriptor that means "relative to the working directory" (`AT_FDCWD`, include/uapi/linux/fcntl.h).
const WORKING_DIRECTORY: i32 = -100;
/// Stands for the descriptor of a name that is reported as the process passed it: the target of a symbolic link, which
/// the kernel does not look up. No descriptor has this number.
const AS_PASSED: i32 = i32::MIN;

/// The arguments of a call, stored until the call ends. An address of 0 means that the call has no such name.
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

/// The calls in progress, by thread.
#[map]
static CALLS: HashMap<u64, Call> = HashMap::with_max_entries(MAX_CALLS, 0);

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

/// Stores a call whose arguments are `(old, new)` until it ends.
#[inline(always)]
fn remember_names(context: &TracePointContext, operation: FileOperation) {
    remember(Call {
        name: argument(context, 0),
        second_name: argument(context, 1),
        operation: operation as u32,
        ..NO_CALL
    });
}

/// Stores a call whose first arguments are `(olddirfd, old, newdirfd, new)` until it ends.
#[inline(always)]
fn remember_names_at(context: &TracePointContext, operation: FileOperation) {
    remember(Call {
        directory: argument(context, 0) as i32,
        name: argument(context, 1),
        second_directory: argument(context, 2) as i32,
        second_name: argument(context, 3),
        operation: operation as u32,
        ..NO_CALL
    });
}

/// Runs when `rename(old, new)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_rename")]
fn rename_enter(context: TracePointContext) -> u32 {
    remember_names(&context, FileOperation::Rename);
    0
}

/// Runs when `renameat(olddirfd, old, newdirfd, new)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_renameat")]
fn renameat_enter(context: TracePointContext) -> u32 {
    remember_names_at(&context, FileOperation::Rename);
    0
}

/// Runs when `renameat2(olddirfd, old, newdirfd, new, flags)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_renameat2")]
fn renameat2_enter(context: TracePointContext) -> u32 {
    let flags = argument(&context, 4) as u32;
    remember_names_at(&context, files::rename_operation(flags));
    0
}

/// Runs when `link(old, new)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_link")]
fn link_enter(context: TracePointContext) -> u32 {
    remember_names(&context, FileOperation::Link);
    0
}

/// Runs when `linkat(olddirfd, old, newdirfd, new, flags)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_linkat")]
fn linkat_enter(context: TracePointContext) -> u32 {
    remember_names_at(&context, FileOperation::Link);
    0
}

/// Runs when `symlink(target, path)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_symlink")]
fn symlink_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: AS_PASSED,
        name: argument(&context, 0),
        second_name: argument(&context, 1),
        operation: FileOperation::Symlink as u32,
        ..NO_CALL
    });
    0
}

/// Runs when `symlinkat(target, dirfd, path)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_symlinkat")]
fn symlinkat_enter(context: TracePointContext) -> u32 {
    remember(Call {
        directory: AS_PASSED,
        name: argument(&context, 0),
        second_directory: argument(&context, 1) as i32,
        second_name: argument(&context, 2),
        operation: FileOperation::Symlink as u32,
        ..NO_CALL
    });
    0
}

/// Runs when `unlink(path)` is called.
#[tracepoint(category = "syscalls", name = "sys_enter_unlink")]
fn unlink_enter(context: TracePointContext) -> u32 {
    remember(Call { name: argument(&context, 0), operation: FileOperation::Delete as u32, ..NO_CALL });
    0
}

/// Runs when `unlinkat(dirfd, path, flags)` is called.
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

/// Runs when `chmod(path, mode)` is called.
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

/// Runs when `fchmodat(dirfd, path, mode)` or `fchmodat2(…, flags)` is called.
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

/// Runs when `fchmod(fd, mode)` is called.
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

/// Handles the end of all these calls. Reports the call if it succeeded.
#[tracepoint(category = "syscalls", name = "sys_exit_renameat")]
fn file_call_exit(context: TracePointContext) -> u32 {
    let thread = bpf_get_current_pid_tgid();
    // SAFETY: a live row that only this thread inserts and removes.
    let Some(call) = (unsafe { CALLS.get(thread) }).copied() else { return 0 };
    let _ = CALLS.remove(thread);
    // SAFETY: within the fixed layout of the tracepoint.
    if unsafe { context.read_at::<i64>(RESULT) } == Ok(0) {
        emit::count_if_unread(report(Context::of(&context), &call));
    }
    0
}

#[inline(always)]
fn report(context: Context, call: &Call) -> Outcome {
    let Some(operation) = FileOperation::from_number(call.operation as u16) else { return Err(Unreadable) };
    let details = FileDetails {
        operation,
        mode: call.mode,
        inode: 0,
        second_inode: 0,
        second_mode: 0,
        device: 0,
        special: 0,
        writable: false,
    };
    let first = NameArgument { directory: call.directory, name: call.name };
    if call.second_name == 0 {
        return files::send(context, Slot::Call, &details, &first, None::<&NameArgument>);
    }
    let second = NameArgument { directory: call.second_directory, name: call.second_name };
    files::send(context, Slot::Call, &details, &first, Some(&second))
}

/// The descriptor of a directory and a name, as the process passed them. The directory is not written if the name is
/// absolute, or if the descriptor is [`AS_PASSED`]. Without a name, the descriptor is that of the file itself.
struct NameArgument {
    directory: i32,
    name: u64,
}

impl Name for NameArgument {
    #[inline(always)]
    unsafe fn write(&self, target: *mut u8, cursor: *mut path::Cursor) -> Result<Written, Unreadable> {
        let Self { directory, name } = *self;
        let mut written = Written { directory: 0, name: 0, cut: false };
        let mut first = 0_u8;
        if name != 0 {
            // SAFETY: one byte on our own stack.
            unsafe { UserAddress(name).read_bytes(&raw mut first, 1) }?;
        }
        if first != b'/' && directory != AS_PASSED {
            let path = if directory == WORKING_DIRECTORY {
                Address::current_task().follow(offset!(task_fs))?.field(offset!(fs_directory))?
            } else {
                open_file(directory as u32)?.field(offset!(file_path))?
            };
            // SAFETY: the caller guarantees the memory.
            let walked = unsafe { path::walk(path::mount_and_entry(path)?, target, cursor) }?;
            written.directory = (walked.length as usize).min(MAX_PATH);
            written.cut = walked.cut;
        }
        if name != 0 {
            // SAFETY: the directory takes at most `MAX_PATH` bytes of the caller's memory, and the name fits after it.
            let length =
                unsafe { UserAddress(name).read_string(target.add(written.directory), MAX_NAME as u32) }?;
            written.name = (length as usize).min(MAX_NAME);
            written.cut |= written.name == MAX_NAME;
        }
        Ok(written)
    }
}
