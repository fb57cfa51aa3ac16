//! Traces: `syscalls:sys_exit_open`, `…_openat`, `…_openat2`, `…_creat`.
//! Kernel: kernel/trace/trace_syscalls.c; the result lies behind the common fields and the call's number.
//! Produces: [`FileRecord`] for regular files opened for writing or created, with the file the kernel
//! resolved, not the name the process gave.
//! Price: every open pays for finding its file's mode; any one system-call tracepoint puts all system calls
//! of the host on the slow entry path. Only for kernels where no LSM or fentry hook serves. Blind to io_uring.

use aya_ebpf::{
    macros::{map, tracepoint},
    maps::PerCpuArray,
    programs::TracePointContext,
};
use minerwatch_common::{FileOperation, FileRecord, MAX_PATH, RecordKind};

use crate::{
    constants::offset,
    emit::{self, Outcome},
    kernel::{Address, Unreadable},
    path, task,
};

/// Where the result of a system call lies in its exit tracepoint (events/syscalls/sys_exit_*/format).
pub const RESULT: usize = 16;

/// `file->f_mode` (include/linux/fs.h): open for writing, and created by this open.
const FMODE_WRITE: u32 = 0x2;
const FMODE_CREATED: u32 = 0x10_0000;

/// Type bits of a mode, and those of a regular file (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0o170_000;
const S_IFREG: u16 = 0o100_000;

#[repr(C)]
struct Scratch {
    record: FileRecord,
    tail: [u8; MAX_PATH],
    position: u32,
}

#[map]
static OPEN_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(1, 0);

#[tracepoint(category = "syscalls", name = "sys_exit_openat")]
fn file_open(context: TracePointContext) -> u32 {
    // SAFETY: within the tracepoint's fixed layout.
    if let Ok(descriptor) = unsafe { context.read_at::<i64>(RESULT) }
        && descriptor >= 0
    {
        let _ = report(descriptor as u32);
    }
    0
}

#[inline(always)]
fn report(descriptor: u32) -> Outcome {
    let file = open_file(descriptor)?;
    let mode: u32 = file.read(offset!(file_mode))?;
    if mode & FMODE_WRITE == 0 || task::is_agent() {
        return Ok(());
    }
    let inode = file.follow(offset!(file_inode))?;
    let inode_mode: u16 = inode.read(offset!(inode_mode))?;
    if inode_mode & S_IFMT != S_IFREG {
        return Ok(());
    }
    let Some(scratch) = OPEN_SCRATCH.get_ptr_mut(0) else { return Err(Unreadable) };
    // SAFETY: this CPU's own slot; the program neither sleeps nor nests.
    let scratch = unsafe { &mut *scratch };
    let opened = path::mount_and_entry(file.field(offset!(file_path))?)?;
    // SAFETY: the tail has room for one path.
    let walked = unsafe { path::walk(opened, scratch.tail.as_mut_ptr(), &raw mut scratch.position) }?;
    let operation = if mode & FMODE_CREATED == 0 { FileOperation::Write } else { FileOperation::Create };
    scratch.record = FileRecord {
        header: task::current_header::<FileRecord>(RecordKind::File),
        inode: inode.read(offset!(inode_number))?,
        device: inode.follow(offset!(inode_superblock))?.read(offset!(superblock_device))?,
        mode: u32::from(inode_mode),
        operation: operation as u16,
        cut: u16::from(walked.cut),
        directory_length: walked.length as u16,
        name_length: 0,
        second_directory_length: 0,
        second_name_length: 0,
        reserved: 0,
    };
    scratch.record.header.length += walked.length;
    // Read back, so that what is checked and what is passed on are one register: from a sum the compiler makes two,
    // and up to 6.1 the verifier does not see that they belong together.
    // SAFETY: the scratch memory.
    let total = unsafe { (&raw const scratch.record.header.length).read_volatile() } as usize;
    if total > size_of::<FileRecord>() + MAX_PATH {
        return Err(Unreadable);
    }
    // SAFETY: record and tail lie side by side, and `total` is at most the length of both.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const scratch.record).cast::<u8>(), total) };
    emit::bytes(RecordKind::File, bytes);
    Ok(())
}

/// The open file behind a descriptor of the current process.
#[inline(always)]
pub fn open_file(descriptor: u32) -> Result<Address, Unreadable> {
    let table = Address::current_task().follow(offset!(task_files))?.follow(offset!(files_table))?;
    let files = table.follow(offset!(table_files))?;
    Address(files.0 + u64::from(descriptor) * size_of::<u64>() as u64).follow(0)
}
