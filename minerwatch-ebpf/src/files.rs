//! Shared by all hooks on files: which opens are reported, and how a [`FileRecord`] is built and sent.

use aya_ebpf::{macros::map, maps::PerCpuArray};
use minerwatch_common::{
    FileOperation, FileRecord, MAX_COMPONENT, MAX_FILE_TAIL, MAX_NAME, MAX_PATH, WatchedDevices,
};

use crate::{
    constants::{offset, setting},
    emit::{self, Context, Outcome},
    kernel::{Address, Unreadable},
    path, task,
};

/// Bits of `file->f_mode` (include/linux/fs.h): open for reading; open for writing; created by this open; internal to the
/// kernel, like the real file below a file of overlayfs.
const FMODE_READ: u32 = 0x1;
const FMODE_WRITE: u32 = 0x2;
const FMODE_CREATED: u32 = 0x10_0000;
const FMODE_NOACCOUNT: u32 = 0x2000_0000;

/// The type bits of a mode: mask, regular file, character device (include/uapi/linux/stat.h).
const S_IFMT: u16 = 0o170_000;
const S_IFREG: u16 = 0o100_000;
const S_IFCHR: u16 = 0o020_000;

/// The scratch memory in which a record is built. fentry and fexit programs may preempt one another on the same CPU, so
/// each group of programs has a slot of its own.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Slot {
    /// Opens.
    Open,
    /// System calls that change files.
    Call,
    /// Removals.
    Unlink,
    /// Renames.
    Rename,
    /// Changes of mode.
    Chmod,
}

/// How many slots there are.
pub const SLOTS: u32 = Slot::Chmod as u32 + 1;

#[repr(C)]
struct Scratch {
    record: FileRecord,
    tail: [u8; MAX_FILE_TAIL],
    position: u32,
}

#[map]
static FILE_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(SLOTS, 0);

/// The contents of a record apart from the process and the paths.
pub struct FileDetails {
    /// What was done.
    pub operation: FileOperation,
    /// Type and permission bits afterwards, 0 if unknown.
    pub mode: u32,
    /// The file, 0 if unknown.
    pub inode: u64,
    /// The device that the file is on, 0 if unknown.
    pub device: u32,
    /// The number of an opened device, else 0.
    pub special: u32,
    /// Whether a device was opened for writing.
    pub writable: bool,
}

/// An open file: as much as it takes to decide whether the open is reported.
pub struct Opened {
    /// `struct file`.
    pub file: Address,
    /// Its `f_mode`.
    pub file_mode: u32,
    /// Its inode.
    pub inode: Address,
    /// The inode's `i_mode`.
    pub inode_mode: u16,
}

impl Opened {
    /// Reads these for a `file` whose type the verifier does not know.
    #[inline(always)]
    pub fn read(file: Address) -> Result<Self, Unreadable> {
        let inode = file.follow(offset!(file_inode))?;
        Ok(Self {
            file,
            file_mode: file.read(offset!(file_mode))?,
            inode,
            inode_mode: inode.read(offset!(inode_mode))?,
        })
    }

    /// Decides which opens are reported: a regular file that is opened for writing, and a watched device in any mode.
    #[inline(always)]
    fn operation(&self) -> Option<(FileOperation, u32)> {
        if self.file_mode & FMODE_NOACCOUNT != 0 {
            return None;
        }
        match self.inode_mode & S_IFMT {
            S_IFREG if self.file_mode & FMODE_WRITE == 0 => None,
            S_IFREG if self.file_mode & FMODE_CREATED == 0 => Some((FileOperation::Write, 0)),
            S_IFREG => Some((FileOperation::Create, 0)),
            S_IFCHR if self.file_mode & (FMODE_READ | FMODE_WRITE) != 0 => {
                let number = self.inode.read(offset!(inode_special)).ok()?;
                is_watched(number).then_some((FileOperation::OpenDevice, number))
            }
            _ => None,
        }
    }

    /// Reports the open if it is one of those.
    #[inline(always)]
    pub fn report(&self, context: Context) -> Outcome {
        let Some((operation, special)) = self.operation() else { return Ok(()) };
        if task::is_agent() {
            return Ok(());
        }
        let (mount, entry) = path::mount_and_entry(self.file.field(offset!(file_path))?)?;
        let details = FileDetails {
            operation,
            mode: u32::from(self.inode_mode),
            inode: self.inode.read(offset!(inode_number))?,
            device: device_of(self.inode)?,
            special,
            writable: self.file_mode & FMODE_WRITE != 0,
        };
        send(context, Slot::Open, &details, &Entry { mount, entry, name: Address(0) }, None)
    }
}

