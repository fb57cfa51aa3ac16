//! Appends to a file that is rotated by size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

use crate::output::line_writer::Target;

/// The settings of a rotated file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    /// Path of the file. Only one daemon writes the file, which is created with mode 0600.
    pub path: PathBuf,
    /// Maximum size of the file, in bytes. 0 means that the file is never rotated.
    pub max_bytes: u64,
    /// Number of rotated files to keep, from `NAME.1` (the latest) to `NAME.N`.
    pub keep: u32,
}

/// Why a file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The system returned an error.
    #[error("cannot open {path} for writing: {error}; check the `path` of this output")]
    System {
        /// Path of the file.
        path: PathBuf,
        /// The error of the system.
        error: io::Error,
    },
    /// Another process is writing the file.
    #[error("{path} is being written by another process; give each daemon a file of its own")]
    Busy {
        /// Path of the file.
        path: PathBuf,
    },
}

impl From<OpenError> for io::Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::System { error, .. } => error,
            OpenError::Busy { .. } => Self::new(io::ErrorKind::ResourceBusy, error),
        }
    }
}

/// A file that is open for appending, with its size.
#[derive(Debug)]
pub(super) struct RotatedFile {
    rotation: Rotation,
    name: String,
    /// `None` after a rotation whose new file could not be opened.
    file: Option<File>,
    length: u64,
    /// The length at which the file is rotated.
    full: u64,
}

impl RotatedFile {
    /// Opens or creates the file.
    pub fn open(rotation: Rotation) -> Result<Self, OpenError> {
        let name = rotation.path.display().to_string();
        let mut file = Self { rotation, name, file: None, length: 0, full: 0 };
        file.open_by_name()?;
        Ok(file)
    }

    /// Opens the file by its name. On failure, a file that is already open stays open.
    fn open_by_name(&mut self) -> Result<(), OpenError> {
        let path = &self.rotation.path;
        let system = |error| OpenError::System { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // A FIFO without a reader must not block the daemon.
            .custom_flags(rustix::fs::OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .map_err(system)?;
        let mut metadata = file.metadata().map_err(system)?;
        if metadata.is_file() {
            if !self.holds(&metadata) {
                lock(&file, path)?;
            }
            end_torn_line(&mut file, metadata.len());
            metadata = file.metadata().map_err(system)?;
        }
        self.length = metadata.len();
        self.full = self.rotation.max_bytes;
        self.file = Some(file);
        Ok(())
    }

    /// Returns whether the metadata is that of the open file, which is already locked.
    fn holds(&self, metadata: &fs::Metadata) -> bool {
        use std::os::unix::fs::MetadataExt;
        self.file
            .as_ref()
            .and_then(|file| file.metadata().ok())
            .is_some_and(|open| (open.dev(), open.ino()) == (metadata.dev(), metadata.ino()))
    }

    fn is_full_with(&self, length: usize) -> bool {
        let wanted = self.length.saturating_add(length as u64);
        self.rotation.max_bytes > 0 && self.length > 0 && wanted > self.full
    }

    /// Renames the full file, or removes it if `keep` is 0, and opens a new file.
    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.rotation.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.rotation.keep == 0 {
            absent_is_fine(fs::remove_file(&self.rotation.path))?;
        } else {
            for number in (1..self.rotation.keep).rev() {
                absent_is_fine(fs::rename(numbered(number), numbered(number + 1)))?;
            }
            absent_is_fine(fs::rename(&self.rotation.path, numbered(1)))?;
        }
        self.file = None;
        self.open_by_name()?;
        Ok(())
    }
}

impl Target for RotatedFile {
    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&mut self, length: usize) -> io::Result<Option<String>> {
        let Some(file) = &self.file else {
            self.open_by_name()?;
            return Ok(None);
        };
        if !self.is_full_with(length) {
            return Ok(None);
        }
        // Another program may have truncated the file (`copytruncate` of logrotate).
        self.length = file.metadata()?.len();
        if !self.is_full_with(length) {
            return Ok(None);
        }
        match self.rotate() {
            Ok(()) => Ok(None),
            Err(error) if self.file.is_some() => {
                // Whole lines in a large file are better than none. The next attempt follows after another `max_bytes`.
                self.full = self.length.saturating_add(self.rotation.max_bytes);
                Ok(Some(format!(
                    "it is full and cannot be moved away: {error}. Writing goes on in the same file; make \
                     its directory writable"
                )))
            }
            Err(error) => Err(error),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(file) = &mut self.file else { return Err(io::ErrorKind::NotFound.into()) };
        let written = file.write(bytes)?;
        self.length = self.length.saturating_add(written as u64);
        Ok(written)
    }

    fn reopen(&mut self) -> anyhow::Result<()> {
        Ok(self.open_by_name()?)
    }

    fn take_back(&mut self, length: usize) -> bool {
        let Some(file) = &self.file else { return false };
        let before = self.length.saturating_sub(length as u64);
        let done = file.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.len() == self.length)
            && file.set_len(before).is_ok();
        if done {
            self.length = before;
        }
        done
    }

    fn sync(&mut self) -> io::Result<()> {
        match &self.file {
            Some(file) => match file.sync_data() {
                // A FIFO or /dev/null is not on a disk.
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
                outcome => outcome,
            },
            None => Ok(()),
        }
    }
}

fn absent_is_fine(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// Locks the file against a second daemon. If the file system has no locks, the file is used without a lock.
fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Busy { path: path.to_owned() }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Ends a partial line that a crash of the machine may have left, so that the next line begins on a line of its own. A
/// failure is ignored here, because the next write then fails too and is reported.
fn end_torn_line(file: &mut File, length: u64) {
    let mut last = [b'\n'];
    if length > 0
        && file.seek(SeekFrom::Start(length - 1)).is_ok()
        && file.read_exact(&mut last).is_ok()
        && last != *b"\n"
    {
        let _ = file.write(b"\n");
    }
}

#[cfg(test)]
mod tests;
