//! Decides which incident sends an alert, and when; closes incidents.

use std::{collections::BTreeMap, time::Duration};

use super::Incidents;
use crate::{
    incident::{
        budget::Owner,
        membership::Serial,
        record::{Incident, Wish},
    },
    model::{Alert, AlertAction, AlertReason, BootTime, Verdict},
    process::ProcessTable,
};

/// Interval between two looks at which incidents have living processes.
const LOOK: Duration = Duration::from_secs(60);

impl Incidents {
    /// Returns the states of all incidents, or of the incident with this id, most points first. The verdict is `None`
    /// if the incident never reached `noted`.
    pub fn states(
        &self,
        id: Option<&str>,
        now: BootTime,
        table: &ProcessTable,
    ) -> Vec<(Alert, Option<Verdict>)> {
        let wanted = |incident: &&Incident| id.is_none_or(|id| incident.id.to_string() == id);
        let state = |incident: &Incident| {
            let reason = AlertReason::NewEvidence;
            let report =
                incident.report(incident.prime()?, AlertAction::IncidentUpdated, reason, now, table)?;
            Some((Alert { number: 0, ..report.alert }, incident.verdict()))
        };
        let mut states: Vec<_> = self.open.values().filter(wanted).filter_map(state).collect();
        states.sort_by_key(|(alert, _)| std::cmp::Reverse(alert.score));
        states
    }

    /// Sends the alert of an incident if it is due and within the budgets. Otherwise a later tick sends it.
    pub(super) fn consider(
        &mut self,
        serial: Serial,
        now: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        if self.restored.waiting.contains(&serial) {
            return;
        }
        let min_verdict = self.limits.min_verdict;
        let Some(incident) = self.open.get_mut(&serial) else { return };
        let Some(wish) = incident.wish(min_verdict) else { return };
        if wish.due > now {
            self.next_due = Some(self.next_due.map_or(wish.due, |due| due.min(wish.due)));
            return;
        }
        if !self.budget.take(&incident.owner, now) {
            // That an incident goes on after a restart can wait.
            incident.held_back = wish.reason != AlertReason::Resumed;
            self.next_due = Some(self.next_due.map_or(now, |due| due.min(now)));
            return;
        }
        let action =
            if incident.is_reported() { AlertAction::IncidentUpdated } else { AlertAction::IncidentOpened };
        let Wish { reason, subject, .. } = wish;
        if let Some(report) = incident.report(subject, action, reason, now, table) {
            incident.told(now, &report.named);
            alerts.push(report.alert);
            self.changed = true;
        }
        // What did not fit into the alert follows later.
        if let Some(next) = incident.wish(min_verdict) {
            self.next_due = Some(self.next_due.map_or(next.due, |due| due.min(next.due)));
        }
    }

    /// Whether an incident has an alert to send by now.
    pub fn is_due(&self, now: BootTime) -> bool {
        self.next_due.is_some_and(|due| due <= now)
    }

    /// Sends the alerts that are due.
    pub fn send_due(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        self.next_due = None;
        let min_verdict = self.limits.min_verdict;
        let mut due = Vec::new();
        for (serial, incident) in &self.open {
            let Some(wish) = incident.wish(min_verdict) else { continue };
            if wish.due > now {
                self.next_due = Some(self.next_due.map_or(wish.due, |next| next.min(wish.due)));
            } else {
                let spent = self.budget.spent_by(&incident.owner, now);
                due.push((spent, std::cmp::Reverse(incident.verdict()), wish.reason, *serial));
            }
        }
        // The owner who had the fewest alerts comes first, so that a loud user cannot hide a quiet one.
        due.sort_unstable();
        for (.., serial) in due {
            self.consider(serial, now, table, alerts);
        }
        self.report_storm(now, table, alerts);
        // A budget that refuses now may allow more with the next tick, not with the next event.
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = Some(now.plus(Duration::from_secs(1)));
        }
    }

    /// Closes incidents that have been quiet for long enough and have no living process, and sends what is due.
    pub fn tick(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        if self.is_due(now) {
            self.send_due(now, table, alerts);
        }
        if now.since(self.last_look) < LOOK {
            return;
        }
        self.last_look = now;
        let quiet = |incident: &Incident| {
            let quiet = if incident.persists() { self.limits.quiet_persistent } else { self.limits.quiet };
            (now >= incident.next_look && now.since(incident.last_activity) >= quiet).then_some(quiet)
        };
        let candidates: BTreeMap<Serial, Duration> =
            self.open.iter().filter_map(|(serial, incident)| Some((*serial, quiet(incident)?))).collect();
        if candidates.is_empty() {
            return;
        }
        let living = self.living(table);
        for (serial, quiet) in candidates {
            let Some(incident) = self.open.get_mut(&serial) else { continue };
            // An unreported incident whose points have decayed to zero is closed even if its processes live.
            let faded = !incident.is_reported() && incident.score(now) == 0;
            if faded || !living.contains(&serial) {
                self.close(serial, now, AlertReason::Ended, table, alerts);
            } else {
                incident.next_look = now.plus(quiet / 4);
            }
        }
    }

    /// Returns the incidents that have a living process: a member, or a process that belongs to the incident through a
    /// member. Looks at each process once.
    pub(super) fn living(&self, table: &ProcessTable) -> std::collections::BTreeSet<Serial> {
        table
            .iter()
            .filter(|process| process.is_alive())
            .filter_map(|process| self.membership.of_process(table, process.key()))
            .collect()
    }

    pub(super) fn close(
        &mut self,
        serial: Serial,
        now: BootTime,
        reason: AlertReason,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        if let Some(mut incident) = self.open.remove(&serial) {
            self.changed = true;
            self.membership.release(serial, &incident.holdings);
            alerts.extend(closing(&mut incident, now, reason, table));
        }
    }

    /// Reports that the budgets hold alerts back, and because of whom. At most once a minute.
    fn report_storm(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        let mut held_back: BTreeMap<&Owner, u64> = BTreeMap::new();
        let mut worst: Option<(Option<Verdict>, &Incident)> = None;
        for incident in self.open.values().filter(|incident| incident.held_back) {
            *held_back.entry(&incident.owner).or_default() += 1;
            if worst.is_none_or(|(verdict, _)| incident.verdict() > verdict) {
                worst = Some((incident.verdict(), incident));
            }
        }
        let Some((_, worst)) = worst else { return };
        if !self.budget.take_storm(now) {
            return;
        }
        let Some(subject) = worst.prime() else { return };
        let Some(report) = worst.report(subject, AlertAction::AlertStorm, AlertReason::Storm, now, table)
        else {
            return;
        };
        let total: u64 = held_back.values().sum();
        let mut owners: Vec<_> = held_back.into_iter().collect();
        owners.sort_by_key(|(owner, count)| (std::cmp::Reverse(*count), (*owner).clone()));
        let named: Vec<String> =
            owners.iter().take(8).map(|(owner, count)| format!("{} ({count})", owner.words())).collect();
        let mut alert = report.alert;
        alert.message = format!(
            "{total} incidents wait for the budget of alerts, because of {}; the worst: {}",
            named.join(", "),
            alert.message
        );
        alerts.push(alert);
    }
}

/// Returns the closing alert of an incident, if it was reported.
pub(super) fn closing(
    incident: &mut Incident,
    now: BootTime,
    reason: AlertReason,
    table: &ProcessTable,
) -> Option<Alert> {
    if !incident.is_reported() {
        return None;
    }
    let report = incident.report(incident.prime()?, AlertAction::IncidentClosed, reason, now, table)?;
    Some(report.alert)
}
