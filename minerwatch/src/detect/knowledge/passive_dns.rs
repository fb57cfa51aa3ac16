//! Passive DNS: the names of addresses, learnt from observed DNS answers and TLS client hellos. No query is ever sent.

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

/// Maximum number of addresses whose names are remembered.
const ADDRESSES: usize = 16_384;
/// Maximum number of unanswered questions. A busy resolver has a few hundred.
const QUESTIONS: usize = 4_096;
/// Maximum lifetime of a name, whatever the TTL of the answer.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Minimum lifetime of a name. Programs keep addresses for much longer than the TTL allows.
const MIN_LIFETIME: Duration = Duration::from_secs(3_600);

/// The name that led to an address.
#[derive(Clone, Debug)]
pub struct ResolvedName {
    /// The name in the DNS question, or the server name (SNI) of the TLS client hello.
    pub name: Arc<str>,
    /// The first alias in the answer that is on a list.
    pub listed_alias: Option<Arc<str>>,
    /// When the name expires.
    until: BootTime,
    /// The only process for which the name holds; `None` if it holds for all. Anybody can say any server name to any
    /// address, so a listed one must not make suspects of others who use the address.
    only_for: Option<ProcessKey>,
}

/// An address in a network namespace (0 if unknown). The same address may be a different host in another namespace.
type NetworkAddress = (u32, IpAddr);

/// The key of an unanswered question: the process that asked, the DNS server, and the message id.
type Question = (ProcessKey, SocketAddr, u16);

/// The names by address, and the unanswered questions.
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

/// The circumstances of a payload: the process, its network namespace, and the time.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// The process that sends or receives the payload.
    pub process: ProcessKey,
    /// The network namespace of the process.
    pub network: u32,
    /// The time of the payload.
    pub at: BootTime,
}

impl PassiveDns {
    /// Learns names from a payload that is a DNS message or a TLS client hello.
    pub fn observe(&mut self, observer: Observer, payload: &Payload, indicators: &Indicators) {
        if let Some(message) = payload.app.dns.as_deref() {
            self.observe_dns(observer, payload.flow.destination, message, indicators);
        }
        // A client hello later in a connection may go through a tunnel to another host.
        let server_name = payload.app.tls.as_deref().and_then(|hello| hello.server_name.as_deref());
        if let Some(name) = server_name.filter(|_| payload.index == 0) {
            let is_listed = indicators.domain(name).is_some();
            self.observe_server_name(observer, payload.flow.destination.ip(), name, is_listed);
        }
    }

    /// Returns the name that an address was last resolved from, unless the name has expired or does not hold for this
    /// process.
    pub fn resolution_of(
        &self,
        network: u32,
        address: IpAddr,
        process: ProcessKey,
        now: BootTime,
    ) -> Option<&ResolvedName> {
        let resolved = self.names.get(&(network, address.to_canonical()))?;
        let holds = resolved.only_for.is_none_or(|only| only == process);
        (holds && now <= resolved.until).then_some(resolved)
    }

    /// The number of evicted addresses.
    pub fn evicted(&self) -> u64 {
        self.names.evicted()
    }

    /// Records a question, or learns from an answer. An answer counts only if this process asked this server this
    /// question, because anybody can send an answer.
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
            only_for: None,
        };
        for address in message.addresses() {
            self.names.insert((observer.network, address.to_canonical()), resolved.clone());
        }
    }

    /// Names an address after the server name (SNI) of a TLS client hello, unless the address has a valid name already.
    fn observe_server_name(&mut self, observer: Observer, address: IpAddr, name: &str, is_listed: bool) {
        let Observer { process, network, at } = observer;
        if self.resolution_of(network, address, process, at).is_some() {
            return;
        }
        let key = (network, address.to_canonical());
        let others = self.names.get(&key).is_some_and(|known| at <= known.until);
        // A listed name of one process must not replace that of another.
        if is_listed && others {
            return;
        }
        let resolved = ResolvedName {
            name: Arc::from(name),
            listed_alias: None,
            until: at.plus(MAX_LIFETIME),
            only_for: is_listed.then_some(process),
        };
        self.names.insert(key, resolved);
    }
}
