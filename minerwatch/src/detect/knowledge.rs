//! What is known about the host beyond its processes. The knowledge is updated before the detectors inspect an event.
//!
//! Facts that several detectors need are kept here once. The detectors only judge.

mod dns_servers;
mod load_history;
mod passive_dns;
mod phases;
mod restores;

use std::{net::IpAddr, sync::Arc};

use super::{WrittenFiles, network::encoded_name};
use crate::{
    bounded::BoundedMap,
    intel::{Indicators, Listed},
    model::{BootTime, DnsMessage, Event, EventBody, GeoLocation, Payload, Request},
    process::{Process, ProcessTable},
};
use passive_dns::Observer;

pub use dns_servers::DnsServers;
pub use load_history::{LoadHistories, LoadHistory, LoadHistoryState, ProgramIdentity, Shares};
pub use passive_dns::{DnsClient, PassiveDns};
pub use phases::{Pause, Phase, Phases, REPORT_DELAY};
pub use restores::Restores;

/// Maximum number of written files that are remembered in case they are run.
const WRITTEN_FILES: usize = 4_096;
/// Maximum number of addresses whose location is cached.
const LOCATIONS: usize = 4_096;
/// Maximum number of working processes that are tracked.
const WORKING_PROCESSES: usize = 1_024;
/// Maximum number of programs with a load history. Each history takes about 1.6 KB.
const PROGRAMS: usize = 1_024;

/// The knowledge that detectors share.
#[derive(Debug)]
pub struct Knowledge {
    /// Recently written files that may be run.
    pub written: WrittenFiles,
    /// The indicator lists.
    pub indicators: Arc<Indicators>,
    /// The locations of peers, taken from the events of their connections.
    pub locations: BoundedMap<IpAddr, Arc<GeoLocation>>,
    /// The names of addresses, learnt from DNS and TLS.
    pub names: PassiveDns,
    /// Which processes are DNS servers.
    pub dns_servers: DnsServers,
    /// When processes work and when they rest.
    pub phases: Phases,
    /// How much CPU time each program used over the last days.
    pub load_histories: LoadHistories,
    /// The processes that restore a whole system.
    pub restores: Restores,
    /// Facts about the current event that its body does not contain.
    pub facts: EventFacts,
}

/// Facts about one event that its body does not contain.
#[derive(Debug, Default)]
pub struct EventFacts {
    /// The pause of the event's process, if the event ended one.
    pub pause: Option<Pause>,
    /// The program of the event's process, if the load of its last day is due for judgement.
    pub due: Option<ProgramIdentity>,
}

impl Knowledge {
    /// Creates knowledge that holds only the indicator lists.
    pub fn new(indicators: Arc<Indicators>) -> Self {
        Self {
            written: WrittenFiles::new(WRITTEN_FILES),
            indicators,
            locations: BoundedMap::new(LOCATIONS),
            names: PassiveDns::default(),
            dns_servers: DnsServers::default(),
            phases: Phases::new(WORKING_PROCESSES),
            load_histories: LoadHistories::new(PROGRAMS),
            restores: Restores::default(),
            facts: EventFacts::default(),
        }
    }

    /// Updates the knowledge from an event.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        if let Some((destination, location)) = event.body.destination().zip(event.body.peer()) {
            let address = destination.ip().to_canonical();
            if self.locations.get(&address).is_none_or(|known| **known != *location) {
                self.locations.insert(address, Arc::new(location.clone()));
            }
        }
        match &event.body {
            EventBody::Payload(payload) if payload.app.dns.is_some() || payload.app.tls.is_some() => {
                self.observe_names(event.time, payload, process, table);
            }
            EventBody::DnsServerRole(role) => {
                self.dns_servers.observe(event.subject.key, role, event.time);
            }
            _ => {}
        }
        self.written.observe(event, process, table);
        self.restores.observe(event, process);
        let pause = self.phases.observe(event);
        let due = self.load_histories.observe(event, process, table);
        // Few events have such facts. Skip the write unless there are new facts to store or old facts to clear.
        if pause.is_some() || due.is_some() || self.facts.pause.is_some() || self.facts.due.is_some() {
            self.facts = EventFacts { pause, due };
        }
    }

    fn observe_names(&mut self, at: BootTime, payload: &Payload, process: &Process, table: &ProcessTable) {
        let server = payload.flow.destination;
        let is_trusted = self.dns_servers.is_trusted(process.key(), process.is_of_system(), server, at);
        let observer = Observer { client: DnsClient::of(process, table), is_trusted, at };
        self.names.observe(observer, payload, &self.indicators);
    }

    /// Returns the load history that the event made due for judgement.
    pub fn due_load_history(&self) -> Option<&LoadHistory> {
        self.load_histories.get(self.facts.due.as_ref()?)
    }

    /// Returns the number of evictions, by the name of the metrics counter.
    pub fn evictions(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("names_evicted", self.names.evicted()),
            ("scheduling_evicted", self.phases.evicted() + self.load_histories.evicted()),
            ("restores_evicted", self.restores.evicted()),
        ]
        .into_iter()
    }

    /// Returns the request that must be answered before the event can be judged: whether the process of a suspicious
    /// DNS message is a DNS server. A DNS server asks on behalf of its clients. Returns `None` if the message is not
    /// suspicious or the answer is already known.
    pub fn question(&self, event: &Event) -> Option<Request> {
        let EventBody::Payload(payload) = &event.body else { return None };
        let message = payload.app.dns.as_deref()?;
        let is_suspicious = self.listed_name(message).is_some() || encoded_name::data_in(message).is_some();
        let is_known = self.dns_servers.is_server(event.subject.key, event.time).is_some();
        (is_suspicious && !is_known).then(|| Request::DnsRole(event.subject.clone()))
    }

    /// Returns the name that an address was last resolved from, unless the name has expired or does not hold for this
    /// process.
    pub fn domain_of(&self, client: DnsClient, address: IpAddr, now: BootTime) -> Option<Arc<str>> {
        self.names.resolutions_of(client, address, now).next().map(|resolved| Arc::clone(&resolved.name))
    }

    /// Returns the first listed name in a DNS message, with its list entry.
    pub fn listed_name<'a>(&'a self, message: &'a DnsMessage) -> Option<(&'a str, Listed<'a>)> {
        let mut names = std::iter::once(message.answer.question.as_str()).chain(message.aliases());
        names.find_map(|name| Some((name, self.indicators.domain(name)?)))
    }
}
