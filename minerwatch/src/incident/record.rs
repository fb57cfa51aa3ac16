//! One incident: its signals, its chain and its suspects.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use rustc_hash::FxHashSet;

use super::{
    chain::{Chain, command_line},
    membership::Members,
    message,
    score::{HeldSignal, Score},
};
use crate::{
    detect::{Finding, SignalInfo, behavior::ChainFacts, behavior::triple_chain},
    model::{
        Alert, AlertAction, BootTime, ChainEdge, ChainKind, Health, IncidentId, ProcessKey, ProcessView,
        Signal, Verdict,
    },
    process::{ImageSource, Process, ProcessTable, Taint},
};

/// Maximum number of generations, from a process up, whose creation becomes a step.
const MAX_CREATED: usize = 6;
/// Maximum number of different connections that an incident considers.
const MAX_CONNECTIONS: usize = 64;
/// Maximum number of signals that an incident holds, one per signal id.
const MAX_SIGNALS: usize = 64;

/// A process that showed a signal, and its parent, as last recorded.
#[derive(Clone, Debug)]
struct Suspect {
    view: Arc<ProcessView>,
    parent: Option<Arc<ProcessView>>,
}

/// An incident, reported or not.
#[derive(Clone, Debug)]
pub(super) struct Incident {
    pub(super) id: IncidentId,
    pub(super) holdings: Members,
    pub(super) last_activity: BootTime,
    /// The earliest time to check again whether the incident is over.
    pub(super) next_look: BootTime,
    signals: Vec<HeldSignal>,
    chain: Chain,
    suspects: BTreeMap<ProcessKey, Suspect>,
    facts: ChainFacts,
    /// The connections seen so far, so that repeated ones are skipped.
    connections: FxHashSet<(ProcessKey, SocketAddr)>,
    folded: u64,
    verdict: Option<Verdict>,
    reported: Option<Verdict>,
    /// Whether something was added that is worth an updated alert.
    news: bool,
}

impl Incident {
    pub(super) fn new(origin: ProcessKey, opened: BootTime) -> Self {
        Self {
            id: IncidentId { origin, opened },
            holdings: Members::default(),
            last_activity: opened,
            next_look: opened,
            signals: Vec::new(),
            chain: Chain::default(),
            suspects: BTreeMap::new(),
            facts: ChainFacts::default(),
            connections: FxHashSet::default(),
            folded: 0,
            verdict: None,
            reported: None,
            news: false,
        }
    }

    /// The highest verdict so far.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Whether an alert for the incident was raised.
    pub(super) fn is_reported(&self) -> bool {
        self.reported.is_some()
    }

    /// Whether a process of the incident set something up to start again by itself.
    pub(super) fn persists(&self) -> bool {
        self.facts.persisted.is_some()
    }

    /// Returns the points of the incident at time `now`.
    pub(super) fn score(&self, now: BootTime) -> u32 {
        Score::of(&self.signals, now).points
    }

    /// Adds a finding.
    pub(super) fn add(&mut self, finding: Finding, process: &Process, table: &ProcessTable) {
        let Finding { signal, info, conclusive, taint, persists, edges, partner: _, file: _ } = finding;
        if taint == Some(Taint::Dropped) {
            self.ran_dropped(signal.process);
        }
        if persists {
            let path = edges.first().map_or_else(String::new, |edge| edge.object.clone());
            self.facts.persisted.get_or_insert((signal.process, path));
        }
        self.last_activity = self.last_activity.max(signal.at);
        self.hold(info, signal, conclusive);
        self.remember(process, table);
        for mut edge in edges {
            edge.parent = edge.parent.or_else(|| table.get(edge.process)?.parent);
            self.step(edge);
        }
    }

