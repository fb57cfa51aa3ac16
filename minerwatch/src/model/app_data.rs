//! What a payload says that has a line of its own.

use super::{DnsAnswer, TlsHello};

/// What was understood of a payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AppData {
    /// A client begins TLS.
    Tls(TlsHello),
    /// A server of names answers.
    Dns(DnsAnswer),
}
