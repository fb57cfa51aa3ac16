//! Peers of an exception: an address, a network or a name, with or without a port.

use std::{fmt, net::IpAddr};

use serde::{Deserialize, Serialize};

use crate::model::Peer;

/// Minimum prefix lengths. Wider networks would match much of a host's traffic.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 19;
/// Maximum length of a name, in bytes (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;

/// A peer: `192.0.2.1`, `192.0.2.1:3333`, `10.0.0.0/8`, `[2001:db8::1]:3333`, `[2001:db8::/32]:3333`,
/// `pool.example:3333` or `*.pool.example`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PeerPattern {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Network(IpAddr, u8),
    Name(String),
    /// The names below this one.
    Below(String),
}

impl PeerPattern {
    /// Whether a peer matches.
    pub fn matches(&self, peer: &Peer) -> bool {
        if self.port.is_some_and(|port| port != peer.address.port()) {
            return false;
        }
        let name = peer.name.as_deref().map(|name| name.trim_end_matches('.').to_ascii_lowercase());
        match &self.host {
            Host::Network(network, bits) => contains(*network, *bits, peer.address.ip().to_canonical()),
            Host::Name(own) => name.is_some_and(|name| name == *own),
            Host::Below(own) => name.is_some_and(|name| {
                name.strip_suffix(own.as_str()).is_some_and(|rest| rest.len() > 1 && rest.ends_with('.'))
            }),
        }
    }
}

fn contains(network: IpAddr, bits: u8, address: IpAddr) -> bool {
    let differ = match (network, address) {
        (IpAddr::V4(one), IpAddr::V4(two)) => {
            (one.to_bits() ^ two.to_bits()).checked_shr(32 - u32::from(bits)).unwrap_or(0).into()
        }
        (IpAddr::V6(one), IpAddr::V6(two)) => {
            (one.to_bits() ^ two.to_bits()).checked_shr(128 - u32::from(bits)).unwrap_or(0)
        }
        _ => 1,
    };
    differ == 0
}

impl TryFrom<String> for PeerPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shown: String = text.chars().take(80).collect();
        let wrong = |why: &str| {
            format!("`{shown}` {why}: write an address, a network or a name, with or without `:PORT`")
        };
        let text = text.trim();
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, rest)) => (host, Some(rest.strip_prefix(':').ok_or_else(|| wrong("is not a peer"))?)),
            // An IPv6 address without brackets has no port.
            None if text.matches(':').count() > 1 => (text, None),
            None => match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            },
        };
        let port = port.map(str::parse::<u16>).transpose().map_err(|_| wrong("has no valid port"))?;
        let host = match host.split_once('/') {
            Some((address, bits)) => {
                let address: IpAddr = address.parse().map_err(|_| wrong("is not a network"))?;
                let bits: u8 = bits.parse().map_err(|_| wrong("is not a network"))?;
                let (all, widest) = if address.is_ipv4() { (32, WIDEST_V4) } else { (128, WIDEST_V6) };
                if bits > all {
                    return Err(wrong("is not a network"));
                }
                if bits < widest {
                    return Err(wrong("matches far too much"));
                }
                Host::Network(address, bits)
            }
            None => match host.parse::<IpAddr>() {
                Ok(address) => {
                    let address = address.to_canonical();
                    Host::Network(address, if address.is_ipv4() { 32 } else { 128 })
                }
                Err(_) => name(host).ok_or_else(|| wrong("is not a peer"))?,
            },
        };
        Ok(Self { host, port })
    }
}

/// Reads a name. A name without a dot would match too much below it, and `*` is allowed only as the first label.
fn name(text: &str) -> Option<Host> {
    let text = text.trim_end_matches('.').to_ascii_lowercase();
    let (below, own) = match text.strip_prefix("*.") {
        Some(own) => (true, own),
        None => (false, text.as_str()),
    };
    let is_label = |label: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        !label.is_empty() && label.len() <= 63 && label.bytes().all(plain)
    };
    let is_name = own.len() <= MAX_NAME && own.split('.').all(is_label);
    let is_numbers = own.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if !is_name || is_numbers || (below && !own.contains('.')) {
        return None;
    }
    Some(if below { Host::Below(own.to_owned()) } else { Host::Name(own.to_owned()) })
}

impl fmt::Display for PeerPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = match &self.host {
            Host::Network(IpAddr::V4(address), 32) => address.to_string(),
            Host::Network(IpAddr::V6(address), 128) => address.to_string(),
            Host::Network(address, bits) => format!("{address}/{bits}"),
            Host::Name(name) => name.clone(),
            Host::Below(name) => format!("*.{name}"),
        };
        match self.port {
            Some(port) if host.contains(':') => write!(formatter, "[{host}]:{port}"),
            Some(port) => write!(formatter, "{host}:{port}"),
            None => formatter.write_str(&host),
        }
    }
}

impl From<PeerPattern> for String {
    fn from(peer: PeerPattern) -> Self {
        peer.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(address: &str, name: Option<&str>) -> Peer {
        Peer { address: address.parse().expect("an address"), name: name.map(Into::into) }
    }

    #[test]
    fn a_peer_matches_by_address_network_name_and_port() {
        for (pattern, address, name, expected) in [
            ("192.0.2.1", "192.0.2.1:80", None, true),
            ("192.0.2.1", "192.0.2.2:80", None, false),
            ("192.0.2.1", "[::ffff:192.0.2.1]:80", None, true),
            ("192.0.2.1:80", "192.0.2.1:81", None, false),
            ("10.0.0.0/8", "10.9.8.7:1", None, true),
            ("10.0.0.0/8", "11.0.0.1:1", None, false),
            ("10.0.0.0/8", "[2001:db8::1]:1", None, false),
            ("2001:db8::/32", "[2001:db8:9::1]:1", None, true),
            ("[2001:db8::/32]:7", "[2001:db8:9::1]:1", None, false),
            ("[2001:db8::1]:7", "[2001:db8::1]:7", None, true),
            ("Pool.Example", "192.0.2.1:1", Some("pool.example."), true),
            ("pool.example", "192.0.2.1:1", Some("eu.pool.example"), false),
            ("*.pool.example:1", "192.0.2.1:1", Some("eu.pool.example"), true),
            ("*.pool.example", "192.0.2.1:1", Some("pool.example"), false),
            ("*.pool.example", "192.0.2.1:1", Some("evilpool.example"), false),
            ("pool.example", "192.0.2.1:1", None, false),
        ] {
            let own = PeerPattern::try_from(pattern.to_owned()).expect(pattern);
            assert_eq!(own.matches(&peer(address, name)), expected, "{pattern} {address}");
            assert_eq!(PeerPattern::try_from(own.to_string()), Ok(own), "{pattern}");
        }
    }

    #[test]
    fn what_is_no_peer_is_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.0/33",
            "10.0.0.0/x",
            "192.0.2",
            "a b",
            "a:b",
            "a:70000",
            "[::1",
            "[::1]x",
            "http://a.example/",
            "a..b",
        ] {
            let message = PeerPattern::try_from(text.to_owned()).expect_err(text);
            assert!(message.contains("write an address"), "{text}: {message}");
        }
    }
}
