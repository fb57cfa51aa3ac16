//! Budgets of alerts: per incident, per owner and per host. A user who starts miners in a loop cannot turn the alerts
//! into a flood, and cannot spend the alerts of other users.

use std::{sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    bounded::BoundedMap,
    model::{BootTime, ProcessView},
};

/// Alerts of an incident at once; later one in each interval.
const INCIDENT: Rate = Rate { burst: 5, interval: Duration::from_secs(60) };
/// Alerts of a host at once; later ten in a minute.
const HOST: Rate = Rate { burst: 50, interval: Duration::from_secs(6) };
/// Alerts because of one owner at once: half of the host's, so that the rest is left to others.
const OWNER: Rate = Rate { burst: 25, interval: Duration::from_secs(12) };
/// Alerts that report a storm.
const STORM: Rate = Rate { burst: 1, interval: Duration::from_secs(60) };
/// Maximum number of owners that are tracked.
const OWNERS: usize = 1_024;

/// A rate with a burst.
#[derive(Clone, Copy, Debug)]
struct Rate {
    burst: u32,
    interval: Duration,
}

/// A budget that fills up over time. The field is the time at which the budget will be full again (the generic cell
/// rate algorithm).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Budget {
    full_at: BootTime,
}

impl Budget {
    /// Returns the earliest time at which the budget allows one more, with `reserve` left.
    fn next(self, rate: Rate, reserve: u32) -> BootTime {
        let burst = rate.interval * rate.burst.saturating_sub(1 + reserve);
        BootTime(self.full_at.0.saturating_sub(u64::try_from(burst.as_nanos()).unwrap_or(u64::MAX)))
    }

    fn spend(&mut self, rate: Rate, now: BootTime) {
        self.full_at = self.full_at.max(now).plus(rate.interval);
    }
}

/// The budget of one incident.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct IncidentBudget(Budget);

impl IncidentBudget {
    /// Returns the earliest time of the next alert. News that are not urgent leave one alert for urgent ones.
    pub(super) fn next(self, urgent: bool) -> BootTime {
        self.0.next(INCIDENT, u32::from(!urgent))
    }

    /// Spends one alert.
    pub(super) fn spend(&mut self, now: BootTime) {
        self.0.spend(INCIDENT, now);
    }
}

/// Who is responsible for a process: its container, else its user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Owner {
    /// A container, by its id.
    Container(Arc<str>),
    /// A user of the host, by uid.
    User(u32),
}

impl Owner {
    /// Returns the owner of a process.
    pub(super) fn of(view: &ProcessView) -> Self {
        match view.container.as_ref().and_then(|container| container.id.as_ref()) {
            Some(id) => Self::Container(Arc::clone(id)),
            None => Self::User(view.credentials.uid),
        }
    }
}

impl Owner {
    /// The owner in words.
    pub(super) fn words(&self) -> String {
        match self {
            Self::Container(id) => format!("container {}", id.get(..12).unwrap_or(id)),
            Self::User(uid) => format!("uid {uid}"),
        }
    }
}

/// The budgets of the host and of the owners.
#[derive(Clone, Debug)]
pub(super) struct HostBudget {
    host: Budget,
    owners: BoundedMap<Owner, Budget>,
    storm: Budget,
}

impl Default for HostBudget {
    fn default() -> Self {
        Self { host: Budget::default(), owners: BoundedMap::new(OWNERS), storm: Budget::default() }
    }
}

impl HostBudget {
    /// Whether the host and the owner may have one more alert. If so, it is spent.
    pub(super) fn take(&mut self, owner: &Owner, now: BootTime) -> bool {
        let of_owner = self.owners.get(owner).copied().unwrap_or_default();
        if self.host.next(HOST, 0) > now || of_owner.next(OWNER, 0) > now {
            return false;
        }
        self.host.spend(HOST, now);
        self.owners.entry(owner, Budget::default).spend(OWNER, now);
        true
    }

    /// How much of an owner's budget is spent: the time until it is full.
    pub(super) fn spent_by(&self, owner: &Owner, now: BootTime) -> Duration {
        self.owners.get(owner).map_or(Duration::ZERO, |budget| budget.full_at.since(now))
    }

    /// Whether a storm may be reported now. If so, the report is spent.
    pub(super) fn take_storm(&mut self, now: BootTime) -> bool {
        let allowed = self.storm.next(STORM, 0) <= now;
        if allowed {
            self.storm.spend(STORM, now);
        }
        allowed
    }

    /// Returns the state for a file.
    pub(super) fn state(&self) -> HostBudgetState {
        let owners = self.owners.iter().map(|(owner, budget)| (owner.clone(), *budget)).collect();
        HostBudgetState { host: self.host, storm: self.storm, owners }
    }

    /// Restores what [`Self::state`] returned.
    pub(super) fn restore(&mut self, state: HostBudgetState) {
        let HostBudgetState { host, storm, owners } = state;
        self.host = host;
        self.storm = storm;
        for (owner, budget) in owners {
            self.owners.insert(owner, budget);
        }
    }
}

/// The state of a [`HostBudget`] that survives a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HostBudgetState {
    host: Budget,
    storm: Budget,
    #[serde(default)]
    owners: Vec<(Owner, Budget)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> BootTime {
        BootTime(seconds * 1_000_000_000)
    }

    #[test]
    fn an_incident_has_a_burst_and_then_one_alert_a_minute() {
        let mut budget = IncidentBudget::default();
        let mut sent = Vec::new();
        for second in 1_000..1_300 {
            if budget.next(true) <= at(second) {
                budget.spend(at(second));
                sent.push(second);
            }
        }
        assert_eq!(sent, [1_000, 1_001, 1_002, 1_003, 1_004, 1_060, 1_120, 1_180, 1_240]);
        assert!(budget.next(false) > budget.next(true), "urgent news come first");
    }

    #[test]
    fn one_owner_cannot_spend_the_budget_of_all() {
        let mut budget = HostBudget::default();
        let (loud, quiet) = (Owner::User(33), Owner::User(1_000));
        let sent = (0..1_000).filter(|_| budget.take(&loud, at(1_000))).count();
        assert_eq!(sent, 25);
        assert!(budget.spent_by(&loud, at(1_000)) > budget.spent_by(&quiet, at(1_000)));
        assert!(budget.take(&quiet, at(1_000)));
        let per_hour = (0..3_600).filter(|second| budget.take(&loud, at(1_001 + second))).count();
        assert_eq!(per_hour, 300);
    }

    #[test]
    fn a_host_has_a_burst_and_then_ten_alerts_a_minute() {
        let mut budget = HostBudget::default();
        let owner = |number: u32| Owner::User(number);
        let sent = (0..200).filter(|number| budget.take(&owner(number % 100), at(1_000))).count();
        assert_eq!(sent, 50);
        let later =
            (0..600).filter(|second| budget.take(&owner(*second), at(1_001 + u64::from(*second)))).count();
        assert_eq!(later, 100);
        assert!(
            budget.take_storm(at(2_000)) && !budget.take_storm(at(2_059)) && budget.take_storm(at(2_060))
        );
    }
}
