use super::*;
use crate::{
    engine::testing::{Host, Words, findings, verdict},
    model::Verdict,
};

const POOL: &str = "10.0.0.9:443";
const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;
const JOB: &str =
    r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"0e0e","job_id":"7","target":"b88d0600"}}"#;

fn login() -> String {
    format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{WALLET}","pass":"secret","agent":"XMRig/6.21.0"}}}}"#
    )
}

fn client() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    (host, client)
}

#[test]
fn a_miner_is_known_by_its_first_words() {
    for words in [login(), SUBSCRIBE.into()] {
        let (mut host, client) = client();
        host.send(client, POOL, words);
        assert_eq!(findings(&host), [("N1", 100)]);
        assert_eq!(verdict(&host), Some(Verdict::Mining));
    }
}

#[test]
fn words_split_anywhere_are_put_together() {
    let whole = format!("CONNECT pool.test:3333 HTTP/1.1\r\nHost: pool.test\r\n\r\n{}\n", login());
    for at in 1..whole.len() - 1 {
        let (mut host, client) = client();
        host.send(client, POOL, &whole[..at]);
        host.send(client, POOL, &whole[at..]);
        assert_eq!(findings(&host), [("N1", 100)], "split at {at}");
    }
    let (mut host, client) = client();
    for piece in whole.as_bytes().chunks(9) {
        host.send(client, POOL, piece);
    }
    assert_eq!(findings(&host), [("N1", 100)]);
}

#[test]
fn a_socks_proxy_does_not_hide_the_words_nor_the_host() {
    let (mut host, client) = client();
    host.send(client, POOL, b"\x05\x01\x00");
    host.send(client, POOL, b"\x05\x01\x00\x03\x09pool.test\x0d\x05");
    host.send(client, POOL, SUBSCRIBE);
    assert_eq!(findings(&host), [("N1", 100)]);
    let alerts = crate::engine::testing::alerts(&host);
    let detail = &alerts[0].signals[0].detail;
    assert_eq!(detail, "speaks Stratum (mining.subscribe) to SOCKS5 to pool.test:3333 through 10.0.0.9:443");
}

#[test]
fn a_document_in_a_call_is_nobodys_words() {
    for method in ["POST", "PUT", "PATCH"] {
        let (mut host, client) = client();
        let call = format!("{method} /log HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n");
        for words in [call.clone(), login(), call, login()] {
            host.send(client, POOL, words);
        }
        assert!(findings(&host).is_empty(), "{method}");
    }
}

#[test]
fn the_host_behind_a_proxy_is_looked_up() {
    type Found = &'static [(&'static str, u8)];
    let cases: [(&[u8], Found); 5] = [
        (b"\x05\x01\0\x03\x14Pool.supportxmr.com.\x0d\x05", &[("N3", 60)]),
        (b"CONNECT pool.supportxmr.com:3333 HTTP/1.1\r\nHost: x\r\n\r\n", &[("N3", 60)]),
        (b"CONNECT supportxmr.com:443 HTTP/1.1\r\nHost: x\r\n\r\n", &[("N3", 20)]),
        (b"CONNECT www.example:3333 HTTP/1.1\r\nHost: x\r\n\r\n", &[]),
        (b"GET http://supportxmr.com/ HTTP/1.1\r\nHost: supportxmr.com\r\n\r\n", &[]),
    ];
    for (words, expected) in cases {
        let (mut host, client) = client();
        host.send(client, "10.0.0.9:3128", words);
        assert_eq!(findings(&host), expected, "{}", words.escape_ascii());
        host.receive(client, "10.0.0.9:3128", words);
        assert_eq!(findings(&host), expected, "an answer asks for nothing");
    }
}

#[test]
fn a_stream_under_way_is_known_by_its_jobs() {
    let (mut host, client) = client();
    host.receive(client, POOL, JOB);
    assert_eq!(findings(&host), [("N2", 80)]);
    assert_eq!(verdict(&host), Some(Verdict::Noted));
    host.send(
        client,
        POOL,
        r#"{"id":7,"method":"submit","params":{"id":"a","job_id":"7","nonce":"0100","result":"ff"}}"#,
    );
    assert_eq!(findings(&host), [("N2", 80), ("N1", 100)]);
    assert_eq!(verdict(&host), Some(Verdict::Mining));
}

