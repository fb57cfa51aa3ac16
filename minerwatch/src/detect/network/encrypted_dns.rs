//! N11: names asked for where nobody can hear it: DNS over TLS and over HTTPS.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::tls::ClientHello;
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{Payload, ProcessKey},
};

/// The port of DNS over TLS (RFC 7858, section 3.1).
const DNS_OVER_TLS: u16 = 853;
/// The protocol of DNS over TLS, as a client may offer it (RFC 7858; IANA's registry of ALPN).
const PROTOCOL: &[u8] = b"dot";
const HTTPS: u16 = 443;

/// Hosts that are known to answer for names over HTTPS, their subdomains included.
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

/// Addresses that are known for the same.
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

/// Who was told of.
#[derive(Debug)]
pub struct EncryptedDns {
    told: BoundedMap<ProcessKey, ()>,
}

impl Default for EncryptedDns {
    fn default() -> Self {
        Self { told: BoundedMap::new(tuning::ENCRYPTED_DNS) }
    }
}

impl EncryptedDns {
    /// Looks at a client's first message of TLS; a process is told of once.
    pub fn greeted(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        hello: &ClientHello<'_>,
    ) -> Option<Finding> {
        let destination = payload.flow.destination;
        let by_name = hello.server_name.is_some_and(is_listed);
        let by_address = destination.port() == HTTPS && ADDRESSES.contains(&destination.ip().to_canonical());
        let over_tls =
            destination.port() == DNS_OVER_TLS || hello.protocol_names().any(|name| name == PROTOCOL);
        if !(by_name || by_address || over_tls) || !self.told.note(&context.key()) {
            return None;
        }
        let way = if over_tls { "TLS" } else { "HTTPS" };
        let detail = format!("asks {destination} for names over {way}, where they cannot be heard");
        Some(Finding::new(signals::ENCRYPTED_DNS, context, detail).value("destination", destination))
    }
}

fn is_listed(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    HOSTS
        .iter()
        .any(|host| name.strip_suffix(host).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::super::tls::hello_naming;
    use crate::engine::testing::{Host, findings, verdict};

    fn after(greetings: &[(&str, &str)]) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        for (peer, name) in greetings {
            host.send(client, peer, hello_naming(name));
        }
        assert_eq!(verdict(&host), None, "never alone");
        findings(&host)
    }

    #[test]
    fn secret_questions_are_noted_once() {
        for greeting in [
            ("192.0.2.1:443", "mozilla.cloudflare-dns.com"),
            ("192.0.2.1:443", "DNS.Google"),
            ("1.1.1.1:443", "www.example"),
            ("192.0.2.1:853", "resolver.example"),
        ] {
            assert_eq!(after(&[greeting, greeting]), [("N11", 5)], "{greeting:?}");
        }
    }

    #[test]
    fn others_are_nothing() {
        for greeting in [
            ("192.0.2.1:443", "notdns.google"),
            ("192.0.2.1:443", "www.cloudflare.com"),
            ("1.1.1.1:8443", "www.example"),
        ] {
            assert_eq!(after(&[greeting]), [], "{greeting:?}");
        }
    }
}
