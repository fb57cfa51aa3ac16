//! The names of addresses, learnt from the DNS answers and the TLS hellos that pass by. Nothing is ever asked.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    bounded::BoundedMap,
    intel::Indicators,
    model::{BootTime, DnsMessage, Payload, ProcessKey},
};

/// Addresses whose names are remembered.
const ADDRESSES: usize = 16_384;
/// Questions that may wait for their answers. A busy resolver has some hundreds.
const QUESTIONS: usize = 4_096;
/// How long a name holds at most, whatever the answer says.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// How long a name holds at least: programs keep addresses for much longer than the answer allows.
const MIN_LIFETIME: Duration = Duration::from_secs(3_600);

/// The name that led to an address.
#[derive(Clone, Debug)]
pub struct ResolvedName {
    /// The name that was asked for.
    pub name: Arc<str>,
    /// The first alias in the answer that is on a list.
    pub listed_alias: Option<Arc<str>>,
    /// Until when it holds.
    until: BootTime,
}

/// An address in a network namespace, 0 if unknown. The same address may be another host in another namespace.
type NetworkAddress = (u32, IpAddr);

/// A question that waits for its answer: who asked, which server, and the number of the message.
type Question = (ProcessKey, SocketAddr, u16);

/// Names by address.
#[derive(Debug)]
pub struct PassiveDns {
    names: BoundedMap<NetworkAddress, ResolvedName>,
    questions: BoundedMap<Question, String>,
}

impl Default for PassiveDns {
    fn default() -> Self {
        Self { names: BoundedMap::new(ADDRESSES), questions: BoundedMap::new(QUESTIONS) }
    }
}

/// Who sees a payload: which process, in which network namespace, and when.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// The process.
    pub process: ProcessKey,
    /// Its network namespace.
    pub network: u32,
    /// The time.
    pub at: BootTime,
}

impl PassiveDns {
    /// Learns from a payload that is a DNS message or a TLS hello.
    pub fn observe(&mut self, observer: Observer, payload: &Payload, indicators: &Indicators) {
        if let Some(message) = payload.app.dns.as_deref() {
            self.observe_dns(observer, payload.flow.destination, message, indicators);
        }
        // Later in a connection a hello may go through a tunnel, to another host.
        let server_name = payload.app.tls.as_deref().and_then(|hello| hello.server_name.as_deref());
        if let Some(name) = server_name.filter(|_| payload.index == 0) {
            self.observe_server_name(observer, payload.flow.destination.ip(), name);
        }
    }

    /// The name that an address was last resolved from, as long as it holds.
    pub fn resolution_of(&self, network: u32, address: IpAddr, now: BootTime) -> Option<&ResolvedName> {
        let resolved = self.names.get(&(network, address.to_canonical()))?;
        (now <= resolved.until).then_some(resolved)
    }

    /// Addresses that made room for others.
    pub fn evicted(&self) -> u64 {
        self.names.evicted()
    }

    /// An answer counts only if this process asked this server this question: anybody can send an answer.
    fn observe_dns(
        &mut self,
        observer: Observer,
        server: SocketAddr,
        message: &DnsMessage,
        indicators: &Indicators,
    ) {
        let question = (observer.process, server, message.id);
        let name = &message.answer.question;
        if !message.response {
            name.clone_into(self.questions.entry(&question, String::new));
        } else if self.questions.remove(&question).as_ref() == Some(name) {
            self.learn(observer, message, indicators);
        }
    }

    fn learn(&mut self, observer: Observer, message: &DnsMessage, indicators: &Indicators) {
        let listed_alias = message.aliases().find(|alias| indicators.domain(alias).is_some());
        let ttl = message.answer.records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let lifetime = Duration::from_secs(ttl.into()).clamp(MIN_LIFETIME, MAX_LIFETIME);
        let resolved = ResolvedName {
            name: Arc::from(message.answer.question.as_str()),
            listed_alias: listed_alias.map(Arc::from),
            until: observer.at.plus(lifetime),
        };
        for address in message.addresses() {
            self.names.insert((observer.network, address.to_canonical()), resolved.clone());
        }
    }

    /// The name in a TLS hello names an address that no answer named.
    fn observe_server_name(&mut self, observer: Observer, address: IpAddr, name: &str) {
        if self.resolution_of(observer.network, address, observer.at).is_none() {
            let until = observer.at.plus(MAX_LIFETIME);
            let resolved = ResolvedName { name: Arc::from(name), listed_alias: None, until };
            self.names.insert((observer.network, address.to_canonical()), resolved);
        }
    }
}
