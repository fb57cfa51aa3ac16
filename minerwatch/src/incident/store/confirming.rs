//! Passes confirmed suspects to the response.
//!
//! Alerts have budgets, and say once that a suspect is back. The response must not wait for either: each process of a
//! suspect whose own verdict is `mining` is passed on, at once if possible.

use std::{collections::BTreeSet, time::Duration};

use super::{Incidents, alerting::look_again};
use crate::{
    incident::{membership::Serial, record::Incident, report::Report, suspect::SuspectNumber},
    model::{Alert, AlertAction, AlertReason, BootTime},
    process::ProcessTable,
};

/// Least time between two confirmations of one incident, so that a suspect that starts in a loop costs little.
const PAUSE: Duration = Duration::from_millis(100);

impl Incidents {
    /// Takes the states of incidents with suspects that the response has not got yet. Each state lists only these.
    pub fn take_confirmed(&mut self) -> Vec<Alert> {
        std::mem::take(&mut self.confirmed)
    }

    /// Passes on the suspects of an incident that the response has not got yet.
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

    /// Passes on what had to wait.
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
    /// Whether the response has not got a process of a suspect whose verdict is `mining`.
    fn is_unconfirmed(&self) -> bool {
        self.unconfirmed().next().is_some()
    }
}
