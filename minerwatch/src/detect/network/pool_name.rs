//! N3: the name of a mining pool. I1: another name or an address that is on a list of indicators.
//!
//! Names come from DNS questions and answers, TLS client hellos and tunnel requests. The address of a connection also
//! has the name that it was resolved from.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use super::{beaconing::MAX_BYTES_A_MINUTE, established, listing};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    intel::{ListKind, Listed},
    model::{
        DnsMessage, EventBody, EventType, FlowUpdate, Payload, ProcessKey, SignalClass, TlsHello, TunnelHost,
        TunnelRequest,
    },
};

/// N3. The full form is a connection that cannot be a visit to a web page; the list sets its points, 60 by default.
/// Asking for the name or visiting the web page has fewer points, because a curious person does that too.
pub const POOL_NAME: SignalInfo = SignalInfo {
    id: "N3",
    class: SignalClass::Network,
    weight: 20,
    full_weight: 60,
    kind: SignalKind::Mining,
    name: "Name of a mining pool",
    description: "A program asked for the address of a mining pool, connected to a pool by its name, or asked for one by TLS or through a proxy. A visit to the web page of a pool counts a third, unless it goes on for minutes in few bytes.",
    catches: "Pools on ports that look harmless, such as 443, and behind proxies.",
    techniques: &["T1496.001"],
};

/// I1. The list sets the points, 60 by default.
pub const LISTED_PEER: SignalInfo = SignalInfo {
    id: "I1",
    class: SignalClass::Network,
    weight: 60,
    full_weight: 60,
    kind: SignalKind::Sign,
    name: "Peer on a list",
    description: "A program talked to a host that is on a list of indicators.",
    catches: "Addresses, networks and names that threat intelligence reports.",
    techniques: &["T1071"],
};

/// Ports of web pages, which people visit out of curiosity.
const WEB: [u16; 2] = [80, 443];
/// Minimum age at which a connection to the web page of a pool no longer counts as a visit, if the connection moves as
/// few bytes as mining.
const MIN_STAY: Duration = Duration::from_secs(600);
/// Maximum number of reported long connections that are remembered.
const REPORTED_STAYS: usize = 1_024;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[POOL_NAME, LISTED_PEER],
    wants: &[EventType::Payload, EventType::Connect, EventType::RunningFlow, EventType::FlowUpdate],
    evictions: None,
    create: |_| Box::new(PoolName { reported_stays: BoundedMap::new(REPORTED_STAYS) }),
};

#[derive(Debug)]
struct PoolName {
    /// Connections to web pages that were reported because they are no visits. Each connection is reported once.
    reported_stays: BoundedMap<(ProcessKey, SocketAddr), ()>,
}

impl Detector for PoolName {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Payload(payload) => {
                let app = &payload.app;
                findings.add(app.dns.as_deref().and_then(|message| dns(context, message)));
                findings.add(app.tls.as_deref().and_then(|hello| tls(context, payload, hello)));
                findings.add(app.tunnel.as_deref().and_then(|tunnel| tunnelled(context, payload, tunnel)));
            }
            EventBody::Connect(_) | EventBody::RunningFlow(_) => findings.add(connected(context)),
            EventBody::FlowUpdate(update) => findings.add(self.stays(context, update)),
            _ => {}
        }
    }
}

impl PoolName {
    /// Checks for a connection to a listed web page that stays open and moves few bytes. A visitor leaves, or reads
    /// more.
    fn stays(&mut self, context: &DetectionContext<'_>, update: &FlowUpdate) -> Option<Finding> {
        let destination = update.flow.destination;
        let age = context.at().since(update.first);
        if update.accepted || !WEB.contains(&destination.port()) || age < MIN_STAY {
            return None;
        }
        if update.bytes_per_minute(age) > MAX_BYTES_A_MINUTE {
            return None;
        }
        let (name, listed) = listed_name_of(context, destination)?;
        let minutes = age.as_secs() / 60;
        let detail = format!(
            "has been connected to {name} ({destination}) for {minutes} minutes, {}",
            listing::describe(&listed)
        );
        let finding =
            found(context, &listed, detail, Visit::No).value("name", name).value("destination", destination);
        self.reported_stays.note(&(context.key(), update.flow.source)).then_some(finding)
    }
}

/// Checks the names in a DNS message against the lists.
fn dns(context: &DetectionContext<'_>, message: &DnsMessage) -> Option<Finding> {
    // The questions of a DNS server are those of its clients.
    if context.known.dns_servers.is_server(context.key(), context.at()) == Some(true) {
        return None;
    }
    let (name, listed) = context.known.listed_name(message)?;
    let detail = format!("asked for the address of {name}, {}", listing::describe(&listed));
    Some(found(context, &listed, detail, Visit::Perhaps).value("name", name))
}

