//! The thread that reads and hashes files.

use std::{
    fmt::Write as _,
    fs::{File, OpenOptions},
    io::Read,
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender},
    },
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};

use super::settings::HashSettings;
use crate::{
    enrich::proc::{Proc, file_id},
    model::{FileId, ProcessKey},
};

/// Number of bytes per read. The rate limit applies after each read.
const CHUNK: usize = 256 << 10;
/// Number of bytes that may be read at full speed before the rate limit applies. So a small program is hashed in
/// milliseconds.
const BURST: u64 = 16 << 20;
/// Maximum length of one sleep, so that the thread notices the end of the daemon.
const PAUSE: Duration = Duration::from_millis(50);

/// The version of a file. Two files with the same version are assumed to have the same content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileVersion {
    modified: (i64, i64),
    size: u64,
}

#[derive(Debug)]
pub(super) struct Request {
    pub(super) process: ProcessKey,
    pub(super) file: FileId,
    pub(super) path: Arc<str>,
    /// The last result. It is confirmed if the file has not changed.
    pub(super) known: Option<(FileVersion, Arc<str>)>,
}

#[derive(Debug)]
pub(super) struct Content {
    pub(super) sha256: Arc<str>,
    pub(super) version: FileVersion,
    /// Bytes read; 0 if the last result was confirmed.
    pub(super) read: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Refusal {
    TooLarge,
    Gone,
    Failed,
}

#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) request: Request,
    pub(super) result: Result<Content, Refusal>,
}

pub(super) struct Worker {
    pub(super) settings: HashSettings,
    pub(super) proc: Proc,
    pub(super) stop: Arc<AtomicBool>,
}

impl Worker {
    /// Handles requests until the other end of a queue is dropped, or until `stop` is set.
    pub(super) fn run(&self, requests: &Receiver<Request>, outcomes: &SyncSender<Outcome>, wake: impl Fn()) {
        // On Linux the nice value belongs to the thread (setpriority(2)).
        if let Err(error) = rustix::process::setpriority_process(None, 19) {
            tracing::debug!(%error, "the hashing thread keeps its priority");
        }
        let mut budget = Budget::new(self.settings.rate);
        let mut buffer = vec![0; CHUNK];
        for request in requests {
            if self.stop.load(Ordering::Relaxed) {
                return;
            }
            let result = self.hash(&request, &mut budget, &mut buffer);
            if outcomes.send(Outcome { request, result }).is_err() {
                return;
            }
            wake();
        }
    }

    fn hash(&self, request: &Request, budget: &mut Budget, buffer: &mut [u8]) -> Result<Content, Refusal> {
        let mut file = self.open(request).ok_or(Refusal::Gone)?;
        let version = version(&file).ok_or(Refusal::Failed)?;
        if let Some((known, sha256)) = &request.known
            && *known == version
        {
            return Ok(Content { sha256: Arc::clone(sha256), version, read: 0 });
        }
        if version.size > self.settings.max_size {
            return Err(Refusal::TooLarge);
        }
        let mut hash = Sha256::new();
        let mut read = 0;
        loop {
            let length = file.read(buffer).map_err(|_| Refusal::Failed)?;
            let Some(chunk) = buffer.get(..length).filter(|chunk| !chunk.is_empty()) else { break };
            hash.update(chunk);
            read += length as u64;
            // A file that grows while it is read may have no end.
            if read > self.settings.max_size || !budget.spend(length as u64, &self.stop) {
                return Err(Refusal::TooLarge);
            }
        }
        if self::version(&file) != Some(version) {
            return Err(Refusal::Gone);
        }
        Ok(Content { sha256: hexadecimal(&hash.finalize()), version, read })
    }

    /// Opens the file that the process runs. `/proc/PID/exe` needs no path and works in containers. It is used if the
    /// process is still the same and the inode matches. The device may differ, because btrfs and overlayfs show
    /// userspace another device than the kernel uses.
    ///
    /// If the process is gone, the path is used. Anybody may have put another file there, so device and inode must
    /// match.
    fn open(&self, request: &Request) -> Option<File> {
        let Request { process, file: wanted, path, .. } = request;
        if let Some((file, found)) = open_regular(&self.proc.path(process.pid, "exe"))
            && found.inode == wanted.inode
            && self.proc.stat(process.pid).is_some_and(|stat| stat.start_ticks == process.start_ticks)
        {
            return Some(file);
        }
        let (file, found) = open_regular(Path::new(&**path))?;
        (found == *wanted).then_some(file)
    }
}

/// Opens a regular file at an absolute path, without waiting for the other end of a named pipe.
fn open_regular(path: &Path) -> Option<(File, FileId)> {
    if !path.is_absolute() {
        return None;
    }
    let nonblocking = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    let file =
        OpenOptions::new().read(true).custom_flags(nonblocking.bits().cast_signed()).open(path).ok()?;
    let metadata = file.metadata().ok().filter(std::fs::Metadata::is_file)?;
    let found = file_id(metadata.dev(), metadata.ino());
    Some((file, found))
}

fn version(file: &File) -> Option<FileVersion> {
    let metadata = file.metadata().ok()?;
    Some(FileVersion { modified: (metadata.mtime(), metadata.mtime_nsec()), size: metadata.size() })
}

fn hexadecimal(bytes: &[u8]) -> Arc<str> {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.into()
}

/// The rate limit as a token bucket: the number of bytes that may be read now, which grows with time.
struct Budget {
    rate: u64,
    left: u64,
    filled: Instant,
}

impl Budget {
    fn new(rate: u64) -> Self {
        Self { rate: rate.max(1), left: BURST, filled: Instant::now() }
    }

    /// Takes bytes from the budget, and sleeps while the budget is empty. Returns `false` when the thread should stop.
    fn spend(&mut self, bytes: u64, stop: &AtomicBool) -> bool {
        self.refill();
        self.left = self.left.saturating_sub(bytes);
        while self.left == 0 {
            if stop.load(Ordering::Relaxed) {
                return false;
            }
            std::thread::sleep(PAUSE);
            self.refill();
        }
        true
    }

    fn refill(&mut self) {
        let gained = self.filled.elapsed().as_nanos().saturating_mul(u128::from(self.rate)) / 1_000_000_000;
        if gained > 0 {
            self.filled = Instant::now();
            self.left = self.left.saturating_add(u64::try_from(gained).unwrap_or(u64::MAX)).min(BURST);
        }
    }
}
