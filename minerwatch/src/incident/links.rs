//! The links of the triple chain: connections, dropped files that were run, and places that start programs.
//!
//! Links make a chain only if the same process, its descendants, or the writer of its program took them. A connection
//! of an ancestor counts only if the ancestor itself is suspicious: many programs that start jobs are connected to a
//! database.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    detect::behavior::{ChainFacts, WayIn},
    model::{BootTime, ProcessKey},
};

/// Maximum number of links of each kind. The oldest makes room.
const MAX_LINKS: usize = 64;
/// Maximum time between a connection and the file change that it belongs to.
pub(super) const CHAIN_SPAN: Duration = Duration::from_secs(10 * 60);

/// A connection to another host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Connected {
    pub(super) at: BootTime,
    /// The process and its ancestors in its tree, nearest first.
    pub(super) path: Vec<ProcessKey>,
    pub(super) destination: SocketAddr,
}

/// A process that runs a file which a member wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ran {
    pub(super) at: BootTime,
    pub(super) path: Vec<ProcessKey>,
    /// The process that wrote the file.
    pub(super) writer: Option<ProcessKey>,
}

/// A change of a place that starts programs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Persisted {
    pub(super) at: BootTime,
    pub(super) path: Vec<ProcessKey>,
    pub(super) file: Arc<str>,
    /// The container in which the file has this path.
    #[serde(default)]
    pub(super) container: Option<Arc<str>>,
}

/// The links that an incident has shown.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Links {
    connected: Vec<Connected>,
    ran: Vec<Ran>,
    persisted: Vec<Persisted>,
}

/// A chain: the process that holds it, and its links.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FoundChain {
    pub(super) holder: ProcessKey,
    pub(super) facts: ChainFacts,
}

impl Links {
    /// Adds a connection. Returns whether it is new.
    pub(super) fn connect(&mut self, link: Connected) -> bool {
        let is_new = |known: &Connected| {
            known.path.first() != link.path.first() || known.destination != link.destination
        };
        self.connected.iter().all(is_new) && push(&mut self.connected, link)
    }

    /// Adds a run of a dropped file. Returns whether it is new.
    pub(super) fn run(&mut self, link: Ran) -> bool {
        let is_new = |known: &Ran| known.path.first() != link.path.first();
        self.ran.iter().all(is_new) && push(&mut self.ran, link)
    }

    /// Adds a change of a place that starts programs. Returns whether it is new.
    pub(super) fn persist(&mut self, link: Persisted) -> bool {
        let is_new = |known: &Persisted| known.path.first() != link.path.first() || known.file != link.file;
        self.persisted.iter().all(is_new) && push(&mut self.persisted, link)
    }

    /// Whether a place that starts programs was changed.
    pub(super) fn persists(&self) -> bool {
        !self.persisted.is_empty()
    }

    /// Whether everything that persists is a service of the system: a unit of systemd or an init script.
    pub(super) fn persists_by_services(&self) -> bool {
        self.persists() && self.persisted.iter().all(|link| is_service(&link.file))
    }

    /// The connections, oldest first.
    pub(super) fn connected(&self) -> impl Iterator<Item = &Connected> {
        self.connected.iter()
    }

    /// The changed places that start programs, oldest first.
    pub(super) fn persisted(&self) -> impl Iterator<Item = &Persisted> {
        self.persisted.iter()
    }

    /// Keeps only the changed places. The processes and times of an earlier boot mean nothing after it.
    pub(super) fn leave_boot(&mut self) {
        self.connected.clear();
        self.ran.clear();
        for link in &mut self.persisted {
            link.at = BootTime::default();
            link.path.clear();
        }
    }

