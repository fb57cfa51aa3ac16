//! Events in, alerts out. Synchronous, single owner, free of input, output and clocks: time comes with the
//! event and through [`Engine::tick`], so the same recording gives the same alerts anywhere.

use std::sync::Arc;

use crate::model::{Alert, BootTime, Event, ProcessView};

/// What the engine needs to know of the host and of the user's wishes.
#[derive(Clone, Debug)]
pub struct EngineSettings {
    /// Processors of the host.
    pub processors: u32,
    /// The most processes the table keeps, living and remembered dead ones together.
    pub max_processes: usize,
    /// The most incidents kept open.
    pub max_incidents: usize,
}

impl Default for EngineSettings {
    fn default() -> Self {
        Self { processors: 1, max_processes: 65_536, max_incidents: 1_024 }
    }
}

/// Counters of what the engine holds and had to forget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EngineCounters {
    /// Events taken in.
    pub events: u64,
    /// Processes in the table now.
    pub processes: u64,
    /// Processes evicted because the table was full.
    pub processes_evicted: u64,
    /// Events parked now because their process is not known yet.
    pub parked: u64,
    /// Parked events that were given up or found no room.
    pub parked_lost: u64,
    /// Incidents open now.
    pub incidents: u64,
    /// Incidents evicted because there were too many.
    pub incidents_evicted: u64,
}

/// The correlation engine.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// An engine that knows nothing yet.
    pub fn new(_settings: EngineSettings) -> Self {
        Self {}
    }

    /// Takes one event in; what follows from it is appended to `alerts`.
    pub fn ingest(&mut self, _event: &Event, _alerts: &mut Vec<Alert>) {}

    /// Lets time pass to `now`: windows end, incidents close, the dead are forgotten.
    pub fn tick(&mut self, _now: BootTime, _alerts: &mut Vec<Alert>) {}

    /// The process of an event just taken in and its parent, for whoever shows the event. A process of
    /// which nothing is known gives `None`.
    pub fn view(&self, _event: &Event) -> (Option<Arc<ProcessView>>, Option<Arc<ProcessView>>) {
        (None, None)
    }

    /// What it holds.
    pub fn counters(&self) -> EngineCounters {
        EngineCounters::default()
    }
}
