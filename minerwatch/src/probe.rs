//! What looks at the world for the engine: a request comes in, the answer goes back as an event.

#[cfg(feature = "sensor")]
pub mod fingerprints;
#[cfg(feature = "sensor")]
mod live;
#[cfg(feature = "sensor")]
pub mod pidfd_getfd;
#[cfg(feature = "sensor")]
pub mod sampler;
#[cfg(feature = "sensor")]
pub mod socket_tagging;

use crate::model::{BootTime, Event, Request};

#[cfg(feature = "sensor")]
pub use live::LiveProbes;

/// What became of a request.
#[derive(Clone, Debug)]
pub enum Answer {
    /// This is what was found. More may follow from [`Probes::tick`].
    Event(Box<Event>),
    /// It is under way; events follow by themselves.
    UnderWay,
    /// There is no answer, now or later.
    None,
}

/// Whoever can look at the world.
pub trait Probes {
    /// Looks, or begins to.
    fn ask(&mut self, request: &Request) -> Answer;

    /// Lets time pass. Appends what was found since.
    fn tick(&mut self, now: BootTime, found: &mut Vec<Event>);
}

/// Nobody: a replay has what was found in its recording.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoProbes;

impl Probes for NoProbes {
    fn ask(&mut self, _request: &Request) -> Answer {
        Answer::None
    }

    fn tick(&mut self, _now: BootTime, _found: &mut Vec<Event>) {}
}
