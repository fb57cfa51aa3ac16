//! The lock of the state directory. Two daemons that write the same files would destroy each other's state.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::Arc,
    time::SystemTime,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use tracing::{debug, warn};

use crate::{health::KilledDaemon, model::Moment, pipeline::WrongUsage, state_files};

const NAME: &str = "lock";
/// Maximum length of the row in the file, in bytes: a process id and a boot id.
const MAX_ROW: u64 = 64;

/// The lock of a state directory. The kernel releases it when the process ends, however it ends.
///
/// The file contains the process id and the boot id until the daemon ends cleanly. If a daemon finds them there, and the
/// boot is the same, the previous daemon was killed or crashed.
#[derive(Debug)]
pub struct StateLock {
    file: File,
    boot_id: Arc<str>,
    /// What the previous daemon left in the file, until [`StateLock::take_killed`] returns it.
    killed: Option<LeftRow>,
}

/// The row of a daemon that did not end cleanly.
#[derive(Debug)]
struct LeftRow {
    pid: u32,
    /// The modification time of the file.
    touched: SystemTime,
}

impl StateLock {
    /// Locks a state directory, and creates it if it does not exist. Returns `None` if it cannot be written, because then
    /// nothing is stored in it either.
    ///
    /// # Errors
    ///
    /// Another daemon holds the lock. The message names its process id.
    pub fn take(directory: &Path, boot_id: Arc<str>) -> Result<Option<Self>, WrongUsage> {
        match open(directory) {
            Ok(file) => Self::lock(file, directory, boot_id),
            Err(error) => {
                warn!("the state directory {} cannot be locked: {error}", directory.display());
                Ok(None)
            }
        }
    }

    /// Returns the previous daemon if it was killed or crashed, at the first call. If a daemon ends without this call,
    /// because its start failed, the next daemon gets the answer.
    pub fn take_killed(&mut self) -> Option<KilledDaemon> {
        let LeftRow { pid, touched } = self.killed.take()?;
        let since_1970 = touched.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let seconds = i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX);
        Some(KilledDaemon { pid, last_alive: Moment::from_unix(seconds) })
    }

    /// Stores the current time as the last one at which the daemon was alive.
    pub fn touch(&self) {
        if let Err(error) = self.file.set_modified(SystemTime::now()) {
            debug!(%error, "the modification time of the lock cannot be set");
        }
    }

    fn lock(mut file: File, directory: &Path, boot_id: Arc<str>) -> Result<Option<Self>, WrongUsage> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                let killed = left_row(&mut file, &boot_id);
                if let Err(error) = write_row(&file, std::process::id(), &boot_id) {
                    warn!("the process id cannot be written to the lock of {}: {error}", directory.display());
                }
                Ok(Some(Self { file, boot_id, killed }))
            }
            Err(Errno::WOULDBLOCK) => {
                let holder = match holder(&mut file) {
                    Some(pid) => format!("the daemon with process id {pid}"),
                    None => "another daemon".to_owned(),
                };
                Err(WrongUsage(format!(
                    "{holder} uses the state directory {}; stop it, or set another state.directory and control.socket",
                    directory.display()
                )))
            }
            Err(error) => {
                let error = io::Error::from(error);
                warn!("the state directory {} cannot be locked: {error}", directory.display());
                Ok(None)
            }
        }
    }
}

impl Drop for StateLock {
    fn drop(&mut self) {
        // A panic is a crash.
        if std::thread::panicking() {
            return;
        }
        let cleared = match &self.killed {
            Some(LeftRow { pid, touched }) => {
                write_row(&self.file, *pid, &self.boot_id).and_then(|()| self.file.set_modified(*touched))
            }
            None => self.file.set_len(0),
        };
        if let Err(error) = cleared {
            warn!("the lock of the state directory cannot be cleared: {error}");
        }
    }
}

fn open(directory: &Path) -> io::Result<File> {
    state_files::create_directory(directory)?;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    options.open(directory.join(NAME))
}

/// Reads the process id of the daemon that holds the lock.
fn holder(file: &mut File) -> Option<u32> {
    read_row(file)?.split_whitespace().next()?.parse().ok()
}

fn read_row(file: &mut File) -> Option<String> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_ROW).read_to_string(&mut text).ok()?;
    Some(text)
}

fn write_row(file: &File, pid: u32, boot_id: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all_at(format!("{pid} {boot_id}\n").as_bytes(), 0)
}

/// Returns the row that a daemon of this boot left in the file, if there is one.
fn left_row(file: &mut File, boot_id: &str) -> Option<LeftRow> {
    let pid = pid_of_boot(&read_row(file)?, boot_id)?;
    let touched = file.metadata().and_then(|metadata| metadata.modified()).ok()?;
    Some(LeftRow { pid, touched })
}

