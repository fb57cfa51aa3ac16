//! Traces: every open that passed the permission checks, by any system call, io_uring included.
//! Kernel: security/security.c, `security_file_open(struct file *file)`, called from fs/open.c before the file system
//! or driver opens the file.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for opens for writing and opens of watched devices. The
//! record names the file that the kernel resolved. If the driver or file system refuses the open afterwards, the open
//! is still reported as a success.
//! Overhead: three field loads for each open. An open of a regular file for reading costs nothing more.

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
