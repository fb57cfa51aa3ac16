//! Watches closed incidents for a return.
//!
//! A closed incident keeps what can return: the programs of its suspects, its files, peers and accounts, and the places
//! that start programs and that its members changed. What returns opens it again under its id.

use std::{sync::Arc, time::Duration};

use super::{Incidents, alerting::closing};
use crate::{
    detect::{DetectionContext, Finding},
    incident::{
        identity::Identity,
        membership::{Members, Serial},
        record::{Incident, Watch},
    },
    model::{Alert, AlertReason, BootTime, NotWatched, Value, WatchedIncident},
    process::{Process, ProcessTable, Role},
};

/// Maximum number of watched incidents. The one whose watch ends first makes room.
const MAX_WATCHED: usize = 256;

impl Incidents {
    /// The number of watched incidents.
    pub fn watched_len(&self) -> usize {
        self.watched.len()
    }

    /// The watched incidents, the one whose watch ends first at the front.
    pub fn watched(&self) -> Vec<WatchedIncident> {
        let mut watched: Vec<_> = self.watched.values().filter_map(Incident::watched).collect();
        watched.sort_by_key(|watched| (watched.until, watched.incident));
        watched
    }

    /// Closes an incident that a person has cleaned, and watches it for `span`. The watch of an incident that is closed
    /// already begins again.
    ///
    /// # Errors
    ///
    /// The incident is unknown, a suspect still runs, or nothing is known that could return.
    pub fn watch_clean(
        &mut self,
        id: &str,
        span: Duration,
        now: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) -> Result<WatchedIncident, NotWatched> {
        let is_it =
            |(serial, incident): (&Serial, &Incident)| (incident.id.to_string() == id).then_some(*serial);
        let known = self.open.iter().chain(&self.watched).find_map(is_it);
        let serial = known.ok_or_else(|| NotWatched::Unknown(id.to_owned()))?;
        let watch = Watch { since: now, until: now.plus(span), asked: true };
        if let Some(incident) = self.open.get(&serial) {
            if !incident.can_return() {
                return Err(NotWatched::NothingNamed(incident.id));
            }
            if let Some(suspect) = incident.living_suspect() {
                return Err(NotWatched::StillRuns {
                    incident: incident.id,
                    name: suspect.identity.shown(),
                    pid: suspect.view.key.pid,
                });
            }
            self.close_watching(serial, Some(watch), now, AlertReason::Ended, table, alerts);
        } else if let Some(incident) = self.watched.get_mut(&serial) {
            incident.watch = Some(watch);
        }
        self.changed = true;
        let watched = self.watched.get(&serial).and_then(Incident::watched);
        watched.ok_or_else(|| NotWatched::Unknown(id.to_owned()))
    }

    /// Ends the watch of an incident. Returns whether it was watched.
    pub fn end_watch(&mut self, id: &str) -> bool {
        let found = self.watched.iter().find(|(_, incident)| incident.id.to_string() == id);
        let Some(serial) = found.map(|(serial, _)| *serial) else { return false };
        self.forget_watched(serial);
        true
    }

    /// Begins to watch a closed incident.
    pub(super) fn begin_watch(&mut self, serial: Serial, mut incident: Incident, watch: Watch) {
        while self.watched.len() >= MAX_WATCHED {
            let until = |incident: &Incident| incident.watch.map(|watch| watch.until);
            let first = self.watched.iter().min_by_key(|(serial, incident)| (until(incident), **serial));
            let Some(first) = first.map(|(serial, _)| *serial) else { break };
            self.forget_watched(first);
        }
        incident.watch = Some(watch);
        incident.reopened = false;
        let mut holdings = std::mem::take(&mut incident.holdings);
        holdings.keep_what_returns(incident.places());
        let mut held = Members::default();
        self.membership.hand_over(holdings, serial, &mut held);
        incident.holdings = held;
        self.watched.insert(serial, incident);
        self.changed = true;
    }

    fn forget_watched(&mut self, serial: Serial) -> Option<Incident> {
        let incident = self.watched.remove(&serial)?;
        self.membership.release(serial, &incident.holdings);
        self.changed = true;
        Some(incident)
    }

