//! The daemon's counters in one value, for `status` and `doctor`.
//!
//! There are no static counters: each part owns its counters, and the pipeline collects them in [`Metrics`] on request.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{
    control::ControlCounters,
    engine::EngineCounters,
    enrich::EnrichCounters,
    except::ExceptionStatus,
    feeds::ListMetrics,
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

    /// Returns the number of events of a kind.
    pub fn of(&self, kind: EventKind) -> u64 {
        self.0.get(kind as usize).copied().unwrap_or(0)
    }

    /// Returns every kind with its count.
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
    /// Event lines written.
    pub events: u64,
    /// Alert lines written.
    pub alerts: u64,
    /// Event lines dropped because the backlog was full.
    pub events_dropped: u64,
    /// Alert lines dropped because the backlog was full.
    pub alerts_dropped: u64,
    /// Lines in the backlog now.
    pub waiting: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
}

impl From<output::Counters> for OutputMetrics {
    fn from(counters: output::Counters) -> Self {
        // The waiting bytes are not exported.
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

/// All counters. A counter counts since the start, unless its description says "now".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Metrics {
    /// Version of the daemon.
    pub version: &'static str,
    /// Own CPU time.
    pub cpu: CpuMetrics,
    /// Seconds since the start.
    pub uptime_seconds: u64,
    /// Resident memory now, bytes.
    pub resident_bytes: u64,
    /// Records read from the rings.
    pub ring_records: u64,
    /// Records that could not be decoded.
    pub decode_errors: u64,
    /// Events by kind.
    pub events: EventCounts,
    /// Events lost by the kernel side, by kind.
    pub lost: BTreeMap<&'static str, u64>,
    /// Data sources without a hook on this kernel.
    pub blind: Vec<String>,
    /// The other data sources, each with the attach type of its hook.
    pub hooks: BTreeMap<&'static str, &'static str>,
    /// Alerts sent, including updates.
    pub alerts: u64,
    /// The exceptions, and how many alerts they hid.
    pub exceptions: ExceptionStatus,
    /// Counters of the engine.
    pub engine: EngineCounters,
    /// Incidents that do not fit into the state file now, so that a restart would forget them.
    pub incidents_left_out: u64,
    /// Counters of the caches and hashes in the enrich stage.
    pub enrich: EnrichMetrics,
    /// Counters of the sampler of busy CPUs.
    pub sampler: SamplerMetrics,
    /// Counters of tagged sockets of other processes.
    pub sockets: SocketMetrics,
    /// Counters of the lists of indicators.
    pub lists: ListMetrics,
    /// Counters of the outputs, by name.
    #[serde(rename = "sinks")]
    pub outputs: BTreeMap<String, OutputMetrics>,
    /// Counters of the control socket.
    pub control: ControlMetrics,
}

impl Metrics {
    /// Returns the metrics as one line of JSON, the answer to `status`.
    pub fn to_json(&self) -> String {
        // Plain data with strings as keys always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

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

/// CPU time of the daemon, in milliseconds of one processor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CpuMetrics {
    /// Since the start.
    pub total_ms: u64,
    /// In the last minute, or since the start if that is less.
    pub recent_ms: u64,
    /// The length of that time.
    pub recent_of_ms: u64,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{BootTime, EventBody, Exit, ProcessKey},
        testing,
    };

    #[test]
    fn the_status_is_one_line_with_every_kind() {
        let exit = EventBody::Exit(Exit { code: Some(0), signal: None, on_cpu: 0 });
        let mut metrics = Metrics::default();
        metrics.events.count(&testing::event(BootTime(1), ProcessKey::from_ticks(1, 1), exit));
        metrics.lost.insert("exec", 3);
        let json = metrics.to_json();
        assert!(!json.contains('\n'));
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["events"]["exit"], 1);
        assert_eq!(value["events"].as_object().map(serde_json::Map::len), Some(EventKind::ALL.len()));
        assert_eq!(value["lost"]["exec"], 3);
    }
}
