//! Finds processes that the host's users do not see.
//!
//! Three views of the same processes are compared: `/proc` as the first process has it mounted, another procfs that
//! belongs to the agent alone and over which nobody can mount anything, and the processes that the kernel's hooks saw on
//! a processor. A rootkit may also change what the agent itself reads from `/proc`. It cannot change what the hooks have
//! already reported.
//!
//! The mount table also shows what was mounted over other places of the host ([`PlaceMounts`]).

use std::{
    os::fd::{AsRawFd, OwnedFd},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rustc_hash::FxHashSet;
use rustix::{
    mount::{FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen},
    process::{Pid, PidfdFlags, pidfd_open},
};
use tracing::{debug, warn};

use super::place_mounts::PlaceMounts;
use crate::{
    bounded::BoundedMap,
    enrich::{
        mounts::{self, Mount},
        proc::{Proc, read_bounded},
        snapshot,
    },
    host,
    model::{BootTime, Event, EventBody, HiddenBy, HiddenProcess, ProcessKey, RunningProcess, Subject},
};

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(30);
/// Maximum number of processes that wait for the next look.
const MAX_ASKED: usize = 1_024;
/// Maximum number of processes that are reported in one look.
const MAX_FOUND: usize = 16;
/// Maximum number of hidden processes that are remembered, so that each is reported once.
const MAX_REPORTED: usize = 1_024;
/// Maximum number of preloaded libraries that are named.
const MAX_PRELOADED: usize = 4;
/// The list of libraries that every program loads (`ld.so(8)`).
const PRELOAD_LIST: &str = "etc/ld.so.preload";

/// Looks for hidden processes.
#[derive(Debug)]
pub struct HiddenProcesses {
    /// The procfs as the users of the host have it.
    users: PathBuf,
    /// The agent's own procfs. `None` if the kernel or the privileges do not allow one.
    own: Option<OwnedFd>,
    /// Processes that use CPU time.
    asked: Vec<Subject>,
    reported: BoundedMap<ProcessKey, ()>,
    last: Option<BootTime>,
    mounts: PlaceMounts,
    /// Whether the log has told of a mount that cannot be reported.
    logged: bool,
}

impl HiddenProcesses {
    /// Creates a procfs that is mounted nowhere. This needs `CAP_SYS_ADMIN`, so call it before the privileges are dropped.
    pub fn open() -> Self {
        let own = procfs()
            .inspect_err(
                |error| debug!(%error, "no procfs of its own: mounts over /proc/PID are only logged"),
            )
            .ok();
        Self {
            users: host::root().join("proc"),
            own,
            asked: Vec::new(),
            reported: BoundedMap::new(MAX_REPORTED),
            last: None,
            mounts: PlaceMounts::default(),
            logged: false,
        }
    }

    /// Asks whether users see a process that uses CPU time. The next look answers.
    pub fn ask(&mut self, process: Subject) {
        if self.asked.len() < MAX_ASKED {
            self.asked.push(process);
        }
    }

    /// Looks, if a look is due, and appends an event for each hidden process.
    pub fn tick(&mut self, now: BootTime, found: &mut Vec<Event>) {
        if self.last.is_some_and(|last| now.since(last) < INTERVAL) {
            return;
        }
        self.last = Some(now);
        let before = found.len();
        let mounts = mounts::of_host();
        self.look_for_mounts(&mounts, now, found);
        self.compare(&mounts, now, found);
        let mut libraries = None;
        for event in found.iter_mut().skip(before) {
            if let EventBody::Hidden(hidden) = &mut event.body {
                hidden.preloaded.clone_from(libraries.get_or_insert_with(preloaded));
            }
        }
        self.mounts.look(&mounts, now, found);
    }

    /// The path of the agent's own procfs.
    fn own_root(&self) -> Option<PathBuf> {
        self.own.as_ref().map(|own| PathBuf::from(format!("/proc/self/fd/{}", own.as_raw_fd())))
    }

    /// Reports processes with a mount over their directory.
    fn look_for_mounts(&mut self, mounts: &[Mount], now: BootTime, found: &mut Vec<Event>) {
        for mount in mounts {
            let Some(pid) = covered(&mount.point) else { continue };
            let Some(own) = self.own_root() else {
                if !std::mem::replace(&mut self.logged, true) {
                    warn!("something is mounted over {}, which hides the process {pid}", mount.point);
                }
                continue;
            };
            if let Some((subject, running)) = snapshot::of_process(&own, pid) {
                let source = Some(Arc::from(format!("{} {}", mount.kind, mount.root)));
                self.report(subject, HiddenBy::Mount, source, Some(running), now, found);
            }
        }
    }

    /// Compares the listings, and looks for the processes that were asked about.
    fn compare(&mut self, mounts: &[Mount], now: BootTime, found: &mut Vec<Event>) {
        let asked = std::mem::take(&mut self.asked);
        let own = self.own_root();
        let in_own = own.as_deref().and_then(listed);
        // A process that ends between the two listings is only in the first, and one that begins only in the second.
        let Some(seen) = listed(&self.users) else { return };
        let missing: Vec<u32> = in_own.iter().flatten().copied().filter(|pid| !seen.contains(pid)).collect();
        let unseen: Vec<Subject> =
            asked.into_iter().filter(|subject| !seen.contains(&subject.key.pid)).collect();
        if missing.is_empty() && unseen.is_empty() {
            return;
        }
        let Some(again) = listed(&self.users) else { return };
        if let Some(own) = own {
            let cover = mounts.iter().rev().find(|mount| mount.point == "/proc");
            let source = cover.map(|mount| Arc::from(format!("{} {}", mount.kind, mount.root)));
            for pid in missing.into_iter().filter(|pid| !again.contains(pid)) {
                if let Some((subject, running)) = snapshot::of_process(&own, pid) {
                    self.report(subject, HiddenBy::OtherProc, source.clone(), Some(running), now, found);
                }
            }
        }
        for subject in unseen {
            if !again.contains(&subject.key.pid) && exists(subject.key.pid) {
                self.report(subject, HiddenBy::Unlisted, None, None, now, found);
            }
        }
    }

    fn report(
        &mut self,
        subject: Subject,
        by: HiddenBy,
        source: Option<Arc<str>>,
        process: Option<RunningProcess>,
        now: BootTime,
        found: &mut Vec<Event>,
    ) {
        if self.reported.get(&subject.key).is_some() || found.len() >= MAX_FOUND {
            return;
        }
        self.reported.insert(subject.key, ());
        let hidden = HiddenProcess { by, source, preloaded: Vec::new(), process };
        found.push(Event { time: now, subject, body: EventBody::Hidden(Box::new(hidden)) });
    }
}

/// Creates a procfs that is mounted nowhere.
fn procfs() -> rustix::io::Result<OwnedFd> {
    let context = fsopen("proc", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_RDONLY
        | MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}

/// Returns the process whose directory, or a part of it, a mount covers.
fn covered(point: &str) -> Option<u32> {
    let below = point.strip_prefix("/proc/")?;
    below.split('/').next()?.parse().ok()
}

/// Returns the processes that a procfs lists.
fn listed(root: &Path) -> Option<FxHashSet<u32>> {
    let pids: FxHashSet<u32> = Proc::at(root).pids().ok()?.collect();
    // A listing without process 1 is not one of the host.
    pids.contains(&1).then_some(pids)
}

/// Whether the kernel has a process of this id.
fn exists(pid: u32) -> bool {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| pidfd_open(pid, PidfdFlags::empty()).is_ok())
}

/// Returns the libraries that `/etc/ld.so.preload` of the host forces into every program, at most four.
pub fn preloaded() -> Vec<Arc<str>> {
    preloaded_libraries(&host::root())
}

/// Returns the libraries that the loader of programs is told to preload (`ld.so(8)`).
fn preloaded_libraries(root: &Path) -> Vec<Arc<str>> {
    let bytes = read_bounded(&root.join(PRELOAD_LIST), 4_096).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or(""));
    let names = lines.flat_map(|line| line.split([' ', '\t', ':'])).filter(|name| !name.is_empty());
    names.take(MAX_PRELOADED).map(Arc::from).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_mounts_over_processes_count() {
        for (point, pid) in [
            ("/proc/812", Some(812)),
            ("/proc/812/stat", Some(812)),
            ("/proc/sys/fs/binfmt_misc", None),
            ("/proc", None),
            ("/srv/proc/812", None),
            ("/procs/812", None),
        ] {
            assert_eq!(covered(point), pid, "{point}");
        }
    }

    #[test]
    fn the_loader_s_list_is_read_as_the_loader_does() {
        let root = tempfile::tempdir().expect("a directory");
        assert!(preloaded_libraries(root.path()).is_empty());
        fs::create_dir(root.path().join("etc")).expect("a directory");
        fs::write(root.path().join(PRELOAD_LIST), "# none\n/a.so /b.so:/c.so\n\n").expect("a file");
        let found = preloaded_libraries(root.path());
        assert_eq!(found.iter().map(|name| &**name).collect::<Vec<_>>(), ["/a.so", "/b.so", "/c.so"]);
    }

    #[test]
    fn a_process_that_no_listing_has_is_hidden_if_it_exists() {
        let view = tempfile::tempdir().expect("a directory");
        fs::create_dir(view.path().join("1")).expect("a directory");
        let mut probe = HiddenProcesses {
            users: view.path().to_owned(),
            own: None,
            asked: Vec::new(),
            reported: BoundedMap::new(8),
            last: None,
            mounts: PlaceMounts::default(),
            logged: false,
        };
        let subject = |pid| Subject {
            key: ProcessKey { pid, start_ticks: 1 },
            tid: pid,
            uid: 0,
            gid: 0,
            cgroup: 0,
            container: None,
        };
        let own = std::process::id();
        // The kernel gives no process an id above 2^22.
        for pid in [own, 1, 5_000_000] {
            probe.ask(subject(pid));
        }
        let mut found = Vec::new();
        probe.tick(BootTime(1), &mut found);
        let pids: Vec<u32> = found.iter().map(|event| event.subject.key.pid).collect();
        assert_eq!(pids, [own]);
        probe.ask(subject(own));
        probe.tick(BootTime(2), &mut found);
        assert_eq!(found.len(), 1, "a look every 30 seconds, and each process once");
        probe.tick(BootTime(40_000_000_000), &mut found);
        assert_eq!(found.len(), 1);
    }
}
