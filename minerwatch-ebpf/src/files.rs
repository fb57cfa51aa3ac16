//! Code that all hooks on files share. It decides which opens are reported, and builds and sends the [`FileRecord`].

mod repeats;

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

// Bits of `file->f_mode` (include/linux/fs.h).

/// The file is open for reading.
const FMODE_READ: u32 = 0x1;
/// The file is open for writing.
const FMODE_WRITE: u32 = 0x2;
/// This open created the file.
const FMODE_CREATED: u32 = 0x10_0000;
/// The open is internal to the kernel, for example of the real file below a file of overlayfs.
const FMODE_NOACCOUNT: u32 = 0x2000_0000;

// The file type in a mode (include/uapi/linux/stat.h).

/// Mask of the type bits.
const S_IFMT: u16 = 0o170_000;
/// Regular file.
const S_IFREG: u16 = 0o100_000;
/// Character device.
const S_IFCHR: u16 = 0o020_000;

/// Flag of renameat2(2): the two files exchange their names (include/uapi/linux/fcntl.h).
const RENAME_EXCHANGE: u32 = 1 << 1;

/// Returns the operation of a rename with these flags.
#[inline(always)]
pub fn rename_operation(flags: u32) -> FileOperation {
    if flags & RENAME_EXCHANGE == 0 { FileOperation::Rename } else { FileOperation::Exchange }
}

/// A slot of the scratch memory in which records are built. fentry and fexit programs may preempt each other on the
/// same CPU, so each group of programs has a slot of its own.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Slot {
    /// Opens of files.
    Open,
    /// System calls that change files.
    Call,
    /// Removals of files.
    Unlink,
    /// Renames of files.
    Rename,
    /// Changes of permission bits.
    Chmod,
    /// Hard links.
    Link,
    /// Symbolic links.
    Symlink,
}

/// Number of slots.
pub const SLOTS: u32 = Slot::Symlink as u32 + 1;

#[repr(C)]
struct Scratch {
    record: FileRecord,
    tail: [u8; MAX_FILE_TAIL],
    cursor: path::Cursor,
}

#[map]
static FILE_SCRATCH: PerCpuArray<Scratch> = PerCpuArray::with_max_entries(SLOTS, 0);

/// The contents of a file record, except the process and the paths.
pub struct FileDetails {
    /// The operation on the file.
    pub operation: FileOperation,
    /// Type and permission bits after the operation, 0 if unknown.
    pub mode: u32,
    /// Inode number of the file, 0 if unknown.
    pub inode: u64,
    /// For an exchange, the inode number of the other file, 0 if unknown; otherwise 0.
    pub second_inode: u64,
    /// For an exchange, type and permission bits of the other file, 0 if unknown; otherwise 0.
    pub second_mode: u32,
    /// The device that the file is on, 0 if unknown.
    pub device: u32,
    /// The number of an opened device, otherwise 0.
    pub special: u32,
    /// Whether a device was opened for writing.
    pub writable: bool,
}

/// The fields of an open file that decide whether the open is reported.
pub struct Opened {
    /// Address of the `struct file`.
    pub file: Address,
    /// `f_mode` of the file.
    pub file_mode: u32,
    /// Address of the `struct inode`.
    pub inode: Address,
    /// `i_mode` of the inode.
    pub inode_mode: u16,
}

impl Opened {
    /// Reads the fields of a `struct file` whose type the verifier does not know.
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

    /// Returns the operation to report and the device number (0 for a regular file), or `None` if the open is not
    /// reported. An open is reported if it is for writing to a regular file, or for reading or writing a watched
    /// device.
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

    /// Sends a record of the open, unless the open is of no interest, repeats an earlier one, or comes from the daemon.
    #[inline(always)]
    pub fn report(&self, context: Context) -> Outcome {
        let Some((operation, special)) = self.operation() else { return Ok(()) };
        if task::is_agent() {
            return Ok(());
        }
        let (inode, device) = (self.inode.read(offset!(inode_number))?, device_of(self.inode)?);
        if matches!(operation, FileOperation::Write) && repeats::is_repeated(inode, device) {
            return Ok(());
        }
        let (mount, entry) = path::mount_and_entry(self.file.field(offset!(file_path))?)?;
        let details = FileDetails {
            operation,
            mode: u32::from(self.inode_mode),
            inode,
            second_inode: 0,
            second_mode: 0,
            device,
            special,
            writable: self.file_mode & FMODE_WRITE != 0,
        };
        send(context, Slot::Open, &details, &Entry::whole(mount, entry), None::<&Entry>)
    }
}

#[inline(always)]
fn is_watched(number: u32) -> bool {
    let ranges = setting!(devices);
    ranges.iter().any(|WatchedDevices { first, last }| (*first..=*last).contains(&number))
}

/// Reads the number of the device that an inode is on.
#[inline(always)]
pub fn device_of(inode: Address) -> Result<u32, Unreadable> {
    inode.follow(offset!(inode_superblock))?.read(offset!(superblock_device))
}

