//! Traces: `sched:sched_process_exec`, in the process, once the new program is loaded.
//! Kernel: fs/exec.c, `trace_sched_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)`.
//! Produces: [`ExecRecord`].
//! Overhead: exec only.

use aya_ebpf::{
    macros::{btf_tracepoint, map},
    maps::PerCpuArray,
    programs::BtfTracePointContext,
};
use minerwatch_common::{
    ABSENT, ExecFlags, ExecRecord, MAX_ARGUMENTS, MAX_COMPONENT, MAX_EXEC_TAIL, MAX_PATH,
};

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    hooks::memory_map,
    kernel::{Address, Unreadable, UserAddress, load, load_or},
    path, task,
};

/// Index of the session in `pids` of `struct signal_struct` (include/linux/pid_types.h: PID, TGID, PGID, SID).
const PIDTYPE_SID: u32 = 3;

/// Scratch memory in which the record is built, because the record is too large for the stack. The tail has room for
/// the longest paths, name and arguments together, so each read can be bounded by a constant.
#[repr(C)]
struct Scratch {
    record: ExecRecord,
    tail: [u8; MAX_EXEC_TAIL],
    cursor: path::Cursor,
}

#[map]
static EXEC_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

#[btf_tracepoint(function = "sched_process_exec")]
fn process_exec(context: BtfTracePointContext) -> i32 {
    emit::count_if_unread(report(Context::of(&context), context.arg(0), context.arg(2)));
    0
}

#[inline(always)]
fn report(context: Context, task: *const u8, binary: *const u8) -> Outcome {
    let Some(scratch) = EXEC_SCRATCH.get_ptr_mut(0) else { return Err(Unreadable) };
    // SAFETY: the slot of this CPU. The program does not sleep and does not nest.
    let scratch = unsafe { &mut *scratch };
    let record = &mut scratch.record;
    record.header = task::header_of_current::<ExecRecord>(task);
    memory_map::forget(record.header.pid);
    record.flags = 0;
    describe_lineage(task, record);
    record.capabilities = capabilities(task);
    describe_namespaces(task, record);
    record.comm = zerocopy::transmute!(load!(task, task_comm, [u64; 2]));
    let tail = scratch.tail.as_mut_ptr();

    let memory = load!(task, task_mm, *const u8);
    let file = load!(memory, mm_exe_file, *const u8);
    describe_file(file, record);
    let file_path = path::mount_and_entry(Address(file as u64).field(offset!(file_path))?)?;
    // SAFETY: the tail has room for two paths, a name and the arguments.
    let walked = unsafe { path::walk(file_path, tail, &raw mut scratch.cursor) }?;
    if walked.cut {
        record.flags |= ExecFlags::PATH_CUT;
    }
    // SAFETY: the tail is longer than six bytes.
    if walked.rootless && unsafe { core::slice::from_raw_parts(tail, 6) } == b"memfd:" {
        record.flags |= ExecFlags::MEMFD;
    }
    let mut end = bounded(walked.length, MAX_PATH);
    record.path_length = end as u16;

    let directory = Address(load!(task, task_fs, *const u8) as u64).field(offset!(fs_directory))?;
    let directory = path::mount_and_entry(directory)?;
    // SAFETY: `end` is at most one path, and a second path fits after it.
    let walked = unsafe { path::walk(directory, tail.add(end), &raw mut scratch.cursor) }?;
    if walked.cut {
        record.flags |= ExecFlags::DIRECTORY_CUT;
    }
    let length = bounded(walked.length, MAX_PATH);
    record.directory_length = length as u16;
    end += length;

    let name = Address(load!(binary, binprm_filename, u64));
    // SAFETY: `end` is at most two paths, and a name fits after them.
    let length = unsafe { name.read_string(tail.add(end), MAX_COMPONENT as u32) }.unwrap_or(0);
    let length = bounded(length, MAX_COMPONENT);
    record.name_length = length as u16;
    end += length;

    // SAFETY: `end` is at most two paths and a name, and the arguments fit after them.
    let length = unsafe { copy_arguments(memory, tail.add(end), &mut record.flags) };
    record.arguments_length = length as u16;
    end += length;

    record.header.length = (size_of::<ExecRecord>() + end) as u32;
    let total = bounded(record.header.length, size_of::<ExecRecord>() + MAX_EXEC_TAIL);
    // SAFETY: record and tail are adjacent in the scratch memory, which is as long as the largest `total`.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const scratch.record).cast::<u8>(), total) };
    emit::with_tail::<ExecRecord>(context, bytes);
    Ok(())
}

