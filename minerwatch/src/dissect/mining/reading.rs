//! Parses the captured stream of one direction of a connection.

use super::{
    Message, ProtocolMatch,
    alephium::alephium,
    beam::beam,
    crypto_note::crypto_note,
    cuckoo::cuckoo,
    ethereum::eth_proxy,
    getwork_socket::{self, getwork_socket},
    grpc::{self, grpc},
    qubic::qubic,
    solo,
    stratum::stratum,
    stratum_v2::stratum_v2,
    zmq::zmq,
};
use crate::{
    dissect::{
        framing::{self, Framed},
        http,
        tunnel::{self, Peeled, Tunnel},
    },
    model::Carrier,
};

/// Maximum number of messages that are parsed in one stream.
const MAX_MESSAGES: usize = 8;
/// The byte order mark of UTF-8, with which some programs begin a text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The result of parsing a stream.
#[derive(Clone, Debug, Default)]
pub struct Reading<'a> {
    /// A message of a mining protocol; a sure message is preferred.
    pub message: Option<ProtocolMatch<'a>>,
    /// What carries the JSON of the stream; `None` if there is no JSON.
    pub carrier: Option<Carrier>,
    /// The tunnel that the stream requests first.
    pub tunnel: Option<Tunnel<'a>>,
    /// The method by which the stream asks a node for its block height, as solo miners do all the time.
    pub asks_height: Option<&'static str>,
    /// The unfinished rest of the stream, to be parsed again together with the bytes that follow.
    pub unfinished: Option<&'a [u8]>,
}

impl<'a> Reading<'a> {
    /// Whether nothing is known of the stream.
    pub fn is_empty(&self) -> bool {
        self.message.is_none()
            && self.carrier.is_none()
            && self.tunnel.is_none()
            && self.unfinished.is_none()
            && self.asks_height.is_none()
    }

    /// Whether the stream ends in the middle of a line of JSON.
    pub fn is_within_line(&self) -> bool {
        self.carrier == Some(Carrier::Plain) && self.unfinished.is_some()
    }

    /// Keeps a match, unless a surer one is known.
    fn note(&mut self, found: Option<ProtocolMatch<'a>>) {
        if let Some(found) = found
            && self.message.is_none_or(|before| !before.sure && found.sure)
        {
            self.message = Some(found);
        }
    }
}

/// Parses a stream from its beginning, or from the beginning of any message. `content` is a buffer for the content of
/// frames.
pub fn read<'a>(stream: &'a [u8], content: &'a mut Vec<u8>) -> Reading<'a> {
    let (tunnel, rest) = match tunnel::peel(stream) {
        Peeled::Unfinished => return Reading { unfinished: Some(stream), ..Reading::default() },
        Peeled::Content(tunnel, rest) => (tunnel, rest.trim_ascii_start()),
    };
    let rest = rest.strip_prefix(BYTE_ORDER_MARK).unwrap_or(rest);
    let reading = Reading { tunnel, ..Reading::default() };
    match rest {
        [b'{' | b'[', ..] => lines(rest, Carrier::Plain, reading),
        [b'G', b'E', b'T', b' ', ..] => get(rest, content, reading),
        [b'P', b'R', ..] => http2(rest, reading),
        [b'P', ..] => request_with_body(rest, content, reading),
        [b'H', b'T', b'T', b'P', b'/', b'1', ..] => answer(rest, content, reading),
        [0x01 | 0x02 | 0x81 | 0x82, ..] => frames(rest, content, reading),
        [b's' | b'j' | b'p', ..] if getwork_socket::xatum(rest).is_some() => {
            lines(rest, Carrier::Plain, reading)
        }
        _ if framing::is_event(rest) => lines(rest, Carrier::Http, reading),
        [b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..] => chunks(rest, content, reading),
        [0xff, ..] => {
            let message = zmq(rest);
            Reading { unfinished: message.is_none().then_some(rest), message, ..reading }
        }
        [0, ..] => Reading { message: stratum_v2(rest).or_else(|| alephium(rest)), ..reading },
        _ => reading,
    }
}

/// Parses a stream of lines of JSON that begins in the middle of a line: that line is skipped.
pub fn read_next_line(stream: &[u8]) -> Reading<'_> {
    match next_line(stream) {
        Some(rest @ [b'{' | b'[', ..]) => lines(rest, Carrier::Plain, Reading::default()),
        _ => Reading::default(),
    }
}

