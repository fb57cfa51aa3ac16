use super::*;
use crate::{
    model::{AppData, Direction, EventBody, MiningMessage},
    testing::{Host, TcpPayload},
};

const PEER: &str = "10.0.0.9:443";
const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;

fn client() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    (host, client)
}

fn app_data(host: &Host) -> Vec<&AppData> {
    let events = host.events().iter();
    events
        .filter_map(|event| match &event.body {
            EventBody::Payload(payload) => Some(&payload.app),
            _ => None,
        })
        .collect()
}

fn messages(host: &Host) -> Vec<&MiningMessage> {
    app_data(host).into_iter().filter_map(|app| app.mining.as_deref()).collect()
}

#[test]
fn an_ordinary_payload_has_no_facts() {
    let (mut host, client) = client();
    for bytes in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"SSH-2.0-OpenSSH_9.6\r\n", b"\x17\x03\x03\0\x05hello", b"{}", b""]
    {
        host.send(client, PEER, bytes);
        host.receive(client, PEER, bytes);
    }
    // The braces may be the beginning of a dialogue.
    let is_ordinary = |app: &AppData| AppData { carrier: None, ..app.clone() } == AppData::default();
    assert!(app_data(&host).into_iter().all(is_ordinary));
}

#[test]
fn a_message_split_anywhere_is_put_together() {
    let whole = format!("CONNECT pool.test:3333 HTTP/1.1\r\nHost: pool.test\r\n\r\n{SUBSCRIBE}\n");
    for at in 1..whole.len() - 1 {
        let (mut host, client) = client();
        host.send(client, PEER, &whole[..at]);
        host.send(client, PEER, &whole[at..]);
        let last = messages(&host).pop().expect("a message");
        assert_eq!((last.method, last.agent.as_deref()), ("mining.subscribe", Some("x/1")), "split at {at}");
        let tunnel = last.tunnel.as_ref().map(ToString::to_string);
        assert_eq!(tunnel.as_deref(), Some("HTTP CONNECT to pool.test:3333"), "split at {at}");
        let requests = app_data(&host).iter().filter(|app| app.tunnel.is_some()).count();
        assert_eq!(requests, 1, "the tunnel is a fact of one payload, split at {at}");
    }
}

#[test]
fn the_directions_of_a_connection_are_not_mixed() {
    let (mut host, client) = client();
    host.send(client, PEER, &SUBSCRIBE[..20]);
    host.receive(client, PEER, "\n");
    host.send(client, "10.0.0.10:443", &SUBSCRIBE[20..]);
    assert_eq!(messages(&host), Vec::<&MiningMessage>::new());
    host.send(client, PEER, &SUBSCRIBE[20..]);
    assert_eq!(messages(&host).len(), 1);
}

#[test]
fn a_payload_that_was_cut_off_is_not_continued() {
    let (mut host, client) = client();
    let long = format!("{{\"id\":1,\"x\":\"{}\",", "x".repeat(600));
    host.send(client, PEER, long);
    host.send(client, PEER, "\"method\":\"mining.subscribe\",\"params\":[]}");
    assert_eq!(messages(&host), Vec::<&MiningMessage>::new());
}

#[test]
fn reading_goes_on_at_the_line_after_one_that_was_cut() {
    let long = format!("{{\"id\":1,\"x\":\"{}", "x".repeat(600));
    let more = "x".repeat(400);
    let end = format!("\",\"y\":[]}}\n{SUBSCRIBE}\n");
    let cases: [(&[&str], bool); 5] = [
        (&[&long, &end], true),
        (&[&long, "still the same line", &end], true),
        (&["{\"id\":1,\"x\":\"", &more, &more, &more, &more, &more, &more, &end], true),
        (&[&end], false),
        (&["EHLO x", &end], false),
    ];
    for (pieces, expected) in cases {
        let (mut host, client) = client();
        for piece in pieces {
            host.send(client, PEER, piece);
        }
        assert_eq!(messages(&host).len(), usize::from(expected), "{pieces:?}");
    }
}

#[test]
fn a_request_for_a_websocket_split_anywhere_is_put_together() {
    let head = "GET /chat HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n";
    let frame = format!("\u{1}{}{SUBSCRIBE}", char::from(u8::try_from(SUBSCRIBE.len()).unwrap()));
    let whole = format!("{head}{frame}");
    // A single byte is not enough to know a frame by.
    for at in (4..=head.len()).chain(head.len() + 2..whole.len() - 1) {
        let (mut host, client) = client();
        host.send(client, PEER, &whole[..at]);
        host.send(client, PEER, &whole[at..]);
        assert!(!messages(&host).is_empty(), "split at {at}");
    }
}

#[test]
fn a_head_that_was_not_captured_to_its_end_hides_nothing() {
    let frame = format!("\u{1}{}{SUBSCRIBE}", char::from(u8::try_from(SUBSCRIBE.len()).unwrap()));
    let post = format!("POST / HTTP/1.1\r\n\r\n{SUBSCRIBE}");
    for (number, message) in [frame, SUBSCRIBE.to_owned(), post].into_iter().enumerate() {
        let (mut host, client) = client();
        host.send(client, PEER, "GET /chat HTTP/1.1\r\nHo");
        host.send(client, PEER, message);
        assert_eq!(messages(&host).len(), 1, "message {number}");
    }
}

#[test]
fn a_tunnel_is_asked_for_by_clients_alone() {
    let request = b"CONNECT pool.test:3333 HTTP/1.1\r\n\r\n";
    for (direction, accepted, expected) in
        [(Direction::Sent, false, 1), (Direction::Received, false, 0), (Direction::Received, true, 0)]
    {
        let (mut host, client) = client();
        host.payload(client, TcpPayload { peer: PEER, direction, accepted, bytes: request });
        assert_eq!(app_data(&host).iter().filter(|app| app.tunnel.is_some()).count(), expected);
    }
}

#[test]
fn a_long_message_starts_anew() {
    let (mut host, client) = client();
    host.send(client, PEER, "{\"padding\":\"");
    for _ in 0..20 {
        host.send(client, PEER, "x".repeat(300));
    }
    host.send(client, PEER, SUBSCRIBE);
    assert_eq!(messages(&host).len(), 1);
}

/// Replays the events of a host through a dissector. Returns the numbers of connections with state and of evictions.
fn remembered(host: &Host) -> (usize, u64) {
    let mut dissector = Dissector::default();
    for event in host.events() {
        dissector.dissect(&mut event.clone());
    }
    (dissector.streams.len(), dissector.evicted())
}

#[test]
fn what_is_finished_or_ended_is_forgotten() {
    let (mut host, client) = client();
    host.send(client, PEER, &SUBSCRIBE[..20]);
    assert_eq!(remembered(&host), (1, 0));
    host.send(client, PEER, &SUBSCRIBE[20..]);
    assert_eq!(remembered(&host), (0, 0), "finished");
    host.send(client, PEER, &SUBSCRIBE[..20]);
    host.send(client, "10.0.0.10:443", &SUBSCRIBE[..20]);
    host.disconnect(client, PEER);
    assert_eq!(remembered(&host), (1, 0), "closed");
    host.exit(client);
    assert_eq!(remembered(&host), (0, 0), "exited");
}

#[test]
fn the_connections_remembered_are_bounded() {
    let (mut host, client) = client();
    for port in 1..=5_000 {
        host.send(client, &format!("10.0.0.9:{port}"), "{\"half");
    }
    assert_eq!(remembered(&host), (4_096, 904));
}

mod dialects;
