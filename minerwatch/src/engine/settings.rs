//! Settings of the engine.

use std::time::Duration;

use crate::{
    detect::LoadThresholds,
    incident::IncidentLimits,
    model::{AccountHasher, BootTime, SignalId, Verdict},
    process::TableLimits,
};

/// The settings of the engine, from the host and from the configuration.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Number of processors of the host.
    pub processors: u32,
    /// Limit of processes in the table, living and dead.
    pub max_processes: usize,
    /// Limit of open incidents.
    pub max_incidents: usize,
    /// Limit of remembered dead processes without children.
    pub max_dead: usize,
    /// Time for which a dead process is remembered.
    pub dead_memory: Duration,
    /// Time without a new finding after which an incident without living processes is closed.
    pub quiet: Duration,
    /// The value of `quiet` for an incident that installed persistence.
    pub quiet_persistent: Duration,
    /// Time for which a closed incident is watched for a return. Zero if it is not watched.
    pub watch: Duration,
    /// Whether there is a response, which gets suspects with the verdict `mining` by [`crate::model::Effect::Confirmed`].
    pub confirms: bool,
    /// The lowest verdict that causes an alert. An incident below this verdict is kept and may cause an alert later.
    pub min_verdict: Verdict,
    /// Thresholds of CPU use.
    pub load: LoadThresholds,
    /// Hashes accounts.
    pub accounts: AccountHasher,
    /// The clock for [`crate::model::Alert::latency`]. `None` in a replay, where the latency is zero.
    pub clock: Option<fn() -> BootTime>,
    /// Signals that the engine ignores. The calibration measures with it what each signal contributes. Otherwise empty.
    pub without: Vec<SignalId>,
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
            watch: incidents.watch,
            confirms: incidents.confirms,
            min_verdict: incidents.min_verdict,
            load: LoadThresholds::default(),
            accounts: AccountHasher::default(),
            clock: None,
            without: Vec::new(),
        }
    }
}