/// Checks the server name (SNI) in a TLS client hello against the lists.
fn tls(context: &DetectionContext<'_>, payload: &Payload, hello: &TlsHello) -> Option<Finding> {
    let name = hello.server_name.as_ref()?;
    let destination = payload.flow.destination;
    let listed = context.known.indicators.named_endpoint(name, destination.port())?;
    let detail = format!("asked {destination} for {name} by TLS, {}", listing::describe(&listed));
    // A browser offers HTTP. A client hello later in a connection may go through a tunnel, to an unknown port.
    let may_be_web = WEB.contains(&destination.port()) || payload.index > 0;
    let visit = Visit::perhaps_if(may_be_web && (hello.offers_protocols || !hello.whole));
    Some(found(context, &listed, detail, visit).value("name", name).value("destination", destination))
}

/// Checks the host of a tunnel request against the lists.
fn tunnelled(context: &DetectionContext<'_>, payload: &Payload, tunnel: &TunnelRequest) -> Option<Finding> {
    let indicators = &context.known.indicators;
    let address = match &tunnel.host {
        TunnelHost::Address(address) => Some(*address),
        TunnelHost::Name(name) => name.parse::<IpAddr>().ok(),
    };
    let name = tunnel.host.to_string().to_ascii_lowercase();
    let listed = match address {
        Some(address) => indicators.endpoint((address, tunnel.port).into())?,
        None => indicators.named_endpoint(name.trim_end_matches('.'), tunnel.port)?,
    };
    let detail = format!(
        "asked {} for a tunnel to {name}:{} ({}), {}",
        payload.flow.destination,
        tunnel.port,
        tunnel.kind,
        listing::describe(&listed)
    );
    let finding = found(context, &listed, detail, Visit::perhaps_if(WEB.contains(&tunnel.port)));
    Some(finding.value("name", name).value("destination", payload.flow.destination))
}

/// Checks the destination of a connection against the lists, by name and by address.
fn connected(context: &DetectionContext<'_>) -> Option<Finding> {
    if context.known.indicators.is_empty() {
        return None;
    }
    let destination = established(&context.event.body)?;
    let finding = if let Some((name, listed)) = listed_name_of(context, destination) {
        let detail = format!("connected to {name} ({destination}), {}", listing::describe(&listed));
        let visit = Visit::perhaps_if(WEB.contains(&destination.port()));
        found(context, &listed, detail, visit).value("name", name)
    } else {
        let listed = context.known.indicators.endpoint(destination)?;
        let detail = format!("connected to {destination}, {}", listing::describe(&listed));
        listing::finding(LISTED_PEER, context, &listed, detail)
    };
    Some(finding.value("destination", destination))
}

/// Returns the name that an address was resolved from, or the alias in the answer, with its list entry.
fn listed_name_of<'a>(
    context: &DetectionContext<'a>,
    destination: SocketAddr,
) -> Option<(&'a Arc<str>, Listed<'a>)> {
    let known = context.known;
    let mut names = known
        .names
        .resolutions_of(context.dns_client(), destination.ip(), context.at())
        .flat_map(|resolved| std::iter::once(&resolved.name).chain(&resolved.listed_alias));
    names.find_map(|name| Some((name, known.indicators.named_endpoint(name, destination.port())?)))
}

/// Whether the contact may be no more than a visit to a web page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Visit {
    Perhaps,
    No,
}

impl Visit {
    fn perhaps_if(may_be: bool) -> Self {
        if may_be { Self::Perhaps } else { Self::No }
    }
}

