//! The store of all incidents. It opens, updates and closes them.

mod joining;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    membership::{MemberKind, MembershipIndex, Serial, container_id},
    record::Incident,
};
use crate::{
    detect::{DetectionContext, Finding, WrittenFiles, network},
    model::{
        Alert, BootTime, ChainEdge, ChainKind, Connect, EventBody, FileAction, FileChange, HashedFile,
        ProcessKey, Verdict,
    },
    process::{Outbound, Process, ProcessTable, Taint},
};

/// Limits on the number and the lifetime of incidents.
#[derive(Clone, Copy, Debug)]
pub struct IncidentLimits {
    /// Maximum number of incidents, reported or not.
    pub incidents: usize,
    /// Time without activity after which an incident without living processes is closed.
    pub quiet: Duration,
    /// Time without activity after which an incident with persistence is closed, if it has no living processes.
    pub quiet_persistent: Duration,
    /// Lowest verdict that raises an alert. An incident below this verdict is only kept.
    pub min_verdict: Verdict,
}

impl Default for IncidentLimits {
    fn default() -> Self {
        Self {
            incidents: 1_024,
            quiet: Duration::from_secs(3_600),
            quiet_persistent: Duration::from_secs(24 * 3_600),
            min_verdict: Verdict::Noted,
        }
    }
}

/// Minimum points of a signal that makes its process a suspect, so that all its children belong to the incident.
const SUSPECT_WEIGHT: u8 = 20;

/// All open incidents.
#[derive(Debug)]
pub struct Incidents {
    limits: IncidentLimits,
    open: BTreeMap<Serial, Incident>,
    membership: MembershipIndex,
    next: Serial,
    evicted: u64,
}

impl Incidents {
    /// Creates an empty store.
    pub fn new(limits: IncidentLimits) -> Self {
        Self { limits, open: BTreeMap::new(), membership: MembershipIndex::default(), next: 0, evicted: 0 }
    }