/// Limits a length in a form that the verifier understands.
#[inline(always)]
fn bounded(length: u32, limit: usize) -> usize {
    let length = length as usize;
    if length > limit { limit } else { length }
}

#[inline(always)]
fn describe_lineage(task: *const u8, record: &mut ExecRecord) {
    let parent = load!(task, task_real_parent, *const u8);
    record.parent_pid = load!(parent, task_tgid, u32);
    record.parent_start = load!(load!(parent, task_leader, *const u8), task_start, u64);
    record.parent_capabilities = capabilities(parent);
    record.session = session(task).unwrap_or(0);
}

#[inline(always)]
fn session(task: *const u8) -> Result<u32, Unreadable> {
    let pids = Address(load!(task, task_signal, *const u8) as u64).field(offset!(signal_pids))?;
    pids.follow(PIDTYPE_SID * size_of::<u64>() as u32)?.read(offset!(pid_number))
}

#[inline(always)]
fn capabilities(task: *const u8) -> u64 {
    load!(load!(task, task_cred, *const u8), cred_effective, u64)
}

/// Loads the inode number of a namespace, 0 if this kernel has no such field.
macro_rules! namespace {
    ($object:expr, $pointer:ident, $inode:ident) => {
        if offset!($pointer) == ABSENT {
            0
        } else {
            load_or!(load!($object, $pointer, *const u8), $inode, u32, 0)
        }
    };
}

#[inline(always)]
fn describe_namespaces(task: *const u8, record: &mut ExecRecord) {
    let proxy = load!(task, task_nsproxy, *const u8);
    record.mount_namespace = namespace!(proxy, nsproxy_mount, mount_namespace_inode);
    record.pid_namespace = namespace!(proxy, nsproxy_pid, pid_namespace_inode);
    record.network_namespace = namespace!(proxy, nsproxy_network, network_namespace_inode);
    let cred = load!(task, task_cred, *const u8);
    record.user_namespace = namespace!(cred, cred_user_namespace, user_namespace_inode);
}

#[inline(always)]
fn describe_file(file: *const u8, record: &mut ExecRecord) {
    let inode = load!(file, file_inode, *const u8);
    record.inode = load!(inode, inode_number, u64);
    record.mode = load!(inode, inode_mode, u16);
    record.device = load!(load!(inode, inode_superblock, *const u8), superblock_device, u32);
    if load!(inode, inode_links, u32) == 0 {
        record.flags |= ExecFlags::DELETED;
    }
}

/// Copies the arguments, which are adjacent on the new stack, and returns their length in bytes.
///
/// # Safety
/// `target` must be writable for [`MAX_ARGUMENTS`] bytes.
#[inline(always)]
unsafe fn copy_arguments(memory: *const u8, target: *mut u8, flags: &mut u16) -> usize {
    let (start, end) = (load!(memory, mm_arg_start, u64), load!(memory, mm_arg_end, u64));
    let mut length = end.wrapping_sub(start);
    if length > MAX_ARGUMENTS as u64 {
        length = MAX_ARGUMENTS as u64;
        *flags |= ExecFlags::ARGUMENTS_CUT;
    }
    // SAFETY: the caller guarantees the memory, and `length` is at most `MAX_ARGUMENTS`.
    if unsafe { UserAddress(start).read_bytes(target, length as u32) }.is_err() {
        *flags |= ExecFlags::ARGUMENTS_UNREADABLE;
        return 0;
    }
    length as usize
}
