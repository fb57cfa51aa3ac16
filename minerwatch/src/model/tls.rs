//! What a TLS client says in the clear, in its first message.

/// The first message of a client.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsHello {
    /// The name of the host it wants (SNI), in lower case.
    pub server_name: Option<String>,
    /// Protocols it offers to speak inside (ALPN), in its order; at most eight. Bytes that are no text are escaped.
    pub protocols: Vec<String>,
    /// Whether it names a host at all, even one that cannot be read.
    pub names_host: bool,
    /// Whether it offers protocols at all.
    pub offers_protocols: bool,
    /// Whether the whole message was captured. If it was cut off, nothing can be said to be missing from it.
    pub whole: bool,
    /// The fingerprint of the client (JA4); `None` if the message was cut off.
    pub ja4: Option<String>,
}
