//! N3: the name of a mining pool; I1: a name or an address that a list speaks of. And the names that addresses were
//! resolved from on this host, learned from the answers that passed by; nothing is ever asked.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use super::{
    tls::ClientHello,
    wire::{Host, Tunnel},
};
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    intel::{Indicators, ListKind, Listed},
    model::{BootTime, DnsServerRole, FlowUpdate, Payload, ProcessKey},
};

/// Ports of web pages, which people visit out of curiosity.
const WEB: [u16; 2] = [80, 443];

/// A name that an address was given as the answer for.
#[derive(Clone, Debug)]
struct Resolved {
    name: Arc<str>,
    /// Another name that the answer came by, if a list speaks of that.
    alias: Option<Arc<str>>,
    /// Until when it holds.
    until: BootTime,
}

/// Where an address means something: the network namespace, 0 if unknown. Those of different namespaces overlap.
type JsonPosition = (u32, IpAddr);

/// A question that waits for its answer: who asked whom, and its number.
type Question = (ProcessKey, SocketAddr, u16);

/// What names addresses have, and what lists say of either.
#[derive(Debug)]
pub struct Names {
    indicators: Arc<Indicators>,
    resolved: BoundedMap<JsonPosition, Resolved>,
    asked: BoundedMap<Question, String>,
    /// Which processes answer for names themselves, and when that was looked at.
    servers: BoundedMap<ProcessKey, (bool, BootTime)>,
    /// Connections to a web page's port that were told of as none of a visitor's.
    stayed: BoundedMap<(ProcessKey, SocketAddr), ()>,
}

impl Names {
    /// Knows no name yet.
    pub fn new(indicators: Arc<Indicators>) -> Self {
        let resolved = BoundedMap::new(tuning::RESOLVED_ADDRESSES);
        let (asked, stayed) = (BoundedMap::new(tuning::QUESTIONS), BoundedMap::new(tuning::STAYED));
        let servers = BoundedMap::new(tuning::NAME_SERVERS);
        Self { indicators, resolved, asked, servers, stayed }
    }

    /// Replaces the lists.
    pub fn set_indicators(&mut self, indicators: Arc<Indicators>) {
        self.indicators = indicators;
    }

    /// The lists.
    pub fn indicators(&self) -> &Indicators {
        &self.indicators
    }

    /// How many addresses were forgotten for others.
    pub fn evicted(&self) -> u64 {
        self.resolved.evicted()
    }

    /// Learns from a DNS message, and looks its names up.
    pub fn overheard(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        message: &crate::model::DnsMessage,
    ) -> Option<Finding> {
        let question = (context.key(), payload.flow.destination, message.id);
        let asked_for = message.answer.question.as_str();
        if !message.response {
            let asked = self.asked.entry(&question, String::new);
            asked_for.clone_into(asked);
        } else if self.asked.remove(&question).as_deref() == Some(asked_for) {
            self.learn(context, message);
        }
        // A server of names asks for what its clients ask it for.
        if self.is_server(context.key(), context.at()) == Some(true) {
            return None;
        }
        let (name, listed) = self.listed(message)?;
        let detail = format!("asked for the address of {name}, {}", described(&listed));
        Some(found(context, &listed, detail, signals::POOL_NAME.weight).with("name", &name))
    }

