//! A state that lasts without a break, and when to report it.

use std::time::Duration;

use super::{processors_used, start_of};
use crate::{
    detect::{DetectionContext, ProcessStates},
    model::{BootTime, CpuUsage},
};

/// Maximum gap between two CPU reports of a streak. Reports come once per second.
pub(super) const CPU_REPORT_GAP: Duration = Duration::from_secs(3);

/// A period without a break.
#[derive(Clone, Copy, Debug)]
pub(super) struct Streak {
    since: BootTime,
    until: BootTime,
    reported: Option<BootTime>,
}

impl Streak {
    /// Creates a streak that begins at `start`.
    pub(super) fn new(start: BootTime) -> Self {
        Self { since: start, until: start, reported: None }
    }

    /// Extends the streak from `start` to `at`, or begins a new streak after a break longer than `gap`. Returns the
    /// length of the streak once for each full `span`.
    pub(super) fn extend(
        &mut self,
        start: BootTime,
        at: BootTime,
        gap: Duration,
        span: Duration,
    ) -> Option<Duration> {
        if start.since(self.until) > gap {
            *self = Self::new(start);
        }
        self.until = self.until.max(at);
        if self.until.since(self.reported.unwrap_or(self.since)) < span {
            return None;
        }
        self.reported = Some(self.until);
        Some(self.until.since(self.since))
    }

    /// Whether the streak is at least `span` long, and ended at most `gap` before `now`.
    pub(super) fn covers(&self, now: BootTime, gap: Duration, span: Duration) -> bool {
        now.since(self.until) <= gap && self.until.since(self.since) >= span
    }
}

/// Extends the streak of a process that used at least `needed` processors in the current report, and ends the streak of
/// any other. Returns how many processors it used, and the length of the streak in seconds once for each full `span`.
pub(super) fn busy_streak(
    streaks: &mut ProcessStates<Streak>,
    context: &DetectionContext<'_>,
    usage: &CpuUsage,
    needed: f64,
    span: Duration,
) -> Option<(f64, u64)> {
    let used = processors_used(usage);
    if used < needed {
        streaks.remove(&context.key());
        return None;
    }
    let start = start_of(context, usage.window);
    let streak = streaks.entry(&context.key(), || Streak::new(start));
    let length = streak.extend(start, context.at(), CPU_REPORT_GAP, span)?;
    Some((used, length.as_secs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_streak_is_reported_once_a_span_and_ends_with_a_gap() {
        let at = |seconds: u64| BootTime(seconds * 1_000_000_000);
        let seconds = Duration::from_secs;
        let mut streak = Streak::new(at(0));
        let mut extend = |start, end| streak.extend(at(start), at(end), seconds(3), seconds(10));
        assert_eq!(extend(0, 9), None);
        assert_eq!(extend(11, 12), Some(seconds(12)), "a gap of two seconds is none");
        assert_eq!(extend(12, 13), None, "reported just now");
        assert_eq!(extend(13, 22), Some(seconds(22)));
        assert_eq!(extend(26, 35), None, "a new streak of nine seconds");
        assert_eq!(extend(35, 36), Some(seconds(10)));
    }
}
