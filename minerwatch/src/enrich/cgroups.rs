//! Finds the container, pod or unit of a process by the cgroup id in the kernel's record.

use std::{sync::Arc, time::Duration};

use super::{
    container,
    hierarchy::{Hierarchies, ROOT},
    proc::Proc,
};
use crate::bounded::BoundedMap;
use crate::model::{BootTime, Container};

/// Maximum number of cached cgroups. Cgroups of ended containers stay in the cache, because their last events come
/// late.
const CAP: usize = 4096;
/// Time after which an id that was not found is looked up again.
const RETRY_AFTER: Duration = Duration::from_secs(5);
/// Minimum time between two walks through the hierarchies, and maximum number of directories per walk. Together they
/// limit the cost to about 20 ms per second, even when cgroups live too briefly to be read.
const WALK_INTERVAL: Duration = Duration::from_secs(1);
const WALK_BUDGET: usize = 2048;

/// A cache entry for one id.
#[derive(Debug)]
enum Entry {
    Found(Option<Arc<Container>>),
    /// Neither the process nor a walk led to the cgroup. The next try comes after this time.
    Missing(BootTime),
}

/// Counters of the cgroup cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CgroupCounters {
    /// Ids in the cache now.
    pub cached: u64,
    /// Ids evicted because the cache was full.
    pub evicted: u64,
    /// Walks through the hierarchies.
    pub walks: u64,
    /// Look-ups that found no cgroup with that id.
    pub missing: u64,
}

/// The cache of cgroups, by id.
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

    /// Returns the container, pod or unit of the cgroup with this id. The process `pid` was a member of the cgroup.
    /// Returns `None` for the root, and for a cgroup that was gone before it could be read.
    pub(crate) fn container(&mut self, identity: u64, pid: u32, now: BootTime) -> Option<Arc<Container>> {
        if identity <= ROOT {
            return None;
        }
        match self.cache.get(&identity) {
            Some(Entry::Found(container)) => return container.clone(),
            Some(Entry::Missing(until)) if now < *until => return None,
            Some(Entry::Missing(_)) | None => {}
        }
        let found = self.proc.cgroups(pid).and_then(|text| {
            self.hierarchies.find(&text, identity).map(|path| container::parse(path).map(Arc::new))
        });
        if let Some(container) = found {
            self.cache.insert(identity, Entry::Found(container.clone()));
            return container;
        }
        self.walk(now);
        if let Some(Entry::Found(container)) = self.cache.get(&identity) {
            return container.clone();
        }
        self.missing += 1;
        self.cache.insert(identity, Entry::Missing(now.plus(RETRY_AFTER)));
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

    fn walk(&mut self, now: BootTime) {
        if self.walked.is_some_and(|walked| now.since(walked) < WALK_INTERVAL) {
            return;
        }
        self.walked = Some(now);
        self.walks += 1;
        let cache = &mut self.cache;
        self.hierarchies.walk(WALK_BUDGET, |identity, path| {
            if !matches!(cache.get(&identity), Some(Entry::Found(_))) {
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
    fn a_cgroup_is_found_through_its_process_and_remembered_after_its_end() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        let directory = root.path().join("cgroup/system.slice").join(NAME);
        let identity = inode(&directory);
        fs::write(root.path().join("proc/7/cgroup"), format!("0::/system.slice/{NAME}\n")).expect("write");
        let first = cgroups.container(identity, 7, NOW).expect("found by the process");
        assert!(first.id.is_some());
        assert_eq!(cgroups.counters().walks, 0);
        fs::remove_dir(&directory).expect("remove");
        let second = cgroups.container(identity, 7, NOW).expect("remembered");
        assert!(Arc::ptr_eq(&first, &second));
    }

    #[test]
    fn the_cgroup_of_a_process_that_is_gone_is_found_by_a_walk() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        let identity = inode(&root.path().join("cgroup/system.slice").join(NAME));
        let container = cgroups.container(identity, 8, NOW).expect("found by a walk");
        assert_eq!(&*container.cgroup, format!("/system.slice/{NAME}"));
        // A process that has moved is no longer in the cgroup of the record.
        fs::write(root.path().join("proc/7/cgroup"), "0::/system.slice\n").expect("write");
        assert_eq!(cgroups.container(identity, 7, NOW), Some(container));
    }

    #[test]
    fn ids_that_are_not_found_cost_little() {
        let root = tempfile::tempdir().expect("a directory");
        let mut cgroups = cgroups(root.path());
        for identity in 1_000_000_000_000..1_000_000_001_000 {
            assert_eq!(cgroups.container(identity, 8, NOW), None);
            assert_eq!(cgroups.container(identity, 8, NOW), None);
        }
        let counters = cgroups.counters();
        assert_eq!((counters.walks, counters.missing), (1, 1000));
        cgroups.container(1_000_000_000_000, 8, NOW.plus(RETRY_AFTER));
        assert_eq!(cgroups.counters().walks, 2);
        assert_eq!(cgroups.container(ROOT, 8, NOW), None);
        assert_eq!(cgroups.container(0, 8, NOW), None);
    }
}
