//! Decides when the sensor is degraded, and when it is well again.
//!
//! The daemon passes its counters once a second. A reason is reported at most once in ten minutes, and it is over only
//! after it did not occur for five minutes, so a host at its limit causes few alerts.

mod message;
mod rate;
mod reason;

use std::time::Duration;

use self::rate::Rate;
pub use self::reason::Reason;
use crate::model::{BootTime, Moment};

/// Minimum time between two alerts for one reason.
const ALERT_INTERVAL: Duration = Duration::from_secs(600);
/// Time without an occurrence after which a reason is over.
const QUIET: Duration = Duration::from_secs(300);
/// Lost events per minute above which the sensor is degraded.
const LOSSES_PER_MINUTE: u64 = 100;
/// Evictions per minute above which a table counts as full. A table that is just large enough evicts now and then.
const EVICTIONS_PER_MINUTE: u64 = 100;
/// Difference between wall clock and boot clock, within a second, above which the clock jumped. NTP moves a clock by
/// less than a millisecond per second.
const CLOCK_JUMP: Duration = Duration::from_secs(2);

/// What the daemon sees once a second.
#[derive(Clone, Debug, Default)]
pub struct Observation {
    /// The time.
    pub now: BootTime,
    /// Wall time minus boot time, in nanoseconds.
    pub wall_offset: i128,
    /// Events that the kernel side lost since the start.
    pub lost: u64,
    /// Evictions since the start, by table.
    pub evictions: Vec<(&'static str, u64)>,
    /// Hooks that were attached and are not any more.
    pub detached: Vec<String>,
    /// Why the state directory cannot be written, if so.
    pub state_error: Option<String>,
}

/// A daemon that was killed or crashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KilledDaemon {
    /// The process id that it had.
    pub pid: u32,
    /// The time of its last heartbeat, or of its start.
    pub last_alive: Moment,
}

/// A change that is worth an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The reason.
    pub reason: Reason,
    /// Whether the reason is over.
    pub restored: bool,
    /// One sentence for people, with what to do.
    pub message: String,
}

/// The state of one reason.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    /// When it last occurred. `None` if it is over.
    last: Option<BootTime>,
    /// When it was last alerted.
    alerted: Option<BootTime>,
    /// Whether the current occurrence was alerted, so that its end is told too.
    told: bool,
}

/// Watches the daemon's own health.
#[derive(Debug, Default)]
pub struct HealthMonitor {
    states: [State; Reason::ALL.len()],
    losses: Rate,
    evictions: Vec<(&'static str, Rate)>,
    wall_offset: Option<i128>,
}

impl HealthMonitor {
    /// Compares what the daemon sees now with what it saw before. Appends what is worth an alert.
    pub fn observe(&mut self, observation: &Observation, changes: &mut Vec<Change>) {
        for reason in Reason::ALL {
            let occurs = self.occurs(reason, observation);
            let Some(state) = self.states.get_mut(reason as usize) else { continue };
            if let Some(change) = state.advance(reason, occurs, observation.now) {
                changes.push(change);
            }
        }
    }

    /// Records that the previous daemon was killed, and returns the alert. The reason applies for [`QUIET`]. Its end is not
    /// reported.
    pub fn killed(&mut self, daemon: &KilledDaemon, now: BootTime) -> Option<Change> {
        let state = self.states.get_mut(Reason::Killed as usize)?;
        state.advance(Reason::Killed, Some(message::killed(daemon)), now)
    }

    /// Returns the names of the reasons that apply now.
    pub fn degraded(&self) -> impl Iterator<Item = &'static str> {
        let applies = |(reason, state): (Reason, &State)| state.last.map(|_| reason.name());
        Reason::ALL.into_iter().zip(&self.states).filter_map(applies)
    }

    /// Returns the message if the reason occurs now.
    fn occurs(&mut self, reason: Reason, observation: &Observation) -> Option<String> {
        match reason {
            Reason::TableFull => {
                let full = self.full_tables(&observation.evictions);
                (!full.is_empty()).then(|| message::table_full(&full))
            }
            Reason::HookGone => {
                (!observation.detached.is_empty()).then(|| message::hook_gone(&observation.detached))
            }
            Reason::Losses => {
                let lost = self.losses.per_minute(observation.lost);
                (lost > LOSSES_PER_MINUTE).then(|| message::losses(lost))
            }
            Reason::ClockJumped => {
                let before = self.wall_offset.replace(observation.wall_offset)?;
                let jump = observation.wall_offset.saturating_sub(before);
                (jump.unsigned_abs() > CLOCK_JUMP.as_nanos()).then(|| message::clock_jumped(jump))
            }
            Reason::StateUnwritable => observation.state_error.as_deref().map(message::state_unwritable),
            // Reported once, at the start.
            Reason::Killed => None,
        }
    }

    /// Returns the tables that evict too much, with their evictions in the last minute.
    fn full_tables(&mut self, evictions: &[(&'static str, u64)]) -> Vec<(&'static str, u64)> {
        let mut full = Vec::new();
        for (table, count) in evictions {
            let known = self.evictions.iter().position(|(name, _)| name == table);
            let index = known.unwrap_or_else(|| {
                self.evictions.push((table, Rate::default()));
                self.evictions.len() - 1
            });
            let Some((_, rate)) = self.evictions.get_mut(index) else { continue };
            let evicted = rate.per_minute(*count);
            if evicted > EVICTIONS_PER_MINUTE {
                full.push((*table, evicted));
            }
        }
        full
    }
}

impl State {
    fn advance(&mut self, reason: Reason, occurs: Option<String>, now: BootTime) -> Option<Change> {
        let Some(message) = occurs else { return self.rest(reason, now) };
        self.last = Some(now);
        let is_due = self.alerted.is_none_or(|alerted| now.since(alerted) >= ALERT_INTERVAL);
        if self.told || !is_due {
            return None;
        }
        self.told = true;
        self.alerted = Some(now);
        Some(Change { reason, restored: false, message })
    }

    /// Ends the reason after a quiet time.
    fn rest(&mut self, reason: Reason, now: BootTime) -> Option<Change> {
        let last = self.last?;
        if now.since(last) < QUIET {
            return None;
        }
        self.last = None;
        let told = std::mem::take(&mut self.told);
        let message = message::restored(reason).filter(|_| told)?;
        Some(Change { reason, restored: true, message })
    }
}

#[cfg(test)]
mod tests;
