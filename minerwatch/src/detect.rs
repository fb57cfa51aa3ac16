//! What speaks against a process: one file for each detector.
//!
//! A detector looks at one event, with what is known of the process and the host, and says what it found. Its file
//! declares everything about it: signals, points, thresholds, and the events it wants. What the findings of several
//! processes mean together is decided in [`crate::incident`].

pub mod behavior;
pub mod compute;
pub mod network;

mod catalogue;
mod declaration;
mod finding;
mod knowledge;
mod load_thresholds;
mod path_kind;
mod registry;
mod signal_info;
mod written;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::{
    model::{BootTime, Event, EventType, ProcessKey},
    process::{Process, ProcessTable},
};

pub use catalogue::{catalogue, signal};
pub use declaration::{Declaration, Detector, DetectorSettings, PerProcess, ProcessStates, Stateless};
pub use finding::{Finding, Findings};
pub use knowledge::{
    EventFacts, Knowledge, LoadHistories, LoadHistory, LoadHistoryState, Pause, Phase, Phases,
    ProgramIdentity, REPORT_DELAY, Shares,
};
pub use load_thresholds::LoadThresholds;
pub use path_kind::PathKind;
pub use registry::DETECTORS;
pub use signal_info::SignalInfo;
pub use written::{WrittenFile, WrittenFiles};

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
    entries: Vec<(&'static Declaration, Box<dyn Detector>)>,
    /// For each event type, which detectors want it.
    wanted_by: Vec<Vec<usize>>,
    /// Findings so far, by signal.
    found: BTreeMap<&'static str, u64>,
}

impl Default for Detectors {
    fn default() -> Self {
        Self::new(&DetectorSettings::default())
    }
}

impl Detectors {
    /// Every detector of the list. They know nothing yet.
    pub fn new(settings: &DetectorSettings) -> Self {
        Self::of(DETECTORS, settings)
    }

    /// These detectors. They know nothing yet.
    pub fn of(declarations: &[&'static Declaration], settings: &DetectorSettings) -> Self {
        let entries: Vec<_> =
            declarations.iter().map(|declaration| (*declaration, (declaration.create)(settings))).collect();
        let wanted_by = EventType::ALL
            .iter()
            .map(|event| {
                let wants = |(declaration, _): &(&Declaration, _)| declaration.wants.contains(event);
                (0..entries.len()).filter(|index| wants(&entries[*index])).collect()
            })
            .collect();
        Self { entries, wanted_by, found: BTreeMap::new() }
    }

    /// Looks at one event; what is found is appended.
    pub fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let wanted_by = self.wanted_by.get(context.event.body.event_type() as usize);
        for index in wanted_by.into_iter().flatten() {
            if let Some((_, detector)) = self.entries.get_mut(*index) {
                detector.inspect(context, findings);
            }
        }
        for finding in findings.found() {
            *self.found.entry(finding.info.id).or_default() += 1;
        }
    }

    /// How many findings there were of each signal.
    pub fn found(&self) -> &BTreeMap<&'static str, u64> {
        &self.found
    }

    /// What detectors and their knowledge forgot for others, by the name of the counter in the metrics.
    pub fn evictions(&self, known: &Knowledge) -> BTreeMap<&'static str, u64> {
        let mut evictions: BTreeMap<_, _> = known.evictions().collect();
        for (declaration, detector) in &self.entries {
            if let Some(counter) = declaration.evictions {
                *evictions.entry(counter).or_default() += detector.evicted();
            }
        }
        evictions
    }
}
