//! Changes to files.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_PATH, RecordHeader, numbered::numbered};

/// Maximum length of a path that a process passed to a system call, in bytes, including the NUL.
pub const MAX_NAME: usize = 512;
/// Maximum length of the tail of a [`FileRecord`], in bytes.
pub const MAX_FILE_TAIL: usize = 2 * (MAX_PATH + MAX_NAME);

numbered! {
    /// The operation on a file, stored in [`FileRecord::operation`].
    pub enum FileOperation: u16 {
        /// Opened for writing.
        Write = 1,
        /// Created and opened for writing.
        Create = 2,
        /// Renamed; the second path is the new one.
        Rename = 3,
        /// Removed from its directory.
        Delete = 4,
        /// Permission bits changed.
        Chmod = 5,
        /// Opened for reading or writing; the file is a watched device ([`crate::Settings::devices`]).
        OpenDevice = 6,
        /// Got another path (a hard link); the second path is the new one.
        Link = 7,
        /// A symbolic link was created. The first path is its target as the process passed it, the second path is the
        /// link itself.
        Symlink = 8,
        /// Exchanged with another file (`RENAME_EXCHANGE` of `renameat2`). The second path is the one that the file has
        /// now, and the other file has the first path now.
        Exchange = 9,
    }
}

/// A file was changed or opened for writing, or a watched device was opened. The hooks send operations that succeeded.
///
/// A path has two parts, a directory and a name. The directory is a list of components from the leaf to the root, each
/// ending with a NUL. The directory is empty when the name is absolute. The name is the path that the process passed to
/// the system call, or the last component. The name is empty when the directory part already leads to the file. The
/// tail holds the directory and the name, and for a rename, an exchange or a link also the second directory and the
/// second name.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FileRecord {
    /// The process that performed the operation.
    pub header: RecordHeader,
    /// Inode number of the file, 0 if unknown.
    pub inode: u64,
    /// For an exchange, the inode number of the other file, which is on the same device; 0 if unknown and for other
    /// operations.
    pub second_inode: u64,
    /// The device that the file is on, as the kernel encodes it (`major << 20 | minor`); 0 if unknown.
    pub device: u32,
    /// Type and permission bits after the operation, 0 if unknown.
    pub mode: u32,
    /// For an exchange, type and permission bits of the other file, 0 if unknown and for other operations.
    pub second_mode: u32,
    /// A [`FileOperation`] as a number.
    pub operation: u16,
    /// 1 if a path was too long or too deep for the record and was truncated.
    pub cut: u16,
    /// Length of the directory in the tail, in bytes.
    pub directory_length: u16,
    /// Length of the name in the tail, in bytes.
    pub name_length: u16,
    /// Length of the second directory in the tail, in bytes.
    pub second_directory_length: u16,
    /// Length of the second name in the tail, in bytes.
    pub second_name_length: u16,
    /// The number of an opened device, as the kernel encodes it (`major << 20 | minor`); 0 for other operations.
    pub special: u32,
    /// 1 if a device was opened for writing.
    pub writable: u32,
}

const _: () = assert!(size_of::<FileRecord>() == 96);
