//! The daemon's counters in one value, for `status`, `doctor` and the metrics endpoint.
//!
//! There are no static counters: each part owns its counters, and the pipeline collects them in [`Metrics`] on request.

mod event_counts;
pub mod exposition;
mod histogram;
mod outputs;
mod parts;
mod resources;

use std::collections::BTreeMap;

use serde::Serialize;

pub use self::{
    event_counts::{AlertCounts, EventCounts},
    histogram::Histogram,
    outputs::{OutputMetrics, SpoolMetrics},
    parts::{
        ContainerMetrics, ContainerSocketMetrics, ControlMetrics, EnrichMetrics, SamplerMetrics,
        SocketMetrics,
    },
    resources::{CpuMetrics, LatencyMetrics, ProcessMetrics, ProgramMetrics, ProgramStatistics},
};
use crate::{engine::EngineCounters, except::ExceptionStatus, feeds::ListMetrics};

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
    /// The same alerts by action and verdict.
    pub alert_counts: AlertCounts,
    /// How long events and alerts took.
    pub latency: LatencyMetrics,
    /// The exceptions, and how many alerts they hid.
    pub exceptions: ExceptionStatus,
    /// Counters of the engine.
    pub engine: EngineCounters,
    /// Incidents that do not fit into the state file now, so that a restart would forget them.
    pub incidents_left_out: u64,
    /// Counters of the caches and hashes in the enrich stage.
    pub enrich: EnrichMetrics,
    /// Counters of the names of containers.
    pub containers: ContainerMetrics,
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
    /// What the daemon itself costs.
    pub process: ProcessMetrics,
    /// How often and how long the eBPF programs ran.
    pub programs: ProgramStatistics,
    /// The beginning of the hash of the configuration in use.
    pub config_hash: String,
    /// Why the sensor is degraded now.
    pub degraded: Vec<&'static str>,
    /// Wall time of the last tick of the event loop, in seconds since 1970.
    pub alive_unix_seconds: u64,
}

impl Metrics {
    /// Returns the metrics as one line of JSON, the answer to `status`.
    pub fn to_json(&self) -> String {
        // Plain data with strings as keys always serializes.
        serde_json::to_string(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{BootTime, EventBody, EventKind, Exit, ProcessKey},
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
