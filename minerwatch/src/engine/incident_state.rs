//! The state of the incidents across a restart of the daemon.

use super::Engine;
use crate::{
    incident::{EncodedState, IncidentState},
    model::{BootTime, Effect, ProcessKey},
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

    /// Closes the incidents of an earlier boot. `now` is a time of the boot clock of that boot.
    pub fn end_incidents(&mut self, state: IncidentState, now: BootTime, effects: &mut Vec<Effect>) {
        self.incidents.end(state, now, &self.table, &mut self.alerts);
        self.send_alerts(effects);
    }
}
