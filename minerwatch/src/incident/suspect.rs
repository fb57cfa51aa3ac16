//! A suspect: a program, the processes of the incident that ran it, and the signals that they showed.

use std::{net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{
    causes::Causes,
    identity::Identity,
    score::{HeldSignal, Score},
    signs::Signs,
};
use crate::model::{Account, BootTime, Peer, ProcessKey, ProcessView, SignalId, Verdict};

/// Number of a suspect within its incident. Numbers are never reused.
pub(super) type SuspectNumber = u32;

/// Maximum number of processes that are kept per suspect. Dead processes make room first.
const MAX_PROCESSES: usize = 32;
/// Maximum number of peers that are kept per suspect.
const MAX_PEERS: usize = 8;
/// Maximum number of accounts that are kept per suspect.
const MAX_ACCOUNTS: usize = 4;

/// A process of a suspect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Run {
    process: ProcessKey,
    alive: bool,
    /// Whether it was passed to the response. A restart of the daemon begins anew, because an isolation ends with it.
    #[serde(skip)]
    confirmed: bool,
}

/// What is new about a suspect since the last alert.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is news of its own")]
pub(super) struct SuspectNews {
    pub(super) returned: bool,
    pub(super) peer: bool,
    pub(super) account: bool,
    /// A signal that decides the verdict alone, of a suspect that an alert named before.
    #[serde(default)]
    pub(super) conclusive: bool,
}

impl SuspectNews {
    fn is_any(self) -> bool {
        self.returned || self.peer || self.account || self.conclusive
    }
}

/// A program of an incident whose processes showed signals.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Suspect {
    pub(super) identity: Identity,
    pub(super) view: Arc<ProcessView>,
    pub(super) parent: Option<Arc<ProcessView>>,
    runs: Vec<Run>,
    processes: u64,
    pub(super) returns: u64,
    pub(super) causes: Causes,
    pub(super) signs: Signs,
    /// Its own signals, one per id: the strongest.
    pub(super) signals: Vec<HeldSignal>,
    peers: Vec<Peer>,
    accounts: Vec<Account>,
    /// The highest verdict so far.
    pub(super) verdict: Option<Verdict>,
    /// The highest verdict that an alert named.
    pub(super) reported: Option<Verdict>,
    pub(super) news: SuspectNews,
    pub(super) last_activity: BootTime,
    /// The signals that exceptions remove. Set only where an incident is shown ([`super::exceptions`]).
    #[serde(skip)]
    pub(super) excused: Vec<SignalId>,
}

impl Suspect {
    /// Creates a suspect without processes and signals.
    pub(super) fn new(identity: Identity, view: Arc<ProcessView>, at: BootTime) -> Self {
        Self {
            identity,
            view,
            parent: None,
            runs: Vec::new(),
            processes: 0,
            returns: 0,
            causes: Causes::default(),
            signs: Signs::default(),
            signals: Vec::new(),
            peers: Vec::new(),
            accounts: Vec::new(),
            verdict: None,
            reported: None,
            news: SuspectNews::default(),
            last_activity: at,
            excused: Vec::new(),
        }
    }

    /// Whether a process of the suspect is alive.
    pub(super) fn is_alive(&self) -> bool {
        self.runs.iter().any(|run| run.alive)
    }

    /// Whether a living process was not passed to the response.
    pub(super) fn is_unconfirmed(&self) -> bool {
        self.runs.iter().any(|run| run.alive && !run.confirmed)
    }

    /// Marks all processes as passed to the response.
    pub(super) fn confirm(&mut self) {
        self.runs.iter_mut().for_each(|run| run.confirmed = true);
    }

    /// Whether a process ran the suspect's program.
    pub(super) fn ran_in(&self, key: ProcessKey) -> bool {
        self.runs.iter().any(|run| run.process == key)
    }

    /// Whether a signal of its own decides the verdict alone.
    pub(super) fn is_conclusive(&self) -> bool {
        self.signals.iter().any(|held| held.conclusive)
    }

    /// The processes that are kept, oldest first.
    pub(super) fn processes(&self) -> impl Iterator<Item = ProcessKey> {
        self.runs.iter().map(|run| run.process)
    }

    /// Whether an alert named the suspect as suspected or mining.
    pub(super) fn is_named(&self) -> bool {
        self.reported >= Some(Verdict::Suspected)
    }

    /// Whether the suspect has news that is worth an alert at once.
    pub(super) fn has_urgent_news(&self) -> bool {
        self.verdict >= Some(Verdict::Suspected) && (self.verdict > self.reported || self.news.is_any())
    }

    /// Adds a process. Returns the process that had to make room, if any. A suspect that was named and whose processes
    /// have all ended is back, unless the process is a fork of one of them.
    pub(super) fn add_process(&mut self, key: ProcessKey, is_fork: bool) -> Option<ProcessKey> {
        if let Some(run) = self.runs.iter_mut().find(|run| run.process == key) {
            run.alive = true;
            return None;
        }
        if !is_fork && self.processes > 0 && !self.is_alive() {
            self.returns += 1;
            self.news.returned |= self.is_named();
        }
        self.processes += 1;
        let mut gone = None;
        if self.runs.len() >= MAX_PROCESSES {
            let place = self.runs.iter().position(|run| !run.alive).unwrap_or(0);
            gone = Some(self.runs.remove(place).process);
        }
        self.runs.push(Run { process: key, alive: true, confirmed: false });
        gone
    }

    /// Records the end of a process.
    pub(super) fn exit(&mut self, key: ProcessKey) {
        for run in &mut self.runs {
            run.alive &= run.process != key;
        }
    }

