//! The address of a syslog server.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// Maximum length of a host's name (RFC 1035), in bytes.
const MAX_HOST: usize = 253;

/// How messages reach the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Datagrams of a Unix socket.
    Unix,
    /// Datagrams of UDP.
    Udp,
    /// A stream of TCP.
    Tcp,
    /// A stream of TLS.
    Tls,
}

impl Scheme {
    const NETWORK: [(&str, Self, u16); 3] =
        [("udp", Self::Udp, 514), ("tcp", Self::Tcp, 514), ("tls", Self::Tls, 6514)];
}

/// The address of a syslog server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Address {
    /// Host and port of a server.
    Network {
        /// The protocol.
        scheme: Scheme,
        /// Name or address of the host, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// The path of a socket.
    Socket(PathBuf),
}

impl Address {
    /// Description of the accepted values for the reference.
    pub const ACCEPTED: &str =
        "`\"tls://HOST:PORT\"`, `\"tcp://HOST:PORT\"`, `\"udp://HOST:PORT\"`, `\"unix:///PATH\"`";

    /// Returns how messages reach the server.
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Network { scheme, .. } => *scheme,
            Self::Socket(_) => Scheme::Unix,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (name, rest) = text.split_once("://")?;
        if name == "unix" {
            return Path::new(rest).is_absolute().then(|| Self::Socket(rest.into()));
        }
        let (_, scheme, default) = *Scheme::NETWORK.iter().find(|(scheme, ..)| *scheme == name)?;
        let (host, port) = match rest.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, if rest.is_empty() { None } else { Some(rest.strip_prefix(':')?) })
            }
            None => match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, None),
            },
        };
        let port = port.map_or(Some(default), |port| port.parse().ok())?;
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:".contains(&byte);
        let is_host = (1..=MAX_HOST).contains(&host.len()) && host.bytes().all(fits);
        (is_host && port != 0).then(|| Self::Network { scheme, host: host.to_owned(), port })
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("`{text}` is not an address; write {}", Self::ACCEPTED))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Socket(path) => write!(formatter, "unix://{}", path.display()),
            Self::Network { scheme, host, port } => {
                let name = Scheme::NETWORK
                    .iter()
                    .find(|(_, other, _)| other == scheme)
                    .map_or("", |(name, ..)| name);
                if host.contains(':') {
                    write!(formatter, "{name}://[{host}]:{port}")
                } else {
                    write!(formatter, "{name}://{host}:{port}")
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("udp://log.example.org", "udp://log.example.org:514"),
            ("tcp://192.0.2.1:601", "tcp://192.0.2.1:601"),
            ("tls://log_1.example.org", "tls://log_1.example.org:6514"),
            ("tls://[2001:db8::1]", "tls://[2001:db8::1]:6514"),
            ("tcp://[2001:db8::1]:601", "tcp://[2001:db8::1]:601"),
            ("unix:///dev/log", "unix:///dev/log"),
        ] {
            let address = Address::try_from(text.to_owned()).unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(Address::try_from(written.to_owned()), Ok(address));
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "log.example.org",
            "http://log.example.org",
            "udp://",
            "udp://:514",
            "tcp://h:0",
            "tcp://h:65536",
            "tcp://h:",
            "tcp://h:1:2",
            "tcp://[h]:1",
            "tcp://[::1",
            "tcp://[::1]1",
            "tcp://a b",
            "tcp://user@h",
            "tcp://h/path",
            "unix://dev/log",
            "unix://",
            "TCP://h",
        ] {
            assert!(Address::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
