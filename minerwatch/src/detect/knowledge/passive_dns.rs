//! Passive DNS: the names of addresses, learnt from observed DNS answers and, for the process that says them, from TLS
//! client hellos. No query is ever sent.
//!
//! Answers of the configured DNS servers hold for all processes. Anybody can run another server, so the answers of other
//! servers hold only for the process that asked, for its children, and for the children of its parent.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use crate::{
    bounded::BoundedMap,
    intel::Indicators,
    model::{BootTime, DnsMessage, Payload, ProcessKey},
    process::{Process, ProcessTable},
};

/// Maximum number of addresses whose names are remembered.
const ADDRESSES: usize = 16_384;
/// Maximum number of unanswered questions. A busy resolver has a few hundred.
const QUESTIONS: usize = 4_096;
/// Maximum lifetime of a name, whatever the TTL of the answer.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3_600);
/// Maximum number of names per address. Many names lead to the address of a large provider.
const NAMES: usize = 4;
/// Maximum number of names that hold only for some processes.
const LIMITED: usize = 4_096;
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
    /// Names that hold only for some processes: server names (SNI), and answers of servers that are not configured.
    /// Anybody can send any server name to any address, and anybody can run a DNS server.
    limited: BoundedMap<(Audience, NetworkAddress), ResolvedName>,
    questions: BoundedMap<Question, String>,
}

impl Default for PassiveDns {
    fn default() -> Self {
        Self {
            names: BoundedMap::new(ADDRESSES),
            limited: BoundedMap::new(LIMITED),
            questions: BoundedMap::new(QUESTIONS),
        }
    }
}

/// The processes for which a name holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Audience {
    /// This process.
    Process(ProcessKey),
    /// The processes that this process started (see [`ProcessTable::starter_of`]).
    StartedBy(ProcessKey),
}

/// A process that receives DNS answers or looks up names.
#[derive(Clone, Copy, Debug)]
pub struct DnsClient {
    process: ProcessKey,
    /// The process that started it.
    starter: Option<ProcessKey>,
    /// Inode number of its network namespace, 0 if unknown.
    network: u32,
}

impl DnsClient {
    /// Describes a process of the table.
    pub fn of(process: &Process, table: &ProcessTable) -> Self {
        let starter = table.starter_of(process).map(Process::key);
        Self { process: process.key(), starter, network: process.network }
    }

    /// Returns the processes for which a limited answer to this process holds.
    fn learns_for(self) -> impl Iterator<Item = Audience> {
        let own = [Audience::Process(self.process), Audience::StartedBy(self.process)];
        own.into_iter().chain(self.starter.map(Audience::StartedBy))
    }

    /// Returns the audiences that this process belongs to, its own first.
    fn audiences(self) -> impl Iterator<Item = Audience> {
        std::iter::once(Audience::Process(self.process)).chain(self.starter.map(Audience::StartedBy))
    }
}

/// The circumstances of a payload.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// The process that sends or receives the payload.
    pub client: DnsClient,
    /// Whether DNS answers of this peer hold for all processes.
    pub is_trusted: bool,
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

    /// Returns the names that led to an address and have not expired: those of DNS answers for everybody, the latest
    /// first, then those that hold for this process alone.
    pub fn resolutions_of(
        &self,
        client: DnsClient,
        address: IpAddr,
        now: BootTime,
    ) -> impl Iterator<Item = &ResolvedName> {
        let key = (client.network, address.to_canonical());
        let resolved = self.names.get(&key).map(Vec::as_slice).unwrap_or_default();
        let said = client.audiences().filter_map(move |audience| self.limited.get(&(audience, key)));
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
        let question = (observer.client.process, server, message.id);
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
        let Observer { client, is_trusted, at } = observer;
        for address in message.addresses() {
            let key = (client.network, address.to_canonical());
            if is_trusted {
                add(self.names.entry(&key, Vec::new), resolved.clone(), at);
                continue;
            }
            for audience in client.learns_for() {
                self.add_limited(audience, key, resolved.clone(), at);
            }
        }
    }

    /// Records the server name (SNI) of a TLS client hello.
    fn observe_server_name(&mut self, observer: Observer, address: IpAddr, name: &str, is_listed: bool) {
        let Observer { client, is_trusted: _, at } = observer;
        let until = at.plus(MAX_LIFETIME);
        let said = ResolvedName { name: Arc::from(name), listed_alias: None, until, is_listed };
        self.add_limited(
            Audience::Process(client.process),
            (client.network, address.to_canonical()),
            said,
            at,
        );
    }

    /// Records a name that holds only for some processes.
    fn add_limited(&mut self, audience: Audience, address: NetworkAddress, name: ResolvedName, at: BootTime) {
        let key = (audience, address);
        // A listed name stays, so that a later name cannot hide it.
        if self.limited.get(&key).is_some_and(|known| known.is_listed && !name.is_listed && at <= known.until)
        {
            return;
        }
        self.limited.insert(key, name);
    }
}

/// Adds a name to those of an address. If there are too many, an expired one makes room, else the oldest that is on no
/// list: a process that asks for many names must not erase that of a pool.
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
    fn a_listed_name_that_one_heard_is_not_erased() {
        let name = |name: &str, is_listed| ResolvedName {
            name: Arc::from(name),
            listed_alias: None,
            until: BootTime(100),
            is_listed,
        };
        let process = ProcessKey { pid: 7, start_ticks: 7 };
        let client = DnsClient { process, starter: None, network: 1 };
        let address: IpAddr = "192.0.2.7".parse().unwrap();
        let mut dns = PassiveDns::default();
        let mut heard = |said: &str, is_listed, at| {
            dns.add_limited(Audience::Process(process), (1, address), name(said, is_listed), BootTime(at));
            let mut heard = dns.resolutions_of(client, address, BootTime(1));
            heard.next().map(|known| known.name.to_string()).expect("a name")
        };
        assert_eq!(heard("a", false, 1), "a");
        assert_eq!(heard("pool", true, 2), "pool");
        assert_eq!(heard("b", false, 3), "pool");
        assert_eq!(heard("b", false, 200), "b", "the name on the list has expired");
    }

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