    /// Adds the creation steps of a process and its nearest ancestors. `path` leads from the process up its tree.
    pub(super) fn created<'a>(&mut self, path: impl Iterator<Item = &'a Process>) {
        // An ancestor that was forked without an exec runs its parent's program, so it gets no step.
        let shown: Vec<&Process> = path
            .take(MAX_CREATED)
            .enumerate()
            .filter(|(generation, process)| *generation == 0 || process.image_source >= ImageSource::Snapshot)
            .map(|(_, process)| process)
            .collect();
        for (index, process) in shown.iter().enumerate() {
            self.step(ChainEdge {
                kind: ChainKind::Create,
                at: process.since,
                process: process.key(),
                name: Arc::clone(&process.view.name),
                parent: shown.get(index + 1).map(|above| above.key()).or(process.parent),
                object: command_line(&process.view),
            });
        }
    }

    /// Adds a step to the chain.
    pub(super) fn step(&mut self, edge: ChainEdge) {
        let first = self.chain.add(edge);
        self.news |= first;
    }

    /// Records a connection. Returns true if it is new and fewer than `MAX_CONNECTIONS` were recorded before.
    pub(super) fn is_new_connection(&mut self, key: ProcessKey, destination: SocketAddr) -> bool {
        self.connections.len() < MAX_CONNECTIONS && self.connections.insert((key, destination))
    }

    /// Adds a connection to the chain, and to the facts of the triple chain.
    pub(super) fn connected(&mut self, edge: ChainEdge, destination: SocketAddr) {
        self.facts.connected.get_or_insert((edge.process, destination));
        self.step(edge);
    }

    /// Records that a process runs a dropped file.
    pub(super) fn ran_dropped(&mut self, key: ProcessKey) {
        self.facts.ran_dropped.get_or_insert(key);
    }

    /// Records the current view of a process that showed a signal. Removes suspects whose signals the incident no
    /// longer holds.
    pub(super) fn remember(&mut self, process: &Process, table: &ProcessTable) {
        if !self.signals.iter().any(|held| held.signal.process == process.key()) {
            return;
        }
        let parent = table.parent_of(process).map(|parent| Arc::clone(&parent.view));
        let known = self.suspects.get(&process.key()).and_then(|suspect| suspect.parent.clone());
        let suspect = Suspect { view: Arc::clone(&process.view), parent: parent.or(known) };
        self.suspects.insert(process.key(), suspect);
        let signals = &self.signals;
        self.suspects.retain(|key, _| signals.iter().any(|held| held.signal.process == *key));
    }

    /// Merges the content of another incident into this one.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            id,
            holdings: _,
            last_activity,
            next_look: _,
            signals,
            chain,
            suspects,
            facts,
            connections: _,
            folded,
            verdict,
            reported: _,
            news: _,
        } = other;
        if (id.opened, id.origin) < (self.id.opened, self.id.origin) && !self.is_reported() {
            self.id = id;
        }
        self.last_activity = self.last_activity.max(last_activity);
        for held in signals {
            self.hold_again(held);
        }
        for (key, suspect) in suspects {
            self.suspects.entry(key).or_insert(suspect);
        }
        self.chain.absorb(chain);
        self.folded += folded;
        self.verdict = self.verdict.max(verdict);
        let ChainFacts { connected, ran_dropped, persisted } = facts;
        self.facts.connected = self.facts.connected.or(connected);
        self.facts.ran_dropped = self.facts.ran_dropped.or(ran_dropped);
        self.facts.persisted = self.facts.persisted.take().or(persisted);
        self.news = true;
    }

    /// Updates the verdict. Returns an alert if the verdict reaches `min_verdict` for the first time, or if a reported
    /// incident has a higher verdict or news.
    pub(super) fn weigh(
        &mut self,
        now: BootTime,
        table: &ProcessTable,
        min_verdict: Verdict,
    ) -> Option<Alert> {
        if let Some((info, signal)) = triple_chain(&self.facts, now) {
            let known = self.signals.iter().find(|held| info.names(&held.signal));
            if known.is_none_or(|held| held.signal.weight < signal.weight) {
                let key = signal.process;
                self.hold(info, signal, false);
                if let Some(process) = table.get(key)
                    && !self.suspects.contains_key(&key)
                {
                    self.remember(process, table);
                }
            }
        }
        self.verdict = self.verdict.max(Score::of(&self.signals, now).verdict());
        let verdict = self.verdict?;
        let action = match self.reported {
            None if verdict < min_verdict => return None,
            None => AlertAction::IncidentOpened,
            Some(before) if verdict > before || self.news => AlertAction::IncidentUpdated,
            Some(_) => return None,
        };
        self.reported = Some(verdict);
        self.news = false;
        self.alert(verdict, action, now)
    }

    /// Returns the state of the incident as an alert, whether or not it was reported, and the highest verdict so far.
    pub(super) fn state(&self, now: BootTime) -> Option<(Alert, Option<Verdict>)> {
        let verdict = self.verdict.unwrap_or(Verdict::Noted);
        Some((self.alert(verdict, AlertAction::IncidentUpdated, now)?, self.verdict))
    }

    /// Returns the closing alert, if the incident was reported. `part_of` is the incident that it was merged into.
    pub(super) fn close(&self, now: BootTime, part_of: Option<IncidentId>) -> Option<Alert> {
        self.reported?;
        let mut alert = self.alert(self.verdict?, AlertAction::IncidentClosed, now)?;
        if let Some(id) = part_of {
            alert.message = format!("{}, it is part of incident {id}", alert.message);
        }
        Some(alert)
    }

    fn hold(&mut self, info: SignalInfo, signal: Signal, conclusive: bool) {
        self.hold_again(HeldSignal::new(info, signal, conclusive));
    }

    fn hold_again(&mut self, new: HeldSignal) {
        let room = self.signals.len() < MAX_SIGNALS;
        match self.signals.iter_mut().find(|held| held.signal.id == new.signal.id) {
            Some(held) => {
                held.last = held.last.max(new.last);
                held.conclusive |= new.conclusive;
                if new.signal.weight > held.signal.weight {
                    held.signal = new.signal;
                    self.news = true;
                } else {
                    self.folded += 1;
                }
            }
            None if room => {
                self.signals.push(new);
                self.news = true;
            }
            None => self.folded += 1,
        }
    }

    /// Returns the suspect with the most points. Among equals, the suspect with the earliest signal comes first.
    fn prime_suspect(&self) -> Option<&Suspect> {
        let mut points: BTreeMap<ProcessKey, (u32, std::cmp::Reverse<BootTime>)> = BTreeMap::new();
        for held in &self.signals {
            let first = std::cmp::Reverse(held.signal.at);
            let entry = points.entry(held.signal.process).or_insert((0, first));
            entry.0 += u32::from(held.signal.weight);
            entry.1 = entry.1.max(first);
        }
        points
            .into_iter()
            .filter_map(|(key, points)| Some((points, self.suspects.get(&key)?)))
            .max_by_key(|(points, _)| *points)
            .map(|(_, suspect)| suspect)
    }

    fn alert(&self, verdict: Verdict, action: AlertAction, now: BootTime) -> Option<Alert> {
        let suspect = self.prime_suspect()?;
        let mut held: Vec<&HeldSignal> = self.signals.iter().collect();
        held.sort_by(|one, other| {
            let (one, other) = (&one.signal, &other.signal);
            other.weight.cmp(&one.weight).then(one.at.cmp(&other.at)).then(one.id.cmp(&other.id))
        });
        let score = Score::of(held.iter().copied(), now);
        let score_parts = score.parts(&held, now);
        let signals: Vec<Signal> = held
            .into_iter()
            .map(|held| Signal { last: held.last, conclusive: held.conclusive, ..held.signal.clone() })
            .collect();
        let parent = suspect.parent.as_deref().cloned();
        let message = message::sentence(&message::Story {
            verdict,
            action,
            suspect: &suspect.view,
            parent: parent.as_ref(),
            signals: &signals,
            chain: &self.chain,
            speaks_of_mining: self.signals.iter().any(|held| held.mining),
        });
        Some(Alert {
            incident: self.id,
            action,
            time: now,
            verdict,
            score: score.points,
            score_parts,
            suspect: ProcessView::clone(&suspect.view),
            parent,
            container: suspect.view.container.clone(),
            signals,
            chain: self.chain.with_parents(),
            message,
            folded: self.folded + self.chain.left_out(),
            latency: Duration::ZERO,
            health: Health::default(),
        })
    }
}
