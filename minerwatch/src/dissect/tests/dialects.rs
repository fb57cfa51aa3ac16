//! Every dialect in every dress: keys in any order, white space, escapes, pieces, carriers, other traffic first.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{PEER, client, messages};

const MONERO: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const QUBIC: &str = "YMCJYLCWSGXJBERNBNIFQRSUZPBDKBMEVZGKMZQKYCKWLUHBCJBWAQAAZHIL";

/// A sure message of a miner for each dialect whose messages are JSON, with its method.
fn dialects() -> Vec<(Value, &'static str)> {
    let hash = "a3".repeat(32);
    vec![
        (
            json!({"id": 1, "jsonrpc": "2.0", "method": "login", "params": {"login": MONERO, "pass": "x", "agent": "a"}}),
            "login",
        ),
        (json!({"id": 1, "method": "login", "params": {"login": "me", "agent": "XMRig/6.22.0"}}), "login"),
        (
            json!({"id": 1, "method": "login", "params": {"login": "me", "pass": "x", "algo": ["rx/0", "cn/r"]}}),
            "login",
        ),
        (
            json!({"id": 3, "method": "submit", "params": {"id": "s", "job_id": "7", "nonce": "0100aaff", "result": hash}}),
            "submit",
        ),
        (json!({"id": 1, "method": "mining.subscribe", "params": ["x/1"]}), "mining.subscribe"),
        (json!({"id": 2, "method": "mining.authorize", "params": ["me.rig", "x"]}), "mining.authorize"),
        (json!({"id": 3, "method": "mining.multi_version", "params": [1]}), "mining.multi_version"),
        (json!({"id": 4, "method": "mining.pong"}), "mining.pong"),
        (
            json!({"id": 0, "method": "mining.subscribe", "body": {"version": 2, "publicAddress": hash, "name": "r"}}),
            "mining.subscribe",
        ),
        (
            json!({"id": 2, "method": "eth_submitLogin", "params": ["0x5290", "x"], "worker": "r"}),
            "eth_submitLogin",
        ),
        (
            json!({"id": 1, "method": "ckb_submitLogin", "params": {"login": "ckb1", "agent": "n/1", "worker": "r"}}),
            "ckb_submitLogin",
        ),
        (json!({"id": "2", "jsonrpc": "2.0", "method": "getjobtemplate", "params": null}), "getjobtemplate"),
        (
            json!({"id": "0", "method": "submit", "params": {"edge_bits": 29, "height": 1, "job_id": 0, "nonce": 7, "pow": [1, 2]}}),
            "submit",
        ),
        (json!({"method": "login", "api_key": format!("{hash}1"), "id": "login", "jsonrpc": "2.0"}), "login"),
        (
            json!({"method": "solution", "id": "2", "nonce": "9c2a000000000001", "output": "1b".repeat(104)}),
            "solution",
        ),
        (json!({"id": 1, "wallet": QUBIC, "worker": "r"}), "subscribe"),
        (json!({"jobid": "1.0.notified", "mbl_blob": "41".repeat(48)}), "submit"),
        (json!({"block_template": "41".repeat(112)}), "submit"),
        (
            json!({"id": 0, "method": "getblocktemplate", "params": [{"rules": ["segwit"]}]}),
            "getblocktemplate",
        ),
    ]
}

/// How a message is written.
#[derive(Clone, Debug)]
struct Style {
    order: u64,
    space: &'static str,
    /// Every so many characters of a string is written as an escape; 0 for none.
    escape_each: usize,
}

impl Style {
    fn write(&self, value: &Value) -> String {
        match value {
            Value::Object(members) => {
                let mut pairs: Vec<String> = members
                    .iter()
                    .map(|(key, value)| {
                        let Self { space, .. } = self;
                        format!("{}{space}:{space}{}", self.text(key), self.write(value))
                    })
                    .collect();
                let places = pairs.len();
                if let Some(shift) =
                    usize::try_from(self.order).ok().and_then(|order| order.checked_rem(places))
                {
                    pairs.rotate_left(shift);
                }
                if self.order % 2 == 1 {
                    pairs.reverse();
                }
                format!("{{{0}{1}{0}}}", self.space, pairs.join(&format!("{0},{0}", self.space)))
            }
            Value::Array(values) => {
                let values: Vec<String> = values.iter().map(|value| self.write(value)).collect();
                format!("[{}]", values.join(&format!("{0},{0}", self.space)))
            }
            Value::String(text) => self.text(text),
            other => other.to_string(),
        }
    }

