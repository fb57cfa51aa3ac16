//! The lock of the state directory. Two daemons that write the same files would destroy each other's state.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
};
use tracing::warn;

use crate::{pipeline::WrongUsage, state_files};

const NAME: &str = "lock";
/// Maximum length of a process id in the file, in bytes.
const MAX_PID: u64 = 20;

/// The lock of a state directory. The kernel releases it when the process ends, however it ends.
#[derive(Debug)]
pub struct StateLock(#[expect(dead_code, reason = "the lock is held as long as the file is open")] File);

impl StateLock {
    /// Locks a state directory, and creates it if it does not exist. Returns `None` if it cannot be written, because then
    /// nothing is stored in it either.
    ///
    /// # Errors
    ///
    /// Another daemon holds the lock. The message names its process id.
    pub fn take(directory: &Path) -> Result<Option<Self>, WrongUsage> {
        match open(directory) {
            Ok(file) => Self::lock(file, directory),
            Err(error) => {
                warn!("the state directory {} cannot be locked: {error}", directory.display());
                Ok(None)
            }
        }
    }

    fn lock(mut file: File, directory: &Path) -> Result<Option<Self>, WrongUsage> {
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {
                // The id is only for the message of another daemon.
                let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
                if let Err(error) = written {
                    warn!("the process id cannot be written to the lock of {}: {error}", directory.display());
                }
                Ok(Some(Self(file)))
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

fn open(directory: &Path) -> io::Result<File> {
    state_files::create_directory(directory)?;
    let flags = i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits()).unwrap_or(0);
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(flags);
    options.open(directory.join(NAME))
}

/// Reads the process id of the daemon that holds the lock.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_PID).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[test]
    fn only_one_daemon_has_the_directory() {
        let scratch = tempfile::tempdir().expect("a directory");
        let directory = scratch.path().join("lib/state");
        let lock = StateLock::take(&directory).expect("it is free");
        assert!(lock.is_some());
        let error = StateLock::take(&directory).expect_err("it is taken").to_string();
        assert!(
            error.starts_with(&format!("the daemon with process id {} uses", std::process::id())),
            "{error}"
        );
        assert!(error.contains("state.directory"), "{error}");
        drop(lock);
        drop(StateLock::take(&directory).expect("it is free again"));

        fs::write(directory.join(NAME), "99999\nand a long rest of an older version").expect("write");
        let lock = StateLock::take(&directory).expect("a file alone is no lock");
        let written = fs::read_to_string(directory.join(NAME)).expect("read");
        assert_eq!(written, format!("{}\n", std::process::id()));
        fs::write(directory.join(NAME), "no number").expect("write");
        let error = StateLock::take(&directory).expect_err("it is taken").to_string();
        assert!(error.starts_with("another daemon uses"), "{error}");
        drop(lock);
    }

    #[test]
    fn a_directory_that_cannot_be_locked_stops_nobody() {
        let scratch = tempfile::tempdir().expect("a directory");
        let victim = scratch.path().join("victim");
        fs::write(&victim, "untouched").expect("write");
        symlink(&victim, scratch.path().join(NAME)).expect("a link");
        for directory in [scratch.path(), victim.as_path(), Path::new("/proc/state")] {
            let lock = StateLock::take(directory).expect("nobody has it");
            assert!(lock.is_none(), "{}", directory.display());
        }
        assert_eq!(fs::read(&victim).expect("read"), b"untouched");
    }
}
