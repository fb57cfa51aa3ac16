//! Probes answer requests of the engine by looking at the host. Each answer is an event.

#[cfg(feature = "sensor")]
pub mod fingerprints;
#[cfg(feature = "sensor")]
pub mod hidden;
#[cfg(feature = "sensor")]
pub mod inspector;
#[cfg(feature = "sensor")]
mod live;
#[cfg(feature = "sensor")]
pub mod pidfd_getfd;
#[cfg(feature = "sensor")]
mod place_mounts;
#[cfg(feature = "sensor")]
pub mod sampler;
#[cfg(feature = "sensor")]
pub mod socket_tagging;

use crate::model::{BootTime, Event, Request};

#[cfg(feature = "sensor")]
pub use live::LiveProbes;

/// The outcome of a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// The answer. [`Probes::tick`] may return more events later.
    Event(Box<Event>),
    /// There is no answer yet. Events may follow from [`Probes::tick`] or from the kernel side.
    Pending,
    /// There is no answer, and there will be none.
    None,
}

/// Answers requests of the engine.
pub trait Probes {
    /// Answers a request, or starts to work on the answer.
    fn ask(&mut self, request: &Request) -> Answer;

    /// Appends the answers that came since the last call, from other threads. Call it after each batch of events and
    /// after each wake-up.
    fn take_answers(&mut self, now: BootTime, found: &mut Vec<Event>) {
        let _ = (now, found);
    }

    /// Does the work that is due at `now`, and appends the resulting events.
    fn tick(&mut self, now: BootTime, found: &mut Vec<Event>);
}

/// Answers no request. A replay uses this type, because the recording contains the answers.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbes;

impl Probes for NoProbes {
    fn ask(&mut self, _request: &Request) -> Answer {
        Answer::None
    }

    fn tick(&mut self, _now: BootTime, _found: &mut Vec<Event>) {}
}