    /// The first name in a message that a list speaks of.
    fn listed<'a>(&'a self, message: &'a crate::model::DnsMessage) -> Option<(&'a str, Listed<'a>)> {
        let mut names = std::iter::once(message.answer.question.as_str()).chain(message.aliases());
        names.find_map(|name| Some((name, self.indicators.domain(name)?)))
    }

    /// Whether a list speaks of a name in a message.
    pub fn lists(&self, message: &crate::model::DnsMessage) -> bool {
        self.listed(message).is_some()
    }

    /// Whether a process answers for names itself, if that was looked at lately.
    pub fn is_server(&self, key: ProcessKey, now: BootTime) -> Option<bool> {
        let (serves, at) = *self.servers.get(&key)?;
        (now.since(at) < tuning::NAME_SERVER_FOR).then_some(serves)
    }

    /// Takes in whether a process answers for names itself.
    pub fn serves(&mut self, context: &DetectionContext<'_>, DnsServerRole { serves }: DnsServerRole) {
        let seen = (serves, context.at());
        *self.servers.entry(&context.key(), || seen) = seen;
    }

    /// Takes in the addresses of an answer that was asked for.
    fn learn(&mut self, context: &DetectionContext<'_>, message: &crate::model::DnsMessage) {
        let name: Arc<str> = Arc::from(message.answer.question.as_str());
        let alias = message.aliases().find(|alias| self.indicators.domain(alias).is_some()).map(Arc::from);
        let ttl = message.answer.records.iter().map(|record| record.ttl).min().unwrap_or(0);
        let lasts = Duration::from_secs(ttl.into()).clamp(tuning::RESOLVED_LEAST, tuning::RESOLVED_FOR);
        for address in message.addresses() {
            let resolved =
                Resolved { name: Arc::clone(&name), alias: alias.clone(), until: context.at().plus(lasts) };
            let place = (context.process.network, address.to_canonical());
            let known = self.resolved.entry(&place, || resolved.clone());
            *known = resolved;
        }
    }

    /// The name that an address was last resolved from in a network namespace, as long as the answer holds: what it says
    /// itself, at least [`tuning::RESOLVED_LEAST`] and at most [`tuning::RESOLVED_FOR`].
    pub fn name_of(&self, network: u32, address: IpAddr, now: BootTime) -> Option<Arc<str>> {
        self.resolution_of(network, address, now).map(|resolved| Arc::clone(&resolved.name))
    }

    fn resolution_of(&self, network: u32, address: IpAddr, now: BootTime) -> Option<&Resolved> {
        let resolved = self.resolved.get(&(network, address.to_canonical()))?;
        (now <= resolved.until).then_some(resolved)
    }

    /// The name that a client asks its peer for by TLS: looked up, and learned where no answer named the address yet.
    pub fn greeted(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        hello: &ClientHello<'_>,
    ) -> Option<Finding> {
        let name = hello.server_name?.to_ascii_lowercase();
        let destination = payload.flow.destination;
        // What comes later in a connection may go through it to somebody else.
        let network = context.process.network;
        if payload.index == 0 && self.name_of(network, destination.ip(), context.at()).is_none() {
            let until = context.at().plus(tuning::RESOLVED_FOR);
            let learned = Resolved { name: Arc::from(name.as_str()), alias: None, until };
            let known = self.resolved.entry(&(network, destination.ip().to_canonical()), || learned.clone());
            *known = learned;
        }
        let listed = self.indicators.named_endpoint(&name, destination.port())?;
        let detail = format!("asked {destination} for {name} by TLS, {}", described(&listed));
        // Who visits a page says that it speaks HTTP; of what goes through the connection the port is not known.
        let may_be_web = WEB.contains(&destination.port()) || payload.index > 0;
        let is_visit = may_be_web && (hello.protocols.is_some() || !hello.whole);
        let points = if is_visit { signals::POOL_NAME.weight } else { listed.list.weight };
        Some(found(context, &listed, detail, points).with("name", &name).value("destination", destination))
    }

    /// A proxy was asked to connect to a host: is that one on a list?
    pub fn tunnelled(
        &self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        tunnel: &Tunnel<'_>,
    ) -> Option<Finding> {
        let (listed, name) = match tunnel.host {
            Host::V4(address) => {
                (self.indicators.endpoint((address, tunnel.port).into())?, address.to_string())
            }
            Host::V6(address) => {
                (self.indicators.endpoint((address, tunnel.port).into())?, address.to_string())
            }
            Host::Name(name) => {
                if let Ok(address) = name.parse::<IpAddr>() {
                    (self.indicators.endpoint((address, tunnel.port).into())?, name.to_owned())
                } else {
                    let name = name.to_ascii_lowercase();
                    (self.indicators.named_endpoint(name.trim_end_matches('.'), tunnel.port)?, name)
                }
            }
        };
        let detail = format!(
            "asked {} for a way to {name}:{} ({}), {}",
            payload.flow.destination,
            tunnel.port,
            tunnel.kind,
            described(&listed)
        );
        let is_visit = WEB.contains(&tunnel.port);
        let points = if is_visit { signals::POOL_NAME.weight } else { listed.list.weight };
        let finding = found(context, &listed, detail, points).with("name", &name);
        Some(finding.value("destination", payload.flow.destination))
    }

    /// A connection: is its peer, or the name that led to it, on a list?
    pub fn connected(&mut self, context: &DetectionContext<'_>, destination: SocketAddr) -> Option<Finding> {
        if self.indicators.is_empty() {
            return None;
        }
        let by_name = self.named(context, destination).map(|(name, listed)| {
            let detail = format!("connected to {name} ({destination}), {}", described(&listed));
            let is_visit = WEB.contains(&destination.port());
            let points = if is_visit { signals::POOL_NAME.weight } else { listed.list.weight };
            found(context, &listed, detail, points).with("name", &name)
        });
        by_name
            .or_else(|| {
                let listed = self.indicators.endpoint(destination)?;
                let detail = format!("connected to {destination}, {}", described(&listed));
                Some(on_a_list(context, &listed, detail))
            })
            .map(|finding| finding.value("destination", destination))
    }

    /// A connection goes on: a visitor of a pool's page does not stay, or moves more.
    pub fn went_on(&mut self, context: &DetectionContext<'_>, course: &FlowUpdate) -> Option<Finding> {
        let destination = course.flow.destination;
        let lasted = context.at().since(course.first);
        if course.accepted || !WEB.contains(&destination.port()) || lasted < tuning::STAYS {
            return None;
        }
        if course.bytes_a_minute(lasted) > tuning::BEACONING_VOLUME {
            return None;
        }
        let minutes = lasted.as_secs() / 60;
        let finding = self.named(context, destination).map(|(name, listed)| {
            let detail = format!(
                "has been connected to {name} ({destination}) for {minutes} minutes, {}",
                described(&listed)
            );
            let finding = found(context, &listed, detail, listed.list.weight);
            finding.with("name", &name).value("destination", destination)
        })?;
        self.stayed.note(&(context.key(), course.flow.source)).then_some(finding)
    }

    /// The name that led to an address, or an alias of it, and what a list says of that.
    fn named(
        &mut self,
        context: &DetectionContext<'_>,
        destination: SocketAddr,
    ) -> Option<(Arc<str>, Listed<'_>)> {
        let resolved = self.resolution_of(context.process.network, destination.ip(), context.at())?.clone();
        let mut names = std::iter::once(resolved.name).chain(resolved.alias);
        names.find_map(|name| {
            let listed = self.indicators.named_endpoint(&name, destination.port())?;
            Some((name, listed))
        })
    }
}