    fn text(&self, text: &str) -> String {
        let is_escaped = |at: usize| self.escape_each > 0 && at.is_multiple_of(self.escape_each);
        let written: String = text
            .chars()
            .enumerate()
            .map(
                |(at, next)| {
                    if is_escaped(at) { format!("\\u{:04x}", next as u32) } else { next.to_string() }
                },
            )
            .collect();
        format!("\"{written}\"")
    }
}

fn style() -> impl Strategy<Value = Style> {
    let space = prop_oneof![Just(""), Just(" "), Just("\n"), Just("\r\n\t")];
    let escape_each = prop_oneof![3 => Just(0_usize), 1 => Just(1_usize), 1 => 2_usize..9];
    (0_u64..24, space, escape_each).prop_map(|(order, space, escape_each)| Style {
        order,
        space,
        escape_each,
    })
}

/// What carries the message.
#[derive(Clone, Copy, Debug)]
enum Dress {
    Plain,
    /// Frames of a client with this mask, cut at this place.
    WebSocket([u8; 4], usize),
    /// Chunks of this size after the head of a request.
    Chunks(usize),
}

fn dress() -> impl Strategy<Value = Dress> {
    prop_oneof![
        2 => Just(Dress::Plain),
        1 => (any::<[u8; 4]>(), 0_usize..400).prop_map(|(mask, at)| Dress::WebSocket(mask, at)),
        1 => (16_usize..300).prop_map(Dress::Chunks),
    ]
}

fn dressed(dress: Dress, text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    match dress {
        Dress::Plain => [bytes, b"\n"].concat(),
        Dress::WebSocket(mask, at) => {
            let (one, two) = bytes.split_at(at.min(bytes.len()));
            let frame = |first: u8, content: &[u8]| {
                let length = u16::try_from(content.len()).expect("short").to_be_bytes();
                let masked = content.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
                [&[first, 0xfe][..], &length, &mask].concat().into_iter().chain(masked).collect::<Vec<u8>>()
            };
            [frame(0x01, one), frame(0x80, two)].concat()
        }
        Dress::Chunks(size) => {
            let mut stream = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for chunk in bytes.chunks(size) {
                stream.extend(format!("{:X}\r\n", chunk.len()).into_bytes());
                stream.extend_from_slice(chunk);
                stream.extend(b"\r\n");
            }
            stream
        }
    }
}

proptest! {
    #[test]
    fn no_dress_hides_a_miner(
        which in 0_usize..19,
        style in style(),
        dress in dress(),
        pieces in proptest::collection::vec(1_usize..200, 0..6),
        keepalives in 0_usize..4,
    ) {
        let (message, method) = &dialects()[which];
        let stream = dressed(dress, &style.write(message));
        // What is captured of a direction at a time.
        prop_assume!(stream.len() <= 2_000);
        let (mut host, client) = client();
        for number in 0..keepalives {
            let ping = format!("{{\"id\":{number},\"method\":\"server.ping\",\"params\":[]}}\n");
            host.send(client, PEER, dressed(if let Dress::Chunks(_) = dress { Dress::Plain } else { dress }, &ping));
        }
        let mut rest = stream.as_slice();
        for size in pieces {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            // A header of a frame that is cut off says too little.
            if piece.is_empty() || after.is_empty() || matches!(dress, Dress::WebSocket(..)) && piece.len() < 8 {
                continue;
            }
            host.send(client, PEER, piece);
            rest = after;
        }
        for piece in rest.chunks(512) {
            host.send(client, PEER, piece);
        }
        let found = messages(&host);
        let is_found = found.iter().any(|found| found.method == *method && found.sure);
        prop_assert!(is_found, "{} in {:?}: {found:?}", style.write(message), dress);
    }
}

