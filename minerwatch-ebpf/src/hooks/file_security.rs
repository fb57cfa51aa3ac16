//! Traces: every open that passed the permission checks, whichever system call it comes from, io_uring included.
//! Kernel: security/security.c, `security_file_open(struct file *file)`, called from fs/open.c before the file system or
//! driver opens the file.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for opens worth reporting, with the file that the kernel
//! resolved. If the driver or file system refuses afterwards, the open is still reported as a success.
//! Overhead: each open; two loads are enough to pass over an open for reading.

use aya_ebpf::{macros::fexit, programs::FExitContext};

use crate::{
    emit::{Context, Outcome},
    files::Opened,
    kernel::{Address, load},
};

#[fexit(function = "security_file_open")]
fn open_allowed(context: FExitContext) -> i32 {
    if context.arg::<i32>(1) == 0 {
        let _ = report(Context::of(&context), context.arg(0));
    }
    0
}

#[inline(always)]
fn report(context: Context, file: *const u8) -> Outcome {
    let inode = load!(file, file_inode, *const u8);
    let opened = Opened {
        file: Address(file as u64),
        file_mode: load!(file, file_mode, u32),
        inode: Address(inode as u64),
        inode_mode: load!(inode, inode_mode, u16),
    };
    opened.report(context)
}