/// Parses consecutive messages: JSON, with or without a word of Xatum before it. Other lines between them are skipped.
/// In HTTP, a message may be an event of a stream.
fn lines<'a>(bytes: &'a [u8], carrier: Carrier, mut reading: Reading<'a>) -> Reading<'a> {
    reading.carrier = Some(carrier);
    let mut rest = bytes;
    for _ in 0..MAX_MESSAGES {
        let line = rest;
        if carrier == Carrier::Http {
            let Some(data) = framing::event_data(line) else {
                reading.unfinished = Some(line);
                break;
            };
            rest = data;
        }
        let (word, object) = if let Some(b'{' | b'[') = rest.first() {
            (None, rest)
        } else {
            let Some((word, object)) = getwork_socket::xatum(rest) else {
                let Some(next) = next_line(rest) else { break };
                rest = next;
                continue;
            };
            (Some(word), object)
        };
        let (message, after) = Message::read(object);
        reading.note(match word {
            Some(word) => getwork_socket::xatum_message(word, &message),
            None => recognise(&message, carrier),
        });
        let Some(after) = after else {
            // With the name of its field, an event is known as one again.
            reading.unfinished = Some(line);
            break;
        };
        rest = after.trim_ascii_start();
        if rest.is_empty() {
            break;
        }
    }
    reading
}

/// Returns the bytes after the next end of a line, without white space.
fn next_line(bytes: &[u8]) -> Option<&[u8]> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    bytes.get(end + 1..).map(<[u8]>::trim_ascii_start)
}

/// Recognises a message of any protocol whose messages are JSON.
fn recognise<'a>(message: &Message<'a>, carrier: Carrier) -> Option<ProtocolMatch<'a>> {
    // Over HTTP, calls for work go to the miner's own node.
    let solo = if carrier == Carrier::Http {
        solo::solo(message).or_else(|| solo::configuration(message))
    } else {
        None
    };
    solo.or_else(|| stratum(message))
        .or_else(|| crypto_note_or_cuckoo(message))
        .or_else(|| eth_proxy(message))
        .or_else(|| beam(message))
        .or_else(|| qubic(message))
        .or_else(|| getwork_socket(message))
        .or_else(|| solo::solo_line(message))
        .map(|found| ProtocolMatch { carrier, ..found })
}

/// Two families share their methods. A message that is sure in one of them belongs to it.
fn crypto_note_or_cuckoo<'a>(message: &Message<'a>) -> Option<ProtocolMatch<'a>> {
    let (one, other) = (crypto_note(message), cuckoo(message));
    let beam = beam(message);
    [one, other, beam].into_iter().flatten().find(|found| found.sure).or(one).or(other)
}

/// Parses the messages in framed content. `raw` are the bytes with the frames.
fn framed<'a>(
    raw: &'a [u8],
    framed: &Framed,
    content: &'a [u8],
    carrier: Carrier,
    reading: Reading<'a>,
) -> Reading<'a> {
    let mut reading = lines(content.trim_ascii_start(), carrier, reading);
    let kept = reading.unfinished.map(|rest| content.len() - rest.len());
    let kept = kept.or((!framed.whole).then_some(content.len()));
    reading.unfinished = kept.and_then(|kept| raw.get(framed.frame_of(kept)..));
    reading
}

/// Parses WebSocket frames.
fn frames<'a>(raw: &'a [u8], content: &'a mut Vec<u8>, reading: Reading<'a>) -> Reading<'a> {
    match framing::websocket(raw, content) {
        Some(found) => framed(raw, &found, content, Carrier::WebSocket, reading),
        None => reading,
    }
}

/// Parses chunks of HTTP whose head was in an earlier payload.
fn chunks<'a>(raw: &'a [u8], content: &'a mut Vec<u8>, reading: Reading<'a>) -> Reading<'a> {
    match framing::chunks(raw, content) {
        Some(found) => framed(raw, &found, content, Carrier::Http, reading),
        None => reading,
    }
}

