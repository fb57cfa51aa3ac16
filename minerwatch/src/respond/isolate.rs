//! The stage `isolate`: the suspects may connect only to this host and to allowed addresses.

use std::{
    collections::{HashMap, hash_map::Entry},
    fs,
    net::IpAddr,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tracing::debug;

#[cfg(feature = "sensor")]
use super::sockets;
use super::{
    home::{Applied, Place, Work},
    ledger::Change,
    refusal::{Guard, Refusal},
    settings::ResponseSettings,
    tree::{Running, Tree},
};
#[cfg(feature = "sensor")]
use crate::sensor::Isolation;
use crate::{
    enrich::{proc::Proc, resolvers},
    model::{Allowed, BlockedTraffic},
};

/// Stands for the programs in a build that has none. [`load`] never returns one.
#[cfg(not(feature = "sensor"))]
#[derive(Debug)]
struct Isolation;

/// Time between two reports about what one isolation blocked.
const NEWS: Duration = Duration::from_secs(60);

/// Port of DNS servers.
const DNS: u16 = 53;

/// The isolations that this process holds, by incident.
#[derive(Debug, Default)]
pub struct Isolations {
    held: HashMap<String, Held>,
    /// Programs that were loaded in advance, because loading takes longer than attaching.
    spare: Option<Isolation>,
}

#[derive(Debug)]
struct Held {
    isolation: Isolation,
    /// The inodes of the cgroups, because a cgroup may be removed and another one created at its path.
    cgroups: Vec<u64>,
    told: BlockedTraffic,
    /// When the counters were last told.
    told_at: Option<Instant>,
}

impl Held {
    fn new(isolation: Isolation) -> Self {
        Self { isolation, cgroups: Vec::new(), told: BlockedTraffic::default(), told_at: None }
    }

    /// Isolates a cgroup, unless it is isolated. `record` is called before.
    fn attach(&mut self, cgroup: &Path, record: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<()> {
        let inode = fs::metadata(cgroup).with_context(|| cgroup.display().to_string())?.ino();
        if self.cgroups.contains(&inode) {
            return Ok(());
        }
        record()?;
        attach(&mut self.isolation, cgroup)?;
        self.cgroups.push(inode);
        Ok(())
    }
}

impl Isolations {
    /// Isolates the living processes of the tree.
    pub fn apply(
        &mut self,
        work: &mut Work<'_>,
        tree: &mut Tree,
        settings: &ResponseSettings,
    ) -> anyhow::Result<Applied> {
        let hierarchies = work.hierarchies;
        let Some(unified) = hierarchies.unified() else {
            let message = "the unified cgroup hierarchy is not mounted (`mount -t cgroup2 none /sys/fs/cgroup/unified`)";
            return Err(Refusal::new(Guard::Unavailable, message).into());
        };
        let allowed = allowed(settings, tree.latest(), work.proc);
        // Another suspect of the incident may be isolated already.
        let held = match self.held.entry(work.case.incident.clone()) {
            Entry::Occupied(held) => {
                let held = held.into_mut();
                allow(&mut held.isolation, &allowed)?;
                held
            }
            Entry::Vacant(place) => place.insert(Held::new(take(&mut self.spare, &allowed)?)),
        };
        let holder = Running::read(std::process::id(), work.proc).map(|own| own.key);
        // Programs are attached before a suspect moves there, so no socket that it opens then is free.
        let homes = work.homes(unified, tree, Place::Below, |work, home| {
            held.attach(home, || match holder {
                Some(holder) => work.record(Change::Attached { cgroup: home.to_owned(), holder, pins: None }),
                None => Ok(()),
            })
        })?;
        let living = tree.latest().to_vec();
        let closed = reset(&living, &allowed, work.proc);
        Ok(Applied {
            processes: living,
            cgroups: homes.iter().map(|home| unified.shown(home)).collect(),
            how: format!("{closed} open connections were reset"),
            path: None,
        })
    }

    /// Loads programs for the next isolation, unless that was done.
    pub fn prepare(&mut self) {
        if self.spare.is_none() {
            self.spare =
                load().inspect_err(|error| debug!("an isolation cannot be prepared: {error:#}")).ok();
        }
    }

    /// Ends the isolation of an incident, if this process holds it.
    pub fn end(&mut self, incident: &str) {
        self.held.remove(incident);
    }

    /// Ends the isolations for which `is_needed` returns false, which another process released.
    pub fn retain(&mut self, is_needed: impl Fn(&str) -> bool) {
        self.held.retain(|incident, _| is_needed(incident));
    }

    /// Whether this process holds any.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether this process holds the isolation of an incident.
    pub fn holds(&self, incident: &str) -> bool {
        self.held.contains_key(incident)
    }

    /// Returns the counters that changed, the first time at once and then once a minute.
    pub fn news(&mut self) -> Vec<(String, BlockedTraffic)> {
        let mut news = Vec::new();
        for (incident, held) in &mut self.held {
            let now = blocked(&held.isolation);
            if now != held.told && held.told_at.is_none_or(|told| told.elapsed() >= NEWS) {
                held.told = now;
                held.told_at = Some(Instant::now());
                news.push((incident.clone(), now));
            }
        }
        news
    }

    /// Isolates cgroups again whose holder has ended.
    pub fn resume(
        &mut self,
        incident: &str,
        cgroups: &[PathBuf],
        settings: &ResponseSettings,
    ) -> anyhow::Result<()> {
        let allowed = allowed(settings, &[], &Proc::default());
        let mut held = Held::new(take(&mut self.spare, &allowed)?);
        for cgroup in cgroups.iter().filter(|cgroup| cgroup.exists()) {
            held.attach(cgroup, || Ok(()))?;
        }
        debug!("isolated again: {cgroups:?}");
        self.held.insert(incident.to_owned(), held);
        Ok(())
    }
}

/// Returns an isolation for a new incident, the spare one if there is one.
fn take(spare: &mut Option<Isolation>, allowed: &[Allowed]) -> anyhow::Result<Isolation> {
    let mut isolation = match spare.take() {
        Some(isolation) => isolation,
        None => load()?,
    };
    allow(&mut isolation, allowed)?;
    Ok(isolation)
}

#[cfg(feature = "sensor")]
fn load() -> anyhow::Result<Isolation> {
    Isolation::load()
}

#[cfg(feature = "sensor")]
fn allow(isolation: &mut Isolation, allowed: &[Allowed]) -> anyhow::Result<()> {
    isolation.allow(allowed)
}

#[cfg(feature = "sensor")]
fn attach(isolation: &mut Isolation, cgroup: &Path) -> anyhow::Result<()> {
    isolation.attach(cgroup)
}

#[cfg(feature = "sensor")]
fn blocked(isolation: &Isolation) -> BlockedTraffic {
    isolation.blocked()
}

#[cfg(feature = "sensor")]
fn reset(living: &[Running], allowed: &[Allowed], proc: &Proc) -> usize {
    sockets::reset(living, allowed, proc)
}

#[cfg(not(feature = "sensor"))]
fn allow(_: &mut Isolation, _: &[Allowed]) -> anyhow::Result<()> {
    Err(unavailable())
}

#[cfg(not(feature = "sensor"))]
fn load() -> anyhow::Result<Isolation> {
    Err(unavailable())
}

#[cfg(not(feature = "sensor"))]
fn unavailable() -> anyhow::Error {
    Refusal::new(Guard::Unavailable, "this build has no eBPF programs (feature `sensor`)").into()
}

#[cfg(not(feature = "sensor"))]
fn attach(_: &mut Isolation, _: &Path) -> anyhow::Result<()> {
    Err(unavailable())
}

#[cfg(not(feature = "sensor"))]
fn blocked(_: &Isolation) -> BlockedTraffic {
    BlockedTraffic::default()
}

#[cfg(not(feature = "sensor"))]
fn reset(_: &[Running], _: &[Allowed], _: &Proc) -> usize {
    0
}

/// Returns what the suspects may reach: the configuration's list, and their DNS servers.
fn allowed(settings: &ResponseSettings, living: &[Running], proc: &Proc) -> Vec<Allowed> {
    let mut allowed = settings.allow.clone();
    if settings.allow_dns {
        allowed.extend(resolvers::used_by_host().into_iter().map(dns));
        // A container may have servers of its own. Its file is the suspect's, so only private addresses count.
        if let Some(first) = living.first() {
            let own = resolvers::used_by(proc, first.key.pid);
            allowed.extend(own.into_iter().filter(is_private).map(dns));
        }
    }
    allowed
}

fn dns(address: IpAddr) -> Allowed {
    Allowed { address, bits: if address.is_ipv4() { 32 } else { 128 }, port: Some(DNS) }
}

fn is_private(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local() || address.is_loopback(),
        IpAddr::V6(address) => {
            address.is_unique_local() || address.is_unicast_link_local() || address.is_loopback()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_servers_of_a_suspect_are_allowed() {
        for (server, expected) in [
            ("10.0.0.2", true),
            ("fe80::1", true),
            ("127.0.0.11", true),
            ("203.0.113.9", false),
            ("2001:db8::1", false),
        ] {
            assert_eq!(is_private(&server.parse().unwrap()), expected, "{server}");
        }
    }
}
