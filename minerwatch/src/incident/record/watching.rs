//! What a closed incident keeps, so that its return is recognized.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc};

use serde::{Deserialize, Serialize};

use super::Incident;
use crate::{
    incident::{budget::IncidentBudget, chain::Chain, membership::Place, suspect::Suspect},
    model::{Account, BootTime, Peer, Verdict, WatchedIncident},
};

/// The time for which a closed incident is watched for a return.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::incident) struct Watch {
    pub(in crate::incident) since: BootTime,
    pub(in crate::incident) until: BootTime,
    /// Whether a person asked for it after a cleaning. Nobody confirmed the others.
    #[serde(default)]
    pub(in crate::incident) asked: bool,
}

impl Incident {
    /// Whether there is something that could return: a suspect that an alert named as suspected or mining.
    pub(in crate::incident) fn can_return(&self) -> bool {
        self.suspects.values().any(Suspect::is_named)
    }

    /// Whether the start of a program alone is a return. A suspect that was not confirmed, by a person or by the verdict
    /// `mining`, has to show something, because it may be a false alarm that starts each day.
    pub(in crate::incident) fn returns_by_start(&self) -> bool {
        self.verdict == Some(Verdict::Mining) || self.watch.is_some_and(|watch| watch.asked)
    }

    /// Returns the first living suspect that an alert named.
    pub(in crate::incident) fn living_suspect(&self) -> Option<&Suspect> {
        self.suspects.values().find(|suspect| suspect.is_named() && suspect.is_alive())
    }

    /// Returns the changed places that start programs.
    pub(in crate::incident) fn places(&self) -> impl Iterator<Item = Place> {
        self.links.persisted().map(|link| (Arc::clone(&link.file), link.container.clone()))
    }

    /// Forgets processes, inodes and times, which mean something else after a boot. Keeps what recognizes a return.
    pub(in crate::incident) fn leave_boot(&mut self) {
        self.last_activity = BootTime::default();
        self.next_look = BootTime::default();
        self.last_alert = BootTime::default();
        self.budget = IncidentBudget::default();
        self.by_process.clear();
        self.connections.clear();
        self.chain = Chain::default();
        self.links.leave_boot();
        self.parts = BTreeMap::new();
        self.news = None;
        self.resumed = false;
        self.suspects.values_mut().for_each(Suspect::leave_boot);
    }

    /// Returns what counts as a return of a watched incident.
    pub(in crate::incident) fn watched(&self) -> Option<WatchedIncident> {
        let Watch { since, until, asked: _ } = self.watch?;
        let named = || self.suspects.values().filter(|suspect| suspect.is_named());
        let mut programs: Vec<Arc<str>> = Vec::new();
        let mut peers: Vec<Peer> = Vec::new();
        let mut accounts: Vec<Account> = Vec::new();
        for suspect in named() {
            push(&mut programs, suspect.identity.shown());
            suspect.peers().iter().cloned().for_each(|peer| push(&mut peers, peer));
            suspect.accounts().iter().cloned().for_each(|account| push(&mut accounts, account));
        }
        // Only what is in the index can be recognized.
        let is_held = |peer: &Peer| self.holdings.peers().any(|held: SocketAddr| held == peer.address);
        peers.retain(is_held);
        Some(WatchedIncident {
            incident: self.id,
            verdict: self.verdict.unwrap_or(Verdict::Noted),
            since,
            until,
            programs,
            places: self.holdings.places().map(|(path, _)| Arc::clone(path)).collect(),
            peers,
            accounts,
        })
    }
}

fn push<Item: PartialEq>(list: &mut Vec<Item>, item: Item) {
    if !list.contains(&item) {
        list.push(item);
    }
}
