//! Parses indicators in all forms in which people write them.

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
};

use super::refang::refang;

/// Maximum length of a name in its textual form, in bytes (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 253;
/// Maximum length of a label of a name, in bytes.
const MAX_LABEL: usize = 63;
/// Minimum prefix lengths. Wider networks would match much of a host's traffic.
const WIDEST_V4: u8 = 8;
const WIDEST_V6: u8 = 19;

/// An indicator: something to look for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Indicator {
    /// A name and all its subdomains, in lower case without a final dot.
    Domain(String),
    /// A single address.
    Address(IpAddr),
    /// A network: an address and its prefix length.
    Network(IpAddr, u8),
    /// An address with a port.
    Endpoint(SocketAddr),
    /// A name and all its subdomains, with a port.
    NamedEndpoint(String, u16),
    /// SHA-256 of a file.
    Sha256([u8; 32]),
}

/// Why a text cannot be used as an indicator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The text is not an indicator.
    #[error("'{0}' is not a name, address, network, host:port or SHA-256")]
    Unknown(String),
    /// The indicator is of a kind that minerwatch does not look up.
    #[error("{0} cannot be watched for")]
    Unsupported(&'static str),
    /// The indicator would match nearly everything.
    #[error("'{0}' matches far too much")]
    TooWide(String),
}

impl Refusal {
    /// The name of this kind of refusal, for counters.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "no indicator",
            Self::Unsupported(what) => what,
            Self::TooWide(_) => "matches far too much",
        }
    }

    fn unknown(text: &str) -> Self {
        Self::Unknown(text.chars().take(80).collect())
    }
}

impl Indicator {
    /// Parses an indicator, defanged or not. Examples: `evil.example`, `*.evil.example`, `192.0.2.1`, `2001:db8::/32`,
    /// `evil.example:3333`, `stratum+tcp://evil.example:3333`, and a SHA-256 in hexadecimal.
    ///
    /// # Errors
    ///
    /// Fails if the text is not an indicator, or if the indicator cannot be used. The URL of a page
    /// (`http://name/page`) does not accuse a named host, which has other pages too. MD5 and SHA-1 hashes are not
    /// computed. `0.0.0.0/0` or `com` would match everything.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let text = text.trim().trim_matches(['"', '\'', '`']);
        let text = refang(text);
        if let Some((scheme, rest)) = text.split_once("://") {
            return Self::url(scheme, rest);
        }
        if let Some(hash) = hash(&text) {
            return hash;
        }
        if text.contains('@') {
            return Err(Refusal::Unsupported("a mail address"));
        }
        if let Some((address, bits)) = text.split_once('/') {
            if let (Ok(address), Ok(bits)) = (address.parse(), bits.parse()) {
                return Self::network(address, bits);
            }
            // A name with a path is a URL without a scheme.
            return Self::url("http", &text);
        }
        if let Ok(address) = text.parse() {
            return Self::address(address);
        }
        Self::host_and_port(&text)
    }

    /// Parses an indicator whose port is given separately. An address or a name becomes an endpoint with that port.
    ///
    /// # Errors
    ///
    /// Fails like [`Self::parse`].
    pub fn with_port(text: &str, port: Option<u16>) -> Result<Self, Refusal> {
        Ok(match (Self::parse(text)?, port) {
            (Self::Address(address), Some(port)) => Self::Endpoint(SocketAddr::new(address, port)),
            (Self::Domain(name), Some(port)) => Self::NamedEndpoint(name, port),
            (other, _) => other,
        })
    }

    /// Creates a network with the prefix length `bits`.
    fn network(address: IpAddr, bits: u8) -> Result<Self, Refusal> {
        let (all, widest) = if address.is_ipv4() { (32, WIDEST_V4) } else { (128, WIDEST_V6) };
        if bits > all {
            return Err(Refusal::unknown(&format!("{address}/{bits}")));
        }
        if bits == all {
            return Self::address(address);
        }
        if bits < widest {
            return Err(Refusal::TooWide(format!("{address}/{bits}")));
        }
        Ok(Self::Network(address, bits))
    }

    fn address(address: IpAddr) -> Result<Self, Refusal> {
        let address = address.to_canonical();
        if address.is_loopback() || address.is_unspecified() || address.is_multicast() {
            return Err(Refusal::TooWide(address.to_string()));
        }
        Ok(Self::Address(address))
    }

    fn url(scheme: &str, rest: &str) -> Result<Self, Refusal> {
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let usual = match scheme.to_ascii_lowercase().as_str() {
            "http" => Some(":80"),
            "https" => Some(":443"),
            _ => None,
        };
        let host = usual.and_then(|port| host.strip_suffix(port)).unwrap_or(host);
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        match bare.parse() {
            Ok(address) => Self::address(address),
            Err(_) if path.len() > 1 && host.parse::<SocketAddr>().is_err() => {
                Err(Refusal::Unsupported("the address of a single page"))
            }
            Err(_) => Self::host_and_port(host),
        }
    }

    fn host_and_port(text: &str) -> Result<Self, Refusal> {
        if let Ok(endpoint) = text.parse::<SocketAddr>() {
            Self::address(endpoint.ip())?;
            return Ok(Self::Endpoint(SocketAddr::new(endpoint.ip().to_canonical(), endpoint.port())));
        }
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => match port.parse::<u16>() {
                Ok(port) if port != 0 => (host, Some(port)),
                Ok(_) | Err(_) => return Err(Refusal::unknown(text)),
            },
            None => (text, None),
        };
        let host = host.strip_prefix("*.").or_else(|| host.strip_prefix('.')).unwrap_or(host);
        let name = normalize_name(host).ok_or_else(|| Refusal::unknown(text))?.into_owned();
        if !name.contains('.') {
            return Err(Refusal::TooWide(name));
        }
        Ok(match port {
            Some(port) => Self::NamedEndpoint(name, port),
            None => Self::Domain(name),
        })
    }
}

