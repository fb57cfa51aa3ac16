//! Adds to an event what the kernel's record lacks: the user name, the container, and the hash of the executable. Also
//! reads the state of the host at the start ([`snapshot`]).
//!
//! Most events need only a few look-ups by number. Files are read only for new users, cgroups and executables. A thread
//! of the lowest priority reads the executables.

mod cgroups;
pub mod container;
pub mod geo;
mod hash;
mod hierarchy;
pub(crate) mod host_paths;
mod huge_pages;
pub(crate) mod mounts;
pub(crate) mod open;
mod own_programs;
pub(crate) mod proc;
mod quota;
pub(crate) mod resolvers;
mod roots;
pub mod snapshot;
mod system_places;
mod users;

use std::path::{Path, PathBuf};

pub use cgroups::CgroupCounters;
pub use hash::{HashCounters, HashSettings};

use crate::{
    host,
    model::{
        BootTime, Credentials, Event, EventBody, Executable, FileAction, FileChange, HashedFile, Subject,
    },
};
use cgroups::Cgroups;
use hash::{Hashed, Hasher};
use hierarchy::Hierarchies;
use host_paths::HostPaths;
use huge_pages::Pools;
use own_programs::OwnPrograms;
use proc::Proc;
use quota::Quotas;
use roots::Roots;
use users::Users;

/// Maximum number of hashes kept between two calls of [`Enricher::take_findings`].
const MAX_READY: usize = 4096;

/// Runs every parser of files below `/proc` and `/sys` on the same bytes; for the fuzzer.
#[doc(hidden)]
pub fn parse_all(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = proc::Stat::parse(bytes);
    let _ = proc::Status::parse(bytes);
    let _ = users::parse(bytes);
    snapshot::parse_all(bytes);
    // The mount table comes first. The text of `/proc/PID/cgroup` follows after an empty line.
    let (mounts, memberships) = text.split_once("\n\n").unwrap_or((&text, &text));
    let hierarchies = Hierarchies::parse(mounts);
    let _ = hierarchies.own_cgroup(memberships);
    let _ = hierarchies.find(memberships, 7);
    let _ = hierarchies.cpu(memberships);
    quota::parse_all(&text);
    let mounts: Vec<_> = mounts::parse(&text).collect();
    let _ = mounts::device_of(&mounts, "/etc/crontab");
    let _ = resolvers::parse(&text).count();
    for line in text.lines() {
        if let Some(container) = container::parse(line) {
            assert!(container.cgroup.starts_with('/'), "a cgroup's path is absolute");
        }
    }
}

/// The settings of the enrich stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    /// The path of the file with the user names: `/etc/passwd` of the host.
    pub passwd: PathBuf,
    /// The limits of hashing; `None` if executables are not hashed.
    pub hash: Option<HashSettings>,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self { passwd: host::root().join("etc/passwd"), hash: None }
    }
}

/// Counters of the enrich stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnrichCounters {
    /// Counters of the cgroup cache.
    pub cgroups: CgroupCounters,
    /// Counters of hashing.
    pub hashes: HashCounters,
}

/// The pipeline stage between the decoder and the engine.
#[derive(Debug)]
pub struct Enricher {
    users: Users,
    cgroups: Cgroups,
    hasher: Option<Hasher>,
    pools: Pools,
    quotas: Quotas,
    host_paths: HostPaths,
    own_programs: OwnPrograms,
    roots: Roots,
    /// Events for hashes that were already in the cache.
    ready: Vec<Event>,
}

impl Enricher {
    /// Creates a stage with empty caches. The hashing thread calls `wake` whenever [`Enricher::take_findings`] has
    /// something new.
    pub fn new(settings: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        let EnrichSettings { passwd, hash } = settings;
        let hasher = hash.and_then(|settings| {
            Hasher::start(settings, Proc::default(), wake)
                .inspect_err(|error| {
                    tracing::warn!(%error, "executables are not hashed: the thread cannot be started");
                })
                .ok()
        });
        let hierarchies = Hierarchies::discover();
        Self {
            users: Users::new(passwd),
            cgroups: Cgroups::new(Proc::default(), hierarchies.clone()),
            hasher,
            pools: Pools::discover(Path::new("/")),
            quotas: Quotas::new(Proc::default(), hierarchies),
            host_paths: HostPaths::discover(),
            own_programs: OwnPrograms::new(Proc::default()),
            roots: Roots::discover(),
            ready: Vec::new(),
        }
    }

