//! What is known of the host beyond its processes, kept up to date before the detectors look at an event.
//!
//! A detector judges; what several of them need to know is kept here once.

mod dns_servers;
mod load_history;
mod passive_dns;
mod phases;

use std::{net::IpAddr, sync::Arc};

use super::{WrittenFiles, network::encoded_name};
use crate::{
    bounded::BoundedMap,
    intel::{Indicators, Listed},
    model::{BootTime, DnsMessage, Event, EventBody, GeoLocation, Request},
    process::{Process, ProcessTable},
};
use passive_dns::Observer;

pub use dns_servers::DnsServers;
pub use load_history::{LoadHistories, LoadHistory, LoadHistoryState, ProgramIdentity, Shares};
pub use passive_dns::PassiveDns;
pub use phases::{Pause, Phase, Phases, REPORT_DELAY};

/// Written files remembered in case they are run.
const WRITTEN_FILES: usize = 4_096;
/// Addresses whose location is remembered.
const LOCATIONS: usize = 4_096;
/// Working processes followed at once.
const WORKING_PROCESSES: usize = 1_024;
/// Programs whose load is remembered over days; each takes about 1.6 KB.
const PROGRAMS: usize = 1_024;

/// The knowledge that detectors share.
#[derive(Debug)]
pub struct Knowledge {
    /// Files written lately that may be run.
    pub written: WrittenFiles,
    /// The lists of indicators.
    pub indicators: Arc<Indicators>,
    /// Where peers are, as far as the events of their connections said.
    pub locations: BoundedMap<IpAddr, Arc<GeoLocation>>,
    /// The names of addresses.
    pub names: PassiveDns,
    /// Which processes are DNS servers.
    pub dns_servers: DnsServers,
    /// When processes work and when they rest.
    pub phases: Phases,
    /// How much CPU time each program took over the last days.
    pub load_histories: LoadHistories,
    /// What the event at hand showed beyond its own content.
    pub facts: EventFacts,
}

/// What one event showed beyond its own content.
#[derive(Debug, Default)]
pub struct EventFacts {
    /// The pause of its process that the event ended.
    pub pause: Option<Pause>,
    /// The program of its process, if the load of its last day is to be judged now.
    pub due: Option<ProgramIdentity>,
}

impl Knowledge {
    /// Nothing known yet but the lists.
    pub fn new(indicators: Arc<Indicators>) -> Self {
        Self {
            written: WrittenFiles::new(WRITTEN_FILES),
            indicators,
            locations: BoundedMap::new(LOCATIONS),
            names: PassiveDns::default(),
            dns_servers: DnsServers::default(),
            phases: Phases::new(WORKING_PROCESSES),
            load_histories: LoadHistories::new(PROGRAMS),
            facts: EventFacts::default(),
        }
    }

    /// Takes in what an event says.
    pub fn observe(&mut self, event: &Event, process: &Process, table: &ProcessTable) {
        if let Some((destination, location)) = event.body.destination().zip(event.body.peer()) {
            let address = destination.ip().to_canonical();
            if self.locations.get(&address).is_none_or(|known| **known != *location) {
                self.locations.insert(address, Arc::new(location.clone()));
            }
        }
        match &event.body {
            EventBody::Payload(payload) => {
                let observer =
                    Observer { process: event.subject.key, network: process.network, at: event.time };
                self.names.observe(observer, payload, &self.indicators);
            }
            EventBody::DnsServerRole(role) => {
                self.dns_servers.observe(event.subject.key, role.serves, event.time);
            }
            _ => {}
        }
        self.written.observe(event, process, table);
        let pause = self.phases.observe(event);
        let due = self.load_histories.observe(event, process, table);
        // Hardly any event has such facts, and each would write them anew.
        if pause.is_some() || due.is_some() || self.facts.pause.is_some() || self.facts.due.is_some() {
            self.facts = EventFacts { pause, due };
        }
    }

    /// The load history that is to be judged now, if the event made one due.
    pub fn due_load_history(&self) -> Option<&LoadHistory> {
        self.load_histories.get(self.facts.due.as_ref()?)
    }

    /// Evictions by the name of their counter in the metrics.
    pub fn evictions(&self) -> impl Iterator<Item = (&'static str, u64)> {
        [
            ("names_evicted", self.names.evicted()),
            ("scheduling_evicted", self.phases.evicted() + self.load_histories.evicted()),
        ]
        .into_iter()
    }

    /// What has to be found out about the process of an event before the event can be judged: a suspicious DNS question
    /// is the process's own, unless it is a DNS server.
    pub fn question(&self, event: &Event) -> Option<Request> {
        let EventBody::Payload(payload) = &event.body else { return None };
        let message = payload.app.dns.as_deref()?;
        let is_suspicious = self.listed_name(message).is_some() || encoded_name::data_in(message).is_some();
        let is_known = self.dns_servers.is_server(event.subject.key, event.time).is_some();
        (is_suspicious && !is_known).then(|| Request::DnsRole(event.subject.clone()))
    }

    /// The name that an address in a network namespace was last resolved from, as long as it holds.
    pub fn domain_of(&self, network: u32, address: IpAddr, now: BootTime) -> Option<Arc<str>> {
        self.names.resolution_of(network, address, now).map(|resolved| Arc::clone(&resolved.name))
    }

    /// The first name in a DNS message that is on a list.
    pub fn listed_name<'a>(&'a self, message: &'a DnsMessage) -> Option<(&'a str, Listed<'a>)> {
        let mut names = std::iter::once(message.answer.question.as_str()).chain(message.aliases());
        names.find_map(|name| Some((name, self.indicators.domain(name)?)))
    }
}
