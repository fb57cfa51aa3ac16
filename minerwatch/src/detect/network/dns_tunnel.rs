//! B12: data in DNS questions. A program asks for many different long names below one domain, and the names mix letters
//! and digits as no word does. The purpose of such questions is not to resolve names.

use std::{
    hash::{BuildHasher as _, BuildHasherDefault},
    time::Duration,
};

use rustc_hash::{FxHashSet, FxHasher};

use super::encoded_name;
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{BootTime, DnsMessage, EventBody, EventType, ProcessKey, SignalClass, Threshold},
};

/// The signal. It has few points, because some filters of mail and software look up hashes this way.
pub const DNS_TUNNEL: SignalInfo = SignalInfo {
    id: "B12",
    class: SignalClass::Behavior,
    weight: 15,
    full_weight: 15,
    kind: SignalKind::Sign,
    name: "Data in questions for names",
    description: "Within minutes, a program asked for many long random names below one domain. Data leaves a network in this way where only DNS is let through.",
    catches: "Data that leaves through DNS where nothing else may leave.",
    techniques: &["T1071.004", "T1048.003"],
};

/// Maximum number of pairs of a process and a domain that are tracked.
const DOMAINS: usize = 1_024;
/// Minimum number of different names within a window.
const MIN_NAMES: usize = 100;
/// Length of the window in which names are counted.
const WINDOW: Duration = Duration::from_secs(300);

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[DNS_TUNNEL],
    wants: &[EventType::Payload],
    evictions: None,
    create: |_| Box::new(DnsTunnel { domains: BoundedMap::new(DOMAINS) }),
};

/// The names that one process asked for below one domain.
#[derive(Debug)]
struct Domain {
    since: BootTime,
    /// Hashes of the names, until the report.
    names: FxHashSet<u64>,
    bytes: usize,
    is_reported: bool,
}

impl Domain {
    fn new(since: BootTime) -> Self {
        Self { since, names: FxHashSet::default(), bytes: 0, is_reported: false }
    }
}

#[derive(Debug)]
struct DnsTunnel {
    domains: BoundedMap<(ProcessKey, String), Domain>,
}

impl Detector for DnsTunnel {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let EventBody::Payload(payload) = &context.event.body else { return };
        let Some(message) = payload.app.dns.as_deref() else { return };
        // The questions of a DNS server are those of its clients.
        if context.known.dns_servers.is_server(context.key(), context.at()) != Some(true) {
            findings.add(self.inspect_question(context, message));
        }
    }
}

impl DnsTunnel {
    fn inspect_question(&mut self, context: &DetectionContext<'_>, message: &DnsMessage) -> Option<Finding> {
        let (data, name) = encoded_name::data_in(message)?;
        let now = context.at();
        let domain = self.domains.entry(&(context.key(), name.to_owned()), || Domain::new(now));
        if now.since(domain.since) > WINDOW {
            *domain = Domain { is_reported: domain.is_reported, ..Domain::new(now) };
        }
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(data);
        if domain.is_reported || !domain.names.insert(hash) {
            return None;
        }
        domain.bytes += data.len();
        let names = domain.names.len();
        if names < MIN_NAMES {
            return None;
        }
        domain.is_reported = true;
        domain.names = FxHashSet::default();
        let detail = format!(
            "asked for {names} long random names below {name} within {} seconds ({} bytes), which is how data is sent \
             through DNS",
            now.since(domain.since).as_secs(),
            domain.bytes
        );
        Some(
            Finding::new(DNS_TUNNEL, context, detail)
                .value("domain", name)
                .value("bytes", domain.bytes)
                .measured("names", names, Threshold::at_least(MIN_NAMES)),
        )
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        dissect::testing::dns_message as message,
        model::{Direction, DnsServerRole, EventBody},
        testing::{Host, findings, seconds, verdict},
    };

    fn after(names: impl Iterator<Item = String>, pause: u64) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        for name in names {
            host.datagram(client, "10.0.0.53:53", Direction::Sent, &message(&name, None, &[]));
            host.wait(seconds(pause));
        }
        assert_eq!(verdict(&host), None, "never alone");
        findings(&host)
    }

    /// Returns pseudo-random strings in base 32, the same in every run.
    fn encoded(count: u64) -> impl Iterator<Item = String> + Clone {
        (1..=count).map(|serial| {
            let mut state = serial.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let letters = (0..40).map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                char::from(b"abcdefghijklmnopqrstuvwxyz234567"[(state >> 59) as usize])
            });
            letters.collect()
        })
    }

    #[test]
    fn data_in_names_is_found_once() {
        let names = encoded(500).map(|data| format!("{data}.t.example.com"));
        assert_eq!(after(names, 1), [("B12", 15)]);
    }

    #[test]
    fn the_questions_of_a_dns_server_are_its_clients() {
        let found = |serves: bool| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let server = host.spawn(init, "/usr/sbin/dnsmasq", &["dnsmasq"]);
            host.happen(server, EventBody::DnsServerRole(DnsServerRole { serves, resolvers: None }));
            for data in encoded(200) {
                let name = format!("{data}.t.example.com");
                host.datagram(server, "10.0.0.53:53", Direction::Sent, &message(&name, None, &[]));
            }
            findings(&host).len()
        };
        assert_eq!((found(true), found(false)), (0, 1));
    }

    #[test]
    fn ordinary_names_are_no_finding() {
        let words =
            (0..500).map(|serial| format!("very-long-service-name-of-a-host-{serial}.eu.example.com"));
        let cases: [(&str, u64, Vec<String>); 4] = [
            ("slow", 10, encoded(500).map(|data| format!("{data}.t.example.com")).collect()),
            (
                "each in a domain of its own",
                0,
                encoded(500).map(|data| format!("{data}.{}.example", &data[..8])).collect(),
            ),
            (
                "the same again and again",
                0,
                encoded(3).cycle().take(500).map(|data| format!("{data}.cdn.example.com")).collect(),
            ),
            ("words and numbers", 0, words.collect()),
        ];
        for (name, pause, names) in cases {
            assert_eq!(after(names.into_iter(), pause), [], "{name}");
        }
    }
}
