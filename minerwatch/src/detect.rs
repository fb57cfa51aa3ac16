//! What speaks against a process: one file per signal, weights and thresholds in one table.
//!
//! A detector looks at one event in the light of the process table and says what it found. What the
//! findings of several processes mean together is the business of [`crate::incident`].

pub mod behavior;
pub mod compute;
pub mod network;

mod declaration;
mod finding;
mod interim;
mod knowledge;
mod path_kind;
mod registry;
mod weights;
mod written;

use std::collections::BTreeMap;

use crate::{
    model::{BootTime, Event, EventType, ProcessKey, wallet},
    process::{Process, ProcessTable},
};

pub use compute::LoadThresholds;
pub use declaration::{Declaration, Detector, DetectorSettings, Stateless};
use interim::Interim;

pub use finding::{Finding, Findings};
pub use knowledge::Knowledge;
pub use path_kind::PathKind;
pub use registry::DETECTORS;
pub use weights::{SignalInfo, catalogue, tuning};
pub use written::{WrittenFile, WrittenFiles};

pub(crate) use weights::signals;

/// What a detector sees.
#[derive(Clone, Copy, Debug)]
pub struct DetectionContext<'a> {
    /// What happened.
    pub event: &'a Event,
    /// To whom, as of now (an exec's new image already in place).
    pub process: &'a Process,
    /// Everybody else.
    pub table: &'a ProcessTable,
    /// Processors of the host, at least 1.
    pub processors: u32,
    /// What is known beyond processes.
    pub known: &'a Knowledge,
}

impl DetectionContext<'_> {
    /// When it happened.
    pub fn at(&self) -> BootTime {
        self.event.time
    }

    /// The process it happened to.
    pub fn key(&self) -> ProcessKey {
        self.event.subject.key
    }
}

/// All detectors, each with what it remembers between events.
#[derive(Debug)]
pub struct Detectors {
    detectors: Vec<(&'static Declaration, Box<dyn Detector>)>,
    /// For each event type, which detectors want it.
    wanted_by: Vec<Vec<usize>>,
    interim: Interim,
}

impl Default for Detectors {
    fn default() -> Self {
        Self::new(&DetectorSettings::default())
    }
}

impl Detectors {
    /// Every detector of the list; they know nothing yet.
    pub fn new(settings: &DetectorSettings) -> Self {
        let detectors: Vec<_> =
            DETECTORS.iter().map(|declaration| (*declaration, (declaration.create)(settings))).collect();
        let wanted_by = EventType::ALL
            .iter()
            .map(|event| {
                let wants = |(declaration, _): &(&Declaration, _)| declaration.wants.contains(event);
                (0..detectors.len()).filter(|index| wants(&detectors[*index])).collect()
            })
            .collect();
        Self { detectors, wanted_by, interim: Interim::new(settings.load) }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        self.interim.inspect(context, findings);
        let wanted_by = self.wanted_by.get(context.event.body.event_type() as usize);
        for index in wanted_by.into_iter().flatten() {
            if let Some((_, detector)) = self.detectors.get_mut(*index) {
                detector.inspect(context, findings);
            }
        }
    }

    /// Evictions by the name of their counter in the metrics.
    pub fn evictions(&self) -> BTreeMap<&'static str, u64> {
        let mut evictions = BTreeMap::new();
        for (declaration, detector) in &self.detectors {
            if let Some(counter) = declaration.evictions {
                *evictions.entry(counter).or_default() += detector.evicted();
            }
        }
        *evictions.entry("scheduling_evicted").or_default() += self.interim.scheduling.evicted();
        evictions
    }

    /// INTERIM
    pub fn load_history(&self, now: BootTime) -> compute::LoadHistoryState {
        self.interim.scheduling.duty(now)
    }

    /// INTERIM
    pub fn restore_load_history(
        &mut self,
        state: compute::LoadHistoryState,
        now: BootTime,
        elapsed: std::time::Duration,
    ) {
        self.interim.scheduling.restore_load_history(state, now, elapsed);
    }
}