    /// Adds the container and the user name to an event, and requests the hash of its executable.
    pub fn enrich(&mut self, event: &mut Event) {
        let Event { time, subject, body } = event;
        self.add_container(subject, *time);
        match body {
            EventBody::Exec(exec) => {
                self.name(&mut exec.credentials, *time);
                self.own_programs.add_to_exec(&self.host_paths, subject, exec, *time);
                self.roots.runs(subject, &exec.executable);
                exec.chroots_to_host = self.roots.chroots_to_host(subject, exec);
                self.hash(subject, &exec.executable, *time);
            }
            EventBody::RunningProcess(running) => {
                self.name(&mut running.credentials, *time);
                self.own_programs.add_to_running(&self.host_paths, subject, running, *time);
                self.roots.runs(subject, &running.executable);
                self.hash(subject, &running.executable, *time);
            }
            EventBody::File(change) => {
                if matches!(change.action, FileAction::Write | FileAction::Create) {
                    self.pools.opened(subject, &change.path, *time);
                }
                self.invalidate(change);
                self.own_programs.changed(change);
                if host_paths::may_be_place(change) {
                    change.elsewhere = self.host_paths.is_elsewhere(&self.roots.of(subject), change);
                }
                self.host_paths.add_to(subject, change);
            }
            EventBody::Fork(fork) => self.roots.forked(subject.key, fork.parent),
            EventBody::Exit(_) => self.roots.exited(subject.key),
            EventBody::Cpu(usage) => self.quotas.note_busy(subject, usage.total_on_cpu, *time),
            _ => {}
        }
    }

    /// Appends what is new since the last call, as events with the time `now`: hashes (one for each process that runs
    /// the file), changes of the huge-page pools, and throttling of busy processes by CPU quotas. Call this after each
    /// batch of events, after each wake-up, and about once per second.
    pub fn take_findings(&mut self, now: BootTime, events: &mut Vec<Event>) {
        self.pools.check(now, events);
        self.quotas.check(now, events);
        events.append(&mut self.ready);
        if let Some(hasher) = &mut self.hasher {
            hasher.collect(now, |hashed| events.push(event_of(hashed, now)));
        }
    }

    /// The counters of the stage.
    pub fn counters(&self) -> EnrichCounters {
        EnrichCounters {
            cgroups: self.cgroups.counters(),
            hashes: self.hasher.as_ref().map(Hasher::counters).unwrap_or_default(),
        }
    }

    fn add_container(&mut self, subject: &mut Subject, now: BootTime) {
        if subject.container.is_none() {
            subject.container = self.cgroups.container(subject.cgroup, subject.key.pid, now);
        }
    }

    fn name(&mut self, credentials: &mut Credentials, now: BootTime) {
        if credentials.user.is_none() {
            credentials.user = self.users.name(credentials.uid, now);
        }
    }

    fn hash(&mut self, subject: &Subject, executable: &Executable, now: BootTime) {
        let (Some(hasher), Some(file)) = (&mut self.hasher, executable.file) else { return };
        let Some(known) = hasher.request(subject, file, &executable.path, now) else { return };
        if self.ready.len() < MAX_READY {
            self.ready.push(event_of(known, now));
        } else {
            hasher.count_unanswered();
        }
    }

    fn invalidate(&mut self, change: &FileChange) {
        let written = matches!(change.action, FileAction::Write | FileAction::Create);
        if let (true, Some(file), Some(hasher)) = (written, change.file, &mut self.hasher) {
            hasher.invalidate(file);
        }
    }
}

fn event_of(hashed: Hashed, now: BootTime) -> Event {
    let Hashed { subject, file, sha256 } = hashed;
    Event { time: now, subject, body: EventBody::HashedFile(HashedFile { file, sha256 }) }
}

#[cfg(test)]
mod tests;