/// Returns the process id in a row of this boot. A row of another boot is left over by a reset or a loss of power.
fn pid_of_boot(row: &str, boot_id: &str) -> Option<u32> {
    let (pid, row_boot_id) = row.trim().split_once(' ')?;
    (!boot_id.is_empty() && row_boot_id == boot_id).then(|| pid.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink, time::Duration};

    use super::*;

    fn take(directory: &Path) -> Result<Option<StateLock>, WrongUsage> {
        StateLock::take(directory, "boot-a".into())
    }

    #[test]
    fn only_one_daemon_has_the_directory() {
        let scratch = tempfile::tempdir().expect("a directory");
        let directory = scratch.path().join("lib/state");
        let lock = take(&directory).expect("it is free");
        assert!(lock.is_some());
        let error = take(&directory).expect_err("it is taken").to_string();
        assert!(
            error.starts_with(&format!("the daemon with process id {} uses", std::process::id())),
            "{error}"
        );
        assert!(error.contains("state.directory"), "{error}");
        drop(lock);
        drop(take(&directory).expect("it is free again"));

        fs::write(directory.join(NAME), "99999\nand a long rest of an older version").expect("write");
        let lock = take(&directory).expect("a file alone is no lock");
        let written = fs::read_to_string(directory.join(NAME)).expect("read");
        assert_eq!(written, format!("{} boot-a\n", std::process::id()));
        fs::write(directory.join(NAME), "no number").expect("write");
        let error = take(&directory).expect_err("it is taken").to_string();
        assert!(error.starts_with("another daemon uses"), "{error}");
        drop(lock);
        assert_eq!(fs::read(directory.join(NAME)).expect("read"), b"", "a clean end clears the row");
    }

    #[test]
    fn a_row_of_this_boot_means_a_killed_daemon() {
        assert_eq!(pid_of_boot("12 boot-a\n", "boot-a"), Some(12));
        for row in ["", "12", "12 \n", "12 boot-b\n", "x boot-a\n", "-1 boot-a\n", "12  boot-a\n"] {
            assert_eq!(pid_of_boot(row, "boot-a"), None, "{row:?}");
        }
        assert_eq!(pid_of_boot("12 ", ""), None, "a kernel that tells no boot id");
    }

    #[test]
    fn a_killed_daemon_is_returned_once_also_if_a_start_fails() {
        let scratch = tempfile::tempdir().expect("a directory");
        let directory = scratch.path();
        let path = directory.join(NAME);
        let last_alive = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        fs::write(&path, "12 boot-a\n").expect("write");
        let file = File::options().write(true).open(&path).expect("the file");
        file.set_modified(last_alive).expect("our file");

        drop(take(directory).expect("it is free"));
        let mut lock = take(directory).expect("it is free").expect("it can be written");
        let killed = KilledDaemon { pid: 12, last_alive: Moment::from_unix(1_800_000_000) };
        assert_eq!(lock.take_killed(), Some(killed));
        assert_eq!(lock.take_killed(), None);
        drop(lock);
        let mut lock = take(directory).expect("it is free").expect("it can be written");
        assert_eq!(lock.take_killed(), None, "a clean end");

        file.set_modified(last_alive).expect("our file");
        lock.touch();
        let touched = fs::metadata(&path).and_then(|metadata| metadata.modified()).expect("a time");
        assert_ne!(touched, last_alive);
    }

    #[test]
    fn a_panic_leaves_the_row() {
        let scratch = tempfile::tempdir().expect("a directory");
        let directory = scratch.path().to_owned();
        let lock = take(&directory).expect("it is free");
        let crash = std::thread::spawn(move || {
            let _lock = lock;
            panic!("a crash");
        });
        assert!(crash.join().is_err());
        let mut lock = take(&directory).expect("it is free").expect("it can be written");
        assert_eq!(lock.take_killed().map(|agent| agent.pid), Some(std::process::id()));
    }

    #[test]
    fn a_directory_that_cannot_be_locked_stops_nobody() {
        let scratch = tempfile::tempdir().expect("a directory");
        let victim = scratch.path().join("victim");
        fs::write(&victim, "untouched").expect("write");
        symlink(&victim, scratch.path().join(NAME)).expect("a link");
        for directory in [scratch.path(), victim.as_path(), Path::new("/proc/state")] {
            let lock = take(directory).expect("nobody has it");
            assert!(lock.is_none(), "{}", directory.display());
        }
        assert_eq!(fs::read(&victim).expect("read"), b"untouched");
    }
}
