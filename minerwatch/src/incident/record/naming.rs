//! Decides what an incident tells, and when: the suspect that the next alert is about, and its reason.

use std::time::Duration;

use super::Incident;
use crate::{
    incident::suspect::{Suspect, SuspectNumber},
    model::{AlertReason, BootTime, Verdict},
};

/// News that are no reason for an alert at once are collected for this time.
const COLLECT: Duration = Duration::from_secs(2);
/// Number of returns of a suspect that are told without a pause.
pub(super) const RETURNS: u64 = 20;
/// Longest time between two alerts that say that a suspect is back.
const LONGEST_PAUSE: Duration = Duration::from_secs(3_600);
/// Interval of digests once the burst of alerts is spent.
const DIGEST: Duration = Duration::from_secs(60);

/// An alert that an incident wants to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::incident) struct Wish {
    /// The earliest time.
    pub(in crate::incident) due: BootTime,
    pub(in crate::incident) reason: AlertReason,
    /// The suspect that the alert is about.
    pub(in crate::incident) subject: SuspectNumber,
}

impl Incident {
    /// Returns the next alert of the incident, if it has news. `min_verdict` is the lowest verdict that is reported.
    pub(in crate::incident) fn wish(&self, min_verdict: Verdict) -> Option<Wish> {
        let verdict = self.verdict?;
        if self.reported.is_none() {
            let subject = self.prime()?;
            let wish = Wish { due: BootTime(0), reason: AlertReason::NewSuspect, subject };
            return (verdict >= min_verdict).then_some(wish);
        }
        if self.reopened {
            let shows_any = |(_, suspect): &(&SuspectNumber, &Suspect)| !self.counted(suspect).is_empty();
            let latest = |(number, suspect): &(&SuspectNumber, &Suspect)| {
                (suspect.last_activity, suspect.is_alive(), **number)
            };
            let (subject, _) = self.suspects.iter().filter(shows_any).max_by_key(latest)?;
            let subject = *subject;
            return Some(Wish { due: self.budget.next(true), reason: AlertReason::Returned, subject });
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
    pub(in crate::incident) fn prime(&self) -> Option<SuspectNumber> {
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

    /// The suspects with the verdict `mining` that have a process without confirmation.
    pub(in crate::incident) fn unconfirmed(&self) -> impl Iterator<Item = SuspectNumber> {
        let is_mining = |suspect: &Suspect| suspect.verdict == Some(Verdict::Mining);
        let unconfirmed =
            self.suspects.iter().filter(move |(_, suspect)| is_mining(suspect) && suspect.is_unconfirmed());
        unconfirmed.map(|(number, _)| *number)
    }

    /// Marks the processes of these suspects as confirmed, except those of suspects below `mining`.
    pub(in crate::incident) fn confirmed(&mut self, numbers: &[SuspectNumber]) {
        for number in numbers {
            let suspect = self.suspects.get_mut(number);
            if let Some(suspect) = suspect.filter(|suspect| suspect.verdict == Some(Verdict::Mining)) {
                suspect.confirm();
            }
        }
    }

    /// Marks a suspect as told by the alert about a storm.
    pub(in crate::incident) fn named_in_storm(&mut self, number: SuspectNumber) {
        if let Some(suspect) = self.suspects.get_mut(&number) {
            suspect.told(false);
        }
    }

    /// Marks everything as told by an alert at time `now`. `named` are the suspects that the alert lists, its subject
    /// first.
    pub(in crate::incident) fn told(&mut self, now: BootTime, named: &[SuspectNumber]) {
        for (index, number) in named.iter().enumerate() {
            if let Some(suspect) = self.suspects.get_mut(number) {
                suspect.told(index == 0);
            }
        }
        self.reported = self.reported.max(self.verdict);
        self.last_alert = now;
        self.news = None;
        self.resumed = false;
        self.reopened = false;
        self.held_back = false;
        self.alerts += 1;
        self.budget.spend(now);
    }
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
