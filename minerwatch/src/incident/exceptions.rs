//! Applies exceptions to the suspects of an incident, at the place where an alert is about to be sent.
//!
//! An exception changes nothing about an incident. It changes how the incident looks to those who are alerted: a hidden
//! suspect has no verdict there, and a removed signal does not count. If an exception expires, everything is there
//! again.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    identity::Identity,
    record::Incident,
    score::{HeldSignal, Score},
    suspect::{Suspect, SuspectNumber},
};
use crate::{
    bounded::BoundedMap,
    except::{Decision, ExceptionSet, Facts, ShownSignal, Subject},
    model::{
        Account, BootTime, Excepted, ExceptedSuspect, IncidentId, Moment, ProcessView, Signal, SignalId,
        Verdict, WallClock,
    },
    process::ProcessTable,
};

/// Maximum number of hidden suspects whose news are compared with what was counted before.
const MAX_COUNTED: usize = 4_096;
/// Time from the first signal of a suspect for which an alert waits for the hash of its program or for the name of its
/// container, if an exception depends on it.
const WAIT_FOR_ANSWER: Duration = Duration::from_secs(5);

/// Number of alerts that exceptions hid.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HiddenAlerts {
    /// All of them.
    pub all: u64,
    /// By the id of the exception. An alert may count for several exceptions.
    pub by_exception: BTreeMap<String, u64>,
}

/// The exceptions, and what they hid.
#[derive(Debug)]
pub(super) struct Exceptions {
    set: Arc<ExceptionSet>,
    clock: WallClock,
    /// Number of exceptions that applied at the last look.
    active: usize,
    hidden: HiddenAlerts,
    counted: BoundedMap<(IncidentId, SuspectNumber), Counted>,
}

/// What was hidden about a suspect. Only something new counts as another hidden alert.
#[derive(Debug, PartialEq, Eq)]
struct Counted {
    verdict: Option<Verdict>,
    returns: u64,
    peer: Option<std::net::SocketAddr>,
    account: Option<Account>,
}

/// What exceptions decide about a suspect.
#[derive(Debug)]
struct Treated {
    number: SuspectNumber,
    hides: bool,
    /// Until when an alert waits for a hash or a name.
    waits: Option<BootTime>,
    excused: Vec<SignalId>,
    by: Vec<Arc<str>>,
}

/// An incident as those see it who are alerted.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) incident: Incident,
    /// What is hidden.
    pub(super) excepted: Excepted,
    /// When to look again, because an alert waits for a hash or a name.
    pub(super) wake: Option<BootTime>,
}

impl Default for Exceptions {
    fn default() -> Self {
        Self {
            set: Arc::default(),
            clock: WallClock { boot: 0 },
            active: 0,
            hidden: HiddenAlerts::default(),
            counted: BoundedMap::new(MAX_COUNTED),
        }
    }
}

impl Exceptions {
    /// Replaces the exceptions. The counts stay.
    pub(super) fn replace(&mut self, set: Arc<ExceptionSet>, clock: WallClock) {
        let is_there = |id: &str| set.iter().any(|exception| exception.id == id);
        self.hidden.by_exception.retain(|id, _| is_there(id));
        self.set = set;
        self.clock = clock;
        self.counted = BoundedMap::new(MAX_COUNTED);
    }

    /// Replaces the clock that decides about expiry.
    pub(super) fn set_clock(&mut self, clock: WallClock) {
        self.clock = clock;
    }

    /// The alerts that were hidden.
    pub(super) fn hidden(&self) -> &HiddenAlerts {
        &self.hidden
    }

    /// Whether another number of exceptions applies than at the last call.
    pub(super) fn take_changed(&mut self, now: BootTime) -> bool {
        if self.set.is_empty() && self.active == 0 {
            return false;
        }
        let active = self.set.active(self.moment(now));
        std::mem::replace(&mut self.active, active) != active
    }

    fn moment(&self, now: BootTime) -> Moment {
        Moment::from_unix_nanoseconds(self.clock.unix_nanoseconds(now))
    }

    /// Returns the incident as it is shown, and counts what is hidden. `None` if no exception concerns it.
    pub(super) fn show(
        &mut self,
        incident: &Incident,
        min_verdict: Verdict,
        now: BootTime,
        table: &ProcessTable,
    ) -> Option<Shown> {
        let treated = self.treat(incident, now, table)?;
        let shown = shown(incident, &treated, min_verdict, now);
        for own in treated.iter().filter(|own| own.waits.is_none()) {
            self.count(incident, &shown.incident, own, min_verdict);
        }
        Some(shown)
    }

