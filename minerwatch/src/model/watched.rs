//! Closed incidents that are watched for a return.

use std::sync::Arc;

use super::{Account, BootTime, IncidentId, Peer, Verdict};

/// A closed incident, and what is taken for its return: a named program starts, a process mines with the same peer or
/// for the same account, or something writes to a place that the incident changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchedIncident {
    /// The incident.
    pub incident: IncidentId,
    /// The highest verdict of its suspects.
    pub verdict: Verdict,
    /// When the watch began.
    pub since: BootTime,
    /// When it ends.
    pub until: BootTime,
    /// The paths of the programs of named suspects.
    pub programs: Vec<Arc<str>>,
    /// The places that start programs, and that members changed.
    pub places: Vec<Arc<str>>,
    /// The peers that suspects mined with.
    pub peers: Vec<Peer>,
    /// The accounts that suspects mined for.
    pub accounts: Vec<Account>,
}

/// Why an incident is not watched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWatched {
    /// There is no such incident.
    #[error(
        "no incident {0} is open or watched; `minerwatch explain` and `minerwatch watch-clean` list them"
    )]
    Unknown(String),
    /// No alert named a suspect of the incident.
    #[error("no alert named a suspect of incident {0}, so nothing is known that could return")]
    NothingNamed(IncidentId),
    /// A suspect still runs.
    #[error(
        "the incident is not over: {name} (pid {pid}) still runs. End it with `minerwatch respond {incident} --stop`, \
         or by hand, and ask again"
    )]
    StillRuns {
        /// The incident.
        incident: IncidentId,
        /// The program of the suspect.
        name: Arc<str>,
        /// The process.
        pid: u32,
    },
}
