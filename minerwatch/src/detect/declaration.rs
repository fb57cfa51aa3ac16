//! How a detector declares itself: its signals, the events it wants, and how it is made.

use std::fmt;

use super::{DetectionContext, Finding, Findings, LoadThresholds, SignalInfo};
use crate::{
    bounded::BoundedMap,
    model::{EventBody, EventType, ProcessKey},
};

/// Looks at events in the light of what is known, and says what it found.
///
/// What the findings of several processes mean together is the business of [`crate::incident`].
pub trait Detector: fmt::Debug + Send {
    /// Looks at one event of a type that the detector wants.
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings);

    /// How many entries of the detector's memory made room for others.
    fn evicted(&self) -> u64 {
        0
    }
}

/// What a user may set of the detectors.
#[derive(Clone, Debug, Default)]
pub struct DetectorSettings {
    /// What counts as load.
    pub load: LoadThresholds,
}

/// A detector's row: everything the rest of the program needs to know of it.
#[derive(Debug)]
pub struct Declaration {
    /// Its signals. Every finding has one of them.
    pub signals: &'static [SignalInfo],
    /// The events it wants.
    pub wants: &'static [EventType],
    /// The counter in the metrics that its evictions add to; `None` where it remembers nothing.
    pub evictions: Option<&'static str>,
    /// Makes one that knows nothing yet.
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

/// A detector that keeps a state for each process until the process exits. Its row must list [`EventType::Exit`] among
/// the wanted events.
pub struct PerProcess<State, Inspect> {
    states: ProcessStates<State>,
    inspect: Inspect,
}

impl<State, Inspect> PerProcess<State, Inspect>
where
    Inspect: FnMut(&mut ProcessStates<State>, &DetectionContext<'_>) -> Option<Finding>,
{
    /// Creates a detector with at most `capacity` states. It calls `inspect` for every wanted event other than an exit.
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
