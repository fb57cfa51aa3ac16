//! Traces: `sched:sched_process_exec`, in the process, once the new program is loaded.
//! Kernel: fs/exec.c, `trace_sched_process_exec(struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)`.
//! Produces: [`ExecRecord`].
//! Overhead: exec only.

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};
use minerwatch_common::{ExecFlags, ExecRecord, MAX_ARGUMENTS, MAX_COMPONENT, MAX_EXEC_TAIL, MAX_PATH};

use crate::{
    constants::offset,
    emit::{self, Context, Outcome},
    hooks::memory_map,
    kernel::{Address, Unreadable, UserAddress},
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

#[raw_tracepoint(tracepoint = "sched_process_exec")]
fn process_exec(context: RawTracePointContext) -> i32 {
    let _ = report(Context::of(&context), Address(context.arg(0)), Address(context.arg(2)));
    0
}

#[inline(always)]
fn report(context: Context, task: Address, binary: Address) -> Outcome {
    let Some(scratch) = EXEC_SCRATCH.get_ptr_mut(0) else { return Err(Unreadable) };
    // SAFETY: the slot of this CPU. The program does not sleep and does not nest.
    let scratch = unsafe { &mut *scratch };
    let record = &mut scratch.record;
    record.header = task::current_header::<ExecRecord>();
    memory_map::forget(record.header.pid);
    record.flags = 0;
    describe_lineage(task, record)?;
    record.capabilities = capabilities(task);
    describe_namespaces(task, record);
    record.comm = task.read(offset!(task_comm))?;
    let tail = scratch.tail.as_mut_ptr();

    let memory = task.follow(offset!(task_mm))?;
    let file = memory.follow(offset!(mm_exe_file))?;
    describe_file(file, record);
    let file_path = path::mount_and_entry(file.field(offset!(file_path))?)?;
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

    let directory = task.follow(offset!(task_fs))?.field(offset!(fs_directory))?;
    let directory = path::mount_and_entry(directory)?;
    // SAFETY: `end` is at most one path, and a second path fits after it.
    let walked = unsafe { path::walk(directory, tail.add(end), &raw mut scratch.cursor) }?;
    if walked.cut {
        record.flags |= ExecFlags::DIRECTORY_CUT;
    }
    let length = bounded(walked.length, MAX_PATH);
    record.directory_length = length as u16;
    end += length;

    let name = binary.follow(offset!(binprm_filename))?;
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
fn describe_lineage(task: Address, record: &mut ExecRecord) -> Outcome {
    let parent = task.follow(offset!(task_real_parent))?;
    record.parent_pid = parent.read(offset!(task_tgid))?;
    record.parent_start = task::start_of(parent)?;
    record.parent_capabilities = capabilities(parent);
    record.session = session(task).unwrap_or(0);
    Ok(())
}

#[inline(always)]
fn session(task: Address) -> Result<u32, Unreadable> {
    let pids = task.follow(offset!(task_signal))?.field(offset!(signal_pids))?;
    pids.follow(PIDTYPE_SID * size_of::<u64>() as u32)?.read(offset!(pid_number))
}

#[inline(always)]
fn capabilities(task: Address) -> u64 {
    task.follow(offset!(task_cred)).and_then(|cred| cred.read(offset!(cred_effective))).unwrap_or(0)
}

#[inline(always)]
fn describe_namespaces(task: Address, record: &mut ExecRecord) {
    record.mount_namespace = 0;
    record.pid_namespace = 0;
    record.network_namespace = 0;
    if let Ok(proxy) = task.follow(offset!(task_nsproxy)) {
        let inode = |pointer, inode| proxy.follow(pointer).and_then(|it| it.read::<u32>(inode)).unwrap_or(0);
        record.mount_namespace = inode(offset!(nsproxy_mount), offset!(mount_namespace_inode));
        record.pid_namespace = inode(offset!(nsproxy_pid), offset!(pid_namespace_inode));
        record.network_namespace = inode(offset!(nsproxy_network), offset!(network_namespace_inode));
    }
    record.user_namespace = task
        .follow(offset!(task_cred))
        .and_then(|cred| cred.follow(offset!(cred_user_namespace)))
        .and_then(|namespace| namespace.read(offset!(user_namespace_inode)))
        .unwrap_or(0);
}

#[inline(always)]
fn describe_file(file: Address, record: &mut ExecRecord) {
    record.inode = 0;
    record.device = 0;
    record.mode = 0;
    let Ok(inode) = file.follow(offset!(file_inode)) else { return };
    record.inode = inode.read(offset!(inode_number)).unwrap_or(0);
    record.mode = inode.read(offset!(inode_mode)).unwrap_or(0);
    record.device = inode
        .follow(offset!(inode_superblock))
        .and_then(|superblock| superblock.read(offset!(superblock_device)))
        .unwrap_or(0);
    if inode.read::<u32>(offset!(inode_links)).is_ok_and(|links| links == 0) {
        record.flags |= ExecFlags::DELETED;
    }
}

/// Copies the arguments, which are adjacent on the new stack, and returns their length in bytes.
///
/// # Safety
/// `target` must be writable for [`MAX_ARGUMENTS`] bytes.
#[inline(always)]
unsafe fn copy_arguments(memory: Address, target: *mut u8, flags: &mut u16) -> usize {
    let (Ok(start), Ok(end)) =
        (memory.read::<u64>(offset!(mm_arg_start)), memory.read::<u64>(offset!(mm_arg_end)))
    else {
        *flags |= ExecFlags::ARGUMENTS_UNREADABLE;
        return 0;
    };
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
