//! Reports the size of a huge-page pool of the host before and after a process opened its control file.
//!
//! The kernel reports the open. The write comes later and may take long, so the pool is read again some time
//! afterwards.

use std::{
    collections::VecDeque,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustc_hash::FxHashMap;

use super::proc::read_bounded;
use crate::model::{BootTime, Event, EventBody, HugePages, Subject};

/// Time between the open and the first check, and between two checks.
const CHECK_INTERVAL: Duration = Duration::from_millis(500);
/// Maximum number of checks after one open.
const MAX_CHECKS: u32 = 4;
/// Maximum number of opens that are tracked at the same time. Further opens are ignored.
const MAX_OPEN: usize = 64;
/// Maximum number of control files. A host has a few for each memory node.
const MAX_POOLS: usize = 4_096;

#[derive(Debug)]
struct Open {
    subject: Subject,
    path: Arc<str>,
    before: u64,
    due: BootTime,
    checks: u32,
}

/// The huge-page pools, and the processes that opened a control file.
#[derive(Debug)]
pub(crate) struct Pools {
    root: PathBuf,
    /// The last known number of pages for each control file.
    known: FxHashMap<Arc<str>, u64>,
    open: VecDeque<Open>,
}

impl Pools {
    /// Finds the pools of the host below `root`, and reads their sizes.
    pub(crate) fn discover(root: &Path) -> Self {
        let mut pools = Self { root: root.to_owned(), known: FxHashMap::default(), open: VecDeque::new() };
        pools.note("/proc/sys/vm/nr_hugepages");
        pools.note_sizes("/sys/kernel/mm/hugepages");
        for node in names(&pools.root.join("sys/devices/system/node")) {
            pools.note_sizes(&format!("/sys/devices/system/node/{node}/hugepages"));
        }
        pools
    }

    fn note_sizes(&mut self, directory: &str) {
        for size in names(&self.root.join(directory.trim_start_matches('/'))) {
            self.note(&format!("{directory}/{size}/nr_hugepages"));
        }
    }

    fn note(&mut self, path: &str) {
        if let Some(pages) = self.read(path).filter(|_| self.known.len() < MAX_POOLS) {
            self.known.insert(path.into(), pages);
        }
    }

    fn read(&self, path: &str) -> Option<u64> {
        let text = read_bounded(&self.root.join(path.trim_start_matches('/')), 64).ok()?;
        std::str::from_utf8(&text).ok()?.trim().parse().ok()
    }

    /// Tracks a file that was opened for writing, if it is a control file.
    pub(crate) fn opened(&mut self, subject: &Subject, path: &Arc<str>, now: BootTime) {
        let Some(before) = self.known.get(path).copied() else { return };
        if self.open.len() < MAX_OPEN {
            let due = now.plus(CHECK_INTERVAL);
            self.open.push_back(Open {
                subject: subject.clone(),
                path: Arc::clone(path),
                before,
                due,
                checks: 0,
            });
        }
    }

    /// Reads the pools that are due. Adds an event with the time `now` for each pool that changed, or that did not
    /// change within `MAX_CHECKS` checks.
    pub(crate) fn check(&mut self, now: BootTime, events: &mut Vec<Event>) {
        for _ in 0..self.open.len() {
            let Some(mut open) = self.open.pop_front() else { break };
            if open.due > now {
                self.open.push_back(open);
                continue;
            }
            let after = self.read(&open.path).unwrap_or(open.before);
            open.checks += 1;
            if after == open.before && open.checks < MAX_CHECKS {
                open.due = now.plus(CHECK_INTERVAL);
                self.open.push_back(open);
                continue;
            }
            self.known.insert(Arc::clone(&open.path), after);
            let Open { subject, path, before, .. } = open;
            let body = EventBody::HugePages(HugePages { path, before, after });
            events.push(Event { time: now, subject, body });
        }
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{model::ProcessKey, testing::subject};

    const CONTROL: &str = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";

    struct Host {
        root: tempfile::TempDir,
        pools: Pools,
    }

    fn host() -> Host {
        let root = tempfile::tempdir().expect("a directory can be made");
        let control = root.path().join(&CONTROL[1..]);
        fs::create_dir_all(control.parent().expect("it has one")).expect("a directory can be made");
        fs::write(control, "16\n").expect("a file can be written");
        let pools = Pools::discover(root.path());
        Host { root, pools }
    }

    impl Host {
        fn set(&self, pages: &str) {
            fs::write(self.root.path().join(&CONTROL[1..]), pages).expect("a file can be written");
        }

        fn open(&mut self, path: &str) {
            self.pools.opened(&subject(ProcessKey::new(7, 7)), &path.into(), BootTime(0));
        }

        fn check(&mut self, milliseconds: u64) -> Vec<(u64, u64)> {
            let mut events = Vec::new();
            self.pools.check(BootTime(milliseconds * 1_000_000), &mut events);
            let pools = events.into_iter().map(|event| match event.body {
                EventBody::HugePages(pool) => (pool.before, pool.after),
                body => panic!("{body:?}"),
            });
            pools.collect()
        }
    }

    #[test]
    fn a_change_of_the_pool_is_reported_once() {
        let mut host = host();
        host.open(CONTROL);
        assert_eq!(host.check(100), [], "too early");
        assert_eq!(host.check(600), [], "nothing changed yet");
        host.set("1184\n");
        assert_eq!(host.check(1_200), [(16, 1_184)]);
        assert_eq!(host.check(9_000), [], "reported once");
        host.open(CONTROL);
        host.set("0\n");
        assert_eq!(host.check(9_600), [(1_184, 0)]);
    }

    #[test]
    fn an_open_without_a_change_is_reported_in_the_end() {
        let mut host = host();
        host.open(CONTROL);
        let told: Vec<_> = (1..=10).flat_map(|look| host.check(600 * look)).collect();
        assert_eq!(told, [(16, 16)]);
    }

    #[test]
    fn other_files_and_damaged_values_are_ignored() {
        let mut host = host();
        host.open("/etc/passwd");
        host.open("/proc/sys/vm/nr_hugepages");
        assert_eq!(host.check(9_000), []);
        host.open(CONTROL);
        host.set("many");
        assert_eq!((1..=10).flat_map(|look| host.check(9_000 + 600 * look)).collect::<Vec<_>>(), [(16, 16)]);
    }

    #[test]
    fn a_storm_of_opens_is_bounded() {
        let mut host = host();
        for _ in 0..10_000 {
            host.open(CONTROL);
        }
        assert_eq!(host.pools.open.len(), MAX_OPEN);
    }
}
