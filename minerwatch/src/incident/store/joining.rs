//! Joins processes and trees to incidents, and merges incidents.

use super::{Incidents, alerting::closing, connect_edge, self_to_root};
use crate::{
    detect::{DetectionContext, WrittenFiles, behavior::drop_steps},
    incident::{
        causes::path_of,
        identity::Identity,
        links::{CHAIN_SPAN, Connected, Ran},
        membership::{MemberKind, Serial},
        signs::{self, Sign},
    },
    model::{Alert, AlertReason, BootTime, ProcessKey},
    process::ProcessTable,
};

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
        let view = &process.view;
        let container = process.container_id().cloned();
        let program = written.find(&view.executable.path, view.executable.file, container.as_deref());
        let dropped =
            program.or_else(|| written.find(process.script.as_deref()?, None, container.as_deref()));
        for edge in dropped.into_iter().flat_map(drop_steps) {
            incident.created(self_to_root(context.table, edge.process));
            incident.step(edge);
        }
        if let Some(dropped) = dropped {
            incident.ran_dropped(process, context.table, dropped, context.at());
        }
        incident.links.run(Ran {
            at: context.at(),
            path: path_of(context.table, context.key()),
            writer: dropped.map(|dropped| dropped.writer),
        });
        self.join(serial, context.table, context.key(), MemberKind::Suspect);
    }

    /// Joins a process to the incident in which its program was named as a suspect. Returns that incident.
    pub(super) fn run_of_suspect(
        &mut self,
        context: &DetectionContext<'_>,
        alerts: &mut Vec<Alert>,
    ) -> Option<Serial> {
        let here = self.membership.of_process(context.table, context.key());
        // Most programs start in no incident, and while no suspect has a verdict, none can be a return.
        if here.is_none() && !self.membership.has_identities() {
            return None;
        }
        let identity = Identity::of(context.table, context.process);
        let elsewhere = self.membership.of_identity(&identity);
        let is_named = |serial: &Serial| self.has_named(*serial, &identity);
        let serial = elsewhere.filter(is_named).or_else(|| here.filter(is_named))?;
        let serial = self.reopen(serial, context.at(), context.table, alerts);
        let serial = self.unite(serial, here, context, alerts);
        self.join(serial, context.table, context.key(), MemberKind::Suspect);
        let incident = self.open.get_mut(&serial)?;
        incident.last_activity = incident.last_activity.max(context.at());
        incident.suspect_for(context.process, context.table, context.at());
        Some(serial)
    }

    /// Merges two incidents and returns the one that stays. A reported incident stays before an unreported one, and an
    /// older one before a newer one. The other incident is closed.
    pub(super) fn unite(
        &mut self,
        one: Serial,
        other: Option<Serial>,
        context: &DetectionContext<'_>,
        alerts: &mut Vec<Alert>,
    ) -> Serial {
        let Some(other) = other.filter(|other| *other != one) else { return one };
        let rank = |serial: &Serial| self.open.get(serial).map(|incident| (!incident.is_reported(), *serial));
        let (stays, goes) = if rank(&one) <= rank(&other) { (one, other) } else { (other, one) };
        if !self.open.contains_key(&stays) {
            return goes;
        }
        let Some(mut gone) = self.open.remove(&goes) else { return stays };
        let into = self.open.get(&stays).map(|incident| incident.id);
        let reason = AlertReason::Merged;
        if let Some(mut alert) = closing(&self.exceptions, &mut gone, context.at(), reason, context.table) {
            if let Some(id) = into {
                alert.message = format!("{}, it is part of incident {id}", alert.message);
            }
            alerts.push(alert);
        }
        if let Some(incident) = self.open.get_mut(&stays) {
            let holdings = std::mem::take(&mut gone.holdings);
            self.membership.release(goes, &holdings);
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
            if at.since(outbound.at) > CHAIN_SPAN {
                continue;
            }
            incident.created(self_to_root(table, outbound.process));
            incident.step(connect_edge(outbound));
            let path = path_of(table, outbound.process);
            let is_shell = table.get(outbound.process).is_some_and(signs::is_shell);
            if is_shell && signs::fetches(table, written, outbound.process) {
                incident.sign(Sign::FetchedByShell, &path);
            }
            incident.links.connect(Connected { at: outbound.at, path, destination: outbound.destination });
        }
        for file in written.of_tree(root).filter(|file| file.content || file.place.is_odd()) {
            let container = file.container.clone();
            self.membership.hold_file(serial, &mut incident.holdings, &file.path, file.file, container);
        }
    }
}
