//! The store of all incidents. It opens, updates and closes them, and decides when an alert is sent.

mod alerting;
mod confirming;
mod held;
mod joining;
mod members;
mod places;
mod room;
mod state;
mod watching;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    budget::HostBudget,
    causes::path_of,
    exceptions::{Exceptions, HiddenAlerts},
    identity::Identity,
    links::{Persisted, Ran},
    membership::{MemberKind, MembershipIndex, Serial},
    record::{Incident, entry_of},
    score::HeldSignal,
    signs::{self, Pipelines, Sign},
};
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, SignalKind, WrittenFiles, network},
    except::ExceptionSet,
    model::{
        Alert, BootTime, ChainEdge, ChainKind, EventBody, IncidentId, Member, MemberRole, ProcessKey, Value,
        Verdict, WallClock,
    },
    process::{Outbound, Process, ProcessTable, Role, Taint},
};

pub use state::{EncodedState, IncidentState};

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
    /// Time for which a closed incident is watched for a return. Zero if it is not watched.
    pub watch: Duration,
    /// Whether there is a response that suspects with the verdict `mining` are passed to.
    pub confirms: bool,
}

impl IncidentLimits {
    /// Time for which a closed incident is watched, unless the configuration or a person says otherwise.
    pub const WATCH: Duration = Duration::from_secs(72 * 3_600);
}

impl Default for IncidentLimits {
    fn default() -> Self {
        Self {
            incidents: 1_024,
            quiet: Duration::from_secs(3_600),
            quiet_persistent: Duration::from_secs(24 * 3_600),
            min_verdict: Verdict::Noted,
            watch: Self::WATCH,
            confirms: false,
        }
    }
}

/// Minimum points of a signal that makes its process a suspect, so that all its children belong to the incident.
const SUSPECT_WEIGHT: u8 = 20;
/// Maximum number of processes whose weak signals are kept until a stronger one follows.
const MAX_WEAK: usize = 4_096;
/// Maximum number of weak signals per process, one per id.
const MAX_WEAK_SIGNALS: usize = 16;
/// Maximum number of process trees whose signs are kept until an incident needs them.
const MAX_MARKED: usize = 1_024;
/// Maximum number of signs per process tree.
const MAX_MARKS: usize = 8;

/// A sign that a process tree showed, possibly before there was an incident.
#[derive(Clone, Debug)]
struct Mark {
    sign: Sign,
    /// The process that showed it and its ancestors, nearest first.
    path: Vec<ProcessKey>,
}

/// All open incidents, and the closed ones that are watched.
#[derive(Debug)]
pub struct Incidents {
    limits: IncidentLimits,
    open: BTreeMap<Serial, Incident>,
    /// Closed incidents that are watched for a return.
    watched: BTreeMap<Serial, Incident>,
    membership: MembershipIndex,
    next: Serial,
    evicted: u64,
    /// Signals that open no incident by themselves.
    weak: BoundedMap<ProcessKey, Vec<HeldSignal>>,
    /// The signs of process trees, by the root.
    marks: BoundedMap<ProcessKey, Vec<Mark>>,
    pipelines: Pipelines,
    /// Findings below installers that still run.
    held: held::HeldFindings,
    budget: HostBudget,
    exceptions: Exceptions,
    /// The earliest time at which an incident wants to send an alert.
    next_due: Option<BootTime>,
    /// Whether the state changed since [`Incidents::take_changed`].
    changed: bool,
    /// When the living processes were last compared with the incidents.
    last_look: BootTime,
    /// Whether chains are ignored.
    without_chains: bool,
    /// Confirmations for the response.
    confirmed: Vec<Alert>,
    restored: state::Restored,
}

impl Incidents {
    /// Returns the reported incident that a process belongs to, directly or through its tree.
    pub fn reported(&self, table: &ProcessTable, key: ProcessKey) -> Option<IncidentId> {
        let serial = self.membership.of_process(table, key)?;
        self.open.get(&serial).filter(|incident| incident.is_reported()).map(|incident| incident.id)
    }

    /// Creates an empty store.
    pub fn new(limits: IncidentLimits) -> Self {
        Self {
            limits,
            open: BTreeMap::new(),
            watched: BTreeMap::new(),
            membership: MembershipIndex::default(),
            next: 0,
            evicted: 0,
            weak: BoundedMap::new(MAX_WEAK),
            marks: BoundedMap::new(MAX_MARKED),
            pipelines: Pipelines::default(),
            held: held::HeldFindings::default(),
            budget: HostBudget::default(),
            exceptions: Exceptions::default(),
            next_due: None,
            changed: false,
            last_look: BootTime::default(),
            without_chains: false,
            confirmed: Vec::new(),
            restored: state::Restored::default(),
        }
    }

