//! From the cgroup identity in a kernel record to the place a process belongs to.

use std::{sync::Arc, time::Duration};

use super::{
    bounded::BoundedMap,
    container,
    hierarchy::{Hierarchies, ROOT},
    proc::Proc,
};
use crate::model::{BootTime, Container};

/// Cgroups remembered, those of ended containers included, since their last events come late.
const CAP: usize = 4096;
/// How long an identity that could not be found is not looked for again.
const FORGET_MISS: Duration = Duration::from_secs(5);
/// The least time between two walks through the hierarchies, and the most directories of one walk: about
/// 20 ms a second at the very worst, when short-lived cgroups come faster than they can be read.
const WALK_INTERVAL: Duration = Duration::from_secs(1);
const WALK_BUDGET: usize = 2048;
/// A process is in a dozen hierarchies at most; paths are limited by `PATH_MAX` each.
const MAX_MEMBERSHIP: u64 = 64 << 10;

/// What the cache knows of one identity.
#[derive(Debug)]
enum Entry {
    Found(Option<Arc<Container>>),
    /// Neither the process nor a walk gave it; do not try before this time.
    Missing(BootTime),
}

/// How often cgroups were found and not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupCounters {
    /// Identities kept now.
    pub cached: u64,
    /// Identities evicted because the cache was full.
    pub evicted: u64,
    /// Walks through the hierarchies.
    pub walks: u64,
    /// Lookups that found no cgroup of that identity.
    pub missing: u64,
}

/// The cgroups seen, by identity.
#[derive(Debug)]
pub(crate) struct Cgroups {
    proc: Proc,
    hierarchies: Hierarchies,
    cache: BoundedMap<u64, Entry>,
    walked: Option<BootTime>,
    walks: u64,
    missing: u64,
}

impl Cgroups {
    pub(crate) fn new(proc: Proc, hierarchies: Hierarchies) -> Self {
        Self { proc, hierarchies, cache: BoundedMap::new(CAP), walked: None, walks: 0, missing: 0 }
    }

    /// Where the cgroup with this identity is, of which process `pid` was a member. `None` for the root and
    /// for a cgroup that is gone without ever having been seen.
    pub(crate) fn place(&mut self, identity: u64, pid: u32, now: BootTime) -> Option<Arc<Container>> {
        if identity <= ROOT {
            return None;
        }
        match self.cache.get(identity) {
            Some(Entry::Found(place)) => return place.clone(),
            Some(Entry::Missing(until)) if now < *until => return None,
            Some(Entry::Missing(_)) | None => {}
        }
        let found = self.membership(pid).and_then(|text| {
            self.hierarchies.find(&text, identity).map(|path| container::parse(path).map(Arc::new))
        });
        if let Some(place) = found {
            self.cache.insert(identity, Entry::Found(place.clone()));
            return place;
        }
        self.walk(now);
        if let Some(Entry::Found(place)) = self.cache.get(identity) {
            return place.clone();
        }
        self.missing += 1;
        self.cache.insert(identity, Entry::Missing(now.plus(FORGET_MISS)));
        None
    }

    pub(crate) fn counters(&self) -> CgroupCounters {
        CgroupCounters {
            cached: self.cache.len() as u64,
            evicted: self.cache.evicted(),
            walks: self.walks,
            missing: self.missing,
        }
    }

    fn membership(&self, pid: u32) -> Option<String> {
        self.proc.read(pid, "cgroup", MAX_MEMBERSHIP).ok().and_then(|text| String::from_utf8(text).ok())
    }

    fn walk(&mut self, now: BootTime) {
        if self.walked.is_some_and(|walked| now.since(walked) < WALK_INTERVAL) {
            return;
        }
        self.walked = Some(now);
        self.walks += 1;
        let cache = &mut self.cache;
        self.hierarchies.walk(WALK_BUDGET, |identity, path| {
            if !matches!(cache.get(identity), Some(Entry::Found(_))) {
                cache.insert(identity, Entry::Found(container::parse(path).map(Arc::new)));
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::MetadataExt, path::Path};

    use super::*;

    const NAME: &str = "docker-3f29c1f9dba0a6f0a3c8a1f1f5a9d3a8b7c6e5d4f3a2b1c0d9e8f7a6b5c4d3e2.scope";

    fn cgroups(root: &Path) -> Cgroups {
        fs::create_dir_all(root.join("cgroup/system.slice").join(NAME)).expect("a directory");
        fs::create_dir_all(root.join("proc/7")).expect("a directory");
        let mountinfo = format!("1 1 0:1 / {}/cgroup rw - cgroup2 none rw\n", root.display());
        Cgroups::new(Proc::at(&root.join("proc")), Hierarchies::parse(&mountinfo))
    }

    fn inode(path: &Path) -> u64 {
        fs::metadata(path).expect("it is there").ino()
    }

    const NOW: BootTime = BootTime(1_000_000_000);

    #[test]
    fn a_living_process_tells_and_the_answer_outlives_the_cgroup() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        let directory = root.path().join("cgroup/system.slice").join(NAME);
        let identity = inode(&directory);
        fs::write(root.path().join("proc/7/cgroup"), format!("0::/system.slice/{NAME}\n")).expect("write");
        let first = cgroups.place(identity, 7, NOW).expect("found by the process");
        assert!(first.id.is_some());
        assert_eq!(cgroups.counters().walks, 0);
        fs::remove_dir(&directory).expect("remove");
        let second = cgroups.place(identity, 7, NOW).expect("remembered");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn of_a_process_that_is_gone_the_hierarchy_tells() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        let identity = inode(&root.path().join("cgroup/system.slice").join(NAME));
        let place = cgroups.place(identity, 8, NOW).expect("found by a walk");
        assert_eq!(&*place.cgroup, format!("/system.slice/{NAME}"));
        // A process that has moved on names another cgroup than the record.
        fs::write(root.path().join("proc/7/cgroup"), "0::/system.slice\n").expect("write");
        assert_eq!(cgroups.place(identity, 7, NOW), Some(place));
    }

    #[test]
    fn misses_cost_little() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        for identity in 1_000_000_000_000..1_000_000_001_000 {
            assert_eq!(cgroups.place(identity, 8, NOW), None);
            assert_eq!(cgroups.place(identity, 8, NOW), None);
        }
        let counters = cgroups.counters();
        assert_eq!((counters.walks, counters.missing), (1, 1000));
        cgroups.place(1_000_000_000_000, 8, NOW.plus(FORGET_MISS));
        assert_eq!(cgroups.counters().walks, 2);
        assert_eq!(cgroups.place(ROOT, 8, NOW), None);
        assert_eq!(cgroups.place(0, 8, NOW), None);
    }
}
