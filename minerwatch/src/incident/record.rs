//! One incident: its suspects, its chain, and what is new about it since the last alert.

mod shown;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    budget::{IncidentBudget, Owner},
    causes::path_of,
    chain::{Chain, command_line},
    identity::Identity,
    links::Links,
    membership::Members,
    score::{HeldSignal, Score},
    signs::Sign,
    suspect::{Suspect, SuspectNumber},
};
use crate::{
    detect::{
        Finding, SignalKind, WrittenFile,
        behavior::{KERNEL_NAME, triple_chain},
    },
    model::{
        AlertReason, BootTime, ChainEdge, ChainKind, DroppedFile, FileId, IncidentId, Member, MemberRole,
        ProcessKey, Signal, Value, Verdict,
    },
    process::{ImageSource, Process, ProcessTable, Role},
};

/// Maximum number of generations, from a process up, whose creation becomes a step.
const MAX_CREATED: usize = 6;
/// Maximum number of suspects. Dead ones with the lowest verdict make room.
const MAX_SUSPECTS: usize = 256;
/// Maximum number of different connections that an incident remembers. Older ones make room.
const MAX_CONNECTIONS: usize = 256;
/// Maximum number of processes of one part (dropper, persister, entry), and of dropped files.
const MAX_PARTS: usize = 32;
/// News that are no reason for an alert at once are collected for this time.
const COLLECT: Duration = Duration::from_secs(2);
/// Number of returns of a suspect that are told without a pause.
const RETURNS: u64 = 20;
/// Longest time between two alerts that say that a suspect is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Interval of digests once the burst of alerts is spent.
const DIGEST: Duration = Duration::from_secs(60);

/// An incident, reported or not.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Incident {
    pub(super) id: IncidentId,
    pub(super) holdings: Members,
    /// Who is responsible for the process that showed the first signal.
    pub(super) owner: Owner,
    pub(super) last_activity: BootTime,
    /// The earliest time to check again whether the incident is over.
    pub(super) next_look: BootTime,
    suspects: BTreeMap<SuspectNumber, Suspect>,
    next_suspect: SuspectNumber,
    #[serde(skip)]
    by_process: FxHashMap<ProcessKey, SuspectNumber>,
    pub(super) chain: Chain,
    pub(super) links: Links,
    #[serde(skip)]
    connections: BTreeSet<(ProcessKey, SocketAddr)>,
    #[serde(serialize_with = "values", deserialize_with = "by_process")]
    parts: BTreeMap<ProcessKey, Member>,
    pub(super) dropped: Vec<DroppedFile>,
    /// Findings that repeated a signal, of suspects that made room.
    pub(super) folded: u64,
    verdict: Option<Verdict>,
    /// The highest verdict in an alert; `None` before the first alert.
    reported: Option<Verdict>,
    /// Number of alerts so far.
    pub(super) alerts: u64,
    pub(super) budget: IncidentBudget,
    last_alert: BootTime,
    /// Since when there is something that is worth an updated alert.
    news: Option<BootTime>,
    /// Whether the incident went on after a restart and no alert said so yet.
    pub(super) resumed: bool,
    /// Whether the budget of the host held an alert back.
    #[serde(skip)]
    pub(super) held_back: bool,
}

/// An alert that an incident wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// The earliest time.
    pub(super) due: BootTime,
    pub(super) reason: AlertReason,
    /// The suspect that the alert is about.
    pub(super) subject: SuspectNumber,
}

impl Incident {
    pub(super) fn new(id: IncidentId, owner: Owner) -> Self {
        Self {
            id,
            holdings: Members::default(),
            owner,
            last_activity: id.opened,
            next_look: id.opened,
            suspects: BTreeMap::new(),
            next_suspect: 0,
            by_process: FxHashMap::default(),
            chain: Chain::default(),
            links: Links::default(),
            connections: BTreeSet::new(),
            parts: BTreeMap::new(),
            dropped: Vec::new(),
            folded: 0,
            verdict: None,
            reported: None,
            alerts: 0,
            budget: IncidentBudget::default(),
            last_alert: BootTime::default(),
            news: None,
            resumed: false,
            held_back: false,
        }
    }

