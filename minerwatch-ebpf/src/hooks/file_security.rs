//! Traces: every open that passed the checks of permission, whichever way it was asked for.
//! Kernel: security/security.c, `security_file_open(struct file *file)`, called from fs/open.c before the file system or
//! driver opens it.
//! Produces: [`FileRecord`](minerwatch_common::FileRecord) for opens that matter, with the file the kernel resolved. A
//! driver or file system that refuses afterwards is not seen: an attempt at a device is reported like a success.
//! Price: each open; two loads decide that one for reading does not matter. Sees io_uring.

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
