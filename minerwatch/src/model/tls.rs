//! What a TLS client says in the clear.

/// Facts of a client's first message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsHello {
    /// The name of the host it wants (SNI), in lower case.
    pub server_name: Option<String>,
    /// Protocols it offers to speak inside (ALPN), in its order; at most eight, what is no text escaped.
    pub protocols: Vec<String>,
    /// Whether it names a host at all, be it one that cannot be read.
    pub names_host: bool,
    /// Whether it offers protocols at all.
    pub offers_protocols: bool,
    /// Whether the message was seen whole; of one that was cut off nothing can be missing.
    pub whole: bool,
    /// Its fingerprint (JA4); `None` if the message was not seen whole.
    pub ja4: Option<String>,
}
