//! The declaration of a detector: its signals, the event types it wants, and its constructor.

use std::fmt;

use super::{DetectionContext, Findings, LoadThresholds, SignalInfo};
use crate::model::EventType;

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
