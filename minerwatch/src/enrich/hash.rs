//! Computes the SHA-256 of executables in the background.
//!
//! An exec costs one look-up by device and inode. A new file goes through a bounded queue to a thread of the lowest
//! priority, which reads the file once for all processes that run it. The hash of a written file is removed at once,
//! because the file hook reports the write before the next exec. In case a write was missed, modification time and size
//! are checked again from time to time.

mod settings;
mod worker;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    time::Duration,
};

use super::proc::Proc;
use crate::{
    bounded::BoundedMap,
    model::{BootTime, FileId, Subject},
};
pub use settings::HashSettings;
use worker::{Content, FileVersion, Outcome, Refusal, Request};

/// Maximum number of cached files.
const CAP: usize = 4096;
/// Capacity of the request queue and of the result queue.
const QUEUE: usize = 256;
/// Maximum number of processes that wait for the hash of one file. Further processes get no hash.
const MAX_WAITING: usize = 64;
/// Time after which modification time and size are checked again.
const RECHECK: Duration = Duration::from_secs(10);

/// Counters of hashing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HashCounters {
    /// Files hashed.
    pub hashed: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Processes whose hash was in the cache.
    pub hits: u64,
    /// Files larger than the limit.
    pub too_large: u64,
    /// Files that were gone, replaced or changed before they were read.
    pub gone: u64,
    /// Files that could not be read.
    pub failed: u64,
    /// Requests dropped because the queue was full.
    pub queue_full: u64,
    /// Processes that got no hash because too many processes waited.
    pub unanswered: u64,
    /// Cached files that were removed because they were written.
    pub invalidated: u64,
    /// Files in the cache now.
    pub cached: u64,
    /// Files evicted because the cache was full.
    pub evicted: u64,
}

/// A hash and the process that runs the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hashed {
    pub(crate) subject: Subject,
    pub(crate) file: FileId,
    pub(crate) sha256: Arc<str>,
}

#[derive(Debug)]
enum Entry {
    /// The thread is reading the file. Holds the processes that wait, and whether the file was written meanwhile.
    Pending {
        waiting: Vec<Subject>,
        written: bool,
    },
    Known {
        sha256: Arc<str>,
        version: FileVersion,
        checked: BootTime,
    },
    /// The file is too large or cannot be read. The next try comes after `RECHECK`.
    Refused {
        checked: BootTime,
    },
}

/// The cache and the sending end of the request queue. Dropping the hasher ends the thread.
#[derive(Debug)]
pub(crate) struct Hasher {
    cache: BoundedMap<FileId, Entry>,
    requests: SyncSender<Request>,
    outcomes: Receiver<Outcome>,
    stop: Arc<AtomicBool>,
    counters: HashCounters,
}

impl Hasher {
    /// Starts the thread. The thread calls `wake` whenever there is something to [`collect`](Hasher::collect).
    pub(crate) fn start(
        settings: HashSettings,
        proc: Proc,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let (requests, request_receiver) = sync_channel(QUEUE);
        let (outcome_sender, outcomes) = sync_channel(QUEUE);
        let stop = Arc::new(AtomicBool::new(false));
        let worker = worker::Worker { settings, proc, stop: Arc::clone(&stop) };
        std::thread::Builder::new()
            .name("minerwatch-hash".into())
            .spawn(move || worker.run(&request_receiver, &outcome_sender, wake))?;
        let cache = BoundedMap::new(CAP);
        Ok(Self { cache, requests, outcomes, stop, counters: HashCounters::default() })
    }

    /// Requests the hash of the file that `subject` runs. The thread opens `path` if the process is gone. Returns a
    /// cached hash at once; a new hash comes through [`Hasher::collect`].
    pub(crate) fn request(
        &mut self,
        subject: &Subject,
        file: FileId,
        path: &Arc<str>,
        now: BootTime,
    ) -> Option<Hashed> {
        let (known, answer) = match self.cache.get_mut(&file) {
            Some(Entry::Pending { waiting, .. }) => {
                if waiting.len() < MAX_WAITING {
                    waiting.push(subject.clone());
                } else {
                    self.counters.unanswered += 1;
                }
                return None;
            }
            Some(Entry::Known { sha256, version, checked }) if now.since(*checked) >= RECHECK => {
                (Some((*version, Arc::clone(sha256))), None)
            }
            Some(Entry::Known { sha256, .. }) => {
                (None, Some(Hashed { subject: subject.clone(), file, sha256: Arc::clone(sha256) }))
            }
            Some(Entry::Refused { checked }) if now.since(*checked) < RECHECK => return None,
            Some(Entry::Refused { .. }) | None => (None, None),
        };
        if answer.is_some() {
            self.counters.hits += 1;
            return answer;
        }
        let request = Request { process: subject.key, file, path: Arc::clone(path), known };
        if self.requests.try_send(request).is_ok() {
            let waiting = vec![subject.clone()];
            self.cache.insert(file, Entry::Pending { waiting, written: false });
        } else {
            self.counters.queue_full += 1;
        }
        None
    }

