//! Changes to files.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_PATH, RecordHeader, numbered::numbered};

/// The most bytes of a path that a process passed to a system call, its NUL included.
pub const MAX_NAME: usize = 512;
/// The most bytes in the tail of a [`FileRecord`].
pub const MAX_FILE_TAIL: usize = 2 * (MAX_PATH + MAX_NAME);

numbered! {
    /// What was done to a file, as it stands in [`FileRecord::operation`].
    pub enum FileOperation: u16 {
        /// Opened for writing.
        Write = 1,
        /// Created and opened for writing.
        Create = 2,
        /// Renamed; the second path is the new one.
        Rename = 3,
        /// A directory entry was removed.
        Delete = 4,
        /// The permission bits changed.
        Chmod = 5,
        /// A watched device ([`crate::Settings::devices`]) was opened, for reading or writing.
        OpenDevice = 6,
    }
}

/// A file was changed or opened for writing, or a watched device was opened. Some hooks also send operations that
/// failed; [`FileRecord::result`] tells them apart.
///
/// A path has two parts. The directory is a list of components from the leaf to the root, each ending with a NUL; it is
/// empty when the name is absolute. The name is what the process passed to the system call; it is empty when the
/// components already lead to the file. The tail holds directory and name, and for a rename also the second directory
/// and the second name.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileRecord {
    /// The process that did it.
    pub header: RecordHeader,
    /// Inode number, 0 if unknown.
    pub inode: u64,
    /// Device as the kernel encodes it (`major << 20 | minor`), 0 if unknown.
    pub device: u32,
    /// Type and permission bits after the operation, 0 if unknown.
    pub mode: u32,
    /// A [`FileOperation`] as a number.
    pub operation: u16,
    /// 1 if a path was too long or too deep for the record.
    pub cut: u16,
    /// Bytes of the directory in the tail.
    pub directory_length: u16,
    /// Bytes of the name in the tail.
    pub name_length: u16,
    /// Bytes of the second directory in the tail.
    pub second_directory_length: u16,
    /// Bytes of the second name in the tail.
    pub second_name_length: u16,
    /// 0 for success, else a positive errno.
    pub result: i32,
    /// The number of an opened device as the kernel encodes it (`major << 20 | minor`); 0 for anything else.
    pub special: u32,
    /// 1 if a device was opened for writing.
    pub writable: u32,
}

const _: () = assert!(size_of::<FileRecord>() == 88);