    /// The highest verdict of the suspects so far.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        self.verdict
    }

    /// Whether an alert for the incident was sent.
    pub(super) fn is_reported(&self) -> bool {
        self.reported.is_some()
    }

    /// Whether a process of the incident set something up to start again by itself.
    pub(super) fn persists(&self) -> bool {
        self.links.persists()
    }

    /// The suspects, in the order in which they were found.
    pub(super) fn suspects(&self) -> impl Iterator<Item = (SuspectNumber, &Suspect)> {
        self.suspects.iter().map(|(number, suspect)| (*number, suspect))
    }

    /// Returns a suspect.
    pub(super) fn suspect(&self, number: SuspectNumber) -> Option<&Suspect> {
        self.suspects.get(&number)
    }

    /// Returns the suspect that a process belongs to.
    pub(super) fn suspect_of(&self, key: ProcessKey) -> Option<&Suspect> {
        self.suspects.get(self.by_process.get(&key)?)
    }

    /// Returns the most points of a suspect at time `now`.
    pub(super) fn score(&self, now: BootTime) -> u32 {
        let points = |suspect: &Suspect| self.score_of(suspect, now).points;
        self.suspects.values().map(points).max().unwrap_or(0)
    }

    /// The parts of processes that are no suspects.
    pub(super) fn parts(&self) -> impl Iterator<Item = &Member> {
        self.parts.values()
    }

    /// Number of findings that repeated a listed signal.
    pub(super) fn repeated(&self) -> u64 {
        let held = self.suspects.values().flat_map(|suspect| &suspect.signals);
        self.folded + held.map(|held| held.repeated).sum::<u64>()
    }

    /// Returns the score of a suspect at time `now`.
    pub(super) fn score_of(&self, suspect: &Suspect, now: BootTime) -> Score {
        Score::of(self.counted(suspect), suspect.signs.are_excused(), now)
    }

    /// Returns the signals that count for a suspect, each id once: its own, and those of its causes.
    pub(super) fn counted<'a>(&'a self, suspect: &'a Suspect) -> Vec<&'a HeldSignal> {
        let mut counted: Vec<&HeldSignal> = suspect.signals.iter().collect();
        // A tool of the system is no suspect because of who called it.
        if suspect.identity.is_common() {
            return counted;
        }
        for other in self.suspects.values() {
            if std::ptr::eq(other, suspect) {
                continue;
            }
            for held in &other.signals {
                if !suspect.causes.count(held, |key| suspect.ran_in(*key)) {
                    continue;
                }
                match counted.iter_mut().find(|known| known.signal.id == held.signal.id) {
                    Some(known) if known.signal.weight < held.signal.weight => *known = held,
                    Some(_) => {}
                    None => counted.push(held),
                }
            }
        }
        counted.retain(|held| !suspect.excused.contains(&held.signal.id));
        counted
    }

    /// Adds a finding to the suspect of its process.
    pub(super) fn add(&mut self, finding: Finding, process: &Process, table: &ProcessTable) {
        let Finding { signal, info, conclusive, taint: _, persists: _, edges, partner: _, file: _, account } =
            finding;
        self.last_activity = self.last_activity.max(signal.at);
        for mut edge in edges {
            edge.parent = edge.parent.or_else(|| table.get(edge.process)?.parent);
            self.step(edge);
        }
        let peer = peer_of(&signal);
        let path = path_of(table, signal.process);
        let at = signal.at;
        let number = self.suspect_for(process, table, at);
        let mines = info.kind == SignalKind::Mining;
        let is_more = self.hold(number, HeldSignal::new(info, signal, conclusive, path));
        if is_more {
            self.news.get_or_insert(at);
        }
        let Some(suspect) = self.suspects.get_mut(&number) else { return };
        if info.id == KERNEL_NAME.id {
            suspect.signs.add(Sign::BorrowedName);
        }
        if let Some((address, name)) = peer {
            suspect.met(address, name.as_ref(), mines);
        }
        if let Some(account) = account {
            suspect.mines_for(account);
        }
    }

    fn hold(&mut self, number: SuspectNumber, held: HeldSignal) -> bool {
        let of_others = matches!(held.kind, SignalKind::Sign | SignalKind::Step);
        let now = held.signal.at;
        let Some(suspect) = self.suspects.get_mut(&number) else { return false };
        if !suspect.hold(held) {
            return false;
        }
        if of_others {
            self.judge_all(now);
        } else {
            self.judge(number, now);
        }
        true
    }

    /// Returns the suspect of a process, which may be new. A process of a known program is another process of the same
    /// suspect.
    pub(super) fn suspect_for(
        &mut self,
        process: &Process,
        table: &ProcessTable,
        at: BootTime,
    ) -> SuspectNumber {
        let key = process.key();
        let identity = Identity::of(table, process);
        let known = self.by_process.get(&key).copied().filter(|number| {
            // A process that replaces its image is another suspect.
            self.suspects.get(number).is_some_and(|suspect| suspect.identity.is_same(&identity))
        });
        let number = known
            .or_else(|| self.number_of(&identity))
            .unwrap_or_else(|| self.insert(Suspect::new(identity.clone(), Arc::clone(&process.view), at)));
        let Some(suspect) = self.suspects.get_mut(&number) else { return number };
        if suspect.identity != identity {
            suspect.identity = identity;
        }
        if process.is_alive() || !suspect.ran_in(key) {
            suspect.view = Arc::clone(&process.view);
            let parent = table.parent_of(process).map(|parent| Arc::clone(&parent.view));
            suspect.parent = parent.or_else(|| suspect.parent.take());
        }
        if !suspect.ran_in(key) || !process.is_alive() {
            // A process that its own program forked is no return: the program went into the background.
            let is_fork = process.parent.is_some_and(|parent| suspect.ran_in(parent));
            if let Some(gone) = suspect.add_process(key, is_fork) {
                self.by_process.remove(&gone);
            }
            if suspect.is_named() && suspect.returns <= RETURNS {
                self.news.get_or_insert(at);
            }
            if !process.is_alive() {
                suspect.exit(key);
            }
            suspect.causes.descends_from(table, key);
            suspect.signs.observe(table, process);
            if let Some(before) = self.by_process.insert(key, number)
                && before != number
                && let Some(earlier) = self.suspects.get_mut(&before)
            {
                earlier.exit(key);
            }
        }
        if let Some(entry) = entry_of(table, key) {
            self.take_part(entry);
        }
        number
    }

    /// Returns the suspect with this identity, or the one whose ended processes ran another file at the same path.
    fn number_of(&self, identity: &Identity) -> Option<SuspectNumber> {
        let same = self.suspects.iter().find(|(_, suspect)| suspect.identity.is_same(identity));
        let replaced = || {
            self.suspects.iter().find(|(_, suspect)| {
                suspect.identity.connects()
                    && !suspect.is_alive()
                    && suspect.identity.is_replaced_by(identity)
            })
        };
        same.or_else(replaced).map(|(number, _)| *number)
    }

    /// Whether a process of this identity would be a process of a suspect that an alert named.
    pub(super) fn has_named(&self, identity: &Identity) -> bool {
        let suspect = self.number_of(identity).and_then(|number| self.suspects.get(&number));
        suspect.is_some_and(Suspect::is_named)
    }

    /// Adds a suspect under a new number. If the incident is full, the least important suspect makes room.
    fn insert(&mut self, suspect: Suspect) -> SuspectNumber {
        if self.suspects.len() >= MAX_SUSPECTS {
            self.make_room();
        }
        let number = self.next_suspect;
        self.next_suspect += 1;
        self.suspects.insert(number, suspect);
        number
    }

    fn make_room(&mut self) {
        let rank = |suspect: &Suspect| (suspect.is_alive(), suspect.verdict, suspect.last_activity);
        let least = self.suspects.iter().min_by_key(|(_, suspect)| rank(suspect)).map(|(number, _)| *number);
        if let Some(gone) = least.and_then(|number| self.suspects.remove(&number)) {
            self.folded += gone.signals.len() as u64;
            for key in gone.processes() {
                self.by_process.remove(&key);
            }
        }
    }

    /// Records that a process runs a file that a member wrote.
    pub(super) fn ran_dropped(
        &mut self,
        process: &Process,
        table: &ProcessTable,
        written: &WrittenFile,
        at: BootTime,
    ) {
        let number = self.suspect_for(process, table, at);
        let key = process.key();
        if let Some(suspect) = self.suspects.get_mut(&number) {
            suspect.causes.written_by(table, key, written.writer);
            suspect.signs.observe_writer(table, written);
        }
        if let Some(writer) = table.get(written.writer) {
            let name = Arc::clone(&writer.view.name);
            self.take_part(Member { process: written.writer, name, role: MemberRole::Dropper });
        }
        if self.dropped.iter().all(|known| known.path != written.path) && self.dropped.len() < MAX_PARTS {
            self.dropped.push(DroppedFile {
                path: Arc::clone(&written.path),
                sha256: process.view.sha256.clone(),
                writer: written.writer,
            });
        }
        self.judge_all(at);
    }

    /// Gives a process a part, unless it has a more important one.
    pub(super) fn take_part(&mut self, member: Member) {
        if let Some(known) = self.parts.get_mut(&member.process) {
            known.role = known.role.min(member.role);
        } else if self.parts.len() < MAX_PARTS {
            self.parts.insert(member.process, member);
        }
    }

    /// Adds a sign to the suspects that a process belongs to or caused. `path` is the process and its ancestors.
    pub(super) fn sign(&mut self, sign: Sign, path: &[ProcessKey]) {
        for suspect in self.suspects.values_mut() {
            let concerns = path.iter().any(|key| suspect.ran_in(*key)) || suspect.causes.lead_to(path);
            if concerns || path.first().is_some_and(|key| suspect.causes.include(*key)) {
                suspect.signs.add(sign);
            }
        }
    }

    /// Adds a signal that was too weak to open an incident.
    pub(super) fn hold_weak(&mut self, number: SuspectNumber, held: HeldSignal) {
        let peer = peer_of(&held.signal);
        let at = held.last;
        if self.hold(number, held) {
            self.news.get_or_insert(at);
        }
        if let (Some((address, name)), Some(suspect)) = (peer, self.suspects.get_mut(&number)) {
            suspect.met(address, name.as_ref(), false);
        }
    }

    /// Records that a file was deleted: a sign, if a living suspect runs it.
    pub(super) fn deleted(&mut self, path: &str, file: Option<FileId>) {
        for suspect in self.suspects.values_mut() {
            let same = match (suspect.identity.file(), file) {
                (Some(one), Some(other)) => one == other,
                _ => **suspect.identity.path() == *path,
            };
            if same && suspect.is_alive() {
                suspect.signs.add(Sign::DeletesItself);
            }
        }
    }

    /// Adds the chains that are complete now.
    pub(super) fn complete_chains(&mut self, table: &ProcessTable, at: BootTime) {
        let heads =
            |key| self.suspect_of(key).map_or_else(Vec::new, |suspect| suspect.causes.heads().to_vec());
        let is_suspicious = |key| {
            let of_suspect = self.suspect_of(key).is_some_and(|suspect| suspect.signs.are_suspicious(false));
            of_suspect || table.get(key).is_some_and(|process| process.taint.is_some())
        };
        for mut chain in self.links.chains(heads, is_suspicious) {
            let number = match (self.by_process.get(&chain.holder), table.get(chain.holder)) {
                (Some(number), _) => *number,
                (None, Some(process)) => self.suspect_for(process, table, at),
                (None, None) => continue,
            };
            let Some(suspect) = self.suspects.get(&number) else { continue };
            let (persists, dropped) = (chain.facts.persisted.is_some(), chain.facts.dropped);
            if suspect.signs.are_suspicious(persists && dropped) {
                chain.facts.wrong = suspect.signs.iter().map(Sign::words).collect();
            }
            chain.facts.excused = suspect.signs.are_excused();
            if chain.facts.excused && chain.facts.wrong.is_empty() && !persists {
                continue;
            }
            let (info, signal) = triple_chain(&chain.facts, chain.holder, at);
            let is_known = suspect
                .signals
                .iter()
                .any(|held| info.names(&held.signal) && held.signal.weight >= signal.weight);
            if is_known {
                continue;
            }
            let path = path_of(table, chain.holder);
            self.hold(number, HeldSignal::new(info, signal, false, path));
            self.news.get_or_insert(at);
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
            if self.chain.has_created(process.key(), process.since) {
                continue;
            }
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
        let at = edge.at.max(self.last_activity);
        if self.chain.add(edge) {
            self.news.get_or_insert(at);
        }
    }

    /// Records a connection. Returns true if it is new.
    pub(super) fn is_new_connection(&mut self, key: ProcessKey, destination: SocketAddr) -> bool {
        if self.connections.len() >= MAX_CONNECTIONS {
            self.connections.pop_first();
        }
        self.connections.insert((key, destination))
    }

    /// Records the end of a process.
    pub(super) fn exit(&mut self, key: ProcessKey) {
        if let Some(suspect) = self.by_process.get(&key).and_then(|number| self.suspects.get_mut(number)) {
            suspect.exit(key);
        }
    }

    /// Records the hash of a process's executable.
    pub(super) fn hashed(&mut self, process: &Process) {
        let Some(sha256) = &process.view.sha256 else { return };
        for file in &mut self.dropped {
            if file.path == process.view.executable.path {
                file.sha256 = Some(Arc::clone(sha256));
            }
        }
        let number = self.by_process.get(&process.key());
        if let Some(suspect) = number.and_then(|number| self.suspects.get_mut(number))
            && suspect.identity.file() == process.view.executable.file
        {
            suspect.identity.set_sha256(sha256);
            suspect.view = Arc::clone(&process.view);
        }
    }

    /// Merges the content of another incident into this one.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            id,
            holdings: _,
            owner: _,
            last_activity,
            next_look: _,
            suspects,
            next_suspect: _,
            by_process: _,
            chain,
            links,
            connections: _,
            parts,
            dropped,
            folded,
            verdict,
            reported: _,
            alerts: _,
            budget: _,
            last_alert: _,
            news,
            resumed: _,
            held_back: _,
        } = other;
        if (id.opened, id.origin) < (self.id.opened, self.id.origin) && !self.is_reported() {
            self.id = id;
        }
        self.last_activity = self.last_activity.max(last_activity);
        for suspect in suspects.into_values() {
            self.take_over(suspect);
        }
        self.chain.absorb(chain);
        self.links.absorb(links);
        for member in parts.into_values() {
            self.take_part(member);
        }
        for file in dropped {
            if self.dropped.len() < MAX_PARTS && self.dropped.iter().all(|known| known.path != file.path) {
                self.dropped.push(file);
            }
        }
        self.folded += folded;
        self.verdict = self.verdict.max(verdict);
        if let Some(news) = news {
            self.news.get_or_insert(news);
        }
        self.judge_all(self.last_activity);
    }

    fn take_over(&mut self, suspect: Suspect) {
        let number = if let Some(number) = self.number_of(&suspect.identity) {
            if let Some(known) = self.suspects.get_mut(&number) {
                known.absorb(suspect);
            }
            number
        } else {
            self.insert(suspect)
        };
        self.index(number);
    }

    fn index(&mut self, number: SuspectNumber) {
        let keys: Vec<_> = self.suspects.get(&number).into_iter().flat_map(Suspect::processes).collect();
        for key in keys {
            self.by_process.insert(key, number);
        }
    }

    /// Rebuilds what is not stored, after a restart. `lives` says whether a process still runs.
    pub(super) fn restore(&mut self, lives: impl Fn(ProcessKey) -> bool) {
        let numbers: Vec<_> = self.suspects.keys().copied().collect();
        for number in numbers {
            self.index(number);
            if let Some(suspect) = self.suspects.get_mut(&number) {
                suspect.retain_living(&lives);
            }
        }
        let next = self.suspects.keys().next_back().map_or(0, |last| last.saturating_add(1));
        self.next_suspect = self.next_suspect.max(next);
        let connected = self.links.connected();
        self.connections =
            connected.filter_map(|link| Some((*link.path.first()?, link.destination))).collect();
        self.resumed = false;
    }

    fn judge_all(&mut self, now: BootTime) {
        let numbers: Vec<_> = self.suspects.keys().copied().collect();
        for number in numbers {
            self.judge(number, now);
        }
    }

    /// Updates the verdict of a suspect. Conclusive signals count only for who shows them.
    fn judge(&mut self, number: SuspectNumber, now: BootTime) {
        let Some(suspect) = self.suspects.get(&number) else { return };
        let verdict = self.score_of(suspect, now).verdict();
        self.verdict = self.verdict.max(verdict);
        if let Some(suspect) = self.suspects.get_mut(&number) {
            suspect.verdict = suspect.verdict.max(verdict);
        }
    }

    /// Returns the next alert of the incident, if it has news. `min_verdict` is the lowest verdict that is reported.
    pub(super) fn wish(&self, min_verdict: Verdict) -> Option<Wish> {
        let verdict = self.verdict?;
        if self.reported.is_none() {
            let subject = self.prime()?;
            let wish = Wish { due: BootTime(0), reason: AlertReason::NewSuspect, subject };
            return (verdict >= min_verdict).then_some(wish);
        }
        let urgent = self.suspects.iter().filter_map(|(number, suspect)| {
            let reason = urgent_reason(suspect)?;
            // What follows within two seconds joins one update, but a new suspect is told at once.
            let due = match reason {
                AlertReason::Returned => self.last_alert.plus(pause_of(suspect).max(COLLECT)),
                _ if suspect.is_named() => self.last_alert.plus(COLLECT),
                _ => BootTime(0),
            };
            // Two signals that each decide alone are more than a return.
            let rank = (!suspect.news.conclusive, reason, std::cmp::Reverse(suspect.verdict));
            Some((rank, due, *number))
        });
        if let Some(((_, reason, _), due, subject)) = urgent.min() {
            return Some(Wish { due: due.max(self.budget.next(true)), reason, subject });
        }
        let subject = self.prime()?;
        if self.resumed {
            return Some(Wish { due: self.budget.next(true), reason: AlertReason::Resumed, subject });
        }
        // Such news leave one alert for urgent ones, but wait for no more than a minute.
        let digest = self.budget.next(true).max(self.last_alert.plus(DIGEST));
        let allowed = self.budget.next(false).min(digest);
        let due = self.news?.plus(COLLECT).max(self.last_alert.plus(COLLECT)).max(allowed);
        Some(Wish { due, reason: AlertReason::NewEvidence, subject })
    }

    /// Returns the suspect with the highest verdict. Among equals, the one with the most points, then one that lives,
    /// then the earliest.
    pub(super) fn prime(&self) -> Option<SuspectNumber> {
        let now = self.last_activity;
        let rank = |number: &SuspectNumber, suspect: &Suspect| {
            let score = self.score_of(suspect, now).points;
            let own: u32 = suspect.signals.iter().map(|held| u32::from(held.signal.weight)).sum();
            (
                suspect.verdict,
                suspect.is_conclusive(),
                score,
                own,
                suspect.is_alive(),
                std::cmp::Reverse(*number),
            )
        };
        self.suspects.iter().max_by_key(|(number, suspect)| rank(number, suspect)).map(|(number, _)| *number)
    }

    /// Marks a suspect as told by the alert about a storm.
    pub(super) fn named_in_storm(&mut self, number: SuspectNumber) {
        if let Some(suspect) = self.suspects.get_mut(&number) {
            suspect.told(false);
        }
    }

    /// Marks everything as told by an alert at time `now`. `named` are the suspects that the alert lists, its subject
    /// first.
    pub(super) fn told(&mut self, now: BootTime, named: &[SuspectNumber]) {
        for (index, number) in named.iter().enumerate() {
            if let Some(suspect) = self.suspects.get_mut(number) {
                suspect.told(index == 0);
            }
        }
        self.reported = self.reported.max(self.verdict);
        self.last_alert = now;
        self.news = None;
        self.resumed = false;
        self.held_back = false;
        self.alerts += 1;
        self.budget.spend(now);
    }
}

