//! The state of the incidents that survives a restart of the daemon.
//!
//! A daemon that starts first restores the incidents and says which of their processes still run. Then it passes the
//! snapshot of the host to the engine: a process that is found again is no news, and a new process of a known program
//! is back. Then it reconciles: incidents that go on say so, and incidents that ended meanwhile are closed.

use std::{cmp::Reverse, collections::BTreeSet, io};

use serde::{Deserialize, Serialize};

use super::{Incidents, alerting::closing};
use crate::{
    incident::{
        budget::HostBudgetState,
        membership::{Members, Serial},
        record::{Incident, Watch},
    },
    model::{Alert, AlertReason, BootTime, ProcessKey},
    process::ProcessTable,
};

/// Number of incidents that may turn out to be too large for a file before the rest is left out. This bounds the time.
const MAX_REFUSED: usize = 8;

/// The stored incidents, most important first, and the budgets.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct IncidentState {
    incidents: Vec<Incident>,
    #[serde(default)]
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

/// What [`Incidents::encode`] wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EncodedState {
    /// Number of incidents written.
    pub stored: usize,
    /// Number of incidents that did not fit.
    pub left_out: usize,
}

/// The restored incidents.
#[derive(Debug, Default)]
pub(super) struct Restored {
    /// The incidents that [`Incidents::reconcile`] has not looked at yet. They send no alert until then.
    pub(super) waiting: BTreeSet<Serial>,
    /// Number of incidents restored.
    count: u64,
}

impl Incidents {
    /// Whether the state changed since the last call.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

    /// The number of incidents that were restored.
    pub fn restored(&self) -> u64 {
        self.restored.count
    }

    /// Appends the state as JSON, which is an [`IncidentState`]: the budgets, and the incidents that have a verdict.
    /// `json` grows to at most about `limit` bytes: the least important incidents are left out.
    pub fn encode(&self, limit: usize, json: &mut Vec<u8>) -> EncodedState {
        let all = self.open.values().chain(self.watched.values());
        let mut incidents: Vec<&Incident> = all.filter(|incident| incident.verdict().is_some()).collect();
        incidents.sort_by_key(|incident| {
            let is_open = incident.watch.is_none();
            Reverse((is_open, incident.is_reported(), incident.verdict(), incident.last_activity))
        });
        let mut encoded = EncodedState::default();
        let mut refused = 0;
        json.push(b'{');
        if append(json, b"\"budget\":", &self.budget.state(), limit) {
            json.push(b',');
        }
        json.extend_from_slice(b"\"incidents\":[");
        for incident in incidents {
            let comma: &[u8] = if encoded.stored > 0 { b"," } else { b"" };
            if refused < MAX_REFUSED && append(json, comma, incident, limit) {
                encoded.stored += 1;
            } else {
                refused += 1;
                encoded.left_out += 1;
            }
        }
        json.extend_from_slice(b"]}");
        encoded
    }

    /// Restores incidents of the same boot, before the processes of the host are known. `lives` says whether a process
    /// still runs. The incidents send no alert before [`Self::reconcile`]. Incidents beyond the limit are closed.
    pub fn restore(
        &mut self,
        state: IncidentState,
        lives: impl Fn(ProcessKey) -> bool,
        now: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        let IncidentState { incidents, budget } = state;
        self.budget.restore(budget);
        let (watched, mut incidents): (Vec<_>, Vec<_>) =
            incidents.into_iter().partition(|incident| incident.watch.is_some());
        for mut incident in watched {
            incident.restore(|_| false);
            self.restore_watched(incident);
        }
        let room = self.limits.incidents.saturating_sub(self.open.len()).min(incidents.len());
        for mut gone in incidents.split_off(room) {
            self.evicted += 1;
            alerts.extend(closing(&self.exceptions, &mut gone, now, AlertReason::Evicted, table));
        }
        // An older incident has a lower number.
        incidents.sort_by_key(|incident| (incident.id.opened, incident.id.origin));
        for mut incident in incidents {
            let serial = self.next;
            self.next += 1;
            incident.restore(&lives);
            let holdings = std::mem::take(&mut incident.holdings);
            let mut held = Members::default();
            self.membership.hand_over(holdings, serial, &mut held);
            self.membership.retain_living(&held, &lives);
            incident.holdings = held;
            self.restored.waiting.insert(serial);
            self.restored.count += 1;
            self.open.insert(serial, incident);
        }
        self.changed = true;
    }

    /// Decides what becomes of the restored incidents, once `table` contains the processes of the host. A reported
    /// incident with a living suspect says once that it goes on. An incident without living processes is closed after
    /// its quiet time.
    pub fn reconcile(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        let waiting = std::mem::take(&mut self.restored.waiting);
        if waiting.is_empty() {
            return;
        }
        let living = self.living(table);
        for serial in waiting {
            let Some(incident) = self.open.get_mut(&serial) else { continue };
            // A login shell above the suspects is alive, too, but that is no news.
            let goes_on = incident.suspects().any(|(_, suspect)| suspect.is_alive());
            incident.resumed = incident.is_reported() && goes_on;
            if goes_on || living.contains(&serial) {
                continue;
            }
            let persists = incident.persists();
            let quiet = if persists { self.limits.quiet_persistent } else { self.limits.quiet };
            if now.since(incident.last_activity) >= quiet {
                self.close(serial, now, AlertReason::Ended, table, alerts);
            }
        }
        self.changed = true;
        self.send_due(now, table, alerts);
    }

    /// Returns the closing alerts of incidents of an earlier boot, whose processes have all ended. They are watched from
    /// now on. `ended` is the time now on the boot clock of that boot.
    pub fn end(
        &mut self,
        state: IncidentState,
        ended: BootTime,
        now: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        for mut incident in state.incidents {
            incident.restore(|_| false);
            let left = match incident.watch {
                Some(watch) => watch.until.since(ended),
                None => self.limits.watch,
            };
            let is_over = left.is_zero() || !incident.can_return();
            let reason = match incident.watch {
                None => Some(AlertReason::Ended),
                Some(_) if is_over => Some(AlertReason::StayedClean),
                Some(_) => None,
            };
            if let Some(reason) = reason {
                let until = (!is_over).then(|| Watch { since: ended, until: ended.plus(left), asked: false });
                incident.watch = incident.watch.or(until);
                alerts.extend(closing(&self.exceptions, &mut incident, ended, reason, table));
            }
            if !is_over {
                self.watch_after_boot(incident, left, now);
            }
        }
    }
}

/// Appends a prefix and a value as JSON, unless they do not fit. Returns whether they fitted.
fn append(json: &mut Vec<u8>, prefix: &[u8], value: &impl Serialize, limit: usize) -> bool {
    let start = json.len();
    json.extend_from_slice(prefix);
    let fits = serde_json::to_writer(Bounded { bytes: json, limit }, value).is_ok();
    if !fits {
        json.truncate(start);
    }
    fits
}

/// Writes to a buffer, and fails at a limit.
struct Bounded<'a> {
    bytes: &'a mut Vec<u8>,
    limit: usize,
}

impl io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len().saturating_add(bytes.len()) > self.limit {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