#[inline(always)]
fn is_watched(number: u32) -> bool {
    let ranges = setting!(devices);
    ranges.iter().any(|WatchedDevices { first, last }| (*first..=*last).contains(&number))
}

/// The device that an inode is on.
#[inline(always)]
pub fn device_of(inode: Address) -> Result<u32, Unreadable> {
    inode.follow(offset!(inode_superblock))?.read(offset!(superblock_device))
}

/// How many bytes [`Name::write`] wrote.
pub struct Written {
    /// For the directory, at most [`MAX_PATH`].
    pub directory: usize,
    /// For the name, at most [`MAX_NAME`].
    pub name: usize,
    /// Whether either was truncated.
    pub cut: bool,
}

/// The path of a file: a directory and a name in it, either of which may be missing.
pub trait Name {
    /// Writes the directory, then the name.
    ///
    /// # Safety
    /// `target` must be writable for a path and a name.
    unsafe fn write(&self, target: *mut u8, position: *mut u32) -> Result<Written, Unreadable>;
}

/// A directory entry, and optionally the name of an entry in it.
pub struct Entry {
    /// `struct vfsmount`.
    pub mount: Address,
    /// `struct dentry`.
    pub entry: Address,
    /// The name in kernel memory, ending with a NUL; 0 if there is none.
    pub name: Address,
}

impl Name for Entry {
    #[inline(always)]
    unsafe fn write(&self, target: *mut u8, position: *mut u32) -> Result<Written, Unreadable> {
        // SAFETY: the caller guarantees the memory.
        let walked = unsafe { path::walk((self.mount, self.entry), target, position) }?;
        let mut written =
            Written { directory: (walked.length as usize).min(MAX_PATH), name: 0, cut: walked.cut };
        if self.name.0 != 0 {
            // SAFETY: the directory took at most one path of the caller's memory.
            let length =
                unsafe { self.name.read_string(target.add(written.directory), MAX_COMPONENT as u32) }?;
            written.name = (length as usize).min(MAX_COMPONENT);
        }
        Ok(written)
    }
}

/// Builds a record and sends it.
#[inline(always)]
pub fn send<N: Name>(
    context: Context,
    slot: Slot,
    details: &FileDetails,
    first: &N,
    second: Option<&N>,
) -> Outcome {
    let Some(scratch) = FILE_SCRATCH.get_ptr_mut(slot as u32) else { return Err(Unreadable) };
    // SAFETY: memory of this CPU and of this slot, whose programs do not nest.
    let scratch = unsafe { &mut *scratch };
    let tail = scratch.tail.as_mut_ptr();
    scratch.record = FileRecord {
        header: task::current_header::<FileRecord>(),
        inode: details.inode,
        device: details.device,
        mode: details.mode,
        operation: details.operation as u16,
        cut: 0,
        directory_length: 0,
        name_length: 0,
        second_directory_length: 0,
        second_name_length: 0,
        result: 0,
        special: details.special,
        writable: u32::from(details.writable),
    };
    // SAFETY: the tail has room for two paths and two names.
    let written = unsafe { first.write(tail, &raw mut scratch.position) }?;
    scratch.record.directory_length = written.directory as u16;
    scratch.record.name_length = written.name as u16;
    scratch.record.cut = u16::from(written.cut);
    let mut end = written.directory + written.name;
    if let Some(second) = second {
        if end > MAX_PATH + MAX_NAME {
            return Err(Unreadable);
        }
        // SAFETY: the first pair took at most its half of the tail.
        let written = unsafe { second.write(tail.add(end), &raw mut scratch.position) }?;
        scratch.record.second_directory_length = written.directory as u16;
        scratch.record.second_name_length = written.name as u16;
        scratch.record.cut |= u16::from(written.cut);
        end += written.directory + written.name;
    }
    scratch.record.header.length += end as u32;
    // The sum is read back so that the same register is checked and passed on. Otherwise the compiler uses two registers,
    // and the verifiers up to 6.1 do not see that they are equal.
    // SAFETY: our scratch memory.
    let total = unsafe { (&raw const scratch.record.header.length).read_volatile() } as usize;
    if total > size_of::<FileRecord>() + MAX_FILE_TAIL {
        return Err(Unreadable);
    }
    // SAFETY: record and tail are adjacent, and `total` is at most the length of both.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const scratch.record).cast::<u8>(), total) };
    emit::with_tail::<FileRecord>(context, bytes);
    Ok(())
}
