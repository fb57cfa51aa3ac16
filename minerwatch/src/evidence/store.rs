//! The directory that evidence is written to, with the hash of each file, and within the limits.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::state_files;

/// Size of a read, in bytes. The limits are checked after each.
const CHUNK: usize = 256 << 10;

/// The limits of one collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceLimits {
    /// Maximum size of all files together, in bytes.
    pub bytes: u64,
    /// Maximum time.
    pub time: Duration,
    /// Space that stays free on the disk, in bytes.
    pub free_space: u64,
    /// Whether only what changes or ends soonest is kept: no executables, no files and no memory.
    pub brief: bool,
    /// Whether the memory of the suspects is kept.
    pub memory: bool,
    /// Whether values of variables that look like secrets are removed.
    pub redact: bool,
}

/// A file of the collection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The path below the directory.
    pub path: String,
    /// Where it comes from.
    pub source: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Why it is not whole, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
}

/// Something that was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    /// Where it would have come from.
    pub source: String,
    /// Why.
    pub why: String,
}

/// The directory of one collection.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    limits: EvidenceLimits,
    until: Instant,
    left: u64,
    /// What is there.
    pub entries: Vec<Entry>,
    /// What is not.
    pub missing: Vec<Missing>,
}

/// A file that is being written.
pub struct Writing<'a> {
    store: &'a mut Store,
    file: File,
    hash: Sha256,
    entry: Entry,
}

impl Store {
    /// Creates the directory, which must be new or empty.
    pub fn create(directory: &Path, limits: EvidenceLimits) -> io::Result<Self> {
        state_files::create_directory(directory)?;
        if directory.read_dir()?.next().is_some() {
            return Err(io::Error::other("the directory is not empty"));
        }
        Ok(Self {
            directory: directory.to_owned(),
            limits,
            until: Instant::now() + limits.time,
            left: limits.bytes,
            entries: Vec::new(),
            missing: Vec::new(),
        })
    }

    /// The limits.
    pub fn limits(&self) -> &EvidenceLimits {
        &self.limits
    }

    /// Notes that something could not be kept.
    pub fn miss(&mut self, source: impl Into<String>, why: impl Into<String>) {
        self.missing.push(Missing { source: source.into(), why: why.into() });
    }

    /// Begins a file.
    pub fn begin(&mut self, path: &str, source: &str) -> io::Result<Writing<'_>> {
        let at = self.directory.join(path);
        if let Some(parent) = at.parent() {
            state_files::create_directory(parent)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&at)?;
        let entry = Entry {
            path: path.to_owned(),
            source: source.to_owned(),
            bytes: 0,
            sha256: String::new(),
            cut: None,
        };
        Ok(Writing { store: self, file, hash: Sha256::new(), entry })
    }

    /// Copies what can be read. An error is noted, and is no reason to stop.
    pub fn copy(&mut self, path: &str, source: &str, from: io::Result<impl Read>) {
        let mut from = match from {
            Ok(from) => from,
            Err(error) => return self.miss(source, error.to_string()),
        };
        let outcome = self.begin(path, source).and_then(|mut writing| {
            let mut chunk = vec![0; CHUNK];
            loop {
                match from.read(&mut chunk) {
                    Ok(0) => return writing.finish(),
                    Ok(length) => {
                        if !writing.add(chunk.get(..length).unwrap_or_default())? {
                            return writing.finish();
                        }
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => {
                        writing.entry.cut = Some(error.to_string());
                        return writing.finish();
                    }
                }
            }
        });
        if let Err(error) = outcome {
            self.miss(source, error.to_string());
        }
    }

    /// Writes bytes.
    pub fn write(&mut self, path: &str, source: &str, bytes: &[u8]) {
        self.copy(path, source, Ok(bytes));
    }

    /// Writes a value as JSON with line breaks.
    pub fn write_json(&mut self, path: &str, source: &str, value: &impl Serialize) {
        match serde_json::to_vec_pretty(value) {
            Ok(mut bytes) => {
                bytes.push(b'\n');
                self.write(path, source, &bytes);
            }
            Err(error) => self.miss(source, error.to_string()),
        }
    }

    /// Returns why nothing more may be written, if that is so.
    pub fn exhausted(&self) -> Option<&'static str> {
        if self.left == 0 {
            Some("the collection has its maximum size")
        } else if Instant::now() > self.until {
            Some("the collection took its maximum time")
        } else {
            None
        }
    }

    fn has_space(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.directory) else { return false };
        // Some file systems without a limit have a size of 0.
        disk.f_blocks == 0 || disk.f_bavail.saturating_mul(disk.f_frsize) > self.limits.free_space
    }
}