/// Lengths of what [`Name::write`] wrote, in bytes.
pub struct Written {
    /// Length of the directory, at most [`MAX_PATH`].
    pub directory: usize,
    /// Length of the name, at most [`MAX_NAME`].
    pub name: usize,
    /// Whether the directory or the name was truncated.
    pub cut: bool,
}

/// The path of a file: a directory and a name. One of the two may be empty.
pub trait Name {
    /// Writes the directory and then the name to `target`. `path::walk` uses `cursor`.
    ///
    /// # Safety
    /// `target` must be writable for `MAX_PATH + MAX_NAME` bytes, and `cursor` must point to memory of a map.
    unsafe fn write(&self, target: *mut u8, cursor: *mut path::Cursor) -> Result<Written, Unreadable>;
}

/// A directory entry, and optionally the name of a child of that entry.
pub struct Entry {
    /// Address of the `struct vfsmount`.
    pub mount: Address,
    /// Address of the `struct dentry`.
    pub entry: Address,
    /// Address of the name in kernel memory, which ends with a NUL; 0 for no name.
    pub name: Address,
}

impl Entry {
    /// The entry itself, without a child.
    #[inline(always)]
    pub fn whole(mount: Address, entry: Address) -> Self {
        Self { mount, entry, name: Address(0) }
    }
}

impl Name for Entry {
    #[inline(always)]
    unsafe fn write(&self, target: *mut u8, cursor: *mut path::Cursor) -> Result<Written, Unreadable> {
        // SAFETY: the caller guarantees the memory.
        let walked = unsafe { path::walk((self.mount, self.entry), target, cursor) }?;
        let mut written =
            Written { directory: (walked.length as usize).min(MAX_PATH), name: 0, cut: walked.cut };
        if self.name.0 != 0 {
            // SAFETY: the directory takes at most `MAX_PATH` bytes of the caller's memory, and the name fits after it.
            let length =
                unsafe { self.name.read_string(target.add(written.directory), MAX_COMPONENT as u32) }?;
            written.name = (length as usize).min(MAX_COMPONENT);
        }
        Ok(written)
    }
}

/// The target of a symbolic link, as the process passed it: a string in kernel memory that ends with a NUL.
pub struct LinkTarget(pub Address);

impl Name for LinkTarget {
    #[inline(always)]
    unsafe fn write(&self, target: *mut u8, _: *mut path::Cursor) -> Result<Written, Unreadable> {
        // SAFETY: the caller guarantees the memory.
        let length = unsafe { self.0.read_string(target, MAX_NAME as u32) }?;
        let name = (length as usize).min(MAX_NAME);
        Ok(Written { directory: 0, name, cut: name == MAX_NAME })
    }
}

/// Builds a file record and sends it. `second` is the new path of a rename, an exchange or a link; other operations
/// have none.
#[inline(always)]
pub fn send<A: Name, B: Name>(
    context: Context,
    slot: Slot,
    details: &FileDetails,
    first: &A,
    second: Option<&B>,
) -> Outcome {
    let Some(scratch) = FILE_SCRATCH.get_ptr_mut(slot as u32) else { return Err(Unreadable) };
    // SAFETY: memory of this CPU and of this slot, whose programs do not nest.
    let scratch = unsafe { &mut *scratch };
    let tail = scratch.tail.as_mut_ptr();
    scratch.record = FileRecord {
        header: task::current_header::<FileRecord>(),
        inode: details.inode,
        second_inode: details.second_inode,
        device: details.device,
        mode: details.mode,
        second_mode: details.second_mode,
        operation: details.operation as u16,
        cut: 0,
        directory_length: 0,
        name_length: 0,
        second_directory_length: 0,
        second_name_length: 0,
        special: details.special,
        writable: u32::from(details.writable),
    };
    // SAFETY: the tail has room for two paths and two names.
    let written = unsafe { first.write(tail, &raw mut scratch.cursor) }?;
    scratch.record.directory_length = written.directory as u16;
    scratch.record.name_length = written.name as u16;
    scratch.record.cut = u16::from(written.cut);
    let mut end = written.directory + written.name;
    if let Some(second) = second {
        if end > MAX_PATH + MAX_NAME {
            return Err(Unreadable);
        }
        // SAFETY: the first directory and name take at most half of the tail.
        let written = unsafe { second.write(tail.add(end), &raw mut scratch.cursor) }?;
        scratch.record.second_directory_length = written.directory as u16;
        scratch.record.second_name_length = written.name as u16;
        scratch.record.cut |= u16::from(written.cut);
        end += written.directory + written.name;
    }
    scratch.record.header.length += end as u32;
    // The sum is read back so that the compiler checks and passes on the same register. Otherwise the compiler uses two
    // registers, and the verifiers up to 6.1 do not see that both are equal.
    // SAFETY: our scratch memory.
    let total = unsafe { (&raw const scratch.record.header.length).read_volatile() } as usize;
    if total > size_of::<FileRecord>() + MAX_FILE_TAIL {
        return Err(Unreadable);
    }
    // SAFETY: record and tail are adjacent, and `total` is at most the length of both together.
    let bytes = unsafe { core::slice::from_raw_parts((&raw const scratch.record).cast::<u8>(), total) };
    emit::with_tail::<FileRecord>(context, bytes);
    Ok(())
}
