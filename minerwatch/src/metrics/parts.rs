//! The counters of single rooms, as they are exported.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    containers::{ContainerCounters, SocketCounters},
    control::ControlCounters,
    enrich::EnrichCounters,
};

/// [`EnrichCounters`] as they are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a copy of a documented field")]
pub struct EnrichMetrics {
    pub cgroups_cached: u64,
    pub cgroups_evicted: u64,
    pub cgroups_walks: u64,
    pub cgroups_missing: u64,
    pub hashes: u64,
    pub hashes_bytes: u64,
    pub hashes_cache_hits: u64,
    pub hashes_too_large: u64,
    pub hashes_gone: u64,
    pub hashes_failed: u64,
    pub hashes_queue_full: u64,
    pub hashes_unanswered: u64,
    pub hashes_invalidated: u64,
    pub hashes_cached: u64,
    pub hashes_evicted: u64,
}

impl From<EnrichCounters> for EnrichMetrics {
    fn from(EnrichCounters { cgroups, hashes }: EnrichCounters) -> Self {
        let crate::enrich::CgroupCounters { cached, evicted, walks, missing } = cgroups;
        let crate::enrich::HashCounters {
            hashed,
            bytes,
            hits,
            too_large,
            gone,
            failed,
            queue_full,
            unanswered,
            invalidated,
            cached: hashes_cached,
            evicted: hashes_evicted,
        } = hashes;
        Self {
            cgroups_cached: cached,
            cgroups_evicted: evicted,
            cgroups_walks: walks,
            cgroups_missing: missing,
            hashes: hashed,
            hashes_bytes: bytes,
            hashes_cache_hits: hits,
            hashes_too_large: too_large,
            hashes_gone: gone,
            hashes_failed: failed,
            hashes_queue_full: queue_full,
            hashes_unanswered: unanswered,
            hashes_invalidated: invalidated,
            hashes_cached,
            hashes_evicted,
        }
    }
}

/// Counters of the sampler of busy CPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SamplerMetrics {
    /// Visits to CPUs that ran a process.
    pub visits: u64,
    /// Visits that the kernel refused.
    pub refused: u64,
    /// Boosts: processes that were visited more often for some seconds.
    pub closer: u64,
}

/// [`ContainerCounters`] as they are exported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ContainerMetrics {
    /// Containers that were asked about.
    pub asked: u64,
    /// Containers that a runtime named.
    pub named: u64,
    /// Containers that no runtime knows.
    pub unknown: u64,
    /// Containers that were not asked about, because too many were waiting.
    pub refused: u64,
    /// Questions that wait for an answer now.
    pub pending: u64,
    /// The sockets of runtimes, by path.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub sockets: BTreeMap<String, ContainerSocketMetrics>,
}

/// [`SocketCounters`] as they are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a copy of a documented field")]
pub struct ContainerSocketMetrics {
    pub answered: u64,
    pub failed: u64,
    pub skipped: u64,
}

impl From<ContainerCounters> for ContainerMetrics {
    fn from(counters: ContainerCounters) -> Self {
        let ContainerCounters { asked, named, unknown, refused, pending, sockets } = counters;
        let socket = |socket: SocketCounters| {
            let SocketCounters { name, answered, failed, skipped } = socket;
            (name.to_string(), ContainerSocketMetrics { answered, failed, skipped })
        };
        Self { asked, named, unknown, refused, pending, sockets: sockets.into_iter().map(socket).collect() }
    }
}

/// Counters of tagged sockets of other processes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SocketMetrics {
    /// Sockets that were tagged: open before the start, or of a process that talks to a pool.
    pub marked: u64,
    /// Sockets that no longer existed, or that the kernel did not hand over.
    pub missed: u64,
}

/// [`ControlCounters`] as they are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each is a copy of a documented field")]
pub struct ControlMetrics {
    pub subscribers: u64,
    pub lines: u64,
    pub lost: u64,
}

impl From<ControlCounters> for ControlMetrics {
    fn from(ControlCounters { subscribers, lines, lost }: ControlCounters) -> Self {
        Self { subscribers, lines, lost }
    }
}