/// Parses an HTTP request without a body: a question for the height or for a configuration, or for a WebSocket, whose
/// frames may follow. More requests may follow, too.
fn get<'a>(bytes: &'a [u8], content: &'a mut Vec<u8>, mut reading: Reading<'a>) -> Reading<'a> {
    let mut rest = bytes;
    for _ in 0..MAX_MESSAGES {
        let request = rest;
        reading.asks_height = reading.asks_height.or_else(|| solo::asks_height(request));
        reading.note(solo::asks_configuration(http::path_of(request)));
        let whole = http::head_of(request);
        let (head, after) = whole.unwrap_or((request, &[]));
        let upgrades = http::is_websocket(head);
        // The head may be longer than what is captured of it.
        if upgrades || after.is_empty() {
            let found = getwork_socket::request(http::path_of(request));
            reading.note(found.map(|found| ProtocolMatch { carrier: Carrier::WebSocket, ..found }));
        }
        if whole.is_none() {
            reading.unfinished = Some(request);
            return reading;
        }
        if upgrades {
            return if after.is_empty() { reading } else { frames(after, content, reading) };
        }
        // The answer is a document, also where a later payload of it begins like a line of JSON.
        reading.carrier = Some(Carrier::Http);
        rest = after.trim_ascii_start();
        match rest {
            [b'G', b'E', b'T', b' ', ..] => {}
            [b'P', ..] => return request_with_body(rest, content, reading),
            // A request of this kind may have a body, too. It is parsed as a whole again when more of the body comes.
            _ => {
                let mut reading = document(rest, http::is_chunked(head), content, reading);
                reading.unfinished = reading.unfinished.and(Some(request));
                return reading;
            }
        }
    }
    reading
}

/// Parses an HTTP request whose body may be an RPC call to a node, or a miner's words.
fn request_with_body<'a>(bytes: &'a [u8], content: &'a mut Vec<u8>, mut reading: Reading<'a>) -> Reading<'a> {
    match http::request(bytes) {
        http::Request::Body { path, is_chunked, body } => {
            let mut reading = document(body, is_chunked, content, reading);
            reading.note(solo::controlled(path, Some(&Message::read(body).0)));
            // A request is parsed as a whole again when more of its body comes.
            if reading.unfinished.is_some() {
                reading.unfinished = Some(bytes);
            }
            reading
        }
        http::Request::Unfinished => {
            reading.unfinished = Some(bytes);
            reading
        }
        http::Request::Other => reading,
    }
}

/// Parses an HTTP answer: a document, or the frames after a WebSocket was granted.
fn answer<'a>(bytes: &'a [u8], content: &'a mut Vec<u8>, mut reading: Reading<'a>) -> Reading<'a> {
    let Some((head, body)) = http::head_of(bytes) else {
        reading.unfinished = Some(bytes);
        return reading;
    };
    if http::is_websocket(head) {
        return frames(body, content, reading);
    }
    let body = body.trim_ascii_start();
    // An answer without a body came before.
    if body.starts_with(b"HTTP/1") {
        return answer(body, content, reading);
    }
    let mut reading = document(body, http::is_chunked(head), content, reading);
    // Without the head, the rest of a document, or the whole of it, looks like lines of JSON.
    let is_cut = reading.unfinished.is_some() && matches!(body, [b'{' | b'[', ..]);
    if is_cut || (body.is_empty() && http::announces_json(head)) {
        reading.unfinished = Some(bytes);
    }
    reading
}

/// Parses the body of a request or an answer.
fn document<'a>(
    body: &'a [u8],
    is_chunked: bool,
    content: &'a mut Vec<u8>,
    reading: Reading<'a>,
) -> Reading<'a> {
    match body {
        [b'{' | b'[', ..] => lines(body, Carrier::Http, reading),
        _ if framing::is_event_stream(body) => lines(body, Carrier::Http, reading),
        [_, ..] if is_chunked && framing::is_cut_size(body) => Reading { unfinished: Some(body), ..reading },
        [_, ..] if is_chunked => chunks(body, content, reading),
        _ => reading,
    }
}

