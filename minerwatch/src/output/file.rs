//! A file that is appended to and rotated by size.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use rustix::fs::FlockOperation;

use super::output::{Closed, DEFAULT_BACKLOG, Target};

/// How a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSettings {
    /// The file. It belongs to one daemon; created with mode 0600.
    pub path: PathBuf,
    /// Bytes from which on a new file is begun; 0 for never.
    pub max_bytes: u64,
    /// How many full files are kept as `NAME.1` (the latest) to `NAME.N`.
    pub keep: u32,
    /// Bytes of lines kept in memory at most while the file cannot be written.
    pub backlog: usize,
}

impl FileSettings {
    /// 100 MiB a file, five of them kept, 8 MiB of backlog.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), max_bytes: 100 << 20, keep: 5, backlog: DEFAULT_BACKLOG }
    }
}

/// A file cannot be opened for writing.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The system says no.
    #[error("cannot open {path} for writing: {error}; check the `path` of the file sink")]
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

/// The open file and how far it is filled.
#[derive(Debug)]
pub(super) struct RotatedFile {
    settings: FileSettings,
    name: String,
    /// `None` after a rotation whose new file could not be opened.
    file: Option<File>,
    length: u64,
    /// The length from which on the file is full.
    full: u64,
}

impl RotatedFile {
    /// Opens or creates it.
    pub fn open(settings: FileSettings) -> Result<Self, OpenError> {
        let name = settings.path.display().to_string();
        let mut target = Self { settings, name, file: None, length: 0, full: 0 };
        target.reopen()?;
        Ok(target)
    }

    /// Opens it by its name again; on failure the one that is open stays.
    pub fn reopen(&mut self) -> Result<(), OpenError> {
        let path = &self.settings.path;
        let system = |error| OpenError::System { path: path.clone(), error };
        let mut file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            // A FIFO without a reader must not hang the daemon.
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
        self.full = self.settings.max_bytes;
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
        self.settings.max_bytes > 0 && self.length > 0 && wanted > self.full
    }

    /// Moves the full file away and begins a new one.
    fn rotate(&mut self) -> io::Result<()> {
        let numbered = |number: u32| {
            let mut name = self.settings.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        if self.settings.keep == 0 {
            absent_is_fine(fs::remove_file(&self.settings.path))?;
        } else {
            for number in (1..self.settings.keep).rev() {
                absent_is_fine(fs::rename(numbered(number), numbered(number + 1)))?;
            }
            absent_is_fine(fs::rename(&self.settings.path, numbered(1)))?;
        }
        self.file = None;
        self.reopen()?;
        Ok(())
    }
}

impl Target for RotatedFile {
    /// A FIFO in the file's place whose reader left may get another one.
    const CLOSED: Option<Closed> = None;

    fn name(&self) -> &str {
        &self.name
    }

    fn prepare(&mut self, length: usize) -> io::Result<Option<String>> {
        let Some(file) = &self.file else {
            self.reopen()?;
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
                // Whole lines in too big a file are better than none. Asked again after as much more.
                self.full = self.length.saturating_add(self.settings.max_bytes);
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

    fn synchronize(&mut self) -> io::Result<()> {
        match &self.file {
            Some(file) => match file.sync_data() {
                // What is not on a disk (a FIFO, /dev/null) has nothing to put there.
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

/// Keeps a second daemon out. A file system without locks is no reason not to write.
fn lock(file: &File, path: &Path) -> Result<(), OpenError> {
    match rustix::fs::flock(file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(OpenError::Busy { path: path.to_owned() }),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Ends the half line that a crash of the machine may have left, so that the next one stands alone. If it
/// cannot be read or written now, the first line to be written meets the same trouble and tells of it.
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
