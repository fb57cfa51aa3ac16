//! Reads from `/proc` the processes and connections that exist when the daemon starts.
//!
//! The snapshot is taken after the hooks are attached, so that nothing is missed. What happens in between is seen
//! twice: as an event and in the snapshot. The process table merges the two by process key.

mod found;
mod memory;
mod process;
mod sockets;

use std::{collections::HashMap, io, path::Path};

use rustc_hash::FxHashMap;

use self::{found::Found, sockets::HeldFlow};
use super::{hierarchy::Hierarchies, proc::Proc, resolvers};
use crate::model::{
    BootTime, DnsServerRole, Event, EventBody, Flow, HeldSocket, ProcessKey, RunningFlow, RunningProcess,
    SocketSide, Subject,
};

/// Maximum depth of the process tree. Processes that end between two reads may seem to form a cycle.
const MAX_DEPTH: usize = 4096;

/// The state of the host as events. Parents come before their children, and processes before connections.
#[derive(Debug, Default)]
pub struct Snapshot {
    /// An [`EventBody::RunningProcess`] for each process, followed by its [`EventBody::Mapping`] events. The
    /// [`EventBody::RunningFlow`] events come last.
    pub events: Vec<Event>,
    /// The sockets of the connections in `events`.
    pub sockets: Vec<HeldSocket>,
    /// Counters of processes and connections.
    pub counters: SnapshotCounters,
}

/// Counters of the snapshot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SnapshotCounters {
    /// Processes found, including kernel threads.
    pub processes: u64,
    /// Outbound connections found.
    pub flows: u64,
    /// Processes that ended while they were read, or that could not be read.
    pub unreadable: u64,
    /// Processes left out because of the limit.
    pub beyond_limit: u64,
    /// Connections left out because of the limit.
    pub flows_beyond_limit: u64,
}

/// Runs the parsers of `/proc/net` tables and of `/proc/PID/maps`; for the fuzzer.
pub(super) fn parse_all(bytes: &[u8]) {
    let _ = sockets::parse(bytes);
    let _ = memory::summarise(&String::from_utf8_lossy(bytes));
}

/// Reads the state of this host. Every event gets the time `now`. At most `limit` processes and `limit` connections are
/// kept. Fails only if `/proc` itself cannot be listed.
pub fn take(now: BootTime, limit: usize) -> io::Result<Snapshot> {
    take_from(&Proc::default(), &Hierarchies::discover(), now, limit)
}

/// Finds the socket of a TCP connection that a process opened. Returns `None` if the process or the connection is gone,
/// or if another process has the socket.
pub fn connection_of(owner: &Subject, flow: &Flow) -> Option<HeldSocket> {
    let proc = Proc::default();
    is_running(&proc, owner).then_some(())?;
    let (descriptor, inode) = sockets::of_connection(&proc, owner.key.pid, flow)?;
    Some(HeldSocket { owner: owner.clone(), descriptor, inode, side: SocketSide::Opened(*flow) })
}

/// Returns whether a process serves DNS on port 53 now, and which DNS servers it is configured with. A process of the
/// host that has ended is no server. Returns `None` if a process of a container has ended.
pub fn dns_role(owner: &Subject) -> Option<DnsServerRole> {
    let (proc, pid) = (Proc::default(), owner.key.pid);
    if is_running(&proc, owner) {
        let serves = sockets::serves_names(&proc, pid);
        return Some(DnsServerRole { serves, resolvers: resolvers::configured_for(&proc, pid) });
    }
    // If nothing were known of who ends early, the answers of any server would count for everybody.
    let is_inside = owner.container.as_ref().is_some_and(|container| container.id.is_some());
    let servers = resolvers::of_host();
    (!is_inside && !servers.is_empty()).then_some(DnsServerRole { serves: false, resolvers: Some(servers) })
}

/// Reads one process from the procfs that is mounted at `root`. Returns `None` if the process has ended.
pub fn of_process(root: &Path, pid: u32) -> Option<(Subject, RunningProcess)> {
    let proc = Proc::at(root);
    let mut found = process::read(&proc, &Hierarchies::discover(), &mut HashMap::new(), pid)?;
    let parent = proc.stat(found.parent).filter(|stat| stat.start_ticks <= found.key.start_ticks);
    found.running.parent = parent.map(|stat| ProcessKey::from_ticks(found.parent, stat.start_ticks));
    Some((subject(&found), found.running))
}

