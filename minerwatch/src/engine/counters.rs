//! Counters of the engine, for the status and for tests.

use std::collections::BTreeMap;

use serde::Serialize;

/// What the engine holds, and what it had to forget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct EngineCounters {
    /// Events taken in.
    pub events: u64,
    /// Processes in the table now.
    pub processes: u64,
    /// Processes evicted because the table was full.
    pub processes_evicted: u64,
    /// Dead processes forgotten before [`super::EngineSettings::dead_memory`] was over, because too many died.
    pub dead_forgotten_early: u64,
    /// Events parked now because their process is not known yet.
    pub parked: u64,
    /// Parked events whose process or answer never came, or that did not fit.
    pub parked_lost: u64,
    /// Incidents now, including those without a verdict.
    pub incidents: u64,
    /// Incidents evicted because there were too many.
    pub incidents_evicted: u64,
    /// Written files that were forgotten to make room. A process that runs such a file is not linked to its writer.
    pub written_files_evicted: u64,
    /// Number of findings, by signal id.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub findings: BTreeMap<&'static str, u64>,
    /// State that detectors forgot to make room, by the counter names in their declarations.
    #[serde(flatten)]
    pub evictions: BTreeMap<&'static str, u64>,
}