/// Creates a finding of N3 for an entry of a pool list, or of I1 for any other entry.
fn found(context: &DetectionContext<'_>, listed: &Listed<'_>, detail: String, visit: Visit) -> Finding {
    match listed.list.kind {
        ListKind::Mining => {
            let mut finding = listing::finding(POOL_NAME, context, listed, detail);
            if visit == Visit::Perhaps {
                finding.signal.weight = POOL_NAME.weight;
            }
            finding
        }
        ListKind::Threat | ListKind::Allow => listing::finding(LISTED_PEER, context, listed, detail),
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        dissect::testing::{dns_message as message, hello, named, protocols},
        engine::{Engine, EngineSettings},
        model::{
            Direction, DnsServerRole, Effect, EventBody, Flow, FlowUpdate, ProcessKey, Protocol, Request,
            Verdict, Wanted,
        },
        testing::{Host, findings, seconds, verdict},
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
    fn a_pool_is_found_by_its_name() {
        type Expected = &'static [(&'static str, u8)];
        type Case = (&'static str, &'static str, Option<&'static str>, Option<&'static str>, Expected);
        let cases: [Case; 4] = [
            (
                "a worker connects",
                "pool.supportxmr.com",
                None,
                Some("192.0.2.7:9000"),
                &[("N3", 20), ("N3", 20), ("N3", 60)],
            ),
            (
                "a person visits the web page",
                "supportxmr.com",
                None,
                Some("192.0.2.7:443"),
                &[("N3", 20), ("N3", 20), ("N3", 20)],
            ),
            ("an alias is resolved", "cdn.example", Some("xmr.nanopool.org"), None, &[("N3", 20)]),
            (
                "an alias is connected to",
                "cdn.example",
                Some("xmr.nanopool.org"),
                Some("192.0.2.7:9000"),
                &[("N3", 20), ("N3", 60)],
            ),
        ];
        for (story, name, alias, destination, expected) in cases {
            let found = after(|host, client| {
                resolve(host, client, name, alias, "192.0.2.7");
                if let Some(destination) = destination {
                    host.connect(client, destination);
                }
            });
            assert_eq!(found, expected, "{story}");
        }
    }

    #[test]
    fn a_pool_is_found_by_the_name_in_a_hello() {
        let browser = hello(&[0x1301], &[named("SupportXMR.com"), protocols(&["h2", "http/1.1"])]);
        let miner = hello(&[0x1301], &[named("pool.supportxmr.com")]);
        for (story, destination, bytes, expected, expected_verdict) in [
            ("a visit", "192.0.2.9:443", &browser, 20, None),
            ("not the port of a web page", "192.0.2.9:9000", &browser, 60, Some(Verdict::Noted)),
            ("no protocol offered", "192.0.2.9:443", &miner, 60, Some(Verdict::Noted)),
        ] {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let client = host.spawn(init, "/usr/bin/client", &["client"]);
            host.send(client, destination, bytes);
            assert_eq!(findings(&host), [("N3", expected)], "{story}");
            assert_eq!(verdict(&host), expected_verdict, "{story}");
        }
    }

    #[test]
    fn a_name_that_one_program_says_is_not_that_of_the_others() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let orders = host.spawn(init, "/usr/bin/orders", &["orders"]);
        host.connect(orders, "10.0.0.9:5432");
        let curious = host.spawn(init, "/usr/bin/openssl", &["openssl", "s_client"]);
        host.connect(curious, "10.0.0.9:5432");
        host.send(curious, "10.0.0.9:5432", hello(&[0x1301], &[named("pool.supportxmr.com")]));
        let found = findings(&host).len();
        let other = host.spawn(init, "/usr/bin/orders", &["orders"]);
        host.connect(other, "10.0.0.9:5432");
        host.connect(orders, "10.0.0.9:9000");
        assert_eq!(findings(&host).len(), found, "{:?}", findings(&host));
        host.connect(curious, "10.0.0.9:9000");
        assert_eq!(findings(&host).len(), found + 1);
    }

    #[test]
    fn a_pool_is_found_behind_a_proxy() {
        type Expected = &'static [(&'static str, u8)];
        let cases: [(&[u8], Expected); 5] = [
            (b"\x05\x01\0\x03\x14Pool.supportxmr.com.\x0d\x05", &[("N3", 60)]),
            (b"CONNECT pool.supportxmr.com:3333 HTTP/1.1\r\nHost: x\r\n\r\n", &[("N3", 60)]),
            (b"CONNECT supportxmr.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", &[("N3", 20)]),
            (b"CONNECT www.example:3333 HTTP/1.1\r\nHost: x\r\n\r\n", &[]),
            (b"GET http://supportxmr.com/ HTTP/1.1\r\nHost: supportxmr.com\r\n\r\n", &[]),
        ];
        for (request, expected) in cases {
            let found = after(|host, client| {
                host.send(client, "10.0.0.9:3128", request);
                // A request from the peer does not count.
                host.receive(client, "10.0.0.9:3128", request);
            });
            assert_eq!(found, expected, "{}", request.escape_ascii());
        }
    }

    #[test]
    fn the_questions_of_a_dns_server_are_its_clients() {
        let after_roles = |roles: &'static [(bool, u64)]| {
            after(move |host, client| {
                for (serves, pause) in roles {
                    host.happen(
                        client,
                        EventBody::DnsServerRole(DnsServerRole { serves: *serves, resolvers: None }),
                    );
                    host.wait(seconds(*pause));
                    resolve(host, client, "pool.supportxmr.com", None, "192.0.2.7");
                }
                host.connect(client, "192.0.2.7:9000");
            })
        };
        let asked = [("N3", 20), ("N3", 20)];
        assert_eq!(after_roles(&[(true, 1)]), [("N3", 60)], "its connections are its own");
        assert_eq!(after_roles(&[(false, 1)])[..2], asked);
        assert_eq!(after_roles(&[(true, 61)])[..2], asked, "the answer has expired");
        assert_eq!(after_roles(&[(true, 1), (false, 1)])[..2], asked);
    }

    /// Who may hear the answer to a question that a program of a shell asks.
    #[derive(Clone, Copy, Debug)]
    enum Hearer {
        Asker,
        /// A program that the same shell starts later.
        Sibling,
        /// A program that a subshell of the same shell starts later.
        InSubshell,
        Stranger,
    }

    /// Returns who finds the pool when it connects to the address in the answer: asker, sibling, program in a subshell,
    /// stranger.
    fn who_hears(program: &str, container: Option<&str>, role: &DnsServerRole, server: &str) -> [bool; 4] {
        [Hearer::Asker, Hearer::Sibling, Hearer::InSubshell, Hearer::Stranger].map(|hearer| {
            let mut host = Host::new();
            let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
            let shell = host.spawn(init, "/usr/bin/bash", &["bash", "/srv/x.sh"]);
            let subshell = host.fork(shell);
            if let Some(id) = container {
                host.enter(subshell, id);
            }
            let asker = host.spawn(subshell, program, &[program]);
            host.happen(asker, EventBody::DnsServerRole(role.clone()));
            let name = "pool.supportxmr.com";
            host.datagram(asker, server, Direction::Sent, &message(name, None, &[]));
            let answer = message(name, None, &["192.0.2.7"]);
            host.datagram(asker, server, Direction::Received, &answer);
            let client = match hearer {
                Hearer::Asker => asker,
                Hearer::Sibling => host.spawn(shell, "/srv/miner", &["miner"]),
                Hearer::InSubshell => {
                    let other = host.fork(shell);
                    host.spawn(other, "/srv/miner", &["miner"])
                }
                Hearer::Stranger => host.spawn(init, "/usr/bin/other", &["other"]),
            };
            host.connect(client, "192.0.2.7:9000");
            findings(&host).contains(&("N3", 60))
        })
    }

    fn role(serves: bool, resolvers: Option<&[&str]>) -> DnsServerRole {
        let resolvers = resolvers.map(|known| known.iter().map(|server| server.parse().unwrap()).collect());
        DnsServerRole { serves, resolvers }
    }

    #[test]
    fn the_answers_of_any_server_hold_only_for_who_asked_it() {
        const ALL: [bool; 4] = [true; 4];
        const FAMILY: [bool; 4] = [true, true, true, false];
        let stub: Option<&[&str]> = Some(&["127.0.0.53", "10.0.0.53"]);
        let dig = "/usr/bin/dig";
        let cases = [
            ("a server of its own choice", dig, role(false, stub), "203.0.113.53:53", FAMILY),
            ("a configured server", dig, role(false, stub), "10.0.0.53:53", ALL),
            ("a stub of the host", dig, role(false, stub), "127.0.0.54:53", ALL),
            ("nothing is known", dig, role(false, None), "203.0.113.53:53", ALL),
            ("a cache asks", "/usr/sbin/dnsmasq", role(true, stub), "203.0.113.53:53", ALL),
            ("anybody's cache asks", "/tmp/dnsmasq", role(true, stub), "203.0.113.53:53", FAMILY),
            ("it serves nobody", "/usr/sbin/dnsmasq", role(false, stub), "203.0.113.53:53", FAMILY),
        ];
        for (story, program, role, server, expected) in cases {
            assert_eq!(who_hears(program, None, &role, server), expected, "{story}");
        }
        let id = "4f1c9a7e22b05d13";
        let cluster: Option<&[&str]> = Some(&["10.0.0.53", "10.96.0.10"]);
        for (story, program, role, server, expected) in [
            ("the container's server", dig, role(false, cluster), "10.96.0.10:53", ALL),
            ("another server", dig, role(false, cluster), "10.96.0.11:53", FAMILY),
            ("a cache inside", "/usr/sbin/dnsmasq", role(true, cluster), "203.0.113.53:53", FAMILY),
        ] {
            assert_eq!(who_hears(program, Some(id), &role, server), expected, "{story}");
        }
    }

    #[test]
    fn what_a_program_asks_any_server_holds_for_what_it_starts() {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let script = host.spawn(init, "/usr/bin/python3", &["python3", "/srv/x.py"]);
        host.happen(script, EventBody::DnsServerRole(role(false, Some(&["10.0.0.1"]))));
        resolve(&mut host, script, "pool.supportxmr.com", None, "192.0.2.7");
        let asked = findings(&host).len();
        let neighbour = host.spawn(init, "/srv/neighbour", &["neighbour"]);
        host.connect(neighbour, "192.0.2.7:9000");
        assert_eq!(findings(&host).len(), asked, "the init system starts unrelated programs");
        let miner = host.spawn(script, "/srv/miner", &["miner"]);
        host.connect(miner, "192.0.2.7:9000");
        assert_eq!(findings(&host)[asked..], [("N3", 60)]);
    }

    #[test]
    fn the_dns_role_is_asked_for_only_of_listed_names() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        let mut engine = Engine::new(EngineSettings::default());
        let mut needs_dns_role = |host: &mut Host, name: &str, answered: bool| {
            if answered {
                host.happen(
                    client,
                    EventBody::DnsServerRole(DnsServerRole { serves: false, resolvers: None }),
                );
            }
            host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(name, None, &[]));
            let (last, before) = host.events().split_last().expect("just sent");
            let mut effects = Vec::new();
            for event in before {
                engine.ingest(event, Wanted::No, &mut effects);
            }
            effects.clear();
            engine.ingest(last, Wanted::No, &mut effects);
            effects.iter().any(|effect| matches!(effect, Effect::Request(Request::DnsRole(_))))
        };
        assert!(!needs_dns_role(&mut host, "www.example", false));
        assert!(needs_dns_role(&mut host, "pool.supportxmr.com", false));
        assert!(!needs_dns_role(&mut host, "pool.supportxmr.com", true));
    }

    #[test]
    fn a_connection_to_a_pool_page_that_stays_open_is_no_visit() {
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
                    let update = FlowUpdate {
                        flow,
                        accepted: false,
                        interval: true,
                        first,
                        bytes: (bytes * minute / 4, bytes * minute),
                        payloads: (4, 4),
                        samples: Box::default(),
                    };
                    host.happen(client, EventBody::FlowUpdate(Box::new(update)));
                }
            })
        };
        let visit = [("N3", 20), ("N3", 20), ("N3", 20)];
        assert_eq!(stays(8, 1_000), visit, "not long enough");
        assert_eq!(stays(20, 1_000), [&visit[..], &[("N3", 60)]].concat(), "once");
        assert_eq!(stays(20, 50_000), visit, "a page that is looked at");
    }

    #[test]
    fn other_names_are_no_finding() {
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
    fn an_address_has_names_of_its_own_in_each_namespace() {
        let neighbours = after(|host, client| {
            resolve(host, client, "pool.supportxmr.com", None, "10.0.0.7");
            let init = host.boot("/sbin/init", &["init"]);
            let other = host.spawn(init, "/usr/bin/other", &["other"]);
            host.connect_in(other, "10.0.0.7:9000", 2);
        });
        assert_eq!(neighbours, [("N3", 20), ("N3", 20)]);
    }

    #[test]
    fn an_answer_without_its_question_names_nothing() {
        let forged = |question: &'static str| {
            after(move |host, client| {
                host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(question, None, &[]));
                let answer = message("www.example", None, &["192.0.2.7"]);
                host.datagram(client, "10.0.0.53:53", Direction::Received, &answer);
                // The first answer consumed the question, so this answer has none.
                let answer = message("pool.supportxmr.com", None, &["192.0.2.7"]);
                host.datagram(client, "10.0.0.54:53", Direction::Received, &answer);
                host.connect(client, "192.0.2.7:9000");
            })
        };
        assert_eq!(forged("www.example"), [("N3", 20)], "the question alone");
        assert_eq!(forged("other.example"), [("N3", 20)]);
    }

    #[test]
    fn a_name_expires() {
        let late = after(|host, client| {
            resolve(host, client, "pool.supportxmr.com", None, "192.0.2.7");
            host.wait(seconds(25 * 3_600));
            host.connect(client, "192.0.2.7:9000");
        });
        assert_eq!(late, [("N3", 20), ("N3", 20)]);
    }
}