    /// Sets the lowest verdict that raises an alert. Reported incidents stay reported.
    pub fn set_min_verdict(&mut self, min_verdict: Verdict) {
        self.limits.min_verdict = min_verdict;
    }

    /// Sets the time for which an incident is watched that is closed from now on.
    pub fn set_watch(&mut self, watch: Duration) {
        self.limits.watch = watch;
    }

    /// Ignores chains, for the calibration.
    pub fn ignore_chains(&mut self) {
        self.without_chains = true;
    }

    /// Replaces the exceptions. `clock` decides which have expired. What they hid before may raise an alert now.
    pub fn set_exceptions(&mut self, exceptions: Arc<ExceptionSet>, clock: WallClock) {
        self.exceptions.replace(exceptions, clock);
        self.next_due = Some(BootTime::default());
    }

    /// Replaces the clock that decides which exceptions have expired.
    pub fn set_wall_clock(&mut self, clock: WallClock) {
        self.exceptions.set_clock(clock);
    }

    /// The alerts that exceptions hid.
    pub fn hidden_alerts(&self) -> &HiddenAlerts {
        self.exceptions.hidden()
    }

    /// The number of open incidents, reported or not.
    pub fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether no incident is open.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// The number of open incidents by verdict.
    pub fn by_verdict(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::from([("mining", 0), ("suspected", 0), ("noted", 0)]);
        for verdict in self.open.values().filter_map(Incident::verdict) {
            let name = match verdict {
                Verdict::Mining => "mining",
                Verdict::Suspected => "suspected",
                Verdict::Noted => "noted",
            };
            *counts.entry(name).or_default() += 1;
        }
        counts
    }

