//! N11: DNS over TLS or DNS over HTTPS, which hides the names that a program asks for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{EventBody, EventType, ProcessKey, SignalClass},
};

/// The signal. It has few points, because browsers and some resolvers use encrypted DNS by design.
pub const ENCRYPTED_DNS: SignalInfo = SignalInfo {
    id: "N11",
    class: SignalClass::Network,
    weight: 5,
    full_weight: 5,
    kind: SignalKind::Hint,
    name: "Names asked for in secret",
    description: "A program resolves names over TLS or HTTPS. Nobody on the way sees which names, and neither does minerwatch.",
    catches: "Programs that hide which names they look up.",
    techniques: &["T1071.004"],
};

/// Maximum number of reported processes that are remembered.
const PROCESSES: usize = 1_024;

/// The port of DNS over TLS (RFC 7858, section 3.1).
const DNS_OVER_TLS: u16 = 853;
/// The ALPN protocol of DNS over TLS (RFC 7858; IANA's registry of ALPN).
const PROTOCOL: &str = "dot";
const HTTPS: u16 = 443;

/// Hosts that are known to offer DNS over HTTPS. Their subdomains count too.
const HOSTS: [&str; 16] = [
    "cloudflare-dns.com",
    "dns.adguard-dns.com",
    "dns.adguard.com",
    "dns.alidns.com",
    "dns.google",
    "dns.google.com",
    "dns.mullvad.net",
    "dns.nextdns.io",
    "dns.quad9.net",
    "dns.sb",
    "dns0.eu",
    "doh.cleanbrowsing.org",
    "doh.dns.sb",
    "doh.opendns.com",
    "doh.pub",
    "one.one.one.one",
];

/// Addresses of hosts that are known to offer DNS over HTTPS.
const ADDRESSES: [IpAddr; 14] = [
    v4(1, 0, 0, 1),
    v4(1, 1, 1, 1),
    v4(8, 8, 4, 4),
    v4(8, 8, 8, 8),
    v4(9, 9, 9, 9),
    v4(94, 140, 14, 14),
    v4(149, 112, 112, 112),
    v4(208, 67, 220, 220),
    v4(208, 67, 222, 222),
    v4(223, 5, 5, 5),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8844)),
    IpAddr::V6(Ipv6Addr::new(0x2001, 0x4860, 0x4860, 0, 0, 0, 0, 0x8888)),
    IpAddr::V6(Ipv6Addr::new(0x2606, 0x4700, 0x4700, 0, 0, 0, 0, 0x1111)),
    IpAddr::V6(Ipv6Addr::new(0x2620, 0xfe, 0, 0, 0, 0, 0, 0xfe)),
];

const fn v4(a: u8, b: u8, c: u8, d: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(a, b, c, d))
}

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[ENCRYPTED_DNS],
    wants: &[EventType::Payload],
    evictions: None,
    create: |_| Box::new(EncryptedDns { reported: BoundedMap::new(PROCESSES) }),
};

#[derive(Debug)]
struct EncryptedDns {
    /// Processes that were reported. Each process is reported once.
    reported: BoundedMap<ProcessKey, ()>,
}

impl Detector for EncryptedDns {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let EventBody::Payload(payload) = &context.event.body else { return };
        let Some(hello) = payload.app.tls.as_deref() else { return };
        let destination = payload.flow.destination;
        let by_name = hello.server_name.as_deref().is_some_and(is_listed);
        let by_address = destination.port() == HTTPS && ADDRESSES.contains(&destination.ip().to_canonical());
        let over_tls =
            destination.port() == DNS_OVER_TLS || hello.protocols.iter().any(|name| name == PROTOCOL);
        if !(by_name || by_address || over_tls) || !self.reported.note(&context.key()) {
            return;
        }
        let transport = if over_tls { "TLS" } else { "HTTPS" };
        let detail = format!("asks {destination} for names over {transport}, where nobody can see them");
        findings.push(Finding::new(ENCRYPTED_DNS, context, detail).value("destination", destination));
    }
}

/// Whether a name, in lower case, is one of the hosts or a subdomain of one.
fn is_listed(name: &str) -> bool {
    HOSTS
        .iter()
        .any(|host| name.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use crate::{
        dissect::testing::{hello, hello_naming, named, protocols},
        testing::{Host, findings, verdict},
    };

    fn after(peer: &str, greeting: &[u8]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        host.send(client, peer, greeting);
        host.send(client, peer, greeting);
        assert_eq!(verdict(&host), None, "never alone");
        findings(&host)
    }

    #[test]
    fn dns_over_tls_or_https_is_found_once() {
        for (peer, name, counts) in [
            ("192.0.2.1:443", "mozilla.cloudflare-dns.com", true),
            ("192.0.2.1:443", "DNS.Google", true),
            ("1.1.1.1:443", "www.example", true),
            ("192.0.2.1:853", "resolver.example", true),
            ("192.0.2.1:443", "notdns.google", false),
            ("192.0.2.1:443", "www.cloudflare.com", false),
            ("1.1.1.1:8443", "www.example", false),
        ] {
            let expected: &[_] = if counts { &[("N11", 5)] } else { &[] };
            assert_eq!(after(peer, &hello_naming(name)), expected, "{peer} {name}");
        }
        let by_protocol = hello(&[0x1301], &[named("www.example"), protocols(&["dot"])]);
        assert_eq!(after("192.0.2.1:8443", &by_protocol), [("N11", 5)]);
    }
}
