//! Latencies, and what minerwatch costs the host.

use std::{collections::BTreeMap, time::Duration};

use serde::{Serialize, Serializer};

use super::Histogram;

/// How long events and alerts took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LatencyMetrics {
    /// From the event in the kernel until the engine got it. One event of each batch is measured, the first.
    pub event: Histogram,
    /// From the deciding event in the kernel until the alert left the engine.
    pub alert: Histogram,
}

/// What the daemon itself costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProcessMetrics {
    /// CPU time of all threads.
    #[serde(rename = "cpu_seconds", serialize_with = "seconds")]
    pub cpu: Duration,
    /// Open files.
    pub open_files: u64,
}

/// How often and how long one eBPF program ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProgramMetrics {
    /// Number of runs.
    pub runs: u64,
    /// Time of all runs.
    #[serde(rename = "run_seconds", serialize_with = "seconds")]
    pub run_time: Duration,
}

/// The statistics that the kernel keeps for eBPF programs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ProgramStatistics {
    /// Whether the kernel counts at all. Counting costs a little for each run, so it is usually off.
    pub enabled: bool,
    /// The programs of the sensor that have run while the kernel counted, by name.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_name: BTreeMap<String, ProgramMetrics>,
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
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