    /// Counts a cached hash that was dropped.
    pub(crate) fn count_unanswered(&mut self) {
        self.counters.unanswered += 1;
    }

    /// Removes a written file from the cache.
    pub(crate) fn invalidate(&mut self, file: FileId) {
        match self.cache.get_mut(&file) {
            // The waiting processes still get the hash, but it is not cached.
            Some(Entry::Pending { written, .. }) => *written = true,
            Some(Entry::Known { .. } | Entry::Refused { .. }) => {
                self.cache.remove(&file);
            }
            None => return,
        }
        self.counters.invalidated += 1;
    }

    /// Passes on the results of the thread.
    pub(crate) fn collect(&mut self, now: BootTime, mut take: impl FnMut(Hashed)) {
        while let Ok(Outcome { request, result }) = self.outcomes.try_recv() {
            let file = request.file;
            let (waiting, written) = match self.cache.remove(&file) {
                Some(Entry::Pending { waiting, written }) => (waiting, written),
                // The entry was evicted, together with the waiting processes.
                Some(Entry::Known { .. } | Entry::Refused { .. }) | None => (Vec::new(), true),
            };
            match result {
                Ok(content) => {
                    self.counters.bytes += content.read;
                    if content.read > 0 {
                        self.counters.hashed += 1;
                    }
                    for subject in waiting {
                        take(Hashed { subject, file, sha256: Arc::clone(&content.sha256) });
                    }
                    if !written {
                        let Content { sha256, version, .. } = content;
                        self.cache.insert(file, Entry::Known { sha256, version, checked: now });
                    }
                }
                Err(refusal) => {
                    match refusal {
                        Refusal::TooLarge => self.counters.too_large += 1,
                        Refusal::Gone => self.counters.gone += 1,
                        Refusal::Failed => self.counters.failed += 1,
                    }
                    // The process is gone, but the next process that runs the file may be readable.
                    if !written && !matches!(refusal, Refusal::Gone) {
                        self.cache.insert(file, Entry::Refused { checked: now });
                    }
                }
            }
        }
    }

    pub(crate) fn counters(&self) -> HashCounters {
        HashCounters { cached: self.cache.len() as u64, evicted: self.cache.evicted(), ..self.counters }
    }
}

impl Drop for Hasher {
    fn drop(&mut self) {
        // The thread is not joined: a read may hang in a dead network file system, and the daemon must end in time.
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt, path::Path, sync::mpsc::channel};

    use super::*;
    use crate::{model::ProcessKey, testing::subject};

    const SETTINGS: HashSettings = HashSettings { max_size: 128 << 20, rate: 64 << 20 };
    const WAIT: Duration = Duration::from_secs(20);
    const NOW: BootTime = BootTime(5_000_000_000);
    /// SHA-256 of "abc" (FIPS 180-2, appendix B.1).
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    struct Fixture {
        hasher: Hasher,
        woken: Receiver<()>,
        root: tempfile::TempDir,
    }

    impl Fixture {
        fn new(settings: HashSettings) -> Self {
            let root = tempfile::tempdir().expect("a directory");
            let (wake, woken) = channel();
            // The procfs is empty. So every process looks gone, and the path is used.
            let hasher = Hasher::start(settings, Proc::at(root.path()), move || {
                let _ = wake.send(());
            })
            .expect("a thread");
            Self { hasher, woken, root }
        }

        fn file(&self, name: &str, content: &str) -> (FileId, Arc<str>) {
            let path = self.root.path().join(name);
            fs::write(&path, content).expect("write");
            (identity(&path), path.to_str().expect("a plain name").into())
        }

        fn wait(&mut self, now: BootTime) -> Vec<Hashed> {
            self.woken.recv_timeout(WAIT).expect("an answer");
            let mut found = Vec::new();
            self.hasher.collect(now, |hashed| found.push(hashed));
            found
        }
    }

    fn identity(path: &Path) -> FileId {
        let metadata = fs::metadata(path).expect("it is there");
        super::super::proc::file_id(metadata.dev(), metadata.ino())
    }

    fn process(pid: u32) -> Subject {
        subject(ProcessKey::from_ticks(pid, 1))
    }

