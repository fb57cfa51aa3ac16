//! Passive DNS: the names of addresses, learnt from observed DNS answers and, for the process that says them, from TLS
//! client hellos. No query is ever sent.

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
/// Maximum number of names per address. Many names lead to the address of a large provider.
const NAMES: usize = 4;
/// Maximum number of server names that processes said.
const SAID: usize = 4_096;
/// Minimum lifetime of a name. Programs keep addresses for much longer than the TTL allows.
const MIN_LIFETIME: Duration = Duration::from_secs(3_600);

/// A name that led to an address.
#[derive(Clone, Debug)]
pub struct ResolvedName {
    /// The name in the DNS question, or the server name (SNI) of the TLS client hello.
    pub name: Arc<str>,
    /// The first alias in the answer that is on a list.
    pub listed_alias: Option<Arc<str>>,
    /// When the name expires.
    until: BootTime,
    /// Whether the name or the alias is on a list.
    is_listed: bool,
}

/// An address in a network namespace (0 if unknown). The same address may be a different host in another namespace.
type NetworkAddress = (u32, IpAddr);

/// The key of an unanswered question: the process that asked, the DNS server, and the message id.
type Question = (ProcessKey, SocketAddr, u16);

/// The names by address, and the unanswered questions.
#[derive(Debug)]
pub struct PassiveDns {
    /// The names of each address, the latest last.
    names: BoundedMap<NetworkAddress, Vec<ResolvedName>>,
    /// What a process called an address. Anybody can say any server name to any address, so it holds for nobody else.
    said: BoundedMap<(ProcessKey, NetworkAddress), ResolvedName>,
    questions: BoundedMap<Question, String>,
}

impl Default for PassiveDns {
    fn default() -> Self {
        Self {
            names: BoundedMap::new(ADDRESSES),
            said: BoundedMap::new(SAID),
            questions: BoundedMap::new(QUESTIONS),
        }
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

    /// Returns the names that led to an address and have not expired, the latest first: those of DNS answers, and before
    /// them the name that this process itself called the address.
    pub fn resolutions_of(
        &self,
        network: u32,
        address: IpAddr,
        process: ProcessKey,
        now: BootTime,
    ) -> impl Iterator<Item = &ResolvedName> {
        let key = (network, address.to_canonical());
        let resolved = self.names.get(&key).map(Vec::as_slice).unwrap_or_default();
        let said = self.said.get(&(process, key));
        resolved.iter().rev().chain(said).filter(move |resolved| now <= resolved.until)
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
        let name = message.answer.question.as_str();
        let resolved = ResolvedName {
            name: Arc::from(name),
            is_listed: listed_alias.is_some() || indicators.domain(name).is_some(),
            listed_alias: listed_alias.map(Arc::from),
            until: observer.at.plus(lifetime),
        };
        for address in message.addresses() {
            let names = self.names.entry(&(observer.network, address.to_canonical()), Vec::new);
            add(names, resolved.clone(), observer.at);
        }
    }

    /// Records the server name (SNI) of a TLS client hello.
    fn observe_server_name(&mut self, observer: Observer, address: IpAddr, name: &str, is_listed: bool) {
        let Observer { process, network, at } = observer;
        let key = (process, (network, address.to_canonical()));
        // A name on a list stays: a later hello to the same address may say another one.
        if self.said.get(&key).is_some_and(|known| known.is_listed && !is_listed && at <= known.until) {
            return;
        }
        let until = at.plus(MAX_LIFETIME);
        self.said.insert(key, ResolvedName { name: Arc::from(name), listed_alias: None, until, is_listed });
    }
}

/// Adds a name to those of an address. If there are too many, an expired one makes room, else the oldest that is on no
/// list: whoever asks for many names must not erase that of a pool.
fn add(names: &mut Vec<ResolvedName>, resolved: ResolvedName, now: BootTime) {
    names.retain(|known| now <= known.until && known.name != resolved.name);
    if names.len() >= NAMES {
        let oldest = names.iter().position(|known| !known.is_listed).unwrap_or(0);
        names.remove(oldest);
    }
    names.push(resolved);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_names_do_not_erase_a_listed_one() {
        let resolved = |name: &str, is_listed| ResolvedName {
            name: Arc::from(name),
            listed_alias: None,
            until: BootTime(100),
            is_listed,
        };
        let mut names = Vec::new();
        add(&mut names, resolved("pool", true), BootTime(1));
        for name in ["a", "b", "c", "d", "e", "e"] {
            add(&mut names, resolved(name, false), BootTime(2));
        }
        let left: Vec<&str> = names.iter().map(|known| &*known.name).collect();
        assert_eq!(left, ["pool", "c", "d", "e"]);
        add(&mut names, resolved("f", false), BootTime(200));
        assert_eq!(names.len(), 1, "what expired is gone");
    }
}