/// Stores the parts as a list, because keys in JSON are texts.
fn values<S: Serializer>(parts: &BTreeMap<ProcessKey, Member>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(parts.values())
}

fn by_process<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<ProcessKey, Member>, D::Error> {
    let members = Vec::<Member>::deserialize(deserializer)?;
    Ok(members.into_iter().map(|member| (member.process, member)).collect())
}

/// Returns the minimum time between two alerts that say that a suspect is back. It grows with the number of returns, so
/// that a miner which cron starts each minute does not cause an alert each minute for days.
fn pause_of(suspect: &Suspect) -> Duration {
    let more = suspect.returns.saturating_sub(RETURNS);
    DIGEST.saturating_mul(u32::try_from(more).unwrap_or(u32::MAX)).min(LONGEST_PAUSE)
}

/// Returns why a suspect is worth an alert at once, if it is.
fn urgent_reason(suspect: &Suspect) -> Option<AlertReason> {
    if !suspect.has_urgent_news() {
        return None;
    }
    Some(if !suspect.is_named() {
        AlertReason::NewSuspect
    } else if suspect.verdict > suspect.reported {
        AlertReason::VerdictRose
    } else if suspect.news.conclusive {
        AlertReason::NewEvidence
    } else if suspect.news.returned {
        AlertReason::Returned
    } else if suspect.news.account {
        AlertReason::NewAccount
    } else {
        AlertReason::NewPeer
    })
}

/// Returns the peer that a signal names, with the name of its host.
fn peer_of(signal: &Signal) -> Option<(SocketAddr, Option<Arc<str>>)> {
    let Some(Value::Address(address)) = signal.value("destination") else { return None };
    let name = match signal.value("name") {
        Some(Value::Text(name)) => Some(Arc::clone(name)),
        _ => None,
    };
    Some((*address, name))
}

/// Returns the service that started the tree of a process, if a service did.
pub(super) fn entry_of(table: &ProcessTable, key: ProcessKey) -> Option<Member> {
    let root = table.get(table.tree_root(key))?;
    let parent = table.parent_of(root).filter(|parent| parent.role == Role::Service)?;
    Some(Member { process: parent.key(), name: Arc::clone(&parent.view.name), role: MemberRole::Entry })
}