/// Parses HTTP/2 in the clear, which carries gRPC.
fn http2<'a>(bytes: &'a [u8], reading: Reading<'a>) -> Reading<'a> {
    match grpc(bytes) {
        Ok(message) => Reading { message, ..reading },
        Err(grpc::Unfinished) => Reading { unfinished: Some(bytes), ..reading },
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn method(stream: &str) -> Option<&'static str> {
        found(stream.as_bytes()).map(|(method, _)| method)
    }

    fn found(stream: &[u8]) -> Option<(&'static str, Carrier)> {
        read(stream, &mut Vec::new()).message.map(|message| (message.method, message.carrier))
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
            (format!("GET /?q={subscribe} HTTP/1.1\r\n\r\n"), None),
            (format!("\u{feff}{subscribe}"), Some("mining.subscribe")),
            (format!("EHLO x\r\nDATA\r\n{subscribe}"), None),
            (format!("0032want {subscribe}"), None),
            ("Content-Length: 52\r\n\r\n{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}".into(), None),
        ];
        for (stream, expected) in cases {
            assert_eq!(method(&stream), expected, "{}", stream.escape_debug());
        }
    }

    #[test]
    fn dressed_messages_are_recognised_with_their_carrier() {
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        let length = subscribe.len();
        let chunk = format!("{length:x}\r\n{subscribe}\r\n");
        let mask = [7_u8, 200, 0, 33];
        let masked: Vec<u8> =
            subscribe.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
        let sent = [&[0x81, 0x80 | u8::try_from(length).unwrap()][..], &mask, &masked].concat();
        let received = [&[0x81, u8::try_from(length).unwrap()][..], subscribe.as_bytes()].concat();
        let upgrade = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        let granted = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n";
        let cases: [(Vec<u8>, Carrier); 9] = [
            (format!("POST /log HTTP/1.1\r\n\r\n{subscribe}").into(), Carrier::Http),
            (format!("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}").into(), Carrier::Http),
            (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}").into(), Carrier::Http),
            (format!("HTTP/1.1 200 OK\r\n\r\n{subscribe}").into(), Carrier::Http),
            (chunk.into(), Carrier::Http),
            (sent.clone(), Carrier::WebSocket),
            (received.clone(), Carrier::WebSocket),
            ([&upgrade[..], &sent].concat(), Carrier::WebSocket),
            ([&granted[..], &received].concat(), Carrier::WebSocket),
        ];
        for (stream, carrier) in cases {
            assert_eq!(found(&stream), Some(("mining.subscribe", carrier)), "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn server_sent_events_are_read() {
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        let events = format!(": ok\n\nevent: job\ndata: {{\"a\":1}}\n\nid: 2\ndata: {subscribe}\n\n");
        let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n";
        let (one, two) = events.split_at(60);
        for stream in [
            format!("{head}\r\n{events}"),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk(&events)),
            format!("{head}Transfer-Encoding: chunked\r\n\r\n{}{}", chunk(one), chunk(two)),
            chunk(&events),
            format!("data:{subscribe}"),
            format!("retry: 9\r\ndata: ping\r\n\r\ndata: {subscribe}\r\n"),
        ] {
            let expected = Some(("mining.subscribe", Carrier::Http));
            assert_eq!(found(stream.as_bytes()), expected, "{}", stream.escape_debug());
        }
        for other in [format!(":x\ndata: {subscribe}"), format!("data: x {subscribe}\n")] {
            assert_eq!(method(&other), None, "{}", other.escape_debug());
        }
    }

    #[test]
    fn an_event_that_is_cut_off_is_kept_with_its_field() {
        let mut content = Vec::new();
        for (stream, kept) in [
            ("data: {}\n\ndata: {\"id\":1,\"meth", Some("data: {\"id\":1,\"meth")),
            ("event: job\nda", Some("event: job\nda")),
            ("data: {}\n\nevent: jo", Some("event: jo")),
            ("data: {}\n\n", None),
        ] {
            assert_eq!(
                read(stream.as_bytes(), &mut content).unfinished,
                kept.map(str::as_bytes),
                "{stream:?}"
            );
        }
    }

    #[test]
    fn the_body_of_an_answer_may_come_later() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n";
        let body = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        for stream in [head.to_owned(), format!("{head}{}", &body[..9])] {
            assert_eq!(read(stream.as_bytes(), &mut Vec::new()).unfinished, Some(stream.as_bytes()));
        }
        let established = b"HTTP/1.1 200 Connection established\r\n\r\n";
        assert_eq!(read(established, &mut Vec::new()).unfinished, None, "a tunnel");
        let after_another = format!("HTTP/1.1 304 Not Modified\r\n\r\n{head}{body}");
        assert_eq!(found(after_another.as_bytes()), Some(("mining.subscribe", Carrier::Http)));
        assert_eq!(read(format!("{head}{body}").as_bytes(), &mut Vec::new()).unfinished, None);
    }

    #[test]
    fn a_miner_that_asks_for_its_configuration_is_not_sure() {
        let get = |path: &str| {
            let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            read(request.as_bytes(), &mut Vec::new()).message.map(|found| (found.method, found.sure))
        };
        assert_eq!(get("/client/getConfig?clientId=a"), Some(("getConfig", false)));
        assert_eq!(get("/client/getconfiguration?clientId=a"), None);
        let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n\
            {\"algo\":\"rx/0\",\"donate-level\":0,\"pools\":[{\"url\":\"10.0.0.9:3333\"";
        assert_eq!(found(answer.as_bytes()), Some(("getConfig", Carrier::Http)));
        let (_, plain) = answer.split_once("\r\n\r\n").expect("a head");
        assert_eq!(found(plain.as_bytes()), None, "only over HTTP");
    }

    #[test]
    fn what_follows_a_request_without_a_body_is_read() {
        let get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n";
        let upgrade = "GET /chat HTTP/1.1\r\nUpgrade: websocket\r\n\r\n";
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        let post = format!("POST /log HTTP/1.1\r\n\r\n{subscribe}");
        let frame = format!("\u{1}{}{subscribe}", char::from(u8::try_from(subscribe.len()).unwrap()));
        let chunk = format!("{:x}\r\n{subscribe}\r\n", subscribe.len());
        for (stream, carrier) in [
            (format!("{get}{post}"), Carrier::Http),
            (format!("{get}{get}{get}{post}"), Carrier::Http),
            (format!("{get}{subscribe}"), Carrier::Http),
            (format!("GET /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"), Carrier::Http),
            (format!("{get}{upgrade}{frame}"), Carrier::WebSocket),
        ] {
            let expected = Some(("mining.subscribe", carrier));
            assert_eq!(found(stream.as_bytes()), expected, "{}", stream.escape_debug());
        }
        assert_eq!(method(&format!("{get}EHLO x\r\n{subscribe}")), None);
        let height = format!("{get}GET /getheight HTTP/1.1\r\nHost: x\r\n\r\n");
        assert_eq!(read(height.as_bytes(), &mut Vec::new()).asks_height, Some("getheight"));
        let many = get.repeat(100);
        let _ = read(many.as_bytes(), &mut Vec::new());
    }

    #[test]
    fn only_the_request_that_is_not_finished_is_kept() {
        let begun = "GET /chat HTTP/1.1\r\nUpgra";
        let stream = format!("GET / HTTP/1.1\r\n\r\n{begun}");
        assert_eq!(read(stream.as_bytes(), &mut Vec::new()).unfinished, Some(begun.as_bytes()));
    }

    #[test]
    fn other_lines_between_messages_are_skipped() {
        let subscribe = r#"{"id":1,"method":"mining.subscribe","params":[]}"#;
        for stream in [format!("{{}}\nhello\n{subscribe}\n"), format!("{{}}\n\r\n\n{subscribe}")] {
            assert_eq!(method(&stream), Some("mining.subscribe"), "{}", stream.escape_debug());
        }
        assert_eq!(method(&format!("{{}} hello {subscribe}")), None);
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
            ("GET / HTTP/1.1\r\n", true),
            ("GET / HTTP/1.1\r\n\r\n", false),
            ("GET / HTTP/1.1\r\n\r\n{\"id\":1", true),
            ("GET / HTTP/1.1\r\n\r\nGET /x", true),
            ("GET / HTTP/1.1\r\n\r\nPOST /x HTTP/1.1\r\n", true),
            ("hello", false),
        ] {
            assert_eq!(
                read(stream.as_bytes(), &mut Vec::new()).unfinished.is_some(),
                more,
                "{}",
                stream.escape_debug()
            );
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
                read(stream.as_bytes(), &mut Vec::new()).unfinished,
                kept.map(str::as_bytes),
                "{}",
                stream.escape_debug()
            );
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = read(&bytes, &mut Vec::new());
        }
    }
}
