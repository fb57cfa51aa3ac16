//! Bounds the number of incidents, so that one owner cannot push out those of others.

use std::collections::BTreeMap;

use super::Incidents;
use crate::{
    detect::DetectionContext,
    incident::{budget::Owner, membership::Serial, record::Incident},
    model::{Alert, AlertReason, BootTime, IncidentId, Verdict},
    process::ProcessTable,
};

/// Maximum number of suspected incidents because of one owner. Further ones join the owner's latest incident, so that a
/// user who starts miners in a loop cannot evict the incidents of others.
const MAX_SUSPECTED_OF_OWNER: usize = 32;
/// Number of incidents at which those of an owner are the first that make room.
const MANY_OF_OWNER: usize = 128;
impl Incidents {
    /// Returns the latest suspected incident of the owner of a process, if the owner has the maximum number of them. An
    /// incident below this verdict is joined to no other one, because they may be unrelated.
    pub(super) fn crowded(&self, context: &DetectionContext<'_>) -> Option<Serial> {
        let owner = Owner::of(&context.process.view);
        let is_counted =
            |incident: &Incident| incident.verdict() >= Some(Verdict::Suspected) && incident.owner == owner;
        let mut of_owner = self.open.iter().rev().filter(|(_, incident)| is_counted(incident));
        let latest = of_owner.next().map(|(serial, _)| *serial);
        of_owner.nth(MAX_SUSPECTED_OF_OWNER - 2).and(latest)
    }

    pub(super) fn open(&mut self, context: &DetectionContext<'_>, alerts: &mut Vec<Alert>) -> Serial {
        self.make_room(context.at(), context.table, alerts);
        let serial = self.next;
        self.next += 1;
        let id = IncidentId { origin: context.key(), opened: context.at() };
        self.open.insert(serial, Incident::new(id, Owner::of(&context.process.view)));
        serial
    }

    /// Closes incidents until there is room for another one.
    pub(super) fn make_room(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        while self.open.len() >= self.limits.incidents.max(1) {
            let Some(least) = self.least() else { break };
            self.evicted += 1;
            self.close(least, now, AlertReason::Evicted, table, alerts);
        }
    }

    /// Returns the incident that makes room: one that was not reported, of an owner with many, with the lowest verdict, of
    /// the owner with the most, and of these the one that was quiet for longest.
    fn least(&self) -> Option<Serial> {
        let mut of_owner: BTreeMap<&Owner, usize> = BTreeMap::new();
        for incident in self.open.values() {
            *of_owner.entry(&incident.owner).or_default() += 1;
        }
        let rank = |serial: &Serial, incident: &Incident| {
            let crowd = of_owner.get(&incident.owner).copied().unwrap_or(0);
            (
                incident.is_reported(),
                crowd < MANY_OF_OWNER,
                incident.verdict(),
                std::cmp::Reverse(crowd),
                incident.last_activity,
                *serial,
            )
        };
        self.open.iter().min_by_key(|(serial, incident)| rank(serial, incident)).map(|(serial, _)| *serial)
    }
}
