//! Incidents that are watched for a return, as `minerwatch watch-clean --json` writes them.

use serde::Serialize;

use super::{Encoder, timestamp::Timestamp};
use crate::model::{Peer, Verdict, WatchedIncident};

#[derive(Serialize)]
struct Watched<'a> {
    incident: String,
    verdict: Verdict,
    since: Timestamp,
    until: Timestamp,
    programs: &'a [std::sync::Arc<str>],
    places: &'a [std::sync::Arc<str>],
    peers: &'a [Peer],
    accounts: Vec<&'a str>,
}

impl Encoder {
    pub(super) fn encode_watched(&self, watched: &WatchedIncident, lines: &mut Vec<u8>) {
        let WatchedIncident { incident, verdict, since, until, programs, places, peers, accounts } = watched;
        let line = Watched {
            incident: incident.to_string(),
            verdict: *verdict,
            since: self.time(*since),
            until: self.time(*until),
            programs,
            places,
            peers,
            accounts: accounts.iter().map(|account| &*account.shown).collect(),
        };
        // Plain data always serializes.
        if serde_json::to_writer(&mut *lines, &line).is_ok() {
            lines.push(b'\n');
        }
    }
}
