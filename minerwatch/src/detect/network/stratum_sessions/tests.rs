use super::*;
use crate::{
    engine::{Engine, EngineSettings},
    model::{Direction, Verdict},
    testing::{Host, TcpPayload, alerts, feed, findings, verdict},
};

const POOL: &str = "10.0.0.9:443";
const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;
const PLAIN_LOGIN: &str = r#"{"id":1,"method":"login","params":{"login":"bob","pass":"x"}}"#;
const LOGIN_ANSWER: &str = r#"{"id":1,"result":{"id":"x","job":{"blob":"101080e5f4b706dac0e5bfbe1df6ce2e0b3e5ba0fcd4a1e7ed3b2c9f5ab1d4d2c5a6f9e4a10000000033b8c1d7101080e5f4b706dac0e5bfbe1df6ce2e0b3e5ba0fcd4a1e7ed3b2c9f5ab1d4","job_id":"1","target":"b88d0600"}}}"#;
const CHAT_ANSWER: &str = r#"{"id":1,"result":{"session":"x","job":"operator"}}"#;
const JOB: &str = r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"101080e5f4b706dac0e5bfbe1df6ce2e0b3e5ba0fcd4a1e7ed3b2c9f5ab1d4d2c5a6f9e4a10000000033b8c1d7101080e5f4b706dac0e5bfbe1df6ce2e0b3e5ba0fcd4a1e7ed3b2c9f5ab1d4","job_id":"7","target":"b88d0600"}}"#;
const BUILD_JOB: &str = r#"{"jsonrpc":"2.0","method":"job","params":{"blob":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","job_id":"7","target":"release"}}"#;
const SUBMIT: &str = r#"{"id":7,"method":"submit","params":{"id":"a","job_id":"7","nonce":"01000000","result":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}}"#;
const SHARE: &str = r#"{"id":7,"method":"submit","params":{"job_id":"7","nonce":"01000000","hash":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}}"#;
const BEAM_LOGIN: &str = r#"{"id":"login","method":"login","api_key":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100"}"#;
const BEAM_JOB: &str = r#"{"id":"2","method":"job","input":"e1364b8782719d7683e2ccd3d8f724bc59dfa780a9e960e7c0e0046acdb40100","difficulty":7,"height":2}"#;
const FIRMWARE: &str = r#"{"id":1,"result":{"job_id":"412","target":"0a1b2c3d","blob":"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a","version":"2.1"}}"#;
const PING: &str = r#"{"id":1,"method":"server.ping","params":[]}"#;

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

/// The name of a test case, its dialogue, the expected findings, and the expected verdict.
type Case<'a> = (&'a str, &'a [Says<'a>], &'a [(&'static str, u8)], Option<Verdict>);

