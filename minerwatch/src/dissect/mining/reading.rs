//! Parses the captured stream of one direction of a connection.

use super::{
    Message, ProtocolMatch, crypto_note::crypto_note, ethereum::eth_proxy, solo, stratum::stratum,
    stratum_v2::stratum_v2, zmq::zmq,
};
use crate::dissect::{
    http,
    tunnel::{self, Peeled, Tunnel},
};

/// Maximum number of messages that are parsed in one stream.
const MAX_MESSAGES: usize = 8;

/// The result of parsing a stream.
#[derive(Clone, Debug, Default)]
pub struct Reading<'a> {
    /// A message of a mining protocol; a sure message is preferred.
    pub message: Option<ProtocolMatch<'a>>,
    /// The tunnel that the stream requests first.
    pub tunnel: Option<Tunnel<'a>>,
    /// Whether the stream asks a node for its block height, as solo miners do all the time.
    pub asks_height: bool,
    /// The unfinished rest of the stream, to be parsed again together with the bytes that follow.
    pub unfinished: Option<&'a [u8]>,
}

/// Parses a stream from its beginning, or from the beginning of any message.
pub fn read(stream: &[u8]) -> Reading<'_> {
    let (tunnel, content) = match tunnel::peel(stream) {
        Peeled::Unfinished => return Reading { unfinished: Some(stream), ..Reading::default() },
        Peeled::Content(tunnel, content) => (tunnel, content.trim_ascii_start()),
    };
    let reading = Reading { tunnel, ..Reading::default() };
    match content {
        [b'{' | b'[', ..] => messages(content, reading),
        [b'P', ..] => call(content, reading),
        [b'G', b'E', b'T', b' ', ..] => Reading { asks_height: solo::asks_height(content), ..reading },
        [0xff, ..] => {
            let message = zmq(content);
            Reading { unfinished: message.is_none().then_some(content), message, ..reading }
        }
        [0, 0, 0, ..] => Reading { message: stratum_v2(content), ..reading },
        _ => reading,
    }
}

/// Parses consecutive JSON messages.
fn messages<'a>(content: &'a [u8], mut reading: Reading<'a>) -> Reading<'a> {
    let mut rest = content;
    for _ in 0..MAX_MESSAGES {
        let (message, after) = Message::read(rest);
        let recognised = stratum(&message).or_else(|| crypto_note(&message)).or_else(|| eth_proxy(&message));
        if let Some(recognised) = recognised
            && reading.message.is_none_or(|before| !before.sure && recognised.sure)
        {
            reading.message = Some(recognised);
        }
        let Some(after) = after else {
            reading.unfinished = Some(rest);
            break;
        };
        rest = after.trim_ascii_start();
        if !matches!(rest.first(), Some(b'{' | b'[')) {
            break;
        }
    }
    reading
}

/// Parses an HTTP request whose body may be an RPC call to a node.
fn call<'a>(content: &'a [u8], reading: Reading<'a>) -> Reading<'a> {
    match http::request(content) {
        http::Request::Body(body) => {
            let (message, rest) = Message::read(body);
            let unfinished = rest.is_none().then_some(content);
            Reading { message: solo::solo(&message), unfinished, ..reading }
        }
        http::Request::Unfinished => Reading { unfinished: Some(content), ..reading },
        http::Request::Other => reading,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn method(stream: &str) -> Option<&'static str> {
        read(stream.as_bytes()).message.map(|message| message.method)
    }

    #[test]
    fn only_streams_of_mining_protocols_have_a_method() {
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        let cases = [
            (subscribe.to_owned(), Some("mining.subscribe")),
            (format!("\r\n  {subscribe}\n"), Some("mining.subscribe")),
            (format!("{{\"id\":0,\"method\":\"hello\"}}\n{subscribe}"), Some("mining.subscribe")),
            (format!("[{{\"id\":0,\"method\":\"x\",\"params\":[1]}},{subscribe}]"), Some("mining.subscribe")),
            (format!("\x05\x01\0\x05\x01\0\x03\x04pool\x0d\x05{subscribe}"), Some("mining.subscribe")),
            (format!("CONNECT pool:3333 HTTP/1.1\r\n\r\n{subscribe}"), Some("mining.subscribe")),
            ("POST /json_rpc HTTP/1.1\r\nHost: n\r\n\r\n{\"method\":\"getblocktemplate\",\"params\":{\"wallet_address\":\"4\"}}".into(), Some("getblocktemplate")),
            (format!("POST /log HTTP/1.1\r\n\r\n{subscribe}"), None),
            (format!("PUT /log/1 HTTP/1.1\r\n\r\n{subscribe}"), None),
            (format!("GET /?q={subscribe} HTTP/1.1\r\n\r\n"), None),
            (format!("EHLO x\r\nDATA\r\n{subscribe}"), None),
            (format!("0032want {subscribe}"), None),
            ("Content-Length: 52\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}".into(), None),
        ];
        for (stream, expected) in cases {
            assert_eq!(method(&stream), expected, "{}", stream.escape_debug());
        }
    }

    #[test]
    fn an_unfinished_stream_is_kept() {
        for (stream, more) in [
            ("{\"id\":1,\"meth", true),
            ("{\"id\":1}", false),
            ("\x05\x01\0", true),
            ("POST / HTTP/1.1\r\nHost", true),
            ("POST / HTTP/1.1\r\n\r\n", true),
            ("PATCH / HTTP/1.1\r\n\r\n", true),
            ("PU", true),
            ("GET / HTTP/1.1\r\n", false),
            ("hello", false),
        ] {
            assert_eq!(read(stream.as_bytes()).unfinished.is_some(), more, "{}", stream.escape_debug());
        }
    }

    #[test]
    fn only_the_unfinished_message_is_kept() {
        for (stream, kept) in [
            ("CONNECT pool:3333 HTTP/1.1\r\n\r\n{\"id\":1,\"meth", Some("{\"id\":1,\"meth")),
            ("{\"id\":1}\n{\"id\":2", Some("{\"id\":2")),
            ("{\"id\":1}\n", None),
            ("CONNECT pool:3333 HTTP/1.1\r\n\r\n", None),
            ("CONNECT pool:3333 HTTP/1.1\r\n", Some("CONNECT pool:3333 HTTP/1.1\r\n")),
        ] {
            assert_eq!(
                read(stream.as_bytes()).unfinished,
                kept.map(str::as_bytes),
                "{}",
                stream.escape_debug()
            );
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes);
        }
    }
}