    /// Adds the links of another incident.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self { connected, ran, persisted } = other;
        for link in connected {
            self.connect(link);
        }
        for link in ran {
            self.run(link);
        }
        for link in persisted {
            self.persist(link);
        }
    }

    /// Returns the complete chains. `heads` returns the scripts that dropped a process. `is_suspicious` says whether the
    /// connections of a process count for its descendants. If no process of a chain connected, `entered` may complete it: it
    /// returns the process that holds the chain, and the name of the service through which that process came.
    pub(super) fn chains(
        &self,
        heads: impl Fn(ProcessKey) -> Vec<ProcessKey>,
        is_suspicious: impl Fn(ProcessKey) -> bool,
        entered: impl Fn(&Persisted) -> Option<(ProcessKey, Arc<str>)>,
    ) -> Vec<FoundChain> {
        let mut chains = Vec::new();
        for ran in &self.ran {
            let Some(holder) = ran.path.first().copied() else { continue };
            let own = self.connected.iter().find(|connected| connected.path.contains(&holder));
            let fetched = || {
                self.connected.iter().find(|connected| {
                    connected.path.first() == ran.writer.as_ref() && is_near(connected.at, ran.at)
                })
            };
            let Some(connected) = own.or_else(fetched) else { continue };
            let heads = heads(holder);
            let persisted = self.persisted.iter().find(|persisted| {
                persisted.path.contains(&holder) || heads.iter().any(|head| persisted.path.contains(head))
            });
            chains.push(chain(holder, connected, persisted, true));
        }
        // A chain with a dropped program names who is to blame: the program, not the script that started it.
        let is_told = |persisted: &Persisted, chains: &[FoundChain]| {
            chains.iter().any(|chain| chain.facts.persisted.as_ref() == Some(&persisted.file))
        };
        let of_dropped = chains.clone();
        for persisted in self.persisted.iter().filter(|persisted| !is_told(persisted, &of_dropped)) {
            let found =
                self.connected.iter().filter(|connected| is_near(connected.at, persisted.at)).find_map(
                    |connected| {
                        let common = persisted.path.iter().find(|key| connected.path.contains(key))?;
                        let is_of_ancestor =
                            connected.path.first() == Some(common) && persisted.path.first() != Some(common);
                        (!is_of_ancestor || is_suspicious(*common)).then_some((*common, connected))
                    },
                );
            if let Some((holder, connected)) = found {
                chains.push(chain(holder, connected, Some(persisted), false));
            } else if let Some((holder, service)) = entered(persisted) {
                let facts = ChainFacts {
                    way_in: WayIn::Service(service),
                    dropped: false,
                    persisted: Some(Arc::clone(&persisted.file)),
                    wrong: Vec::new(),
                    excused: false,
                };
                chains.push(FoundChain { holder, facts });
            }
        }
        chains
    }
}

fn chain(
    holder: ProcessKey,
    connected: &Connected,
    persisted: Option<&Persisted>,
    dropped: bool,
) -> FoundChain {
    let caller = connected.path.first().copied().unwrap_or(holder);
    FoundChain {
        holder,
        facts: ChainFacts {
            way_in: WayIn::Connected(caller, connected.destination),
            dropped,
            persisted: persisted.map(|persisted| Arc::clone(&persisted.file)),
            wrong: Vec::new(),
            excused: false,
        },
    }
}

/// Whether a file is that of a service of the system, and not of a timer, a user or a drop-in of somebody else's service.
fn is_service(file: &str) -> bool {
    const PLACES: [&str; 4] =
        ["/etc/systemd/system/", "/usr/lib/systemd/system/", "/lib/systemd/system/", "/etc/init.d/"];
    PLACES.iter().any(|place| {
        let Some(name) = file.strip_prefix(place) else { return false };
        // The link of a unit that is enabled.
        let unit = name.split_once(".wants/").map_or(name, |(_, unit)| unit);
        !unit.contains('/') && (unit.strip_suffix(".service").is_some() || *place == "/etc/init.d/")
    })
}

fn is_near(one: BootTime, other: BootTime) -> bool {
    one.since(other) <= CHAIN_SPAN && other.since(one) <= CHAIN_SPAN
}

fn push<Link>(links: &mut Vec<Link>, link: Link) -> bool {
    if links.len() >= MAX_LINKS {
        links.remove(0);
    }
    links.push(link);
    true
}
