//! Joins processes and trees to incidents, and merges incidents.

use std::time::Duration;

use super::{Incidents, connect_edge, self_to_root};
use crate::{
    detect::{DetectionContext, WrittenFiles, behavior::drop_steps},
    incident::membership::{MemberKind, Serial, container_id},
    model::{Alert, BootTime, ProcessKey},
    process::ProcessTable,
};

/// Maximum age of an earlier connection of the tree that becomes part of the chain.
const CHAIN_SPAN: Duration = Duration::from_secs(10 * 60);

impl Incidents {
    /// Joins a process to the incident whose file it runs.
    pub(super) fn run_of_file(
        &mut self,
        serial: Serial,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
    ) {
        let Some(incident) = self.open.get_mut(&serial) else { return };
        let process = context.process;
        incident.last_activity = incident.last_activity.max(context.at());
        incident.ran_dropped(context.key());
        let view = &process.view;
        let container = container_id(process);
        let program = written.find(&view.executable.path, view.executable.file, container.as_deref());
        let dropped =
            program.or_else(|| written.find(process.script.as_deref()?, None, container.as_deref()));
        for edge in dropped.into_iter().flat_map(drop_steps) {
            incident.created(self_to_root(context.table, edge.process));
            incident.step(edge);
        }
        self.join(serial, context.table, context.key(), MemberKind::Suspect);
    }

    /// Merges two incidents and returns the one that stays. A reported incident stays before an unreported one, and an
    /// older one before a newer one. The other incident is closed.
    pub(super) fn unite(
        &mut self,
        one: Serial,
        other: Option<Serial>,
        at: BootTime,
        alerts: &mut Vec<Alert>,
    ) -> Serial {
        let Some(other) = other.filter(|other| *other != one) else { return one };
        let rank = |serial: &Serial| self.open.get(serial).map(|incident| (!incident.is_reported(), *serial));
        let (stays, goes) = if rank(&one) <= rank(&other) { (one, other) } else { (other, one) };
        let Some(mut gone) = self.open.remove(&goes) else { return stays };
        alerts.extend(gone.close(at, self.open.get(&stays).map(|incident| incident.id)));
        if let Some(incident) = self.open.get_mut(&stays) {
            let holdings = std::mem::take(&mut gone.holdings);
            self.membership.hand_over(holdings, stays, &mut incident.holdings);
            incident.absorb(gone);
        }
        stays
    }

    /// Adds a process to an incident, with the steps of its creation.
    pub(super) fn join(&mut self, serial: Serial, table: &ProcessTable, key: ProcessKey, hold: MemberKind) {
        let Some(incident) = self.open.get_mut(&serial) else { return };
        self.membership.hold_process(serial, &mut incident.holdings, key, hold);
        incident.created(self_to_root(table, key));
    }

    /// Adds the tree of a process to an incident: the recent connections that the root remembers, and the files written
    /// by the tree that may be run.
    pub(super) fn adopt_tree(
        &mut self,
        serial: Serial,
        table: &ProcessTable,
        key: ProcessKey,
        at: BootTime,
        written: &WrittenFiles,
    ) {
        let root = table.tree_root(key);
        let Some(incident) = self.open.get_mut(&serial) else { return };
        if !self.membership.hold_tree(serial, &mut incident.holdings, root) {
            return;
        }
        let notes = table.get(root).and_then(|root| root.connections.as_ref());
        for outbound in notes.into_iter().flat_map(|notes| notes.outbound()) {
            if at.since(outbound.at) <= CHAIN_SPAN {
                incident.created(self_to_root(table, outbound.process));
                incident.connected(connect_edge(outbound), outbound.destination);
            }
        }
        for file in written.of_tree(root).filter(|file| file.content || file.place.is_odd()) {
            let container = file.container.clone();
            self.membership.hold_file(serial, &mut incident.holdings, &file.path, file.file, container);
        }
    }
}