    /// Keeps alive only the processes for which `lives` is true.
    pub(super) fn retain_living(&mut self, lives: impl Fn(ProcessKey) -> bool) {
        for run in &mut self.runs {
            run.alive &= lives(run.process);
        }
    }

    /// Forgets the processes of an earlier boot. Its signals get the time of this boot's beginning.
    pub(super) fn leave_boot(&mut self) {
        self.identity.leave_boot();
        self.runs.clear();
        self.causes = Causes::default();
        self.signs = Signs::default();
        self.signals.iter_mut().for_each(HeldSignal::leave_boot);
        self.last_activity = BootTime::default();
    }

    /// Adds a signal. Returns whether the suspect shows more than before.
    pub(super) fn hold(&mut self, new: HeldSignal) -> bool {
        self.last_activity = self.last_activity.max(new.last);
        let ended = |key: ProcessKey| !self.runs.iter().any(|run| run.process == key && run.alive);
        let is_of_the_dead =
            self.signals.iter().any(|held| held.signal.id == new.signal.id && ended(held.signal.process));
        let Some(held) = self.signals.iter_mut().find(|held| held.signal.id == new.signal.id) else {
            self.news.conclusive |= new.conclusive && self.is_named();
            self.signals.push(new);
            return true;
        };
        held.last = held.last.max(new.last);
        let is_more = new.signal.weight > held.signal.weight || (new.conclusive && !held.conclusive);
        held.conclusive |= new.conclusive;
        held.repeated += 1;
        // Of two equal signals, that of a living process says more.
        let replaces = new.signal.weight == held.signal.weight && is_of_the_dead;
        if new.signal.weight > held.signal.weight || replaces {
            held.signal = new.signal;
            held.kind = new.kind;
            held.path = new.path;
        }
        is_more
    }

    /// Records a peer of the suspect's own traffic. If `mines`, the peer of a named suspect is news.
    pub(super) fn met(&mut self, address: SocketAddr, name: Option<&Arc<str>>, mines: bool) {
        if let Some(known) = self.peers.iter_mut().find(|peer| peer.address == address) {
            known.name = known.name.take().or_else(|| name.cloned());
            return;
        }
        if self.peers.len() >= MAX_PEERS {
            self.peers.remove(0);
        }
        self.news.peer |= mines && self.is_named();
        self.peers.push(Peer { address, name: name.cloned() });
    }

    /// Records an account. An account of a named suspect is news.
    pub(super) fn mines_for(&mut self, account: Account) {
        if self.accounts.contains(&account) {
            return;
        }
        if self.accounts.len() >= MAX_ACCOUNTS {
            self.accounts.remove(0);
        }
        self.news.account |= self.is_named();
        self.accounts.push(account);
    }

    /// The peers, latest last.
    pub(super) fn peers(&self) -> &[Peer] {
        &self.peers
    }

    /// The accounts, latest last.
    pub(super) fn accounts(&self) -> &[Account] {
        &self.accounts
    }

    /// Marks everything as told. The details of a conclusive signal are told only by an alert about this suspect
    /// (`is_subject`).
    pub(super) fn told(&mut self, is_subject: bool) {
        self.reported = self.reported.max(self.verdict);
        let conclusive = self.news.conclusive && !is_subject;
        self.news = SuspectNews { conclusive, ..SuspectNews::default() };
    }

    /// Adds what is known of the same program from another incident.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            identity: _,
            view,
            parent,
            runs,
            processes,
            returns,
            causes,
            signs,
            signals,
            peers,
            accounts,
            verdict,
            reported,
            news,
            last_activity,
            excused: _,
        } = other;
        if last_activity > self.last_activity {
            self.view = view;
            self.parent = parent.or_else(|| self.parent.take());
        }
        for run in runs {
            if self.runs.len() < MAX_PROCESSES && !self.ran_in(run.process) {
                self.runs.push(run);
            }
        }
        self.processes += processes;
        self.returns += returns;
        self.causes.absorb(&causes);
        self.signs.absorb(&signs);
        for held in signals {
            self.hold(held);
        }
        for peer in peers {
            self.met(peer.address, peer.name.as_ref(), false);
        }
        for account in accounts {
            self.mines_for(account);
        }
        self.verdict = self.verdict.max(verdict);
        self.reported = self.reported.max(reported);
        self.news.returned |= news.returned;
        self.news.peer |= news.peer;
        self.news.account |= news.account;
        self.news.conclusive |= news.conclusive;
        self.last_activity = self.last_activity.max(last_activity);
    }

    /// Returns the suspect as alerts show it. `counted` are the signals that count for it.
    pub(super) fn report(&self, counted: &[&HeldSignal], now: BootTime) -> crate::model::Suspect {
        let mut ids: Vec<&HeldSignal> = counted.to_vec();
        ids.sort_by(|one, other| one.compare(other));
        let mut signals: Vec<SignalId> = Vec::new();
        for held in ids {
            if !signals.contains(&held.signal.id) {
                signals.push(held.signal.id.clone());
            }
        }
        crate::model::Suspect {
            process: ProcessView::clone(&self.view),
            parent: self.parent.as_deref().cloned(),
            verdict: self.verdict,
            score: Score::of(counted.iter().copied(), self.signs.are_excused(), now).points,
            alive: self.is_alive(),
            processes: self.processes,
            pids: self.processes().map(|key| key.pid).collect(),
            returns: self.returns,
            signals,
            peers: self.peers.clone(),
            accounts: self.accounts.clone(),
        }
    }
}
