//! The state of the incidents that survives a restart.

use serde::{Deserialize, Serialize};

use super::Incidents;
use crate::{
    incident::{budget::HostBudgetState, membership::Members, record::Incident},
    model::{Alert, AlertReason, BootTime, ProcessKey},
    process::ProcessTable,
};

/// The open incidents and the budgets, for a file.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct IncidentState {
    incidents: Vec<Incident>,
    budget: HostBudgetState,
}

impl IncidentState {
    /// Number of incidents.
    pub fn len(&self) -> usize {
        self.incidents.len()
    }

    /// Whether there is no incident.
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty()
    }
}

impl Incidents {
    /// Whether the state changed since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// Returns the state: the incidents that were reported, or that have a verdict.
    pub fn state(&self) -> IncidentState {
        let incidents = self.open.values().filter(|incident| incident.verdict().is_some());
        IncidentState { incidents: incidents.cloned().collect(), budget: self.budget.state() }
    }

    /// Restores incidents of the same boot. `table` must contain the processes that run now: the others have ended.
    pub fn restore(&mut self, state: IncidentState, table: &ProcessTable) {
        let IncidentState { incidents, budget } = state;
        self.budget.restore(budget);
        let lives = |key: ProcessKey| table.get(key).is_some_and(crate::process::Process::is_alive);
        for mut incident in incidents.into_iter().take(self.limits.incidents) {
            let serial = self.next;
            self.next += 1;
            incident.restore(lives);
            let holdings = std::mem::take(&mut incident.holdings);
            let mut held = Members::default();
            self.membership.hand_over(holdings, serial, &mut held);
            self.membership.retain_living(&held, lives);
            incident.holdings = held;
            self.open.insert(serial, incident);
        }
        self.next_due = (!self.open.is_empty()).then_some(BootTime::default());
    }

    /// Returns the closing alerts of incidents of an earlier boot, whose processes have all ended.
    pub fn end(&self, state: IncidentState, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        for incident in state.incidents {
            let seen = self.exceptions.at_the_end(&incident, now, table);
            alerts.extend(super::alerting::closing(&seen, now, AlertReason::Ended, table));
        }
    }
}
