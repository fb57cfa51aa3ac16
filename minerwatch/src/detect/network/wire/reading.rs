//! What one direction of a connection says, as far as it was captured.

use super::{
    Message, ProtocolMatch, Tunnel,
    crypto_note::crypto_note,
    ethereum::eth_proxy,
    solo,
    stratum::stratum,
    stratum_v2::stratum_v2,
    tunnel::{Peeled, body_of, peel},
    zmq::zmq,
};

/// The most messages of one stream that are looked at.
const MAX_MESSAGES: usize = 8;

/// HTTP calls that have a body.
const CALLS: [&[u8]; 3] = [b"POST ", b"PUT ", b"PATCH "];

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Reading<'a> {
    /// Words of a mining protocol, sure ones before others.
    pub protocol_match: Option<ProtocolMatch<'a>>,
    /// The way the words go, if that is told.
    pub via: Option<Tunnel<'a>>,
    /// Whether it asks a node for its height, as solo miners do all the time.
    pub asks_height: bool,
    /// Whether more of the stream may say more.
    pub unfinished: bool,
}

/// Reads a stream from its beginning, or from any place where a message begins.
pub fn read(stream: &[u8]) -> Reading<'_> {
    let (via, words) = match peel(stream) {
        Peeled::Unfinished => return Reading { unfinished: true, ..Reading::default() },
        Peeled::Words(via, words) => (via, words.trim_ascii_start()),
    };
    let unfinished = via.is_some() && words.is_empty();
    let reading = Reading { via, unfinished, ..Reading::default() };
    match words {
        [b'{' | b'[', ..] => messages(words, reading),
        [b'P', ..] if CALLS.iter().any(|call| words.starts_with(call)) => call(words, reading),
        [b'P', ..] if CALLS.iter().any(|call| call.starts_with(words)) => {
            Reading { unfinished: true, ..reading }
        }
        [b'G', b'E', b'T', b' ', ..] => Reading { asks_height: solo::asks_height(words), ..reading },
        [0xff, ..] => {
            let protocol_match = zmq(words);
            Reading { unfinished: protocol_match.is_none(), protocol_match, ..reading }
        }
        [0, 0, 0, ..] => Reading { protocol_match: stratum_v2(words), ..reading },
        _ => reading,
    }
}

fn messages<'a>(words: &'a [u8], mut reading: Reading<'a>) -> Reading<'a> {
    let mut rest = words;
    for _ in 0..MAX_MESSAGES {
        let (message, after) = Message::read(rest);
        let protocol_match =
            stratum(&message).or_else(|| crypto_note(&message)).or_else(|| eth_proxy(&message));
        if let Some(protocol_match) = protocol_match
            && reading.protocol_match.is_none_or(|before| !before.sure && protocol_match.sure)
        {
            reading.protocol_match = Some(protocol_match);
        }
        let Some(after) = after else {
            reading.unfinished = true;
            break;
        };
        rest = after.trim_ascii_start();
        if !matches!(rest.first(), Some(b'{' | b'[')) {
            break;
        }
    }
    reading
}

fn call<'a>(request: &'a [u8], reading: Reading<'a>) -> Reading<'a> {
    let body = body_of(request).map(<[u8]>::trim_ascii_start).unwrap_or_default();
    if body.is_empty() {
        return Reading { unfinished: true, ..reading };
    }
    let (message, rest) = Message::read(body);
    Reading { protocol_match: solo::solo(&message), unfinished: rest.is_none(), ..reading }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn method(stream: &str) -> Option<&'static str> {
        read(stream.as_bytes()).protocol_match.map(|protocol_match| protocol_match.method)
    }

    #[test]
    fn streams() {
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
    fn more_may_come() {
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
            assert_eq!(read(stream.as_bytes()).unfinished, more, "{}", stream.escape_debug());
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes);
        }
    }
}
