//! Counters of the engine, for the status and for tests.

use std::collections::BTreeMap;

use serde::Serialize;

/// Counters of the state that the engine holds and of the state that the engine evicted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineCounters {
    /// Events processed.
    pub events: u64,
    /// Processes in the table now.
    pub processes: u64,
    /// Processes evicted because the table was full.
    pub processes_evicted: u64,
    /// Dead processes evicted before the end of [`super::EngineSettings::dead_memory`], because too many processes
    /// died.
    pub dead_forgotten_early: u64,
    /// Containers remembered now, living and deleted.
    pub containers: u64,
    /// Containers evicted because too many were remembered.
    pub containers_evicted: u64,
    /// Events parked now, for the fork of their process or for an answer.
    pub parked: u64,
    /// Parked events that timed out or exceeded the limit.
    pub parked_lost: u64,
    /// Open incidents, including those without a verdict.
    pub incidents: u64,
    /// Open incidents by their verdict: `mining`, `suspected`, `noted`. Those without a verdict are in `incidents` only.
    pub incidents_by_verdict: BTreeMap<&'static str, u64>,
    /// Closed incidents that are watched for a return.
    pub incidents_watched: u64,
    /// Incidents evicted because the limit was reached.
    pub incidents_evicted: u64,
    /// Incidents that were restored at the start.
    pub incidents_restored: u64,
    /// Written files that were evicted. A process that runs such a file is not linked to its writer.
    pub written_files_evicted: u64,
    /// Number of findings, by signal id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<&'static str, u64>,
    /// Evictions in detectors, by the counter names in their declarations.
    #[serde(flatten)]
    pub evictions: BTreeMap<&'static str, u64>,
}
