//! How a detector declares itself: its signals, the events it wants, and how it is made.

use std::fmt;

use super::{DetectionContext, Findings, LoadThresholds, SignalInfo};
use crate::model::EventType;

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

/// A detector without memory: a function of the context.
#[derive(Clone, Copy)]
pub struct Stateless(pub fn(&DetectionContext<'_>, &mut Findings));

impl fmt::Debug for Stateless {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Stateless")
    }
}

impl Detector for Stateless {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        (self.0)(context, findings);
    }
}
