//! The parsed TLS client hello, the first message of a client, which is not encrypted.

/// A TLS client hello.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsHello {
    /// The server name (SNI), in lower case.
    pub server_name: Option<String>,
    /// The application protocols that the client offers (ALPN), in the client's order; at most eight. Bytes that are
    /// not printable ASCII are escaped.
    pub protocols: Vec<String>,
    /// Whether the client sends a server name, even an invalid one.
    pub names_host: bool,
    /// Whether the client offers application protocols.
    pub offers_protocols: bool,
    /// Whether all extension types and all relevant contents were captured. If not, a missing field proves nothing.
    pub whole: bool,
    /// The fingerprint of the client (JA4); `None` if the message is truncated.
    pub ja4: Option<String>,
}
