//! One incident: its suspects, its chain, and what is new about it since the last alert.

mod merging;
mod naming;
mod places;
mod shown;
mod steps;
mod watching;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::Arc,
};

use rustc_hash::FxHashMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use self::naming::RETURNS;
pub(super) use self::watching::Watch;
use super::{
    budget::{IncidentBudget, Owner},
    causes::path_of,
    chain::Chain,
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
        behavior::{KERNEL_NAME, is_built_here, is_fed},
    },
    model::{
        BootTime, DroppedFile, FileId, IncidentId, Member, MemberRole, ProcessKey, Signal, Value, Verdict,
    },
    process::{Process, ProcessTable, Role},
};

/// Maximum number of suspects. Dead ones with the lowest verdict make room.
const MAX_SUSPECTS: usize = 256;
/// Maximum number of processes of one part (dropper, persister, entry), and of dropped files.
const MAX_PARTS: usize = 32;

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
    /// The watch for a return, if the incident is closed.
    #[serde(default)]
    pub(super) watch: Option<Watch>,
    /// Whether the incident was opened again and no alert said so yet.
    #[serde(default)]
    pub(super) reopened: bool,
    /// Whether the budget of the host held an alert back.
    #[serde(skip)]
    pub(super) held_back: bool,
    /// The earliest time of the next confirmation for the response.
    #[serde(skip)]
    pub(super) next_confirmation: BootTime,
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
            watch: None,
            reopened: false,
            held_back: false,
            next_confirmation: BootTime::default(),
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
        // A tool of the system is no suspect because of its caller, unless it is an interpreter that runs downloaded code.
        let is_fed = || suspect.signals.iter().any(|held| is_fed(&held.signal));
        if suspect.identity.is_common() && !is_fed() {
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
            suspect.identity.renew(identity);
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
            suspect.signs.observe_writer(table, process, written);
            let is_kernel = suspect.signals.iter().any(|held| KERNEL_NAME.names(&held.signal));
            suspect.signs.set_built(is_built_here(table, process, written), is_kernel, process);
            suspect.signs.set_kept_by_tool(table, process, written);
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
}

/// Stores the parts as a list, because keys in JSON are texts.
fn values<S: Serializer>(parts: &BTreeMap<ProcessKey, Member>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(parts.values())
}

fn by_process<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<ProcessKey, Member>, D::Error> {
    let members = Vec::<Member>::deserialize(deserializer)?;
    Ok(members.into_iter().map(|member| (member.process, member)).collect())
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
