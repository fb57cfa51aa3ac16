//! What the daemon counts, in one plain value: the answer to `status`, the counters in `doctor`.
//!
//! No statics: whoever counts owns the counter, and the pipeline puts a [`Metrics`] together when asked.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    control::ControlCounters,
    engine::EngineCounters,
    enrich::EnrichCounters,
    model::{Event, EventKind},
    output,
};

/// Events by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EventCounts([u64; EventKind::ALL.len()]);

impl EventCounts {
    /// Counts one event.
    pub fn count(&mut self, event: &Event) {
        if let Some(count) = self.0.get_mut(event.body.kind() as usize) {
            *count += 1;
        }
    }

    /// How many events of a kind there were.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Every kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (EventKind, u64)> {
        EventKind::ALL.into_iter().map(|kind| (kind, self.of(kind)))
    }
}

impl Serialize for EventCounts {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter().map(|(kind, count)| (kind.name(), count)))
    }
}

/// The counters of one output.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct OutputMetrics {
    /// Lines of events written.
    pub events: u64,
    /// Lines of alerts written.
    pub alerts: u64,
    /// Lines of events given up.
    pub events_dropped: u64,
    /// Lines of alerts given up.
    pub alerts_dropped: u64,
    /// Lines that wait.
    pub waiting: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Whether the last attempt failed.
    pub failing: bool,
}

impl From<output::Counters> for OutputMetrics {
    fn from(counters: output::Counters) -> Self {
        // What waits in bytes is for the log only.
        let output::Counters {
            events,
            alerts,
            events_dropped,
            alerts_dropped,
            waiting,
            waiting_bytes: _,
            failures,
            failing,
        } = counters;
        Self { events, alerts, events_dropped, alerts_dropped, waiting, failures, failing }
    }
}

/// Everything that is counted, since the start unless it says "now".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Metrics {
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Resident memory now, bytes.
    pub resident_bytes: u64,
    /// Records taken out of the rings.
    pub ring_records: u64,
    /// Records that made no sense.
    pub decode_errors: u64,
    /// Events by kind.
    pub events: EventCounts,
    /// What the kernel side lost, by what it was.
    pub lost: BTreeMap<&'static str, u64>,
    /// Purposes that no hook serves on this kernel.
    pub blind: Vec<String>,
    /// The other purposes, each with the kind of hook that serves it.
    pub hooks: BTreeMap<&'static str, &'static str>,
    /// Alerts sent, updates included.
    pub alerts: u64,
    /// The engine.
    pub engine: EngineCounters,
    /// Caches and hashes of the enrich stage.
    pub enrich: EnrichMetrics,
    /// The sampler of busy CPUs.
    pub sampler: SamplerMetrics,
    /// Sockets of other processes that were marked to be looked at.
    pub sockets: SocketMetrics,
    /// Lists of indicators.
    pub lists: ListMetrics,
    /// Outputs by name.
    #[serde(rename = "sinks")]
    pub outputs: BTreeMap<String, OutputMetrics>,
    /// The control socket.
    pub control: ControlMetrics,
}

impl Metrics {
    /// One line of JSON, as `status` answers it.
    pub fn to_json(&self) -> String {
        // Plain data with text for keys: there is nothing that could fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Lists of indicators, as they stand now, and how often they were fetched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ListMetrics {
    /// Lists.
    pub lists: u64,
    /// Entries that are watched for.
    pub watched: u64,
    /// Entries that are never reported.
    pub allowed: u64,
    /// Entries that were left out, for whatever reason.
    pub left_out: u64,
    /// Files that cannot be used as they are.
    pub troubled: u64,
    /// Memory of the table, bytes.
    pub bytes: u64,
    /// Fetches that went well.
    pub fetched: u64,
    /// Fetches that did not.
    pub fetches_failed: u64,
}

/// [`EnrichCounters`] as they are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each stands beside the field it is a copy of")]
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

/// What the sampler of busy CPUs did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SamplerMetrics {
    /// CPUs visited while they ran a process.
    pub visits: u64,
    /// Visits that the system refused.
    pub refused: u64,
    /// Processes visited more often for a while.
    pub closer: u64,
}

/// Which sockets of other processes were marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SocketMetrics {
    /// Marked: open before the start, or of a process that speaks to a pool.
    pub marked: u64,
    /// Gone by then, or not handed over by the kernel.
    pub missed: u64,
}

/// [`ControlCounters`] as they are exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[expect(missing_docs, reason = "each stands beside the field it is a copy of")]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{BootTime, EventBody, Exit, ProcessKey, Subject};

    #[test]
    fn the_status_is_one_line_with_every_kind() {
        let subject =
            Subject { key: ProcessKey::from_ticks(1, 1), tid: 1, uid: 0, gid: 0, cgroup: 0, container: None };
        let body = EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 });
        let mut metrics = Metrics::default();
        metrics.events.count(&Event { time: BootTime(1), subject, body });
        metrics.lost.insert("exec", 3);
        let json = metrics.to_json();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["events"]["exit"], 1);
        assert_eq!(value["events"].as_object().map(serde_json::Map::len), Some(EventKind::ALL.len()));
        assert_eq!(value["lost"]["exec"], 3);
    }
}