/// Recognises a hash by its number of hexadecimal digits. Returns `None` if the text is not a hash.
fn hash(text: &str) -> Option<Result<Indicator, Refusal>> {
    if !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    match text.len() {
        32 => Some(Err(Refusal::Unsupported("an MD5 hash"))),
        40 => Some(Err(Refusal::Unsupported("a SHA-1 hash"))),
        64 => sha256(text).map(|hash| Ok(Indicator::Sha256(hash))),
        128 => Some(Err(Refusal::Unsupported("a SHA-512 hash"))),
        _ => None,
    }
}

/// Decodes 64 hexadecimal digits.
pub(super) fn sha256(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes().as_chunks::<2>().0;
    if text.len() != 64 {
        return None;
    }
    let mut hash = [0; 32];
    for (byte, [high, low]) in hash.iter_mut().zip(digits) {
        let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        *byte = digit(*high)? << 4 | digit(*low)?;
    }
    Some(hash)
}

/// Normalizes a name for comparisons: lower case, without a final dot. Returns `None` if no host can have that name.
/// Names in other alphabets must be written with `xn--`.
fn normalize_name(name: &str) -> Option<Cow<'_, str>> {
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let is_label = |label: &str| {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty() && label.len() <= MAX_LABEL && label.bytes().all(usual)
    };
    if !name.split('.').all(is_label) {
        return None;
    }
    // No top-level domain is a number, so this is a damaged address or a version number.
    let last = name.rsplit('.').next().unwrap_or_default();
    if last.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Some(Cow::Owned(name.to_ascii_lowercase()));
    }
    Some(Cow::Borrowed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[expect(clippy::unnecessary_wraps, reason = "compared with what parsing gives")]
    fn domain(name: &str) -> Result<Indicator, Refusal> {
        Ok(Indicator::Domain(name.to_owned()))
    }

    #[test]
    fn all_ways_to_write_an_indicator() {
        let address = |text: &str| Ok(Indicator::Address(text.parse().unwrap()));
        let endpoint = |text: &str| Ok(Indicator::Endpoint(text.parse().unwrap()));
        let named = |name: &str, port| Ok(Indicator::NamedEndpoint(name.to_owned(), port));
        let cases = [
            ("pool.example", domain("pool.example")),
            ("Pool.EXAMPLE.", domain("pool.example")),
            ("*.pool.example", domain("pool.example")),
            (".pool.example", domain("pool.example")),
            (" \"pool[.]example\" ", domain("pool.example")),
            ("xn--bcher-kva.example", domain("xn--bcher-kva.example")),
            ("_mining.pool.example", domain("_mining.pool.example")),
            ("https://pool.example", domain("pool.example")),
            ("https://pool.example/", domain("pool.example")),
            ("hxxps://pool[.]example:443/", domain("pool.example")),
            ("http://pool.example:8080", named("pool.example", 8080)),
            ("stratum+tcp://pool.example:3333", named("pool.example", 3333)),
            ("stratum+ssl://10.0.0.1:3333", endpoint("10.0.0.1:3333")),
            ("http://user:secret@pool.example", domain("pool.example")),
            ("pool.example:3333", named("pool.example", 3333)),
            ("192.0.2.1", address("192.0.2.1")),
            ("192[.]0[.]2[.]1", address("192.0.2.1")),
            ("::ffff:192.0.2.1", address("192.0.2.1")),
            ("2001:db8::1", address("2001:db8::1")),
            ("http://[2001:db8::1]/", address("2001:db8::1")),
            ("http://192.0.2.1/miner.sh", address("192.0.2.1")),
            ("http://192.0.2.1:8080/miner.sh?a#b", endpoint("192.0.2.1:8080")),
            ("192.0.2.1:3333", endpoint("192.0.2.1:3333")),
            ("[2001:db8::1]:3333", endpoint("[2001:db8::1]:3333")),
            ("192.0.2.1/32", address("192.0.2.1")),
            ("192.0.2.0/24", Ok(Indicator::Network("192.0.2.0".parse().unwrap(), 24))),
            ("2001:db8::/32", Ok(Indicator::Network("2001:db8::".parse().unwrap(), 32))),
        ];
        for (text, expected) in cases {
            assert_eq!(Indicator::parse(text), expected, "{text}");
        }
        let hash = "0123456789ABCDEF".repeat(4);
        let Ok(Indicator::Sha256(bytes)) = Indicator::parse(&hash) else { panic!("a hash") };
        assert_eq!(bytes[..3], [0x01, 0x23, 0x45]);
    }

    #[test]
    fn texts_that_cannot_be_used() {
        let unsupported = [
            "d41d8cd98f00b204e9800998ecf8427e",
            "da39a3ee5e6b4b0d3255bfef95601890afd80709",
            "http://pool.example/xmrig.tar.gz",
            "pool.example/xmrig",
            "boss@pool.example",
        ];
        for text in unsupported {
            assert!(matches!(Indicator::parse(text), Err(Refusal::Unsupported(_))), "{text}");
        }
        for text in [
            "com",
            "localhost",
            "0.0.0.0",
            "127.0.0.1",
            "::1",
            "0.0.0.0/0",
            "10.0.0.0/7",
            "::/3",
            "2026-11-25",
        ] {
            assert!(matches!(Indicator::parse(text), Err(Refusal::TooWide(_))), "{text}");
        }
        for text in [
            "",
            " ",
            "1.2.3",
            "1.2.3.400",
            "10.0.0.0/33",
            "a..example",
            "pool.example:0",
            "pool.example:99999",
            "два.example",
            "a b.example",
            "12.5",
            "…",
        ] {
            assert!(matches!(Indicator::parse(text), Err(Refusal::Unknown(_))), "{text}");
        }
        let long = "a".repeat(64) + ".example";
        assert!(Indicator::parse(&long).is_err());
        assert!(Indicator::parse(&"a.".repeat(200)).is_err());
    }
}