impl Writing<'_> {
    /// Adds bytes. Returns false if a limit was reached, which the entry then says.
    pub fn add(&mut self, bytes: &[u8]) -> io::Result<bool> {
        let why = match self.store.exhausted() {
            Some(why) => Some(why),
            None if !self.store.has_space() => Some("the disk is nearly full"),
            None => None,
        };
        if let Some(why) = why {
            self.entry.cut = Some(why.to_owned());
            return Ok(false);
        }
        let fits = usize::try_from(self.store.left).unwrap_or(usize::MAX).min(bytes.len());
        let fitting = bytes.get(..fits).unwrap_or_default();
        self.file.write_all(fitting)?;
        self.hash.update(fitting);
        self.entry.bytes += fitting.len() as u64;
        self.store.left -= fitting.len() as u64;
        if fits < bytes.len() {
            self.entry.cut = Some("the collection has its maximum size".to_owned());
        }
        Ok(fits == bytes.len())
    }

    /// Notes that the file is not whole.
    pub fn cut(&mut self, why: String) {
        self.entry.cut.get_or_insert(why);
    }

    /// Ends the file.
    pub fn finish(self) -> io::Result<()> {
        let Self { store, file, hash, mut entry } = self;
        // What is kept before the first stage must not hold it up. It survives a kill, and not a crash of the machine.
        if !store.limits.brief {
            file.sync_data()?;
        }
        entry.sha256 = hash.finalize().iter().fold(String::new(), |mut text, byte| {
            use std::fmt::Write as _;
            // Writing to a string always succeeds.
            let _ = write!(text, "{byte:02x}");
            text
        });
        store.entries.push(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: EvidenceLimits = EvidenceLimits {
        bytes: 10,
        time: Duration::from_secs(60),
        free_space: 0,
        brief: false,
        memory: false,
        redact: false,
    };

    #[test]
    fn a_limit_cuts_and_is_told() {
        let scratch = tempfile::tempdir().expect("a directory");
        let mut store = Store::create(&scratch.path().join("new"), LIMITS).expect("it is new");
        store.write("a", "bytes", b"1234");
        store.write("b/c", "bytes", b"12345678");
        store.write("d", "bytes", b"1");
        let sizes: Vec<(u64, bool)> =
            store.entries.iter().map(|entry| (entry.bytes, entry.cut.is_some())).collect();
        assert_eq!(sizes, [(4, false), (6, true), (0, true)]);
        // sha256sum of `1234`.
        assert_eq!(
            store.entries[0].sha256,
            "03ac674216f3e15c761ee1a5e255f067953623c8b388b4459e13f978d7c846f4"
        );
        assert!(Store::create(&scratch.path().join("new"), LIMITS).is_err(), "it is not empty");
    }

    #[test]
    fn a_disk_that_is_nearly_full_is_left_alone() {
        let scratch = tempfile::tempdir().expect("a directory");
        let limits = EvidenceLimits { free_space: u64::MAX, ..LIMITS };
        let mut store = Store::create(scratch.path(), limits).expect("it is empty");
        store.write("a", "bytes", b"1");
        assert_eq!(store.entries[0].cut.as_deref(), Some("the disk is nearly full"));
        assert_eq!(std::fs::read(scratch.path().join("a")).expect("it is there"), b"");
    }
}
