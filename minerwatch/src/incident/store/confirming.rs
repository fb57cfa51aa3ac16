//! Passes confirmed suspects, those with the verdict `mining`, to the response.
//!
//! The response does not depend on alerts, because alerts have budgets and pauses. Each new process of a confirmed suspect is
//! passed to it within 100 ms.

use std::{collections::BTreeSet, time::Duration};

use super::{Incidents, alerting::look_again};
use crate::{
    incident::{membership::Serial, record::Incident, report::Report, suspect::SuspectNumber},
    model::{Alert, AlertAction, AlertReason, BootTime},
    process::ProcessTable,
};

/// Minimum time between two confirmations of one incident. It bounds the cost of a suspect that restarts in a loop.
const PAUSE: Duration = Duration::from_millis(100);

impl Incidents {
    /// Takes the confirmations: states of incidents that list only confirmed suspects with a new process.
    pub fn take_confirmed(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.confirmed)
    }

    /// Confirms the suspects of an incident, or plans it if the last confirmation was less than 100 ms ago.
    pub(super) fn confirm(&mut self, serial: Serial, now: BootTime, table: &ProcessTable) {
        if !self.limits.confirms {
            return;
        }
        let Some(incident) = self.open.get_mut(&serial).filter(|incident| incident.is_unconfirmed()) else {
            return;
        };
        if now < incident.next_confirmation {
            look_again(&mut self.next_due, incident.next_confirmation);
            return;
        }
        let seen = self.exceptions.visible(incident, now, table);
        let new: BTreeSet<SuspectNumber> = seen.unconfirmed().collect();
        let Some(subject) = new.first() else { return };
        let action = AlertAction::IncidentUpdated;
        let Some(report) = seen.report(*subject, action, AlertReason::NewSuspect, now, table) else { return };
        let Report { mut alert, named } = report;
        let mut numbers = named.iter();
        alert.suspects.retain(|_| numbers.next().is_some_and(|number| new.contains(number)));
        incident.confirmed(&named);
        incident.next_confirmation = now.plus(PAUSE);
        if incident.is_unconfirmed() {
            look_again(&mut self.next_due, incident.next_confirmation);
        }
        self.confirmed.push(alert);
    }

    /// Confirms the suspects that had to wait.
    pub(super) fn confirm_due(&mut self, now: BootTime, table: &ProcessTable) {
        if !self.limits.confirms {
            return;
        }
        let due = self.open.iter().filter(|(_, incident)| incident.is_unconfirmed());
        let due: Vec<Serial> = due.map(|(serial, _)| *serial).collect();
        for serial in due {
            self.confirm(serial, now, table);
        }
    }
}

impl Incident {
    /// Whether a suspect waits for its confirmation.
    fn is_unconfirmed(&self) -> bool {
        self.unconfirmed().next().is_some()
    }
}