    /// Opens an incident again if it is watched. Returns its serial number, which does not change.
    pub(super) fn reopen(
        &mut self,
        serial: Serial,
        at: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) -> Serial {
        let Some(mut incident) = self.watched.remove(&serial) else { return serial };
        self.make_room(at, table, alerts);
        let places = incident.holdings.take_places();
        self.membership.release_places(serial, &places);
        incident.watch = None;
        incident.reopened = true;
        incident.last_activity = at;
        incident.next_look = at;
        self.open.insert(serial, incident);
        self.changed = true;
        serial
    }

    /// Whether the start of this program is a return: an open or a watched incident named the program as a suspect.
    pub(super) fn has_named(&self, serial: Serial, identity: &Identity) -> bool {
        let incident = self.open.get(&serial).or_else(|| self.watched.get(&serial));
        incident.is_some_and(|incident| incident.has_named(identity)) && self.takes_starts(serial)
    }

    /// Whether the start of a program alone belongs to an incident.
    pub(super) fn takes_starts(&self, serial: Serial) -> bool {
        self.watched.get(&serial).is_none_or(Incident::returns_by_start)
    }

    /// Whether a finding about this program belongs to the incident. For a watched incident, an alert must have named the
    /// program.
    pub(super) fn connects(&self, serial: Serial, identity: &Identity) -> bool {
        self.watched.get(&serial).is_none_or(|incident| incident.has_named(identity))
    }

    /// Returns the watched incident that had changed the same place as this finding. Changes by a person who logged in and
    /// by a management agent do not count, because they clean up. Package managers cause no such finding.
    pub(super) fn of_changed_place(
        &self,
        finding: &Finding,
        context: &DetectionContext<'_>,
    ) -> Option<Serial> {
        if self.watched.is_empty() || !finding.persists {
            return None;
        }
        let Some(Value::Text(path)) = finding.signal.value("path") else { return None };
        let place = (Arc::clone(path), container_of(finding, context));
        let serial = self.membership.of_place(&place)?;
        (!is_by_caretaker(context.table, context.process)).then_some(serial)
    }

    /// Ends the watches that are over, and says that nothing came back.
    pub(super) fn end_watches(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        let is_over = |incident: &Incident| incident.watch.is_none_or(|watch| watch.until <= now);
        let over = self.watched.iter().filter(|(_, incident)| is_over(incident));
        let over: Vec<Serial> = over.map(|(serial, _)| *serial).collect();
        for serial in over {
            let Some(mut incident) = self.forget_watched(serial) else { continue };
            alerts.extend(closing(&self.exceptions, &mut incident, now, AlertReason::StayedClean, table));
        }
    }

    /// Watches an incident of an earlier boot for the time that its watch has left.
    pub(super) fn watch_after_boot(&mut self, mut incident: Incident, left: Duration, now: BootTime) {
        incident.leave_boot();
        incident.holdings.leave_boot();
        let serial = self.new_serial();
        let asked = incident.watch.is_some_and(|watch| watch.asked);
        self.begin_watch(serial, incident, Watch { since: now, until: now.plus(left), asked });
    }

    /// Restores a watched incident of the same boot.
    pub(super) fn restore_watched(&mut self, incident: Incident) {
        let Some(watch) = incident.watch else { return };
        let serial = self.new_serial();
        self.begin_watch(serial, incident, watch);
    }

    fn new_serial(&mut self) -> Serial {
        let serial = self.next;
        self.next += 1;
        serial
    }
}

/// Returns the container in which the path of a changed file is valid, `None` for the host.
pub(super) fn container_of(finding: &Finding, context: &DetectionContext<'_>) -> Option<Arc<str>> {
    // A file of the host that a container changed has its path on the host.
    let is_of_host = finding.signal.value("seen_as").is_some();
    context.process.container_id().filter(|_| !is_of_host).cloned()
}

/// Whether a process works for somebody who takes care of the host: a person who logged in, or a management agent.
fn is_by_caretaker(table: &ProcessTable, process: &Process) -> bool {
    let root = table.get(table.tree_root(process.key()));
    let starter = root.and_then(|root| table.parent_of(root));
    process.session || starter.is_some_and(|starter| starter.role == Role::Agent)
}