/// Messages of other software, whole and in every carrier.
#[test]
fn innocent_messages_are_not_sure_in_any_dress() {
    let mut innocent: Vec<Value> = vec![
        json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"processId": 7, "rootUri": "file:///srv"}}),
        json!({"jsonrpc": "2.0", "method": "textDocument/didOpen", "params": {"textDocument": {"uri": "x", "text": "mining.subscribe"}}}),
        json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "submit", "arguments": {"job_id": "7", "nonce": "01000000"}}}),
        json!({"jsonrpc": "1.0", "id": "w", "method": "getblockchaininfo", "params": []}),
        json!({"jsonrpc": "1.0", "id": "w", "method": "sendtoaddress", "params": ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", 0.1]}),
        json!({"jsonrpc": "2.0", "id": 1, "method": "eth_getBalance", "params": ["0x52908400098527886E0F7030069857D2E4169EE7", "latest"]}),
        json!({"jsonrpc": "2.0", "id": 0, "method": "transfer", "params": {"destinations": [{"amount": 1, "address": MONERO}]}}),
        json!({"jsonrpc": "2.0", "id": 0, "method": "get_info"}),
        json!({"query": "query { job(id: 7) { blob target } }", "variables": {"login": "bob", "pass": "x"}}),
        json!({"type": "connection_init", "payload": {"login": "bob"}}),
        json!({"event": "login", "user": "bob", "worker": "w1"}),
        json!({"id": 1, "method": "login", "params": {"login": "bob", "pass": "x"}}),
        json!({"id": 1, "method": "job", "params": {"job_id": "7", "blob": "e3b0c44298fc1c149afbf4c8996fb924", "target": "x86_64"}}),
        json!({"id": 1, "method": "submit", "params": {"job_id": "7", "nonce": "7", "result": "passed"}}),
        json!({"id": 1, "method": "getwork", "params": {"queue": "builds"}}),
        json!({"id": 1, "method": "job", "input": "s3://in", "output": "s3://out", "difficulty": 3}),
        json!({"action": "subscribe", "wallet": "main", "worker": "w"}),
        json!({"Id": "c0ffee", "Image": "x", "State": {"Status": "running"}, "HostConfig": {"Binds": null}}),
        json!({"name": "mining.subscribe", "params": ["x"]}),
        json!({"method": "mining.permits.list", "params": ["Chile"], "id": 1}),
        json!({"op": "login", "args": [{"apiKey": "x", "passphrase": "y", "timestamp": "1", "sign": "z"}]}),
        json!([1_732_500_000.1, {"log": "{\"method\":\"login\"}", "method": "submit"}]),
    ];
    let hash = "a3".repeat(32);
    let ethereum = "0x52908400098527886E0F7030069857D2E4169EE7";
    innocent.extend([
        json!({"level": "INFO", "logger": "payouts", "wallet": ethereum, "worker": "celery@pay-3", "amount": "0.1"}),
        json!({"level": "INFO", "id": 7, "wallet": QUBIC, "worker": "celery@pay-3"}),
        json!({"id": 1, "method": "login", "api_key": hash}),
        json!({"id": 4, "method": "submit", "params": {"job_id": "build-412", "nonce": "9f3a77c1", "hash": hash}}),
        json!({"id": 1, "method": "getjobtemplate", "params": {"name": "deploy-web"}}),
        json!({"id": 1, "method": "login", "params": {"login": ethereum, "signature": "0xabc", "chain": 1}}),
        json!({"id": 1, "method": "login", "params": {"login": "svc", "pass": "x", "algo": ["zstd", "lz4"]}}),
        json!({"id": 1, "method": "login", "params": {"login": "svc", "pass": "x", "algo": ["scrypt", "bcrypt"]}}),
        json!({"id": 1, "method": "login", "params": {"login": "test-rig", "pass": "x", "rigid": "lab-3"}}),
        json!({"id": 1, "method": "mining.submit", "params": {"corpus": "reviews-2026", "model": "topic-lda"}}),
        json!({"severity": "WARN", "rule": "ids", "method": "mining.subscribe", "id": 7, "params": ["from pcap"]}),
        json!({"id": 1, "result": {"job_id": "412", "target": "0a1b2c3d", "blob": hash.repeat(2), "version": "2.1"}}),
        json!({"id": 1, "result": {"job_id": "412", "target": "0a1b2c3d", "blob": "5a".repeat(80)}}),
    ]);
    // A game in which one mines.
    for method in ["mining.start", "mining.collect", "player.login", "job.next"] {
        innocent.push(json!({"id": 1, "method": method, "params": {"ore": "iron", "target": "7f"}}));
    }
    for message in innocent {
        let text = message.to_string();
        for dress in [Dress::Plain, Dress::WebSocket([1, 2, 3, 4], 5), Dress::Chunks(40)] {
            let (mut host, client) = client();
            host.send(client, PEER, dressed(dress, &text));
            host.receive(client, PEER, dressed(dress, &text));
            let sure: Vec<_> = messages(&host).into_iter().filter(|message| message.sure).collect();
            assert!(sure.is_empty(), "{text} in {dress:?}: {sure:?}");
        }
    }
}
