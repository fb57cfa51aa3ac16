//! Settings of the engine.

use std::time::Duration;

use crate::{
    detect::LoadThresholds,
    incident::IncidentLimits,
    model::{BootTime, Verdict},
    process::TableLimits,
};

/// Facts of the host and of the configuration that the engine needs.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Processors of the host.
    pub processors: u32,
    /// The most processes in the table, living and dead.
    pub max_processes: usize,
    /// The most incidents kept open.
    pub max_incidents: usize,
    /// The most dead processes without children that are remembered.
    pub max_dead: usize,
    /// How long a dead process is remembered.
    pub dead_memory: Duration,
    /// An incident without living processes is closed after this time without a new finding.
    pub quiet: Duration,
    /// The same time for an incident that installed persistence.
    pub quiet_persistent: Duration,
    /// The lowest verdict that causes an alert. Incidents below it are kept and may reach it later.
    pub min_verdict: Verdict,
    /// Thresholds of CPU use.
    pub load: LoadThresholds,
    /// The clock that [`crate::model::Alert::latency`] is measured with. `None` in a replay: the latency is zero.
    pub clock: Option<fn() -> BootTime>,
}

impl Default for EngineSettings {
    fn default() -> Self {
        let table = TableLimits::default();
        let incidents = IncidentLimits::default();
        Self {
            processors: 1,
            max_processes: table.processes,
            max_incidents: incidents.incidents,
            max_dead: table.dead,
            dead_memory: table.memory,
            quiet: incidents.quiet,
            quiet_persistent: incidents.quiet_persistent,
            min_verdict: incidents.min_verdict,
            load: LoadThresholds::default(),
            clock: None,
        }
    }
}