    /// The number of incidents that were closed because the store was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
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
        self.mark(context);
        let due = self.judge(context, findings);
        let is_idle = self.open.is_empty() && self.watched.is_empty();
        if is_idle && findings.is_empty() && due.is_empty() {
            return None;
        }
        self.release_held(due, context, written, alerts);
        let mut touched = None;
        let mut taint = None;
        if let EventBody::Exec(_) | EventBody::RunningProcess(_) = context.event.body {
            let of_program = self.membership.of_program(context.process);
            if let Some(serial) = of_program.filter(|serial| self.takes_starts(*serial)) {
                let serial = self.reopen(serial, context.at(), context.table, alerts);
                let before = self.membership.of_process(context.table, context.key());
                let serial = self.unite(serial, before, context, alerts);
                self.run_of_file(serial, context, written);
                touched = Some(serial);
                taint = Some(Taint::Dropped);
            }
            touched = self.run_of_suspect(context, alerts).or(touched);
        }
        for finding in findings.drain(..) {
            touched = self.take(finding, context, written, alerts).or(touched);
        }
        match &context.event.body {
            EventBody::Connect(connect) => touched = self.connection(context, connect).or(touched),
            EventBody::File(change) => touched = self.change(context, change, written).or(touched),
            EventBody::HashedFile(_) => self.hashed(context),
            EventBody::Exit(_) => {
                if let Some(serial) = self.membership.exit(context.key()) {
                    self.changed = true;
                    if let Some(incident) = self.open.get_mut(&serial) {
                        incident.exit(context.key());
                    }
                }
            }
            _ => {}
        }
        if let Some(serial) = touched {
            self.changed = true;
            self.apply_marks(serial, context, written);
            if let Some(incident) = self.open.get_mut(&serial).filter(|_| !self.without_chains) {
                incident.complete_chains(context.table, context.at());
            }
            self.consider(serial, context.at(), context.table, alerts);
        }
        taint
    }

    /// Remembers what a process does to the host, in case its tree becomes an incident.
    fn mark(&mut self, context: &DetectionContext<'_>) {
        let sign = match &context.event.body {
            EventBody::Exec(_) => {
                if let Some(interpreter) = self.pipelines.start(context) {
                    self.add_mark(context, Sign::Decoded, interpreter);
                }
                signs::deed(context.table, context.process)
            }
            EventBody::Connect(connect) if signs::is_shell(context.process) => {
                network::outbound(connect).map(|_| Sign::FetchedByShell)
            }
            EventBody::Exit(_) => {
                self.weak.remove(&context.key());
                None
            }
            _ => None,
        };
        let Some(sign) = sign else { return };
        self.add_mark(context, sign, context.key());
    }

    /// Remembers that a process, or something that it runs, shows a sign.
    fn add_mark(&mut self, context: &DetectionContext<'_>, sign: Sign, process: ProcessKey) {
        let root = context.table.tree_root(process);
        let path = path_of(context.table, process);
        let marks = self.marks.entry(&root, Vec::new);
        if marks.len() < MAX_MARKS && marks.iter().all(|mark| mark.sign != sign || mark.path != path) {
            marks.push(Mark { sign, path });
        }
    }

    /// Passes the signs of the process's tree to the suspects that they concern.
    fn apply_marks(&mut self, serial: Serial, context: &DetectionContext<'_>, written: &WrittenFiles) {
        if self.marks.is_empty() {
            return;
        }
        let root = context.table.tree_root(context.key());
        let (Some(marks), Some(incident)) = (self.marks.get(&root), self.open.get_mut(&serial)) else {
            return;
        };
        for mark in marks {
            let shell = mark.path.first().filter(|_| mark.sign == Sign::FetchedByShell);
            if shell.is_some_and(|shell| !signs::fetches(context.table, written, *shell)) {
                continue;
            }
            incident.sign(mark.sign, &mark.path);
        }
    }

    /// Adds a finding to the incident it belongs to, or to a new one. Merges the incidents that the finding connects.
    /// Returns the incident, unless the finding is too weak to open one.
    fn take(
        &mut self,
        finding: Finding,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
        alerts: &mut Vec<Alert>,
    ) -> Option<Serial> {
        let container = context.process.container_id().cloned();
        let mut serial = self.membership.of_process(context.table, context.key());
        if finding.info.kind.is_weak() && !self.is_suspect(serial, context.key()) {
            self.keep_weak(finding, context);
            return None;
        }
        let identity = Identity::of(context.table, context.process);
        let mines = finding.info.kind == SignalKind::Mining && finding.signal.weight >= SUSPECT_WEIGHT;
        let peer = match finding.signal.value("destination") {
            Some(Value::Address(peer)) if mines && !peer.ip().is_loopback() => Some(*peer),
            _ => None,
        };
        let account =
            finding.account.as_ref().map(|account| account.hash.as_ref().unwrap_or(&account.shown).clone());
        let entry = entry_of(context.table, context.key()).map(|entry| entry.process);
        let others = [
            entry.and_then(|entry| self.membership.of_entry(entry)),
            container.as_deref().and_then(|container| self.membership.of_container(container)),
            finding.partner.and_then(|partner| self.membership.of_process(context.table, partner)),
            self.membership.of_identity(&identity).filter(|serial| self.connects(*serial, &identity)),
            peer.and_then(|peer| self.membership.of_peer(peer)),
            account.as_deref().and_then(|account| self.membership.of_account(account)),
            self.of_changed_place(&finding, context),
        ];
        for other in others.into_iter().flatten() {
            let other = self.reopen(other, context.at(), context.table, alerts);
            serial = Some(self.unite(other, serial, context, alerts));
        }
        let serial = match serial {
            Some(serial) => serial,
            None => self.crowded(context).unwrap_or_else(|| self.open(context, alerts)),
        };
        let hold =
            if finding.signal.weight >= SUSPECT_WEIGHT { MemberKind::Suspect } else { MemberKind::Tree };
        self.join(serial, context.table, context.key(), hold);
        self.adopt_tree(serial, context.table, context.key(), context.at(), written);
        if let Some(partner) = finding.partner {
            self.join(serial, context.table, partner, MemberKind::Tree);
            self.adopt_tree(serial, context.table, partner, context.at(), written);
        }
        let incident = self.open.get_mut(&serial)?;
        if let Some(container) = &container {
            self.membership.hold_container(serial, &mut incident.holdings, container);
        }
        if let Some((path, file)) = &finding.file {
            self.membership.hold_file(serial, &mut incident.holdings, path, *file, container);
        }
        if let Some(peer) = peer {
            self.membership.hold_peer(serial, &mut incident.holdings, peer);
        }
        if let Some(account) = &account {
            self.membership.hold_account(serial, &mut incident.holdings, account);
        }
        for edge in &finding.edges {
            incident.created(self_to_root(context.table, edge.process));
        }
        self.link(serial, &finding, context, written);
        let incident = self.open.get_mut(&serial)?;
        let known = incident.suspect_for(context.process, context.table, context.at());
        incident.add(finding, context.process, context.table);
        for held in self.weak.remove(&context.key()).into_iter().flatten() {
            incident.hold_weak(known, held);
        }
        // The program connects processes of different trees once its suspect has a verdict.
        if incident.suspect(known).is_some_and(|suspect| suspect.verdict.is_some()) {
            self.membership.hold_identity(serial, &mut incident.holdings, &identity);
        }
        // What else comes through the same service belongs to the same case once a suspect did.
        if let Some(entry) = entry
            && incident.verdict() >= Some(Verdict::Suspected)
        {
            self.membership.hold_entry(serial, &mut incident.holdings, entry);
        }
        Some(serial)
    }

    /// Whether a process is a suspect of the incident already, so that weak signals belong to it at once.
    fn is_suspect(&self, serial: Option<Serial>, key: ProcessKey) -> bool {
        let incident = serial.and_then(|serial| self.open.get(&serial));
        incident.is_some_and(|incident| incident.suspect_of(key).is_some())
    }

    /// Keeps a weak signal until the process shows a stronger one.
    fn keep_weak(&mut self, finding: Finding, context: &DetectionContext<'_>) {
        let signals = self.weak.entry(&context.key(), Vec::new);
        let path = path_of(context.table, context.key());
        let new = HeldSignal::new(finding.info, finding.signal, finding.conclusive, path);
        if let Some(held) = signals.iter_mut().find(|held| held.signal.id == new.signal.id) {
            if new.signal.weight > held.signal.weight {
                *held = new;
            } else {
                held.last = held.last.max(new.last);
            }
        } else if signals.len() < MAX_WEAK_SIGNALS {
            signals.push(new);
        }
    }

    /// Records the links of the chain that a finding proves.
    fn link(
        &mut self,
        serial: Serial,
        finding: &Finding,
        context: &DetectionContext<'_>,
        written: &WrittenFiles,
    ) {
        let Some(incident) = self.open.get_mut(&serial) else { return };
        let key = context.key();
        if finding.taint == Some(Taint::Dropped) {
            let file = finding.file.as_ref();
            let dropped = file.and_then(|(path, file)| {
                written.find(path, *file, context.process.container_id().map(AsRef::as_ref))
            });
            if let Some(dropped) = dropped {
                incident.ran_dropped(context.process, context.table, dropped, context.at());
            }
            incident.links.run(Ran {
                at: context.at(),
                path: path_of(context.table, key),
                writer: finding.partner,
            });
        }
        if finding.persists {
            let file = finding.edges.first().map_or("", |edge| edge.object.as_str());
            incident.links.persist(Persisted {
                at: context.at(),
                path: path_of(context.table, key),
                file: file.into(),
                container: watching::container_of(finding, context),
            });
            let name = context.process.view.name.clone();
            incident.take_part(Member { process: key, name, role: MemberRole::Persister });
        }
    }

    fn hashed(&mut self, context: &DetectionContext<'_>) {
        let serial = self.membership.of_process(context.table, context.key());
        let Some(incident) = serial.and_then(|serial| self.open.get_mut(&serial)) else { return };
        incident.hashed(context.process);
        self.changed = true;
        let is_named = incident.suspect_of(context.key()).is_some_and(|suspect| suspect.verdict.is_some());
        if let (true, Some(serial)) = (is_named, serial) {
            let identity = Identity::of(context.table, context.process);
            self.membership.hold_identity(serial, &mut incident.holdings, &identity);
        }
    }
}

fn self_to_root(table: &ProcessTable, key: ProcessKey) -> impl Iterator<Item = &Process> {
    let root = table.get(table.tree_root(key));
    // The service through which a tree was entered belongs to the story, although not to the tree.
    let entry = root.and_then(|root| table.parent_of(root)).filter(|parent| parent.role == Role::Service);
    table.tree_path(key, |_| false).chain(entry)
}

fn connect_edge(outbound: &Outbound) -> ChainEdge {
    ChainEdge {
        kind: ChainKind::Connect,
        at: outbound.at,
        process: outbound.process,
        name: outbound.name.clone(),
        parent: None,
        object: outbound.destination.to_string(),
    }
}