    /// Returns the incident as its last alert shows it. An incident whose suspects are all hidden is shown as it is:
    /// those who know of it learn its end.
    pub(super) fn at_the_end<'a>(
        &self,
        incident: &'a Incident,
        now: BootTime,
        table: &ProcessTable,
    ) -> Cow<'a, Incident> {
        match self.visible(incident, now, table) {
            Cow::Owned(visible) if visible.verdict().is_none() => Cow::Borrowed(incident),
            visible => visible,
        }
    }

    /// Returns the incident without what exceptions hide, even if nothing is left of it.
    pub(super) fn visible<'a>(
        &self,
        incident: &'a Incident,
        now: BootTime,
        table: &ProcessTable,
    ) -> Cow<'a, Incident> {
        match self.treat(incident, now, table) {
            Some(own) => Cow::Owned(shown(incident, &own, Verdict::Noted, now).incident),
            None => Cow::Borrowed(incident),
        }
    }

    /// Returns what exceptions hide of an incident.
    pub(super) fn excepted(
        &self,
        incident: &Incident,
        min_verdict: Verdict,
        now: BootTime,
        table: &ProcessTable,
    ) -> Excepted {
        let treated = self.treat(incident, now, table);
        treated.map_or_else(Excepted::default, |own| shown(incident, &own, min_verdict, now).excepted)
    }

    fn treat(&self, incident: &Incident, now: BootTime, table: &ProcessTable) -> Option<Vec<Treated>> {
        if self.set.is_empty() {
            return None;
        }
        let with_verdict = incident.suspects().filter(|(_, suspect)| suspect.verdict.is_some());
        let treated: Vec<Treated> = with_verdict
            .filter_map(|(number, suspect)| self.treat_suspect(incident, number, suspect, now, table))
            .collect();
        (!treated.is_empty()).then_some(treated)
    }

    fn treat_suspect(
        &self,
        incident: &Incident,
        number: SuspectNumber,
        suspect: &Suspect,
        now: BootTime,
        table: &ProcessTable,
    ) -> Option<Treated> {
        let facts = facts(suspect, table);
        let counted = incident.counted(suspect);
        let signals: Vec<ShownSignal<'_>> = counted
            .iter()
            .map(|held| ShownSignal { id: &held.signal.id, conclusive: held.conclusive })
            .collect();
        let subject = Subject { processes: &facts, peers: suspect.peers() };
        let Decision { by, hides, excused, waits } = self.set.decide(&subject, &signals, self.moment(now));
        let first = suspect.signals.iter().map(|held| held.signal.at).min();
        let waits = first.map(|at| at.plus(WAIT_FOR_ANSWER)).filter(|until| waits && *until > now);
        if by.is_empty() && waits.is_none() {
            return None;
        }
        let by = by.into_iter().map(|exception| exception.id.as_str().into()).collect();
        Some(Treated { number, hides, waits, excused, by })
    }

    /// Counts a hidden alert, if there would be one now.
    fn count(&mut self, incident: &Incident, shown: &Incident, treated: &Treated, min_verdict: Verdict) {
        let Some(suspect) = incident.suspect(treated.number) else { return };
        let is_shown = shown.suspect(treated.number).is_some_and(|own| own.verdict >= Some(min_verdict));
        if suspect.verdict < Some(min_verdict) || is_shown {
            return;
        }
        let new = Counted {
            verdict: suspect.verdict,
            returns: suspect.returns,
            peer: suspect.peers().last().map(|peer| peer.address),
            account: suspect.accounts().last().cloned(),
        };
        let key = (incident.id, treated.number);
        let is_alert = match self.counted.get(&key) {
            None => !incident.is_reported() || suspect.has_urgent_news(),
            Some(before) if suspect.verdict >= Some(Verdict::Suspected) => *before != new,
            Some(before) => new.verdict > before.verdict,
        };
        self.counted.insert(key, new);
        if is_alert {
            self.hidden.all += 1;
            for id in &treated.by {
                *self.hidden.by_exception.entry(id.to_string()).or_default() += 1;
            }
        }
    }
}

/// Returns the processes of a suspect. Those that ran another program since are left out.
fn facts<'a>(suspect: &'a Suspect, table: &'a ProcessTable) -> Vec<Facts<'a>> {
    let known = |view: &'a ProcessView| {
        let same_file =
            view.executable.file.is_some() && view.executable.file == suspect.view.executable.file;
        let of_same = suspect.view.sha256.as_deref().filter(|_| same_file);
        Facts { sha256: view.sha256.as_deref().or(of_same), ..Facts::of(view) }
    };
    let others = suspect
        .processes()
        .filter_map(|key| table.get(key))
        .filter(|process| Identity::of(table, process).is_same(&suspect.identity))
        .map(|process| known(&process.view));
    std::iter::once(known(&suspect.view)).chain(others).collect()
}

fn shown(incident: &Incident, treated: &[Treated], min_verdict: Verdict, now: BootTime) -> Shown {
    let gone = |own: &&Treated| own.hides || own.waits.is_some();
    let hidden: Vec<SuspectNumber> = treated.iter().filter(gone).map(|own| own.number).collect();
    let excused = treated.iter().filter(|own| !gone(own)).map(|own| (own.number, own.excused.as_slice()));
    let visible = incident.without(&hidden, excused, now);
    let decided = treated.iter().filter(|own| !own.by.is_empty());
    let suspects = decided.filter_map(|own| {
        let view = &incident.suspect(own.number)?.view;
        Some(ExceptedSuspect {
            process: view.key,
            name: Arc::clone(&view.name),
            hidden: visible.suspect(own.number).is_none_or(|shown| shown.verdict.is_none()),
            exceptions: own.by.clone(),
            signals: own.excused.clone(),
        })
    });
    let excepted = Excepted {
        incident: incident.verdict() >= Some(min_verdict) && visible.verdict() < Some(min_verdict),
        suspects: suspects.collect(),
    };
    let wake = treated.iter().filter_map(|own| own.waits).min();
    Shown { incident: visible, excepted, wake }
}

/// Returns the verdict that an alert about a suspect would have without some of its signals. For `minerwatch except
/// test`, which knows alerts but not their incidents.
pub fn verdict_without(signals: &[Signal], excused: &[SignalId], at: BootTime) -> Option<Verdict> {
    let held = signals.iter().filter(|signal| !excused.contains(&signal.id));
    let held: Vec<_> = held.filter_map(HeldSignal::of_alert).collect();
    Score::of(&held, false, at).verdict()
}