    /// Sets the lowest verdict that raises an alert. Reported incidents stay reported.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.limits.min_verdict = min_verdict;
    }

    /// The number of open incidents, reported or not.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no incident is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The number of incidents that were closed because the store was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Returns the states of all incidents, or of the incident with this id, most points first. The verdict is `None`
    /// if the incident never reached `noted`.
    pub fn states(&self, id: Option<&str>, now: BootTime) -> Vec<(Alert, Option<Verdict>)> {
        let wanted = |incident: &&Incident| id.is_none_or(|id| incident.id.to_string() == id);
        let mut states: Vec<_> =
            self.open.values().filter(wanted).filter_map(|incident| incident.state(now)).collect();
        states.sort_by_key(|(alert, _)| std::cmp::Reverse(alert.score));
        states
    }

    /// Updates the incidents from an event and its findings. Returns a taint if the process runs a file of an incident,
    /// which no detector alone can know.
    pub fn observe(
        &mut self,
        context: &DetectionContext<'_>,
        findings: &mut Vec<Finding>,
        written: &WrittenFiles,
        alerts: &mut Vec<Alert>,
    ) -> Option<Taint> {
        if self.open.is_empty() && findings.is_empty() {
            return None;
        }
        let mut touched = None;
        let mut taint = None;
        if let EventBody::Exec(_) = context.event.body
            && let Some(serial) = self.membership.of_program(context.process)
        {
            let before = self.membership.of_process(context.table, context.key());
            let serial = self.unite(serial, before, context.at(), alerts);
            self.run_of_file(serial, context, written);
            touched = Some(serial);
            taint = Some(Taint::Dropped);
        }
        for finding in findings.drain(..) {
            touched = Some(self.take(finding, context, written, alerts));
        }
        match &context.event.body {
            EventBody::Connect(connect) => touched = self.connection(context, connect).or(touched),
            EventBody::File(change) => touched = self.change(context, change, written).or(touched),
            EventBody::HashedFile(hashed) => self.hashed(context, hashed),
            _ => {}
        }
        if let Some(incident) = touched.and_then(|serial| self.open.get_mut(&serial)) {
            alerts.extend(incident.weigh(context.at(), context.table, self.limits.min_verdict));
        }
        taint
    }

    /// Closes incidents that have been quiet for long enough and have no living process.
    pub fn tick(&mut self, now: BootTime, table: &ProcessTable, alerts: &mut Vec<Alert>) {
        let mut over = Vec::new();
        for (serial, incident) in &mut self.open {
            let quiet = if incident.persists() { self.limits.quiet_persistent } else { self.limits.quiet };
            if now < incident.next_look || now.since(incident.last_activity) < quiet {
                continue;
            }
            // An unreported incident whose points have decayed to zero is closed even if its processes live.
            let faded = !incident.is_reported() && incident.score(now) == 0;
            if faded || !lives(&self.membership, table, *serial) {
                over.push(*serial);
            } else {
                incident.next_look = now.plus(quiet / 4);
            }
        }
        for serial in over {
            self.close(serial, now, alerts);
        }
    }

    /// Adds a finding to the incident it belongs to, or to a new one. Merges the incidents that the finding connects.
    fn take(
        &mut self,
        finding: Finding,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
        alerts: &mut Vec<Alert>,
    ) -> Serial {
        let container = container_id(context.process);
        let at = context.at();
        let mut serial = self.membership.of_process(context.table, context.key());
        let others = [
            container.as_deref().and_then(|container| self.membership.of_container(container)),
            finding.partner.and_then(|partner| self.membership.of_process(context.table, partner)),
        ];
        for other in others.into_iter().flatten() {
            serial = Some(self.unite(other, serial, at, alerts));
        }
        let serial = serial.unwrap_or_else(|| self.open(context, alerts));
        let hold =
            if finding.signal.weight >= SUSPECT_WEIGHT { MemberKind::Suspect } else { MemberKind::Tree };
        self.join(serial, context.table, context.key(), hold);
        self.adopt_tree(serial, context.table, context.key(), at, written);
        if let Some(partner) = finding.partner {
            self.join(serial, context.table, partner, MemberKind::Tree);
            self.adopt_tree(serial, context.table, partner, at, written);
        }
        let Some(incident) = self.open.get_mut(&serial) else { return serial };
        if let Some(container) = &container {
            self.membership.hold_container(serial, &mut incident.holdings, container);
        }
        if let Some((path, file)) = &finding.file {
            self.membership.hold_file(serial, &mut incident.holdings, path, *file, container);
        }
        for edge in &finding.edges {
            incident.created(self_to_root(context.table, edge.process));
        }
        incident.add(finding, context.process, context.table);
        serial
    }

    /// Adds an outbound connection of a member as a step. Returns the incident of the process.
    fn connection(&mut self, context: &DetectionContext<'_>, connect: &Connect) -> Option<Serial> {
        let destination = network::outbound(connect)?;
        let serial = self.membership.of_process(context.table, context.key())?;
        let incident = self.open.get_mut(&serial)?;
        incident.last_activity = incident.last_activity.max(context.at());
        if !incident.is_new_connection(context.key(), destination) {
            return Some(serial);
        }
        incident.created(self_to_root(context.table, context.key()));
        let edge = connect_edge(&Outbound {
            at: context.at(),
            process: context.key(),
            name: Arc::clone(&context.process.view.name),
            destination,
        });
        incident.connected(edge, destination);
        Some(serial)
    }

    /// Adds a member's change of a file that may be run. The incident holds the file, because anybody may run it later.
    /// A deletion or a mode change is a step. A deleted file, or a file whose inode serves a new file, no longer
    /// belongs to the incident.
    fn change(
        &mut self,
        context: &DetectionContext<'_>,
        change: &FileChange,
        written: &WrittenFiles,
    ) -> Option<Serial> {
        let container = container_id(context.process);
        let verb = match change.action {
            FileAction::Delete => {
                self.membership.release_file(&change.path, change.file, container.as_deref())?;
                Some("deleted")
            }
            FileAction::Create => {
                self.membership.release_file(&change.path, change.file, container.as_deref());
                None
            }
            FileAction::Chmod => Some("made executable"),
            FileAction::Write | FileAction::Rename => None,
            FileAction::DeviceOpen => return None,
        };
        let known = written.find(&change.path, change.file, container.as_deref());
        if known.is_none() && change.action != FileAction::Delete {
            return None;
        }
        let serial = self.membership.of_process(context.table, context.key())?;
        let incident = self.open.get_mut(&serial)?;
        if let Some(known) = known.filter(|known| known.content || known.place.is_odd()) {
            self.membership.hold_file(serial, &mut incident.holdings, &known.path, known.file, container);
        }
        let verb = verb?;
        incident.created(self_to_root(context.table, context.key()));
        incident.step(ChainEdge {
            kind: ChainKind::Modify,
            at: context.at(),
            process: context.key(),
            name: Arc::clone(&context.process.view.name),
            parent: context.process.parent,
            object: format!("{} ({verb})", change.path),
        });
        Some(serial)
    }

    fn hashed(&mut self, context: &DetectionContext<'_>, _hashed: &HashedFile) {
        let serial = self.membership.of_process(context.table, context.key());
        if let Some(incident) = serial.and_then(|serial| self.open.get_mut(&serial)) {
            incident.remember(context.process, context.table);
        }
    }

    fn open(&mut self, context: &DetectionContext<'_>, alerts: &mut Vec<Alert>) -> Serial {
        while self.open.len() >= self.limits.incidents.max(1) {
            let least = self
                .open
                .iter()
                .min_by_key(|(serial, incident)| (incident.verdict(), incident.last_activity, **serial))
                .map(|(serial, _)| *serial);
            let Some(least) = least else { break };
            self.evicted += 1;
            self.close(least, context.at(), alerts);
        }
        let serial = self.next;
        self.next += 1;
        self.open.insert(serial, Incident::new(context.key(), context.at()));
        serial
    }

    fn close(&mut self, serial: Serial, now: BootTime, alerts: &mut Vec<Alert>) {
        if let Some(incident) = self.open.remove(&serial) {
            self.membership.release(serial, &incident.holdings);
            alerts.extend(incident.close(now, None));
        }
    }
}

fn self_to_root(table: &ProcessTable, key: ProcessKey) -> impl Iterator<Item = &Process> {
    table.tree_path(key, |_| false)
}

fn connect_edge(outbound: &Outbound) -> ChainEdge {
    ChainEdge {
        kind: ChainKind::Connect,
        at: outbound.at,
        process: outbound.process,
        name: Arc::clone(&outbound.name),
        parent: None,
        object: outbound.destination.to_string(),
    }
}

/// Whether a process of the incident is alive: a member, or a process that belongs to the incident through a member.
fn lives(membership: &MembershipIndex, table: &ProcessTable, serial: Serial) -> bool {
    table
        .iter()
        .filter(|process| process.is_alive())
        .any(|process| membership.of_process(table, process.key()) == Some(serial))
}
