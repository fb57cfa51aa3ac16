//! What the host adds to an event that the kernel's record does not carry: the user's name, the container,
//! the hash of the executable; and the state of the host at the start.
//!
//! On the hot path this is a few lookups by number. Files are read only for what was never seen before,
//! and executables are read by a thread of the lowest priority.

mod bounded;
mod cgroups;
pub mod container;
pub mod geo;
mod hash;
mod hierarchy;
mod huge_pages;
mod proc;
mod quota;
pub mod snapshot;
mod users;

use std::path::{Path, PathBuf};

pub use cgroups::CgroupCounters;
pub use hash::{HashCounters, HashSettings};

use crate::model::{
    BootTime, Credentials, Event, EventBody, Executable, FileAction, FileChange, HashedFile, Subject,
};
use cgroups::Cgroups;
use hash::{Hashed, Hasher};
use hierarchy::Hierarchies;
use huge_pages::Pools;
use proc::Proc;
use quota::Quotas;
use users::Users;

/// The most answers kept between two calls of [`Enricher::take_findings`].
const MAX_READY: usize = 4096;

/// Every parser of what lies below `/proc` and its like, on the same bytes; for the fuzzer.
#[doc(hidden)]
pub fn parse_all(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = proc::Stat::parse(bytes);
    let _ = proc::Status::parse(bytes);
    let _ = users::parse(bytes);
    snapshot::parse_all(bytes);
    // The mounts first, the memberships behind an empty line.
    let (mounts, memberships) = text.split_once("\n\n").unwrap_or((&text, &text));
    let hierarchies = Hierarchies::parse(mounts);
    let _ = hierarchies.home(memberships);
    let _ = hierarchies.find(memberships, 7);
    let _ = hierarchies.cpu(memberships);
    quota::parse_all(&text);
    for line in text.lines() {
        if let Some(place) = container::parse(line) {
            assert!(place.cgroup.starts_with('/'), "a cgroup's path is absolute");
        }
    }
}

/// What the enrich stage may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrichSettings {
    /// The file of user names.
    pub passwd: PathBuf,
    /// Whether and how executables are hashed.
    pub hash: Option<HashSettings>,
}

impl Default for EnrichSettings {
    fn default() -> Self {
        Self { passwd: PathBuf::from("/etc/passwd"), hash: Some(HashSettings::default()) }
    }
}

/// What the enrich stage holds and could not do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EnrichCounters {
    /// Cgroups.
    pub cgroups: CgroupCounters,
    /// Hashes.
    pub hashes: HashCounters,
}

/// The stage between decoding and the engine.
#[derive(Debug)]
pub struct Enricher {
    users: Users,
    cgroups: Cgroups,
    hasher: Option<Hasher>,
    pools: Pools,
    quotas: Quotas,
    /// Hashes known at once, as the events they become.
    ready: Vec<Event>,
}

impl Enricher {
    /// A stage with empty caches. `wake` is called, from another thread, whenever
    /// [`Enricher::take_findings`] has something new.
    pub fn new(settings: EnrichSettings, wake: impl Fn() + Send + 'static) -> Self {
        let EnrichSettings { passwd, hash } = settings;
        let hasher = hash.and_then(|settings| {
            Hasher::start(settings, Proc::default(), wake)
                .inspect_err(|error| {
                    tracing::warn!(%error, "executables are not hashed: no thread for it");
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
            ready: Vec::new(),
        }
    }

    /// Fills in what the host knows about an event, and asks for the hash of what it executes.
    pub fn enrich(&mut self, event: &mut Event) {
        let Event { time, subject, body } = event;
        self.place(subject, *time);
        match body {
            EventBody::Exec(exec) => {
                self.name(&mut exec.credentials, *time);
                self.hash(subject, &exec.executable, *time);
            }
            EventBody::RunningProcess(running) => {
                self.name(&mut running.credentials, *time);
                self.hash(subject, &running.executable, *time);
            }
            EventBody::File(change) => {
                if matches!(change.action, FileAction::Write | FileAction::Create) {
                    self.pools.opened(subject, &change.path, *time);
                }
                self.invalidate(change);
            }
            EventBody::Cpu(usage) => self.quotas.busy(subject, usage.total_on_cpu, *time),
            EventBody::FlowUpdate(_)
            | EventBody::SocketOptions(_)
            | EventBody::DnsServerRole(_)
            | EventBody::Fork(_)
            | EventBody::Exit(_)
            | EventBody::Connect(_)
            | EventBody::Close(_)
            | EventBody::Rounding(_)
            | EventBody::Mapping(_)
            | EventBody::HugePages(_)
            | EventBody::Quota(_)
            | EventBody::RunningFlow(_)
            | EventBody::HashedFile(_)
            | EventBody::Payload(_) => {}
        }
    }

    /// Appends what became known since the last call as events of the time `now`: hashes, one for each process
    /// that runs such a file, changes of the pools of huge pages, and how quotas hold busy processes back. Call it after
    /// each batch of events, whenever woken and now and then.
    pub fn take_findings(&mut self, now: BootTime, events: &mut Vec<Event>) {
        self.pools.look(now, events);
        self.quotas.look(now, events);
        events.append(&mut self.ready);
        if let Some(hasher) = &mut self.hasher {
            hasher.collect(now, |hashed| events.push(event_of(hashed, now)));
        }
    }

    /// What it holds.
    pub fn counters(&self) -> EnrichCounters {
        EnrichCounters {
            cgroups: self.cgroups.counters(),
            hashes: self.hasher.as_ref().map(Hasher::counters).unwrap_or_default(),
        }
    }

    fn place(&mut self, subject: &mut Subject, now: BootTime) {
        if subject.container.is_none() {
            subject.container = self.cgroups.place(subject.cgroup, subject.key.pid, now);
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
        let written = match change.action {
            FileAction::Write | FileAction::Create => true,
            FileAction::Rename | FileAction::Delete | FileAction::Chmod | FileAction::DeviceOpen => false,
        };
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
