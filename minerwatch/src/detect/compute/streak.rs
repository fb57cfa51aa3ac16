//! A stretch of time without a break, and when to tell of it.

use std::time::Duration;

use crate::model::BootTime;

/// A stretch without a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streak {
    since: BootTime,
    until: BootTime,
    told: Option<BootTime>,
}

impl Streak {
    /// One that begins.
    pub(super) fn new(start: BootTime) -> Self {
        Self { since: start, until: start, told: None }
    }

    /// Goes on from `start` to `at`, or begins anew after a break longer than `pause`; how long it has been,
    /// each time another `span` is full.
    pub(super) fn extend(
        &mut self,
        start: BootTime,
        at: BootTime,
        pause: Duration,
        span: Duration,
    ) -> Option<Duration> {
        if start.since(self.until) > pause {
            *self = Self::new(start);
        }
        self.until = self.until.max(at);
        if self.until.since(self.told.unwrap_or(self.since)) < span {
            return None;
        }
        self.told = Some(self.until);
        Some(self.until.since(self.since))
    }
}
