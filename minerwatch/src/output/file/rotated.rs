//! A file that is appended to and rotated by size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

use crate::output::buffered::Target;

/// How a file is rotated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rotation {
    /// The file. It belongs to one daemon; created with mode 0600.
    pub path: PathBuf,
    /// Size from which a new file is begun; 0 for never.
    pub max_bytes: u64,
    /// How many full files are kept as `NAME.1` (the latest) to `NAME.N`.
    pub keep: u32,
}

/// A file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The system refuses.
    #[error("cannot open {path} for writing: {error}; check the `path` of this output")]
    System {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// Another process writes it.
    #[error("{path} is being written by another process; give each daemon a file of its own")]
    Busy {
        /// The file.
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

/// The open file and its size.
#[derive(Debug)]
pub(super) struct RotatedFile {
    rotation: Rotation,
    name: String,
    /// `None` after a rotation whose new file could not be opened.
    file: Option<File>,
    length: u64,
    /// The length at which the file is full.
    full: u64,
}

impl RotatedFile {
    /// Opens or creates it.
    pub fn open(rotation: Rotation) -> Result<Self, OpenError> {
        let name = rotation.path.display().to_string();
        let mut file = Self { rotation, name, file: None, length: 0, full: 0 };
        file.open_by_name()?;
        Ok(file)
    }

    /// Opens it by its name again; on failure the one that is open stays.
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

    /// Whether this is the file already open, and so already locked.
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

    /// Moves the full file away and begins a new one.
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
        // Something else may have emptied it (logrotate's copytruncate).
        self.length = file.metadata()?.len();
        if !self.is_full_with(length) {
            return Ok(None);
        }
        match self.rotate() {
            Ok(()) => Ok(None),
            Err(error) if self.file.is_some() => {
                // Whole lines in a large file are better than none. Rotation is tried again after as many bytes.
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

/// Locks the file against a second daemon. On a file system without locks the file is used without one.
fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Busy { path: path.to_owned() }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Ends the half line that a crash of the machine may have left, so that the next line begins on its own. If that
/// fails, the next write fails too and is reported.
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
