//! Decides which incident sends an alert, and when; closes incidents.

use std::{collections::BTreeMap, time::Duration};

use super::Incidents;
use crate::{
    incident::{
        budget::Owner,
        exceptions::Exceptions,
        membership::Serial,
        record::{Incident, Watch},
        report::{MAX_SUSPECTS, Report},
    },
    model::{Alert, AlertAction, AlertReason, BootTime, Verdict},
    process::ProcessTable,
};

/// Time after which an alert that a budget held back is tried again.
const RETRY: Duration = Duration::from_secs(1);
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
            let excepted = self.exceptions.excepted(incident, self.limits.min_verdict, now, table);
            Some((Alert { number: 0, excepted, ..report.alert }, incident.verdict()))
        };
        // A watched incident is closed, but a question for its id gets an answer.
        let watched = self.watched.values().filter(|_| id.is_some());
        let mut states: Vec<_> = self.open.values().chain(watched).filter(wanted).filter_map(state).collect();
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
        self.confirm(serial, now, table);
        let min_verdict = self.limits.min_verdict;
        let Some(incident) = self.open.get_mut(&serial) else { return };
        let shown = self.exceptions.show(incident, min_verdict, now, table);
        if let Some(wake) = shown.as_ref().and_then(|shown| shown.wake) {
            look_again(&mut self.next_due, wake);
        }
        let seen = shown.as_ref().map_or(&*incident, |shown| &shown.incident);
        let Some(wish) = seen.wish(min_verdict) else { return };
        if wish.due > now {
            look_again(&mut self.next_due, wish.due);
            return;
        }
        let report = |incident: &Incident, action| match &shown {
            Some(shown) => {
                let report = shown.incident.report(wish.subject, action, wish.reason, now, table)?;
                Some(Report { alert: Alert { excepted: shown.excepted.clone(), ..report.alert }, ..report })
            }
            None => incident.report(wish.subject, action, wish.reason, now, table),
        };
        if !self.budget.take(&incident.owner, now) {
            // That an incident goes on after a restart can wait.
            incident.held_back = wish.reason != AlertReason::Resumed;
            look_again(&mut self.next_due, now.plus(RETRY));
            return;
        }
        let is_open = incident.is_reported() && !incident.reopened;
        let action = if is_open { AlertAction::IncidentUpdated } else { AlertAction::IncidentOpened };
        if let Some(report) = report(incident, action) {
            incident.told(now, &report.named);
            alerts.push(report.alert);
            self.changed = true;
        }
        // What did not fit into the alert follows later.
        if let Some(next) = incident.wish(min_verdict) {
            look_again(&mut self.next_due, next.due);
        }
    }

    /// Whether an incident has an alert to send by now.
    pub fn is_due(&self, now: BootTime) -> bool {
        self.next_due.is_some_and(|due| due <= now)
    }

    /// Sends the alerts that are due.
    pub fn send_due(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        self.next_due = None;
        self.confirm_due(now, table);
        let min_verdict = self.limits.min_verdict;
        let mut due = Vec::new();
        for (serial, incident) in &self.open {
            let Some(wish) = incident.wish(min_verdict) else { continue };
            if wish.due > now {
                look_again(&mut self.next_due, wish.due);
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
        // What is still due waits: a look at all incidents with each event would be too much.
        if self.next_due.is_some_and(|due| due <= now) {
            self.next_due = Some(now.plus(RETRY));
        }
    }

    /// Closes incidents that have been quiet for long enough and have no living process, and sends what is due.
    pub fn tick(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        if self.exceptions.take_changed(now) {
            self.next_due = Some(now);
        }
        if self.is_due(now) {
            self.send_due(now, table, alerts);
        }
        if now.since(self.last_look) < LOOK {
            return;
        }
        self.last_look = now;
        self.end_watches(now, table, alerts);
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

    /// Closes an incident. If it has ended, it is watched for a return.
    pub(super) fn close(
        &mut self,
        serial: Serial,
        now: BootTime,
        reason: AlertReason,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        let span = self.limits.watch;
        let is_watched = reason == AlertReason::Ended && !span.is_zero();
        let watch = is_watched.then(|| Watch { since: now, until: now.plus(span), asked: false });
        self.close_watching(serial, watch, now, reason, table, alerts);
    }

    /// Closes an incident, and watches it if something could return.
    pub(super) fn close_watching(
        &mut self,
        serial: Serial,
        watch: Option<Watch>,
        now: BootTime,
        reason: AlertReason,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        let Some(mut incident) = self.open.remove(&serial) else { return };
        self.changed = true;
        self.membership.release(serial, &incident.holdings);
        incident.watch = watch.filter(|_| incident.can_return());
        alerts.extend(closing(&self.exceptions, &mut incident, now, reason, table));
        if let Some(watch) = incident.watch {
            self.begin_watch(serial, incident, watch);
        }
    }

    /// Reports that the budgets hold alerts back, and because of whom. At most once a minute. The alert lists suspects
    /// that no alert named yet.
    fn report_storm(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        let mut held_back: Vec<(Serial, &Incident)> = self
            .open
            .iter()
            .map(|(serial, incident)| (*serial, incident))
            .filter(|(_, it)| it.held_back)
            .collect();
        if held_back.is_empty() || !self.budget.take_storm(now) {
            return;
        }
        held_back.sort_by_key(|(serial, incident)| (std::cmp::Reverse(incident.verdict()), *serial));
        let mut owners: BTreeMap<&Owner, u64> = BTreeMap::new();
        for (_, incident) in &held_back {
            *owners.entry(&incident.owner).or_default() += 1;
        }
        let Some((_, worst)) = held_back.first() else { return };
        let worst = self.exceptions.at_the_end(worst, now, table);
        let report = worst
            .prime()
            .and_then(|it| worst.report(it, AlertAction::AlertStorm, AlertReason::Storm, now, table));
        let Some(Report { mut alert, .. }) = report else { return };
        let mut owners: Vec<_> = owners.into_iter().collect();
        owners.sort_by_key(|(owner, count)| (std::cmp::Reverse(*count), (*owner).clone()));
        let named: Vec<String> =
            owners.iter().take(8).map(|(owner, count)| format!("{} ({count})", owner.words())).collect();
        alert.message = format!(
            "{} incidents wait for the budget of alerts, because of {}; the worst: {}",
            held_back.len(),
            named.join(", "),
            alert.message
        );
        let mut listed = Vec::new();
        let mut left_out = 0;
        alert.suspects.clear();
        for (serial, incident) in held_back {
            let incident = self.exceptions.at_the_end(incident, now, table);
            for (number, suspect) in incident.suspects().filter(|(_, suspect)| suspect.has_urgent_news()) {
                if listed.len() < MAX_SUSPECTS {
                    alert.suspects.push(suspect.report(&incident.counted(suspect), now));
                    listed.push((serial, number));
                } else {
                    left_out += 1;
                }
            }
        }
        alert.more_suspects = left_out;
        for (serial, number) in listed {
            if let Some(incident) = self.open.get_mut(&serial) {
                incident.named_in_storm(number);
            }
        }
        alerts.push(alert);
    }
}

/// Lets the due alerts be looked for at this time, if not before.
pub(super) fn look_again(next_due: &mut Option<BootTime>, at: BootTime) {
    *next_due = Some(next_due.map_or(at, |due| due.min(at)));
}

/// Returns the closing alert of an incident, if it was reported. Counts it, because a watched incident can have further
/// alerts.
pub(super) fn closing(
    exceptions: &Exceptions,
    incident: &mut Incident,
    now: BootTime,
    reason: AlertReason,
    table: &ProcessTable,
) -> Option<Alert> {
    let seen = exceptions.at_the_end(incident, now, table);
    if !seen.is_reported() {
        return None;
    }
    let report = seen.report(seen.prime()?, AlertAction::IncidentClosed, reason, now, table)?;
    incident.alerts += 1;
    Some(report.alert)
}
