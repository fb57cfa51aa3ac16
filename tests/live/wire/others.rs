//! The messages of programs that do not mine.

use super::{
    Case,
    Piece::{self, Hear, Pause},
    cases::{frame, http2, upgrade},
    say,
};

/// Messages of other protocols that resemble mining.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn others() -> Vec<Case> {
    const SUBSCRIBE: &str = r#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;
    let post = |path: &str, body: &str| {
        say(format!("POST {path} HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n\r\n{body}", body.len()))
    };
    let rpc =
        |method: &str| post("/", &format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":[]}}"#));
    let calls = |methods: &[&str]| methods.iter().flat_map(|method| [rpc(method), Hear]).collect::<Vec<_>>();
    let line = |text: &str| say(format!("{text}\r\n"));
    let quoted = SUBSCRIBE.replace('"', "\\\"");
    let case = |name: &str, pieces: &[Piece]| Case::new(name, "", pieces);
    vec![
        case(
            "a chat's login",
            &[
                line(r#"{"id":1,"method":"login","params":{"login":"bob","pass":"x"}}"#),
                Hear,
                line(r#"{"id":2,"method":"keepalived","params":{"id":"s"}}"#),
                line(r#"{"id":3,"method":"submit","params":{"job_id":"7","text":"hello"}}"#),
                Hear,
            ],
        ),
        case(
            "a language server's client",
            &[
                say("Content-Length: 83\r\n\r\n"),
                line(
                    r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"processId":1,"rootUri":""}}"#,
                ),
                Hear,
            ],
        ),
        case(
            "a chat over a WebSocket",
            &[
                upgrade("/ws/chat"),
                Hear,
                say(frame(
                    [9, 8, 7, 201],
                    r#"{"id":1,"method":"login","params":{"login":"bob","pass":"x"}}"#,
                )),
                Pause,
                say(frame(
                    [1, 0, 0, 200],
                    &format!(r#"{{"id":2,"method":"log","params":{{"line":"{quoted}"}}}}"#),
                )),
                Pause,
            ],
        ),
        case(
            "a client of gRPC",
            &[
                say([b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &http2(4, &[])[..]].concat()),
                Pause,
                say(http2(1, b"\x83\x86\x44\x17/protowire.Chat/Messages")),
                Pause,
                say(http2(0, &[0, 0, 0, 0, 5, 0xea, 0x3e, 2, 1, 1])),
                Pause,
            ],
        ),
        case("an Ethereum node's client", &calls(&["eth_blockNumber", "eth_mining", "eth_hashrate"])),
        case(
            "an Ethereum node's client, by TCP",
            &[
                line(r#"{"jsonrpc":"2.0","id":1,"method":"eth_subscribe","params":["newHeads"]}"#),
                Hear,
                line(r#"{"jsonrpc":"2.0","id":2,"method":"eth_getBlockByNumber","params":["latest",false]}"#),
                Hear,
            ],
        ),
        case(
            "a Bitcoin node's client",
            &calls(&["getmininginfo", "getblockchaininfo", "sendrawtransaction"]),
        ),
        case(
            "a Monero wallet",
            &[
                post("/json_rpc", r#"{"jsonrpc":"2.0","id":"0","method":"get_info"}"#),
                Hear,
                say("GET /getheight HTTP/1.1\r\nHost: node\r\n\r\n"),
                Hear,
            ],
        ),
        case(
            "a page that contains the words",
            &[post("/log", SUBSCRIBE), Hear, post("/log", &format!("{{\"message\":\"{quoted}\"}}")), Hear],
        ),
        case(
            "a log line that quotes them",
            &[
                line(&format!(
                    "{{\"level\":\"info\",\"method\":\"log\",\"params\":{{\"line\":\"{quoted}\"}}}}"
                )),
                Hear,
            ],
        ),
        case(
            "a mail that contains them",
            &[
                line("EHLO example.org"),
                Hear,
                line("MAIL FROM:<a@example.org>"),
                Hear,
                line("RCPT TO:<b@example.org>"),
                Hear,
                line("DATA"),
                Hear,
                line(&format!("Subject: stratum\r\n\r\n{SUBSCRIBE}\r\n.")),
                Hear,
            ],
        ),
        case(
            "a mail without a head",
            &[
                line("EHLO example.org"),
                Hear,
                line("DATA"),
                Hear,
                line(SUBSCRIBE),
                Hear,
                line(&super::cases::login()),
                Hear,
            ],
        ),
        case(
            "a document that is put somewhere",
            &[
                say("PUT /log/1 HTTP/1.1\r\nHost: node\r\nContent-Length: 53\r\n\r\n"),
                Pause,
                line(SUBSCRIBE),
                Hear,
            ],
        ),
        case(
            "a document after another call",
            &[
                say("GET / HTTP/1.1\r\nHost: node\r\n\r\n"),
                Hear,
                say("DELETE /log/1 HTTP/1.1\r\nHost: node\r\nContent-Length: 53\r\n\r\n"),
                Pause,
                line(SUBSCRIBE),
                Hear,
            ],
        ),
        case(
            "git",
            &[
                say("0032git-upload-pack /mining.subscribe\0host=example\0"),
                Hear,
                line(&format!("0098want 8fde4eb0c8c1e0f6d8b3a1f5 {SUBSCRIBE}")),
                Hear,
            ],
        ),
        case(
            "redis",
            &[line(&format!("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n${}\r\n{SUBSCRIBE}", SUBSCRIBE.len())), Hear],
        ),
        case(
            "PostgreSQL",
            &[say([0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f]), say(b"\0\0\0\x15\0\x03\0\0user\0postgres\0")],
        ),
        case(
            "sizes of an encrypted handshake, no more",
            &[say(b"NOISE+++".repeat(8)), say(b"NOISE".repeat(20)), Hear],
        ),
        // Only the name is a pool's: the client reads the web page.
        case("the page of a pool", &[say("GET / HTTP/1.1\r\nHost: supportxmr.com\r\n\r\n"), Hear]),
    ]
}
