//! What is known of the host beyond its processes, kept up to date before the detectors look at an event.
//!
//! A detector judges; what several of them need to know is kept here once.

mod dns_servers;
mod passive_dns;

use std::{net::IpAddr, sync::Arc};

use super::{WrittenFiles, network::encoded_name};
use crate::{
    bounded::BoundedMap,
    intel::{Indicators, Listed},
    model::{BootTime, DnsMessage, Event, EventBody, GeoLocation, Request},
    process::{Process, ProcessTable},
};
pub use dns_servers::DnsServers;
use passive_dns::Observer;
pub use passive_dns::PassiveDns;

/// Written files remembered in case they are run.
const WRITTEN_FILES: usize = 4_096;
/// Addresses whose location is remembered.
const LOCATIONS: usize = 4_096;

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