fn is_running(proc: &Proc, owner: &Subject) -> bool {
    proc.stat(owner.key.pid).is_some_and(|stat| stat.start_ticks == owner.key.start_ticks)
}

/// Returns the server sockets of a process: TCP sockets that listen, and TCP sockets that were accepted. Returns `None`
/// if the process has ended.
pub fn served_by(owner: &Subject) -> Option<Vec<HeldSocket>> {
    let proc = Proc::default();
    is_running(&proc, owner).then_some(())?;
    let held = |(descriptor, inode, side)| HeldSocket { owner: owner.clone(), descriptor, inode, side };
    Some(sockets::served(&proc, owner.key.pid).into_iter().map(held).collect())
}

fn take_from(proc: &Proc, hierarchies: &Hierarchies, now: BootTime, limit: usize) -> io::Result<Snapshot> {
    let mut counters = SnapshotCounters::default();
    let mut found = Vec::new();
    let mut cgroups = HashMap::new();
    for pid in proc.pids()? {
        if found.len() >= limit {
            counters.beyond_limit += 1;
            continue;
        }
        match process::read(proc, hierarchies, &mut cgroups, pid) {
            Some(process) => found.push(process),
            None => counters.unreadable += 1,
        }
    }
    link(&mut found);
    let (flows, beyond) = sockets::outbound(proc, &found, limit);
    counters.processes = found.len() as u64;
    counters.flows = flows.len() as u64;
    counters.flows_beyond_limit = beyond;

    let subjects: FxHashMap<ProcessKey, Subject> =
        found.iter().map(|process| (process.key, subject(process))).collect();
    let processes = found.into_iter().filter_map(|process| {
        let subject = subjects.get(&process.key)?.clone();
        let event = |body| Event { time: now, subject: subject.clone(), body };
        let memory: Vec<Event> =
            process.memory.iter().map(|mapping| event(EventBody::Mapping(*mapping))).collect();
        Some(std::iter::once(event(EventBody::RunningProcess(Box::new(process.running)))).chain(memory))
    });
    let sockets = flows.iter().filter_map(|HeldFlow { key, descriptor, inode, flow }| {
        let owner = subjects.get(key)?.clone();
        let RunningFlow { protocol, source, destination, peer: _ } = *flow;
        let side = SocketSide::Opened(Flow { protocol, source, destination, opened: now });
        Some(HeldSocket { owner, descriptor: *descriptor, inode: *inode, side })
    });
    let sockets = sockets.collect();
    let flows = flows.into_iter().filter_map(|HeldFlow { key, flow, .. }| {
        let subject = subjects.get(&key)?.clone();
        Some(Event { time: now, subject, body: EventBody::RunningFlow(flow) })
    });
    Ok(Snapshot { events: processes.flatten().chain(flows).collect(), sockets, counters })
}

fn subject(process: &Found) -> Subject {
    Subject {
        key: process.key,
        tid: process.key.pid,
        uid: process.running.credentials.uid,
        gid: process.running.credentials.gid,
        cgroup: process.cgroup,
        container: None,
    }
}

/// Sets the parents, and sorts the processes so that a parent comes before its children. A parent cannot be younger
/// than its child. If it seems so, the process id was reused between two reads, and the parent is dropped.
fn link(found: &mut [Found]) {
    let keys: FxHashMap<u32, ProcessKey> =
        found.iter().map(|process| (process.key.pid, process.key)).collect();
    let mut parents: FxHashMap<u32, u32> = FxHashMap::default();
    for process in found.iter_mut() {
        process.running.parent = keys
            .get(&process.parent)
            .copied()
            .filter(|parent| parent.start_ticks <= process.key.start_ticks && *parent != process.key);
        if let Some(parent) = process.running.parent {
            parents.insert(process.key.pid, parent.pid);
        }
    }
    // Start times within 10 ms are equal and process ids wrap, so sort by the depth in the tree.
    let depth = |pid: u32| {
        std::iter::successors(parents.get(&pid), |parent| parents.get(*parent)).take(MAX_DEPTH).count()
    };
    let mut depths: FxHashMap<u32, usize> = FxHashMap::default();
    for process in found.iter() {
        depths.insert(process.key.pid, depth(process.key.pid));
    }
    found.sort_by_key(|process| {
        (depths.get(&process.key.pid).copied().unwrap_or(0), process.key.start_ticks, process.key.pid)
    });
}

#[cfg(test)]
mod tests;
