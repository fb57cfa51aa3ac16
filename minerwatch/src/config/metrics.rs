//! `[metrics]`: the endpoint for Prometheus.

use std::{fmt, net::SocketAddr, path::PathBuf};

use serde::{Deserialize, Serialize};

use crate::schema::{optional, parsed, section, switch};

section! {
    /// Keys of `[metrics]`.
    pub struct MetricsSection {
        /// Where the daemon serves its [metrics](metrics.md) over HTTP, in the OpenMetrics format. A Unix socket
        /// may be used by root and the group of the daemon; everybody who can reach an address can read the metrics.
        /// Without this key, there is no endpoint. Under systemd, an address needs a drop-in
        /// ([metrics.md](metrics.md)).
        pub listen: Option<ListenAddress> = None,
            optional(parsed("`\"unix:/PATH\"`, or an IP address with a port: `\"127.0.0.1:9464\"`"));
        /// Whether the kernel counts how often and how long each eBPF program runs. This costs a little for each run of
        /// every eBPF program of the host.
        pub bpf_stats: bool = false, switch();
    }
}

/// The address of an endpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ListenAddress {
    /// A Unix socket with this absolute path.
    Unix(PathBuf),
    /// An address and port.
    Tcp(SocketAddr),
}

impl TryFrom<String> for ListenAddress {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(format!("`{}` is not an absolute path", path.display()))
            };
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            format!(
                "`{text}` is neither `unix:/PATH` nor an IP address with a port, such as `127.0.0.1:9464`"
            )
        })
    }
}

impl From<ListenAddress> for String {
    fn from(address: ListenAddress) -> Self {
        address.to_string()
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
            Self::Tcp(address) => address.fmt(formatter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_path_or_an_ip_address_with_a_port() {
        for text in ["unix:/run/minerwatch/metrics.sock", "127.0.0.1:9464", "[::1]:9464", "0.0.0.0:80"] {
            let address = ListenAddress::try_from(text.to_owned()).expect(text);
            assert_eq!(address.to_string(), text);
        }
        for text in
            ["", "unix:", "unix:metrics.sock", "localhost:9464", "127.0.0.1", "9464", "http://127.0.0.1:1"]
        {
            ListenAddress::try_from(text.to_owned()).expect_err(text);
        }
    }
}
