//! Changes to files.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{MAX_PATH, RecordHeader};

/// The most bytes of a path as a process gave it to a system call, its NUL included.
pub const MAX_NAME: usize = 512;
/// The most bytes behind the fixed part of a [`FileRecord`].
pub const MAX_FILE_TAIL: usize = 2 * (MAX_PATH + MAX_NAME);

/// What was done to a file, as it stands in [`FileRecord::operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum FileOperation {
    /// Opened for writing.
    Write = 1,
    /// Created, and open for writing.
    Create = 2,
    /// Renamed; the second path is the new one.
    Rename = 3,
    /// A directory entry was removed.
    Delete = 4,
    /// Permission bits changed.
    Chmod = 5,
    /// A watched device ([`crate::Settings::devices`]) was opened, for reading or writing.
    OpenDevice = 6,
}

impl FileOperation {
    /// The operation with this number, or `None` for one this build does not know.
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Write),
            2 => Some(Self::Create),
            3 => Some(Self::Rename),
            4 => Some(Self::Delete),
            5 => Some(Self::Chmod),
            6 => Some(Self::OpenDevice),
            _ => None,
        }
    }
}

/// A file was changed or opened so that it can be, or a watched device was opened. Which operations are sent that did
/// not succeed depends on the hook; [`FileRecord::result`] tells them apart.
///
/// A path is a directory (components from the leaf to the root, each NUL-ended; empty when the name is
/// absolute) and a name as the process gave it (empty when the components name the file itself). The tail
/// holds directory and name, then for a rename the second directory and name.
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
    /// 1 when a path was longer or deeper than the record holds.
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
    /// Of a device, its number as the kernel encodes it (`major << 20 | minor`); else 0.
    pub special: u32,
    /// Of a device, 1 when it was opened for writing.
    pub writable: u32,
}

const _: () = assert!(size_of::<FileRecord>() == 88);
