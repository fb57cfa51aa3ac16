//! Adds what runtimes say about containers to the incidents.

use super::Incidents;
use crate::{
    incident::membership::Serial,
    model::{Alert, BootTime, ContainerDescription},
    process::ProcessTable,
};

impl Incidents {
    /// Adds the answer of a runtime to the suspects in the container. An incident that was reported before is updated.
    /// Alerts that wait for the answer because of an exception are decided.
    pub fn describe_container(
        &mut self,
        description: &ContainerDescription,
        now: BootTime,
        table: &ProcessTable,
        alerts: &mut Vec<Alert>,
    ) {
        let concerned = |(serial, incident): (&Serial, &mut super::Incident)| {
            incident.describe_container(description, now).then_some(*serial)
        };
        let concerned: Vec<Serial> = self.open.iter_mut().filter_map(concerned).collect();
        self.changed |= !concerned.is_empty();
        for serial in concerned {
            self.consider(serial, now, table, alerts);
        }
    }
}