    #[test]
    fn a_file_is_read_once_for_all_processes_that_run_it() {
        let mut fixture = Fixture::new(SETTINGS);
        let (file, path) = fixture.file("a", "abc");
        assert_eq!(fixture.hasher.request(&process(1), file, &path, NOW), None);
        assert_eq!(fixture.hasher.request(&process(2), file, &path, NOW), None);
        let found = fixture.wait(NOW);
        assert_eq!(found.iter().map(|hashed| hashed.subject.key.pid).collect::<Vec<_>>(), [1, 2]);
        assert!(found.iter().all(|hashed| &*hashed.sha256 == ABC));
        for pid in 3..1000 {
            let known = fixture.hasher.request(&process(pid), file, &path, NOW).expect("known");
            assert_eq!((known.subject.key.pid, &*known.sha256), (pid, ABC));
        }
        let counters = fixture.hasher.counters();
        assert_eq!((counters.hashed, counters.hits, counters.bytes), (1, 997, 3));
    }

    #[test]
    fn a_written_file_is_read_again() {
        let mut fixture = Fixture::new(SETTINGS);
        let (file, path) = fixture.file("a", "abc");
        fixture.hasher.request(&process(1), file, &path, NOW);
        assert_eq!(fixture.wait(NOW).len(), 1);
        fs::write(&*path, "abcd").expect("write");
        fixture.hasher.invalidate(file);
        assert_eq!(fixture.hasher.request(&process(2), file, &path, NOW), None);
        let found = fixture.wait(NOW);
        assert!(found.len() == 1 && found.iter().all(|hashed| &*hashed.sha256 != ABC));
    }

    #[test]
    fn a_file_written_while_it_is_read_is_not_remembered() {
        let mut fixture = Fixture::new(SETTINGS);
        let (file, path) = fixture.file("a", "abc");
        fixture.hasher.request(&process(1), file, &path, NOW);
        fixture.hasher.invalidate(file);
        assert_eq!(fixture.wait(NOW).len(), 1);
        assert_eq!(fixture.hasher.request(&process(2), file, &path, NOW), None, "read again");
    }

    #[test]
    fn a_missed_write_is_found_by_the_next_check() {
        let mut fixture = Fixture::new(SETTINGS);
        let (file, path) = fixture.file("a", "abc");
        fixture.hasher.request(&process(1), file, &path, NOW);
        fixture.wait(NOW);
        let later = NOW.plus(RECHECK);
        assert_eq!(fixture.hasher.request(&process(2), file, &path, later), None);
        assert_eq!(&*fixture.wait(later).first().expect("unchanged").sha256, ABC);
        assert_eq!(fixture.hasher.counters().hashed, 1, "an unchanged file is not read again");
        fs::write(&*path, "abcd").expect("write");
        let latest = later.plus(RECHECK);
        assert_eq!(fixture.hasher.request(&process(3), file, &path, latest), None);
        assert_ne!(&*fixture.wait(latest).first().expect("changed").sha256, ABC);
    }

    #[test]
    fn files_that_cannot_be_hashed_are_counted() {
        let mut fixture = Fixture::new(HashSettings { max_size: 3, ..SETTINGS });
        let (large, path) = fixture.file("large", "abcd");
        fixture.hasher.request(&process(1), large, &path, NOW);
        assert_eq!(fixture.wait(NOW), []);
        fixture.hasher.request(&process(1), large, &path, NOW);
        let (file, path) = fixture.file("gone", "abc");
        // Another file with that name, perhaps from an attacker, must not be hashed instead.
        let impostor = FileId { inode: file.inode + 1_000_000, ..file };
        fixture.hasher.request(&process(2), impostor, &path, NOW);
        assert_eq!(fixture.wait(NOW), []);
        fixture.hasher.request(&process(3), file, &Arc::from("/nowhere/at/all"), NOW);
        assert_eq!(fixture.wait(NOW), []);
        let counters = fixture.hasher.counters();
        assert_eq!((counters.too_large, counters.gone, counters.hashed), (1, 2, 0));
    }

    #[test]
    fn processes_without_a_hash_are_counted() {
        let mut fixture = Fixture::new(SETTINGS);
        let (file, path) = fixture.file("a", "abc");
        for pid in (0..).take(MAX_WAITING + 5) {
            fixture.hasher.request(&process(pid), file, &path, NOW);
        }
        assert_eq!(fixture.wait(NOW).len(), MAX_WAITING);
        assert_eq!(fixture.hasher.counters().unanswered, 5);
    }

    #[test]
    fn a_full_queue_drops_and_counts() {
        let mut fixture = Fixture::new(HashSettings { max_size: 1 << 20, rate: 1 });
        let (slow, path) = fixture.file("slow", &"x".repeat(1 << 20));
        fixture.hasher.request(&process(1), slow, &path, NOW);
        for inode in 0..4 * QUEUE as u64 {
            fixture.hasher.request(&process(2), FileId { device: 0, inode }, &path, NOW);
        }
        let counters = fixture.hasher.counters();
        // Both queues are full, and the thread works on one request.
        assert!(counters.queue_full >= 2 * QUEUE as u64 - 2, "{counters:?}");
        assert!(counters.cached <= 2 * QUEUE as u64 + 2, "{counters:?}");
    }
}