#[test]
fn a_plain_login_is_sure_only_with_the_answer() {
    let plain = r#"{"id":1,"method":"login","params":{"login":"bob","pass":"x"}}"#;
    let (mut host, chat) = client();
    host.send(chat, POOL, plain);
    host.receive(chat, POOL, r#"{"id":1,"result":{"session":"x","job":"operator"}}"#);
    assert!(findings(&host).is_empty());
    let (mut host, miner) = client();
    host.send(miner, POOL, plain);
    host.receive(
        miner,
        POOL,
        r#"{"id":1,"result":{"id":"x","job":{"blob":"0e","job_id":"1","target":"ff"}}}"#,
    );
    assert_eq!(findings(&host), [("N2", 80), ("N1", 100)]);
}

#[test]
fn one_conversation_is_told_of_once() {
    let (mut host, client) = client();
    for _ in 0..3 {
        host.send(client, POOL, SUBSCRIBE);
        host.receive(client, POOL, JOB);
    }
    assert_eq!(findings(&host), [("N1", 100), ("N2", 80)]);
}

#[test]
fn who_speaks_on_both_sides_passes_on() {
    let inner = Words { peer: "10.0.0.50:40000", direction: Direction::Received, accepted: true, bytes: b"" };
    let (mut host, relay) = client();
    host.payload(relay, Words { bytes: login().as_bytes(), ..inner });
    host.payload(relay, Words { bytes: JOB.as_bytes(), direction: Direction::Sent, ..inner });
    assert!(findings(&host).is_empty(), "a pool's own server does not mine");
    host.send(relay, POOL, login());
    assert_eq!(findings(&host), [("N1", 100), ("N8", 95)]);
}

#[test]
fn a_relay_is_told_of_again_when_many_more_come() {
    let (mut host, relay) = client();
    host.send(relay, POOL, login());
    let come = |host: &mut Host, last: u32| {
        let peer = format!("10.0.0.{last}:40000");
        let bytes = login();
        host.payload(
            relay,
            Words { peer: &peer, direction: Direction::Received, accepted: true, bytes: bytes.as_bytes() },
        );
    };
    for _ in 0..30 {
        come(&mut host, 1);
    }
    assert_eq!(findings(&host), [("N1", 100), ("N8", 95)], "one host, however often");
    (2..=30).for_each(|last| come(&mut host, last));
    assert_eq!(findings(&host), [("N1", 100), ("N8", 95), ("N8", 95)]);
}

#[test]
fn words_on_the_wrong_side_are_somebody_elses() {
    // What a log collector is sent, or a test sends to itself.
    let (mut host, client) = client();
    host.receive(client, POOL, SUBSCRIBE);
    host.send(client, POOL, JOB);
    assert!(findings(&host).is_empty());
}

#[test]
fn solo_miners() {
    let (mut host, client) = client();
    let body = r#"{"jsonrpc":"2.0","id":0,"method":"getblocktemplate","params":{"wallet_address":"4"}}"#;
    host.send(client, "127.0.0.1:18081", "POST /json_rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n");
    host.send(client, "127.0.0.1:18081", body);
    assert_eq!(findings(&host), [("N7", 60)]);

    let (mut host, asks) = self::client();
    for _ in 0..tuning::HEIGHT_COUNT {
        host.wait(std::time::Duration::from_secs(1));
        host.send(asks, "127.0.0.1:18081", "GET /getheight HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    assert_eq!(findings(&host), [("N7", 60)]);
    let (mut host, seldom) = self::client();
    for _ in 0..tuning::HEIGHT_COUNT * 2 {
        host.wait(std::time::Duration::from_secs(5));
        host.send(seldom, "127.0.0.1:18081", "GET /getheight HTTP/1.1\r\nHost: x\r\n\r\n");
    }
    assert!(findings(&host).is_empty());
}

#[test]
fn others_words_are_nothing() {
    let cases: [&[u8]; 12] = [
        br#"{"id":1,"method":"login","params":{"user":"bob","password":"x","room":"mining"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"rootUri":"file:///mining"}}"#,
        br#"{"jsonrpc":"2.0","id":1,"method":"eth_blockNumber","params":[]}"#,
        br#"{"method":"getblockchaininfo","params":[],"id":1}"#,
        b"POST /rpc HTTP/1.1\r\n\r\n{\"method\":\"getblockcount\",\"params\":[]}",
        b"POST /blog HTTP/1.1\r\n\r\n{\"text\":\"{\\\"method\\\":\\\"mining.subscribe\\\",\\\"params\\\":[]}\"}",
        b"GET /how-to-mine?method=login HTTP/1.1\r\nHost: pool.test\r\n\r\n",
        b"0032git-upload-pack /mining.subscribe\0host=x\0",
        b"MAIL FROM:<a@b>\r\nDATA\r\n{\"method\":\"mining.subscribe\",\"params\":[]}\r\n.\r\n",
        b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$48\r\n{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[]}\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"[1732500000.1, {\"log\": \"{\\\"method\\\": \\\"login\\\"}\", \"method\": \"submit\"}]",
    ];
    for words in cases {
        let (mut host, client) = client();
        host.send(client, POOL, words);
        host.receive(client, POOL, words);
        assert!(findings(&host).is_empty(), "{}", words.escape_ascii());
    }
}

#[test]
fn connections_remembered_are_bounded() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    let mut stratum_sessions = StratumSessions::default();
    let mut table = crate::process::ProcessTable::new(crate::process::TableLimits::default());
    for port in 1..=u16::try_from(tuning::STRATUM_SESSIONS).unwrap() + 100 {
        host.send(client, &format!("10.0.0.9:{port}"), "{\"half");
    }
    for event in host.events() {
        table.take_in(event);
        let process = table.get(event.subject.key).expect("known");
        let known = crate::detect::Knowledge::new(std::sync::Arc::default());
        let context = DetectionContext { event, process, table: &table, processors: 1, known: &known };
        if let crate::model::EventBody::Payload(payload) = &event.body {
            stratum_sessions.inspect(&context, payload, &mut Vec::new());
        }
    }
    let counters = stratum_sessions.counters();
    assert_eq!((counters.talks, counters.evicted), (tuning::STRATUM_SESSIONS as u64, 100));
}
