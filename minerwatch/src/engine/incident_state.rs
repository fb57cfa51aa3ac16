//! The state of the incidents across a restart of the daemon.

use std::time::Duration;

use super::Engine;
use crate::{
    incident::{EncodedState, IncidentState},
    model::{BootTime, Effect, NotWatched, ProcessKey, WatchedIncident},
};

impl Engine {
    /// Whether the incidents changed since the last call.
    pub fn take_changed(&mut self) -> bool {
        self.incidents.take_changed()
    }

    /// Appends the incidents and the budgets as JSON, which is an [`IncidentState`]. `json` grows to at most about
    /// `limit` bytes.
    pub fn encode_incidents(&self, limit: usize, json: &mut Vec<u8>) -> EncodedState {
        self.incidents.encode(limit, json)
    }

    /// Restores the incidents of an earlier engine of the same boot. Call it before the first event. `lives` says
    /// whether a process still runs.
    pub fn restore_incidents(
        &mut self,
        state: IncidentState,
        lives: impl Fn(ProcessKey) -> bool,
        now: BootTime,
        effects: &mut Vec<Effect>,
    ) {
        self.incidents.restore(state, lives, now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    /// Decides what becomes of the restored incidents. Call it when the processes of the host are known: after the
    /// events of the snapshot.
    pub fn reconcile_incidents(&mut self, now: BootTime, effects: &mut Vec<Effect>) {
        self.incidents.reconcile(now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    /// Closes the incidents of an earlier boot, and watches them. `ended` is the time now on the boot clock of that boot.
    pub fn end_incidents(
        &mut self,
        state: IncidentState,
        ended: BootTime,
        now: BootTime,
        effects: &mut Vec<Effect>,
    ) {
        self.incidents.end(state, ended, now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }

    /// The closed incidents that are watched for a return, the one whose watch ends first at the front.
    pub fn watched_incidents(&self) -> Vec<WatchedIncident> {
        self.incidents.watched()
    }

    /// Closes an incident that a person has cleaned, and watches it for `span`.
    ///
    /// # Errors
    ///
    /// The incident is unknown, a suspect still runs, or nothing is known that could return.
    pub fn watch_clean(
        &mut self,
        incident: &str,
        span: Duration,
        now: BootTime,
        effects: &mut Vec<Effect>,
    ) -> Result<WatchedIncident, NotWatched> {
        let watched = self.incidents.watch_clean(incident, span, now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
        watched
    }

    /// Ends the watch of an incident. Returns whether it was watched.
    pub fn end_watch(&mut self, incident: &str) -> bool {
        self.incidents.end_watch(incident)
    }
}
