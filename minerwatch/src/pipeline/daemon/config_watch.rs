//! Watches the configuration file, and tells the daemon when it may have changed.
//!
//! The watch is on directories, because editors and `ConfigMap`s replace the file or a symbolic link instead of writing to
//! the file. rustix has inotify, so the crate `notify` (CC0) is not needed. The file is also looked at every few seconds,
//! for file systems and sandboxes without inotify.

use std::{
    collections::BTreeSet,
    fs, io,
    os::{fd::OwnedFd, unix::fs::MetadataExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use anyhow::Context as _;
use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    fs::inotify::{self, CreateFlags, WatchFlags},
    io::Errno,
};
use tracing::debug;

/// Time without a change after which the file counts as written.
const QUIET: Duration = Duration::from_millis(500);
/// Maximum number of times that the end of changes is waited for.
const MAX_WAITS: u32 = 10;
/// Interval between two looks at the file if no change is reported.
const LOOK: Duration = Duration::from_secs(10);

/// Starts a thread that calls `changed` once now, and whenever the file at `path` may have changed. The first call covers
/// changes between the start of the daemon and this call. The thread ends when `changed` returns `false`.
///
/// # Errors
///
/// The thread cannot be started.
pub fn start(path: PathBuf, changed: impl Fn() -> bool + Send + 'static) -> anyhow::Result<()> {
    let watch = move || watch(&path, LOOK, &changed);
    let started = thread::Builder::new().name("config".to_owned()).spawn(watch);
    started.map(drop).context("starting the thread that watches the configuration")
}

fn watch(path: &Path, look: Duration, changed: &impl Fn() -> bool) {
    let mut directories = Changes::of(path);
    let mut seen = None;
    loop {
        let now = Stamp::of(path);
        if seen == Some(now) {
            if directories.wait(look) {
                // This also bounds the work if other files of the directory change all the time.
                thread::sleep(QUIET);
            }
            continue;
        }
        seen = Some(settled(path, now));
        if !changed() {
            return;
        }
        // A symbolic link may lead to another directory now.
        directories = Changes::of(path);
    }
}

/// Waits until the file no longer changes. Returns its last stamp.
fn settled(path: &Path, stamp: Stamp) -> Stamp {
    let mut last = stamp;
    for _ in 0..MAX_WAITS {
        thread::sleep(QUIET);
        let now = Stamp::of(path);
        if now == last {
            break;
        }
        last = now;
    }
    last
}

/// What changes when a file changes: device, inode, size, and the times of the last change of its content and its
/// status. `None` if the file cannot be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(Option<(u64, u64, u64, i64, i64, i64, i64)>);

impl Stamp {
    /// Follows symbolic links.
    fn of(path: &Path) -> Self {
        let stamp = |own: fs::Metadata| {
            (own.dev(), own.ino(), own.size(), own.mtime(), own.mtime_nsec(), own.ctime(), own.ctime_nsec())
        };
        Self(fs::metadata(path).ok().map(stamp))
    }
}

/// The changes in the directories of a file, from inotify.
struct Changes {
    inotify: Option<OwnedFd>,
}

impl Changes {
    /// Watches the directory of the file and, if the file is a symbolic link, that of its target.
    fn of(path: &Path) -> Self {
        let opened = open(path).inspect_err(|error| {
            debug!("{} is only looked at every {} s: {error}", path.display(), LOOK.as_secs());
        });
        Self { inotify: opened.ok() }
    }

    /// Waits for the next changes, for at most `limit`. Returns whether there were any.
    fn wait(&self, limit: Duration) -> bool {
        let timeout = Timespec::try_from(limit).ok();
        let ready = self.inotify.as_ref().map(|inotify| {
            let mut descriptors = [PollFd::new(inotify, PollFlags::IN)];
            let ready = poll(&mut descriptors, timeout.as_ref());
            (inotify, ready)
        });
        match ready {
            Some((inotify, Ok(1..))) => {
                let mut buffer = [0_u8; 4_096];
                while matches!(rustix::io::read(inotify, &mut buffer), Ok(1..) | Err(Errno::INTR)) {}
                true
            }
            Some((_, Ok(0) | Err(Errno::INTR))) => false,
            // Without inotify, or if it fails.
            Some((_, Err(_))) | None => {
                thread::sleep(limit);
                false
            }
        }
    }
}

fn open(path: &Path) -> io::Result<OwnedFd> {
    let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    let directory = |path: &Path| match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        Some(_) | None => PathBuf::from("."),
    };
    let mut directories = BTreeSet::from([directory(path)]);
    directories.extend(fs::canonicalize(path).ok().map(|target| directory(&target)));
    let flags = WatchFlags::CLOSE_WRITE
        | WatchFlags::CREATE
        | WatchFlags::DELETE
        | WatchFlags::MOVED_FROM
        | WatchFlags::MOVED_TO
        | WatchFlags::ATTRIB
        | WatchFlags::DELETE_SELF
        | WatchFlags::MOVE_SELF
        | WatchFlags::ONLYDIR;
    for directory in directories {
        inotify::add_watch(&inotify, &directory, flags)?;
    }
    Ok(inotify)
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::symlink,
        sync::mpsc::{Receiver, channel},
        time::Instant,
    };

    use super::*;

    /// Counts the calls until none comes for the time in which a change is noticed.
    fn count(calls: &Receiver<()>) -> usize {
        std::iter::from_fn(|| calls.recv_timeout(4 * QUIET).ok()).count()
    }

    fn start_watching(path: &Path) -> Receiver<()> {
        let (sender, calls) = channel();
        start(path.to_owned(), move || sender.send(()).is_ok()).expect("a thread");
        calls
    }

    #[test]
    fn each_way_to_change_the_file_is_noticed_once() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("m.toml");
        fs::write(&path, "a").expect("write");
        let calls = start_watching(&path);
        assert_eq!(count(&calls), 1, "the first look");
        assert_eq!(count(&calls), 0, "nothing changed");

        for letter in ["b", "c", "d"] {
            fs::write(&path, letter).expect("write");
        }
        assert_eq!(count(&calls), 1, "it is written in place, several times at once");
        let new = scratch.path().join("m.toml.new");
        fs::write(&new, "e").expect("write");
        fs::rename(&new, &path).expect("rename");
        assert_eq!(count(&calls), 1, "it is replaced");
        fs::write(scratch.path().join("other"), "x").expect("write");
        assert_eq!(count(&calls), 0, "another file");
        fs::remove_file(&path).expect("remove");
        assert_eq!(count(&calls), 1, "it is removed");
        fs::write(&path, "f").expect("write");
        assert_eq!(count(&calls), 1, "it is back");
    }

    /// Kubernetes updates a `ConfigMap` with a new directory and one rename of the link `..data`.
    #[test]
    fn the_link_of_a_config_map_is_followed() {
        let scratch = tempfile::tempdir().expect("a directory");
        let at = |name: &str| scratch.path().join(name);
        let publish = |version: &str| {
            fs::create_dir(at(version)).expect("a directory");
            fs::write(at(version).join("m.toml"), version).expect("write");
            symlink(version, at("..data_tmp")).expect("a link");
            fs::rename(at("..data_tmp"), at("..data")).expect("rename");
        };
        publish("..1");
        symlink("..data/m.toml", at("m.toml")).expect("a link");
        let calls = start_watching(&at("m.toml"));
        assert_eq!(count(&calls), 1);
        for version in ["..2", "..3"] {
            publish(version);
            assert_eq!(count(&calls), 1, "{version}");
        }
        fs::remove_dir_all(at("..1")).expect("remove");
        assert_eq!(count(&calls), 0, "the old version is removed");
    }

    #[test]
    fn the_target_of_a_link_is_watched_where_it_is() {
        let scratch = tempfile::tempdir().expect("a directory");
        let elsewhere = tempfile::tempdir().expect("a directory");
        let target = elsewhere.path().join("real.toml");
        fs::write(&target, "a").expect("write");
        let path = scratch.path().join("m.toml");
        symlink(&target, &path).expect("a link");
        let calls = start_watching(&path);
        assert_eq!(count(&calls), 1);
        fs::write(&target, "b").expect("write");
        assert_eq!(count(&calls), 1);
    }

    /// Without inotify, the file is still looked at. A directory that does not exist cannot be watched.
    #[test]
    fn without_inotify_the_file_is_looked_at_now_and_then() {
        let scratch = tempfile::tempdir().expect("a directory");
        let path = scratch.path().join("not/yet/m.toml");
        assert!(Changes::of(&path).inotify.is_none());
        let (sender, calls) = channel();
        let watched = path.clone();
        thread::spawn(move || watch(&watched, 2 * QUIET, &|| sender.send(()).is_ok()));
        calls.recv().expect("the first look");
        fs::create_dir_all(scratch.path().join("not/yet")).expect("directories");
        fs::write(&path, "a").expect("write");
        let since = Instant::now();
        calls.recv_timeout(20 * QUIET).expect("the file is there");
        assert!(since.elapsed() < 20 * QUIET, "{:?}", since.elapsed());
    }
}
