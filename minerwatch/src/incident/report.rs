//! Builds the alert of an incident.

use std::time::Duration;

use super::{
    message,
    record::Incident,
    score::{HeldSignal, Score},
    suspect::{Suspect, SuspectNumber},
};
use crate::{
    detect::SignalKind,
    model::{
        Alert, AlertAction, AlertReason, BootTime, Excepted, Health, Member, MemberRole, Peer, ProcessView,
        Signal, Verdict,
    },
    process::ProcessTable,
};

/// Maximum number of suspects in an alert.
pub(super) const MAX_SUSPECTS: usize = 32;
/// Maximum number of members in an alert.
const MAX_MEMBERS: usize = 32;

/// An alert, and the suspects that it lists.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) alert: Alert,
    pub(super) named: Vec<SuspectNumber>,
}

impl Incident {
    /// Builds an alert about a suspect. Returns `None` if there is no such suspect.
    pub(super) fn report(
        &self,
        subject: SuspectNumber,
        action: AlertAction,
        reason: AlertReason,
        now: BootTime,
        table: &ProcessTable,
    ) -> Option<Report> {
        let suspect = self.suspect(subject)?;
        let verdict = self.verdict().unwrap_or(Verdict::Noted);
        let mut held: Vec<&HeldSignal> = self.counted(suspect);
        held.sort_by(|one, other| one.compare(other));
        let score = Score::of(held.iter().copied(), suspect.signs.are_excused(), now);
        let score_parts = score.parts(&held, now);
        let signals: Vec<Signal> = held
            .iter()
            .map(|held| Signal { last: held.last, conclusive: held.conclusive, ..held.signal.clone() })
            .collect();

        let mut listed: Vec<(SuspectNumber, &Suspect)> = self
            .suspects()
            .filter(|(number, suspect)| suspect.verdict.is_some() || *number == subject)
            .collect();
        listed.sort_by_key(|(number, suspect)| {
            let rank = (*number != subject, !suspect.has_urgent_news(), std::cmp::Reverse(suspect.verdict));
            (rank, !suspect.is_alive(), std::cmp::Reverse(*number))
        });
        let more_suspects = listed.len().saturating_sub(MAX_SUSPECTS);
        listed.truncate(MAX_SUSPECTS);
        let suspects =
            listed.iter().map(|(_, suspect)| suspect.report(&self.counted(suspect), now)).collect();
        let others = message::Others {
            suspects: listed.len() - 1 + more_suspects,
            peers: self.suspects().flat_map(|(_, other)| other.peers()).count(),
        };

        let parent = suspect.parent.as_deref().cloned();
        let message = message::sentence(&message::Story {
            verdict: suspect.verdict.unwrap_or(verdict),
            action,
            reason,
            suspect: &suspect.view,
            returns: suspect.returns,
            is_watched: self.watch.is_some(),
            is_own: &|key| suspect.ran_in(key),
            parent: parent.as_ref(),
            signals: &signals,
            accounts: suspect.accounts(),
            chain: &self.chain,
            others: &others,
            speaks_of_mining: held.iter().any(|held| held.kind == SignalKind::Mining),
        });
        let alert = Alert {
            incident: self.id,
            action,
            reason,
            number: self.alerts + 1,
            time: now,
            verdict,
            score: score.points,
            score_parts,
            suspect: ProcessView::clone(&suspect.view),
            parent,
            container: suspect.view.container.clone(),
            destination: destination(suspect),
            suspects,
            more_suspects: more_suspects as u64,
            members: self.members(table),
            dropped: self.dropped.clone(),
            persistence: self.persistence(),
            signals,
            chain: self.chain.with_parents(),
            message,
            folded: self.repeated() + self.chain.left_out(),
            excepted: Excepted::default(),
            latency: Duration::ZERO,
            health: Health::default(),
        };
        Some(Report { alert, named: listed.into_iter().map(|(number, _)| number).collect() })
    }

    fn persistence(&self) -> Vec<std::sync::Arc<str>> {
        let mut places = Vec::new();
        for persisted in self.links.persisted() {
            if !places.contains(&persisted.file) {
                places.push(std::sync::Arc::clone(&persisted.file));
            }
        }
        places
    }

    /// Returns the processes that take part, the most important first.
    fn members(&self, table: &ProcessTable) -> Vec<Member> {
        let mut members: Vec<Member> = self
            .suspects()
            .filter(|(_, suspect)| suspect.verdict.is_some())
            .map(|(_, suspect)| Member {
                process: suspect.view.key,
                name: suspect.view.name.clone(),
                role: MemberRole::Suspect,
            })
            .collect();
        members.extend(self.parts().cloned());
        let bystanders = self.holdings.processes().filter_map(|key| {
            let process = table.get(key)?;
            Some(Member { process: key, name: process.view.name.clone(), role: MemberRole::Bystander })
        });
        members.extend(bystanders);
        members.sort_by_key(|member| (member.role, member.process));
        let mut seen = rustc_hash::FxHashSet::default();
        members.retain(|member| seen.insert(member.process));
        members.truncate(MAX_MEMBERS);
        members
    }
}

/// Returns the peer of a suspect's strongest own signal that names one.
fn destination(suspect: &Suspect) -> Option<Peer> {
    let mut own: Vec<&HeldSignal> = suspect.signals.iter().collect();
    own.sort_by(|one, other| one.compare(other));
    let address = own.iter().find_map(|held| match held.signal.value("destination") {
        Some(crate::model::Value::Address(address)) => Some(*address),
        _ => None,
    })?;
    let known = suspect.peers().iter().find(|peer| peer.address == address);
    Some(known.cloned().unwrap_or(Peer { address, name: None }))
}
