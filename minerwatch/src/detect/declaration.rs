//! The declaration of a detector: its signals, the event types it wants, and its constructor.

use std::fmt;

use super::{DetectionContext, Finding, Findings, LoadThresholds, SignalInfo};
use crate::{
    bounded::BoundedMap,
    model::{AccountHasher, EventBody, EventType, ProcessKey},
};

/// Inspects events and reports findings.
///
/// [`crate::incident`] decides what the findings of several processes mean together.
pub trait Detector: fmt::Debug + Send {
    /// Looks at one event of a type that the detector wants.
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings);

    /// The number of entries evicted from the detector's state.
    fn evicted(&self) -> u64 {
        0
    }
}

/// The user's settings for the detectors.
#[derive(Clone, Debug, Default)]
pub struct DetectorSettings {
    /// The thresholds for load.
    pub load: LoadThresholds,
    /// Hashes the accounts on command lines.
    pub accounts: AccountHasher,
}

/// The declaration of a detector: everything the rest of the program needs to know about it.
#[derive(Debug)]
pub struct Declaration {
    /// The signals of the detector. Every finding has one of these signals.
    pub signals: &'static [SignalInfo],
    /// The event types that the detector wants.
    pub wants: &'static [EventType],
    /// The metrics counter for the detector's evictions; `None` if it does not report evictions.
    pub evictions: Option<&'static str>,
    /// Creates the detector with empty state.
    pub create: fn(&DetectorSettings) -> Box<dyn Detector>,
}

/// A detector without state: a function of the context.
#[derive(Clone, Copy)]
pub struct Stateless(pub fn(&DetectionContext<'_>) -> Option<Finding>);

impl fmt::Debug for Stateless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stateless")
    }
}

impl Detector for Stateless {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        findings.add((self.0)(context));
    }
}

/// The states of a [`PerProcess`] detector. The state that was unused for longest is evicted first.
pub type ProcessStates<State> = BoundedMap<ProcessKey, State>;

/// A detector that keeps a state for each process until the process exits. Its declaration must list
/// [`EventType::Exit`] among the wanted events.
pub struct PerProcess<State, Inspect> {
    states: ProcessStates<State>,
    inspect: Inspect,
}

impl<State, Inspect> PerProcess<State, Inspect>
where
    Inspect: FnMut(&mut ProcessStates<State>, &DetectionContext<'_>) -> Option<Finding>,
{
    /// Creates a detector with at most `capacity` states. The detector calls `inspect` for every wanted event other than
    /// an exit.
    pub fn new(capacity: usize, inspect: Inspect) -> Self {
        Self { states: BoundedMap::new(capacity), inspect }
    }
}

impl<State, Inspect> fmt::Debug for PerProcess<State, Inspect> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "PerProcess({} states)", self.states.len())
    }
}

impl<State, Inspect> Detector for PerProcess<State, Inspect>
where
    State: Send,
    Inspect: FnMut(&mut ProcessStates<State>, &DetectionContext<'_>) -> Option<Finding> + Send,
{
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        if let EventBody::Exit(_) = context.event.body {
            self.states.remove(&context.key());
        } else {
            findings.add((self.inspect)(&mut self.states, context));
        }
    }

    fn evicted(&self) -> u64 {
        self.states.evicted()
    }
}
