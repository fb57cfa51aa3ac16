//! The steps of an incident, and the chains that they complete.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use super::Incident;
use crate::{
    detect::{
        SignalKind,
        behavior::{
            DROP_AND_RUN, PERSISTENCE, TRIPLE_CHAIN, WayIn, is_database, service_entry, triple_chain,
        },
    },
    incident::{
        causes::path_of,
        chain::command_line,
        links::Persisted,
        score::HeldSignal,
        signs::{Extent, Sign},
    },
    model::{BootTime, ChainEdge, ChainKind, ProcessKey},
    process::{ImageSource, Process, ProcessTable, Role, base_name},
};

/// Maximum number of generations, from a process up, whose creation becomes a step.
const MAX_CREATED: usize = 6;
/// Maximum time that a program which installs a service runs.
const INSTALLATION: Duration = Duration::from_secs(5 * 60);
/// Maximum number of different connections that an incident remembers. Older ones make room.
const MAX_CONNECTIONS: usize = 256;

impl Incident {
    /// Adds the chains that are complete now.
    pub(in crate::incident) fn complete_chains(&mut self, table: &ProcessTable, at: BootTime) {
        let heads =
            |key| self.suspect_of(key).map_or_else(Vec::new, |suspect| suspect.causes.heads().to_vec());
        let is_suspicious = |key| {
            let of_suspect =
                self.suspect_of(key).is_some_and(|suspect| suspect.signs.are_suspicious(Extent::Part));
            of_suspect || table.get(key).is_some_and(|process| process.taint.is_some())
        };
        let entered = |persisted: &Persisted| self.entered(table, persisted);
        for mut chain in self.links.chains(heads, is_suspicious, entered) {
            let number = match (self.by_process.get(&chain.holder), table.get(chain.holder)) {
                (Some(number), _) => *number,
                (None, Some(process)) => self.suspect_for(process, table, at),
                (None, None) => continue,
            };
            let installs = self.installs_services(chain.holder, table, at);
            let Some(suspect) = self.suspects.get_mut(&number) else { continue };
            if matches!(chain.facts.way_in, WayIn::Service(_)) {
                suspect.signs.add(Sign::EnteredThroughService);
            }
            let (persists, dropped) = (chain.facts.persisted.is_some(), chain.facts.dropped);
            let extent = if !(persists && dropped) {
                Extent::Part
            } else if installs {
                Extent::Installed
            } else {
                Extent::Whole
            };
            if suspect.signs.are_suspicious(extent) {
                chain.facts.wrong = suspect.signs.iter().map(Sign::words).collect();
                let mut known = Vec::new();
                chain.facts.wrong.retain(|words| {
                    let is_new = !known.contains(words);
                    known.push(*words);
                    is_new
                });
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

    /// Returns the process that holds the chain of an intruder who came through a service, and the name of the service. The
    /// process is a database that changed a place that starts programs, or the shell or interpreter below a service that
    /// did. If the service is no database, the shell must also have taken another step, because administrators change such
    /// places through web applications.
    fn entered(&self, table: &ProcessTable, persisted: &Persisted) -> Option<(ProcessKey, Arc<str>)> {
        let is_database = |service: &Process| {
            service.role == Role::Service && is_database(base_name(&service.view.executable.path))
        };
        let mut path = persisted.path.iter().filter_map(|key| table.get(*key));
        let writer = path.clone().next()?;
        if is_database(writer) {
            return Some((writer.key(), Arc::clone(&writer.view.name)));
        }
        let holder = path.find(|process| matches!(process.role, Role::Shell | Role::Interpreter))?;
        let (_, service) = service_entry(table, holder.key())?;
        let has_step = || {
            let is_other = |held: &HeldSignal| {
                held.kind == SignalKind::Step
                    && held.path.contains(&holder.key())
                    && ![PERSISTENCE, TRIPLE_CHAIN, DROP_AND_RUN].iter().any(|info| info.names(&held.signal))
            };
            self.suspects.values().any(|suspect| suspect.signals.iter().any(is_other))
        };
        (is_database(service) || has_step()).then(|| (holder.key(), Arc::clone(&service.view.name)))
    }

    /// Whether the chain is that of an installer: only services of the system persist, and the dropped program `holder` has
    /// ended or has run for less than five minutes.
    fn installs_services(&self, holder: ProcessKey, table: &ProcessTable, at: BootTime) -> bool {
        let has_ended = |process: &Process| !process.is_alive() || at.since(process.since) < INSTALLATION;
        self.links.persists_by_services() && table.get(holder).is_none_or(has_ended)
    }

    /// Adds the creation steps of a process and its nearest ancestors. `path` leads from the process up its tree.
    pub(in crate::incident) fn created<'a>(&mut self, path: impl Iterator<Item = &'a Process>) {
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
    pub(in crate::incident) fn step(&mut self, edge: ChainEdge) {
        let at = edge.at.max(self.last_activity);
        if self.chain.add(edge) {
            self.news.get_or_insert(at);
        }
    }

    /// Records a connection. Returns true if it is new.
    pub(in crate::incident) fn is_new_connection(
        &mut self,
        key: ProcessKey,
        destination: SocketAddr,
    ) -> bool {
        if self.connections.len() >= MAX_CONNECTIONS {
            self.connections.pop_first();
        }
        self.connections.insert((key, destination))
    }
}