/// N3 for what a list of pools names, I1 for the rest.
fn found(context: &DetectionContext<'_>, listed: &Listed<'_>, detail: String, points: u8) -> Finding {
    match listed.list.kind {
        ListKind::Mining => {
            let mut finding = evidence(Finding::new(signals::POOL_NAME, context, detail), listed);
            finding.signal.weight = points;
            finding
        }
        ListKind::Threat | ListKind::Allow => on_a_list(context, listed, detail),
    }
}

fn on_a_list(context: &DetectionContext<'_>, listed: &Listed<'_>, detail: String) -> Finding {
    let mut finding = evidence(Finding::new(signals::LISTED_PEER, context, detail), listed);
    finding.signal.weight = listed.list.weight;
    finding.info.mining = listed.list.kind == ListKind::Mining;
    finding
}

/// I2: an executable whose content a list speaks of.
pub fn listed_file(context: &DetectionContext<'_>, indicators: &Indicators, sha256: &str) -> Option<Finding> {
    let listed = indicators.file(sha256)?;
    let detail = format!("runs a program, {}", described(&listed));
    let mut finding = evidence(Finding::new(signals::LISTED_FILE, context, detail), &listed);
    finding.signal.weight = listed.list.weight;
    finding.info.mining = listed.list.kind == ListKind::Mining;
    Some(finding.with("path", &context.process.view.executable.path))
}