/// A message from one side of a connection.
#[derive(Clone, Copy)]
enum Says<'a> {
    Client(&'a str),
    Pool(&'a str),
}

fn after(dialogue: &[Says<'_>]) -> Host {
    let (mut host, client) = client();
    for message in dialogue {
        match message {
            Says::Client(text) => host.send(client, POOL, text),
            Says::Pool(text) => host.receive(client, POOL, text),
        }
    }
    host
}

#[test]
fn dialogues_of_miners_are_found_once() {
    use Says::{Client, Pool};
    const N1: (&str, u8) = ("N1", 100);
    const N2: (&str, u8) = ("N2", 80);
    let login = login();
    let marked = format!("\u{feff}{login}");
    let cases: [Case<'_>; 21] = [
        ("a login after a byte order mark", &[Client(&marked)], &[N1], Some(Verdict::Mining)),
        ("a login", &[Client(&login)], &[N1], Some(Verdict::Mining)),
        ("a subscription", &[Client(SUBSCRIBE)], &[N1], Some(Verdict::Mining)),
        ("a job on a connection that was open before", &[Pool(JOB)], &[N2], Some(Verdict::Noted)),
        ("a job and a share", &[Pool(JOB), Client(SUBMIT)], &[N2, N1], Some(Verdict::Mining)),
        (
            "the same again and again",
            &[Client(SUBSCRIBE), Pool(JOB), Client(SUBSCRIBE), Pool(JOB), Client(SUBMIT)],
            &[N1, N2],
            Some(Verdict::Mining),
        ),
        ("a job for whoever spoke", &[Client(PING), Pool(JOB)], &[N2], Some(Verdict::Mining)),
        (
            "a build for a miner's words",
            &[Client(SUBSCRIBE), Pool(BUILD_JOB)],
            &[N1, N2],
            Some(Verdict::Mining),
        ),
        ("a build for whoever logged in", &[Client(PLAIN_LOGIN), Pool(BUILD_JOB)], &[], None),
        ("a build for whoever spoke", &[Client(PING), Pool(BUILD_JOB), Client(PING)], &[], None),
        ("a plain login alone", &[Client(PLAIN_LOGIN)], &[], None),
        ("firmware for whoever spoke", &[Client(PING), Pool(FIRMWARE)], &[], None),
        ("firmware for a miner", &[Client(&login), Pool(FIRMWARE)], &[N1, N2], Some(Verdict::Mining)),
        ("a share, or a build", &[Client(SHARE), Pool(CHAT_ANSWER)], &[], None),
        ("a share before a job", &[Client(SHARE), Pool(JOB)], &[N2, N1], Some(Verdict::Mining)),
        ("a share after a job", &[Pool(JOB), Client(SHARE)], &[N2, N1], Some(Verdict::Mining)),
        ("a key", &[Client(BEAM_LOGIN), Pool(CHAT_ANSWER)], &[], None),
        (
            "a key that a node answers",
            &[Client(BEAM_LOGIN), Pool(BEAM_JOB)],
            &[N2, N1],
            Some(Verdict::Mining),
        ),
        ("a plain login to a chat", &[Client(PLAIN_LOGIN), Pool(CHAT_ANSWER)], &[], None),
        (
            "a plain login that a pool answers",
            &[Client(PLAIN_LOGIN), Pool(LOGIN_ANSWER)],
            &[N2, N1],
            Some(Verdict::Mining),
        ),
        ("each side says what the other should", &[Pool(SUBSCRIBE), Client(JOB)], &[], None),
    ];
    for (story, dialogue, expected, expected_verdict) in cases {
        let host = after(dialogue);
        assert_eq!(findings(&host), expected, "{story}");
        assert_eq!(verdict(&host), expected_verdict, "{story}");
    }
}

#[test]
fn a_message_split_anywhere_is_found() {
    let whole = format!("CONNECT pool.test:3333 HTTP/1.1\r\nHost: pool.test\r\n\r\n{}\n", login());
    for at in 1..whole.len() - 1 {
        let host = after(&[Says::Client(&whole[..at]), Says::Client(&whole[at..])]);
        assert_eq!(findings(&host), [("N1", 100)], "split at {at}");
    }
    let (mut host, client) = client();
    for piece in whole.as_bytes().chunks(9) {
        host.send(client, POOL, piece);
    }
    assert_eq!(findings(&host), [("N1", 100)]);
}

#[test]
fn a_finding_shows_the_host_behind_a_proxy() {
    let (mut host, client) = client();
    host.send(client, POOL, b"\x05\x01\x00");
    host.send(client, POOL, b"\x05\x01\x00\x03\x09pool.test\x0d\x05");
    host.send(client, POOL, SUBSCRIBE);
    assert_eq!(findings(&host), [("N1", 100)]);
    let detail = &alerts(&host)[0].signals[0].detail;
    assert_eq!(detail, "speaks Stratum (mining.subscribe) to SOCKS5 to pool.test:3333 through 10.0.0.9:443");
}

#[test]
fn a_confirmed_login_is_shown_as_the_miner_s() {
    let host = after(&[Says::Client(PLAIN_LOGIN), Says::Pool(LOGIN_ANSWER)]);
    let alerts = alerts(&host);
    let login = alerts[0].signals.iter().find(|signal| signal.id.0 == "N1").expect("found");
    assert_eq!(login.detail, "speaks CryptoNote stratum (login) to 10.0.0.9:443 for bob");
}

#[test]
fn a_document_in_an_http_request_is_no_finding() {
    for method in ["POST", "PUT", "PATCH"] {
        let (mut host, client) = client();
        let request = format!("{method} /log HTTP/1.1\r\nHost: x\r\nContent-Length: 200\r\n\r\n");
        for message in [request.clone(), login(), request, login()] {
            host.send(client, POOL, message);
        }
        assert!(findings(&host).is_empty(), "{method}");
    }
}

/// Wraps text into a WebSocket frame, masked if a client sends it.
fn frame(text: &str, is_masked: bool) -> Vec<u8> {
    let mask = if is_masked { [0x37, 0xfa, 0x21, 0x3d] } else { [0; 4] };
    let length = u16::try_from(text.len()).unwrap().to_be_bytes();
    let head =
        [&[0x81, if is_masked { 0xfe } else { 0x7e }][..], &length, &mask[..if is_masked { 4 } else { 0 }]]
            .concat();
    let body = text.bytes().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head.into_iter().chain(body).collect()
}

#[test]
fn a_websocket_hides_no_miner() {
    let (mut host, miner) = client();
    host.send(miner, POOL, "GET /socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n");
    host.receive(miner, POOL, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
    host.send(miner, POOL, frame(PLAIN_LOGIN, true));
    assert_eq!(findings(&host), []);
    host.receive(miner, POOL, frame(JOB, false));
    assert_eq!(findings(&host), [("N2", 80), ("N1", 100)]);
    assert_eq!(verdict(&host), Some(Verdict::Mining));
    let detail = &alerts(&host)[0].signals[0].detail;
    assert!(detail.contains("CryptoNote stratum over WebSocket"), "{detail}");
}

#[test]
fn talk_over_a_websocket_is_no_finding() {
    let (mut host, chat) = client();
    host.send(chat, POOL, "GET /ws/room HTTP/1.1\r\nUpgrade: websocket\r\n\r\n");
    for text in [
        r#"{"id":1,"method":"login","params":{"login":"bob","pass":"x"}}"#,
        r#"{"type":"message","text":"{\"method\":\"mining.subscribe\"}"}"#,
        r#"["job",{"blob":"x","target":"y"}]"#,
    ] {
        host.send(chat, POOL, frame(text, true));
        host.receive(chat, POOL, frame(text, false));
    }
    assert_eq!(findings(&host), []);
}

#[test]
fn a_dialogue_in_http_is_found_and_a_document_is_not() {
    let post = |body: &str| {
        format!(
            "POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n",
            body.len()
        )
    };
    let chunk = |body: &str| format!("{:x}\r\n{body}\r\n", body.len());
    let answer = |body: &str| {
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n", body.len())
    };
    for (sent, received, expected) in [
        (vec![post(PLAIN_LOGIN)], vec![answer(JOB)], &[("N2", 80), ("N1", 100)][..]),
        (
            vec![post(PING), chunk(SUBSCRIBE)],
            vec![answer(CHAT_ANSWER), chunk(JOB)],
            &[("N2", 80), ("N1", 100)],
        ),
        (
            vec![post(PING), chunk(SUBSCRIBE)],
            vec![answer(CHAT_ANSWER), JOB.to_owned()],
            &[("N2", 80), ("N1", 100)],
        ),
        // What a collector of logs sends, and what it gets.
        (vec![post(&login()), chunk(SUBSCRIBE), chunk(SUBMIT)], vec![answer(CHAT_ANSWER)], &[]),
        (vec![post(PLAIN_LOGIN)], vec![answer(BUILD_JOB)], &[]),
        (vec![post(r#"{"query":"*"}"#)], vec![answer(JOB), chunk(JOB), JOB.to_owned()], &[]),
    ] {
        let (mut host, client) = client();
        for text in &sent {
            host.send(client, POOL, text);
        }
        for text in &received {
            host.receive(client, POOL, text);
        }
        assert_eq!(findings(&host), expected, "{sent:?} {received:?}");
    }
}

#[test]
fn a_controlled_miner_is_known_by_the_configuration_it_gets() {
    let get = "GET /client/getConfig?clientId=web-3 HTTP/1.1\r\nHost: c2.test\r\n\r\n";
    let configuration = r#"{"algo":"rx/0","donate-level":0,"cpu":{"enabled":true},"pools":[{"algo":"rx/0","url":"10.0.0.9:3333"}]}"#;
    let answer = |body: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{body}");
    let (whole, other) = (answer(configuration), answer(r#"{"algo":"round-robin","pools":[{"size":4}]}"#));
    let (mut host, miner) = client();
    host.send(miner, POOL, get);
    host.receive(miner, POOL, &other);
    assert_eq!(findings(&host), [], "another program's configuration");
    host.receive(miner, POOL, &whole);
    assert_eq!(findings(&host), [("N2", 80), ("N1", 100)]);
    assert_eq!(verdict(&host), Some(Verdict::Mining));
    for at in 8..whole.len() {
        let (mut host, miner) = client();
        host.send(miner, POOL, get);
        let (one, two) = whole.split_at(at);
        host.receive(miner, POOL, one);
        host.receive(miner, POOL, two);
        assert_eq!(findings(&host), [("N2", 80), ("N1", 100)], "split at {at}");
    }
    let (mut host, administrator) = client();
    host.send(administrator, POOL, "GET /files/config.json HTTP/1.1\r\nHost: files.test\r\n\r\n");
    host.receive(administrator, POOL, &whole);
    assert_eq!(findings(&host), [], "the file of a configuration");
}

#[test]
fn jobs_that_a_server_pushes_count_with_a_miner_s_words() {
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let get = "GET /work HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n";
    let event = format!("id: 1\ndata: {JOB}\n\n");
    let submit = format!("POST /work HTTP/1.1\r\nHost: x\r\n\r\n{SUBMIT}");
    let (one, two) = event.split_at(90);
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{JOB}", JOB.len());
    for (story, pushed) in [
        ("at once", vec![format!("{head}{event}")]),
        ("after the head", vec![head.to_owned(), event.clone()]),
        ("in two payloads", vec![head.to_owned(), one.to_owned(), two.to_owned()]),
        ("after a comment", vec![format!("{head}: ok\n\n"), event.clone()]),
        ("the answer to a long poll", vec![answer]),
        ("a document in pieces", vec![format!("{head}data: 1\n\n"), JOB.to_owned()]),
    ] {
        let (mut host, miner) = client();
        host.send(miner, POOL, get);
        for text in &pushed {
            host.receive(miner, POOL, text);
        }
        assert_eq!(findings(&host), [], "{story}: it may be a page that shows a pool's work");
        host.send(miner, POOL, &submit);
        assert_eq!(findings(&host), [("N1", 100), ("N2", 80)], "{story}");
    }
}

#[test]
fn a_pool_on_this_host_does_not_mine() {
    let (mut host, pool) = client();
    for (direction, text) in [(Direction::Received, login()), (Direction::Sent, JOB.to_owned())] {
        let bytes = text.as_bytes();
        host.payload(pool, TcpPayload { peer: "10.0.0.50:40000", direction, accepted: true, bytes });
    }
    assert!(findings(&host).is_empty());
}

/// Returns the findings of a dialogue on a connection that the peer opened, as the kernel says.
fn contested(dialogue: &[Says<'_>]) -> Vec<(&'static str, u8)> {
    let (mut host, process) = client();
    for message in dialogue {
        let (direction, text) = match message {
            Says::Client(text) => (Direction::Sent, text),
            Says::Pool(text) => (Direction::Received, text),
        };
        host.payload(process, TcpPayload { peer: POOL, direction, accepted: true, bytes: text.as_bytes() });
    }
    findings(&host)
}

#[test]
fn the_words_of_both_sides_win_over_who_opened_the_connection() {
    use Says::{Client, Pool};
    let login = login();
    assert_eq!(contested(&[Client(&login), Pool(JOB)]), [("N2", 80), ("N1", 100)]);
    assert_eq!(contested(&[Pool(JOB), Client(SUBMIT)]), [("N1", 100), ("N2", 80)]);
}

#[test]
fn words_that_contradict_who_opened_the_connection_prove_little() {
    use Says::{Client, Pool};
    const NOTIFY: &str = r#"{"id":null,"method":"mining.notify","params":["bf","4d16"]}"#;
    const MINING_PING: &str = r#"{"id":5,"method":"mining.ping","params":[]}"#;
    const MINING_PONG: &str = r#"{"id":5,"method":"mining.pong","params":[]}"#;
    let post = |text: &str| format!("POST /log HTTP/1.1\r\nHost: x\r\n\r\n{text}");
    let answer = |text: &str| format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{text}");
    let login = login();
    let cases: [(&str, &[Says<'_>]); 6] = [
        ("a collector of a miner's log", &[Pool(NOTIFY), Pool(JOB), Pool(NOTIFY)]),
        ("a server that shows what a miner says", &[Client(SUBSCRIBE), Client(&login), Client(SUBMIT)]),
        ("a pool that a miner pings", &[Pool(MINING_PING), Client(MINING_PONG)]),
        ("a game", &[Client(PLAIN_LOGIN), Pool(BUILD_JOB)]),
        ("a store of documents", &[Pool(&post(JOB)), Client(&answer(SUBSCRIBE))]),
        ("the same without heads", &[Pool(&post(PING)), Client(SUBSCRIBE), Pool(JOB), Client(SUBMIT)]),
    ];
    for (story, dialogue) in cases {
        assert_eq!(contested(dialogue), [], "{story}");
    }
}

#[test]
fn other_protocols_are_no_finding() {
    let cases: [&[u8]; 24] = [
        br#"{"id":1,"method":"login","params":{"login":"bob","pass":"x","realm":"eu"}}"#,
        br#"{"method":"job","params":{"job_id":"17","blob":"9f86d081884c7d659a2feaa0c55ad015","target":"x86_64"}}"#,
        br#"{"method":"submit","params":{"job_id":"17","nonce":"abc","result":"passed"}}"#,
        br#"{"jsonrpc":"2.0","method":"getwork","params":{"queue":"builds"},"id":4}"#,
        br#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"job","arguments":{"target":"all"}}}"#,
        br#"{"jsonrpc":"2.0","id":3,"method":"notifications/progress","params":{"difficulty":3,"height":2}}"#,
        br#"{"type":"connection_init","payload":{"login":"bob"}}"#,
        br#"{"method":"solution","id":1,"nonce":"7","output":"42"}"#,
        br#"{"id":1,"wallet":"main","worker":"w1"}"#,
        br#"{"action":"block_template","block_template":"<header/>"}"#,
        br#"{"jsonrpc":"2.0","method":"eth_subscribe","params":["newHeads"],"id":1}"#,
        br#"{"new_job":{"template":"pipeline.yml","difficulty":"easy","height":4}}"#,
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
    for text in cases {
        let (mut host, client) = client();
        host.send(client, POOL, text);
        host.receive(client, POOL, text);
        assert!(findings(&host).is_empty(), "{}", text.escape_ascii());
    }
}

#[test]
fn the_connections_remembered_are_bounded() {
    let (mut host, client) = client();
    for port in 1..=u16::try_from(SESSIONS).unwrap() + 100 {
        host.send(client, &format!("10.0.0.9:{port}"), SUBSCRIBE);
    }
    let mut engine = Engine::new(EngineSettings::default());
    for event in host.events() {
        feed(&mut engine, event, &mut Vec::new());
    }
    assert_eq!(engine.counters().evictions.get("conversations_evicted"), Some(&100));
}

/// Returns the accounts of the suspects in the last alert: shown and hash.
fn accounts(dialogue: &[Says<'_>]) -> Vec<(String, String)> {
    let alerts = alerts(&after(dialogue));
    let suspects = alerts.last().map(|alert| alert.suspects.as_slice()).unwrap_or_default();
    let accounts = suspects.iter().flat_map(|suspect| &suspect.accounts);
    accounts
        .map(|account| (account.shown.to_string(), account.hash.as_deref().unwrap_or_default().to_owned()))
        .collect()
}

/// The name of a test case, its dialogue, and the expected accounts.
type Named<'a> = (&'a str, &'a [Says<'a>], Vec<(String, String)>);

#[test]
fn an_alert_names_the_account_without_the_worker() {
    use Says::{Client, Pool};
    let authorize = |user: &str| format!(r#"{{"id":2,"method":"mining.authorize","params":["{user}","x"]}}"#);
    let login = login();
    let of = |text: &str| {
        let account = crate::model::AccountHasher::default().account(text);
        (account.shown.to_string(), account.hash.expect("the default key").to_string())
    };
    let [plain, dotted, slashed, escaped, other] = [
        authorize(WALLET),
        authorize(&format!("{WALLET}.rig1")),
        authorize(&format!("{WALLET}/rig1")),
        authorize(&format!("{WALLET}\\/rig1")),
        authorize("alice.rig1"),
    ];
    let cases: [Named<'_>; 8] = [
        ("a login", &[Client(&login)], vec![of(WALLET)]),
        ("after the subscription", &[Client(SUBSCRIBE), Client(&plain)], vec![of(WALLET)]),
        ("a worker", &[Client(SUBSCRIBE), Client(&dotted)], vec![of(WALLET)]),
        ("a worker after a slash", &[Client(&slashed)], vec![of(WALLET)]),
        ("an escaped slash", &[Client(&escaped)], vec![of(WALLET)]),
        ("two workers", &[Client(&dotted), Client(&slashed)], vec![of(WALLET)]),
        ("two accounts", &[Client(&plain), Client(&other)], vec![of(WALLET), of("alice")]),
        ("a login that a pool answers", &[Client(PLAIN_LOGIN), Pool(LOGIN_ANSWER)], vec![of("bob")]),
    ];
    for (name, dialogue, expected) in cases {
        assert_eq!(accounts(dialogue), expected, "{name}");
    }
}

#[test]
fn a_client_cannot_name_accounts_without_end() {
    let messages: Vec<String> = (0..100)
        .map(|number| format!(r#"{{"id":2,"method":"mining.authorize","params":["user{number}","x"]}}"#))
        .collect();
    let dialogue: Vec<Says<'_>> = messages.iter().map(|message| Says::Client(message)).collect();
    assert_eq!(findings(&after(&dialogue)).len(), usize::from(MAX_ACCOUNTS));
}
