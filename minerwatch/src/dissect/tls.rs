//! A parser for the TLS client hello, which is not encrypted.

mod hello;
mod ja4;

pub use hello::{ClientHello, extension};
pub use ja4::ja4;

use crate::model::{Payload, Protocol, TlsHello};

/// Maximum number of application protocols that are kept.
const MAX_PROTOCOLS: usize = 8;

/// Parses the client hello in a payload that this host sent on a connection that this host opened.
pub fn hello_in(payload: &Payload) -> Option<TlsHello> {
    if payload.flow.protocol != Protocol::Tcp || !payload.is_sent_by_client() {
        return None;
    }
    let hello = ClientHello::read(&payload.bytes.0)?;
    let protocols = hello.protocol_names().take(MAX_PROTOCOLS);
    Some(TlsHello {
        server_name: hello.server_name.map(str::to_ascii_lowercase),
        names_host: hello.extension_types().any(|kind| kind == extension::SERVER_NAME),
        offers_protocols: hello.protocols.is_some(),
        whole: hello.whole,
        protocols: protocols
            .map(|name| name.escape_ascii().to_string())
            .filter(|name| !name.is_empty())
            .collect(),
        ja4: ja4(&hello),
    })
}