fn described(listed: &Listed<'_>) -> String {
    match listed.note {
        Some(note) => format!("which '{}' lists ({note})", listed.list.name),
        None => format!("which '{}' lists", listed.list.name),
    }
}

fn evidence(finding: Finding, listed: &Listed<'_>) -> Finding {
    finding
        .with("list", &listed.list.name)
        .with("list_source", &listed.list.source)
        .with("list_line", &listed.line)
        .with("list_entry", &listed.entry)
}

#[cfg(test)]
mod tests {
    use crate::{
        detect::network::dns::tests::message,
        engine::{
            Engine, EngineSettings,
            testing::{Host, findings, seconds},
        },
        model::{
            Direction, DnsServerRole, Effect, EventBody, Flow, FlowUpdate, ProcessKey, Protocol, Request,
        },
    };

    fn after(story: impl Fn(&mut Host, ProcessKey)) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        story(&mut host, client);
        findings(&host)
    }

    fn resolve(host: &mut Host, key: ProcessKey, name: &str, alias: Option<&str>, address: &str) {
        let answer = message(name, alias, &[address]);
        host.datagram(key, "10.0.0.53:53", Direction::Sent, &message(name, None, &[]));
        host.datagram(key, "10.0.0.53:53", Direction::Received, &answer);
    }

    #[test]
    fn a_pool_is_known_by_its_name() {
        let worker = after(|host, client| {
            resolve(host, client, "pool.supportxmr.com", None, "192.0.2.7");
            host.connect(client, "192.0.2.7:9000");
        });
        assert_eq!(worker, [("N3", 20), ("N3", 20), ("N3", 60)]);
        let visitor = after(|host, client| {
            resolve(host, client, "supportxmr.com", None, "192.0.2.7");
            host.connect(client, "192.0.2.7:443");
        });
        assert_eq!(visitor, [("N3", 20), ("N3", 20), ("N3", 20)], "a visit to its page");
        let disguised = after(|host, client| {
            resolve(host, client, "cdn.example", Some("xmr.nanopool.org"), "192.0.2.7");
        });
        assert_eq!(disguised, [("N3", 20)], "the name it stands for");
        let disguised = after(|host, client| {
            resolve(host, client, "cdn.example", Some("xmr.nanopool.org"), "192.0.2.7");
            host.connect(client, "192.0.2.7:9000");
        });
        assert_eq!(disguised, [("N3", 20), ("N3", 60)], "and where it led to");
    }

    #[test]
    fn what_a_server_of_names_is_asked_for_is_not_its_own() {
        let after_looks = |looks: &'static [(bool, u64)]| {
            after(move |host, client| {
                for (serves, pause) in looks {
                    host.happen(client, EventBody::DnsServerRole(DnsServerRole { serves: *serves }));
                    host.wait(seconds(*pause));
                    resolve(host, client, "pool.supportxmr.com", None, "192.0.2.7");
                }
                host.connect(client, "192.0.2.7:9000");
            })
        };
        let asked = [("N3", 20), ("N3", 20)];
        assert_eq!(after_looks(&[(true, 1)]), [("N3", 60)], "where it connects is its own");
        assert_eq!(after_looks(&[(false, 1)])[..2], asked);
        assert_eq!(after_looks(&[(true, 61)])[..2], asked, "it may have ended that");
        assert_eq!(after_looks(&[(true, 1), (false, 1)])[..2], asked);
    }

    #[test]
    fn only_of_listed_names_is_it_asked_who_serves() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        let mut engine = Engine::new(EngineSettings::default());
        let mut needs_dns_role = |host: &mut Host, name: &str, answered: bool| {
            if answered {
                host.happen(client, EventBody::DnsServerRole(DnsServerRole { serves: false }));
            }
            host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(name, None, &[]));
            let (last, before) = host.events().split_last().expect("just sent");
            let mut effects = Vec::new();
            before.iter().for_each(|event| engine.ingest(event, false, &mut effects));
            effects.clear();
            engine.ingest(last, false, &mut effects);
            effects.iter().any(|effect| matches!(effect, Effect::Request(Request::DnsRole(_))))
        };
        assert!(!needs_dns_role(&mut host, "www.example", false));
        assert!(needs_dns_role(&mut host, "pool.supportxmr.com", false));
        assert!(!needs_dns_role(&mut host, "pool.supportxmr.com", true));
    }

    #[test]
    fn who_stays_at_a_pool_s_page_is_no_visitor() {
        let stays = |minutes: u64, bytes: u64| {
            after(move |host, client| {
                resolve(host, client, "supportxmr.com", None, "192.0.2.7");
                host.connect(client, "192.0.2.7:443");
                let first = host.now();
                for minute in 1..=minutes {
                    host.wait(seconds(60));
                    let flow = Flow {
                        protocol: Protocol::Tcp,
                        source: "10.0.0.2:40000".parse().unwrap(),
                        destination: "192.0.2.7:443".parse().unwrap(),
                        opened: first,
                    };
                    let course = FlowUpdate {
                        flow,
                        accepted: false,
                        interval: true,
                        first,
                        bytes: (bytes * minute / 4, bytes * minute),
                        payloads: (4, 4),
                        samples: Box::default(),
                    };
                    host.happen(client, EventBody::FlowUpdate(Box::new(course)));
                }
            })
        };
        let visit = [("N3", 20), ("N3", 20), ("N3", 20)];
        assert_eq!(stays(8, 1_000), visit, "not long enough");
        assert_eq!(stays(20, 1_000), [&visit[..], &[("N3", 60)]].concat(), "once");
        assert_eq!(stays(20, 50_000), visit, "a page that is looked at");
    }

    #[test]
    fn other_names_are_nothing() {
        let nothing: [(&str, u8); 0] = [];
        let other = after(|host, client| {
            resolve(host, client, "www.example", None, "192.0.2.7");
            host.connect(client, "192.0.2.7:9000");
            resolve(host, client, "notsupportxmr.com", None, "192.0.2.8");
            host.connect(client, "192.0.2.8:9000");
        });
        assert_eq!(other, nothing);
        let renewed = after(|host, client| {
            resolve(host, client, "www.example", None, "192.0.2.7");
            host.wait(seconds(10));
            host.datagram(client, "10.0.0.53:53", Direction::Received, b"\x01\x02 no DNS");
            host.connect(client, "192.0.2.7:9000");
        });
        assert_eq!(renewed, nothing);
    }

    #[test]
    fn the_same_address_is_another_s_in_another_namespace() {
        let neighbours = after(|host, client| {
            resolve(host, client, "pool.supportxmr.com", None, "10.0.0.7");
            let init = host.boot("/sbin/init", &["init"]);
            let other = host.spawn(init, "/usr/bin/other", &["other"]);
            host.connect_in(other, "10.0.0.7:9000", 2);
        });
        assert_eq!(neighbours, [("N3", 20), ("N3", 20)]);
    }

    #[test]
    fn an_answer_that_nobody_asked_for_names_nothing() {
        let forged = |question: &'static str| {
            after(move |host, client| {
                host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(question, None, &[]));
                let answer = message("www.example", None, &["192.0.2.7"]);
                host.datagram(client, "10.0.0.53:53", Direction::Received, &answer);
                // The first answer was the one; what follows it is nobody's.
                let answer = message("pool.supportxmr.com", None, &["192.0.2.7"]);
                host.datagram(client, "10.0.0.54:53", Direction::Received, &answer);
                host.connect(client, "192.0.2.7:9000");
            })
        };
        assert_eq!(forged("www.example"), [("N3", 20)], "the words alone");
        assert_eq!(forged("other.example"), [("N3", 20)]);
    }

    #[test]
    fn a_name_is_forgotten_in_time() {
        let late = after(|host, client| {
            resolve(host, client, "pool.supportxmr.com", None, "192.0.2.7");
            host.wait(seconds(25 * 3_600));
            host.connect(client, "192.0.2.7:9000");
        });
        assert_eq!(late, [("N3", 20), ("N3", 20)]);
    }
}
