//! The messages of miners, and the ways to send them.

use super::{
    Case,
    Piece::{self, Hear, Pause},
    say,
};

const SOCKS: u16 = 1080;
const CONNECT: u16 = 3128;
const ALEPHIUM: u16 = 10_973;

const WALLET: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const SUBMIT: &str = r#"{"id":7,"jsonrpc":"2.0","method":"submit","params":{"id":"s","job_id":"7","nonce":"01000000","result":"ff00"}}"#;

pub(super) fn login() -> String {
    format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{WALLET}","pass":"x","agent":"XMRig/6.21.0 (Linux x86_64)","algo":["rx/0"]}}}}"#
    ) + "\n"
}

/// Splits a text into pieces of `size` bytes with pauses between them, and waits for an answer at the end.
fn split(text: &str, size: usize) -> Vec<Piece> {
    split_bytes(text.as_bytes(), size).into_iter().chain([Hear]).collect()
}

/// Splits bytes into pieces of `size` bytes with pauses between them.
fn split_bytes(bytes: &[u8], size: usize) -> Vec<Piece> {
    bytes.chunks(size).flat_map(|chunk| [say(chunk), Pause]).collect()
}

/// Returns cases for every mining protocol.
pub(super) fn protocols() -> Vec<Case> {
    let mut greeting = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
    greeting.extend(b"NULL");
    greeting.resize(64, 0);
    let ready = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB";
    let topic = b"\0\x19\x01json-minimal-chain_main\0";
    let mut setup = vec![0, 2, 0, 2, 0, 0, 0, 0, 0];
    for part in [&b"\x09pool.test"[..], &[0x5d, 0x0d], b"\x04rust", b"\x03cpu", b"\0", b"\x02d1"] {
        setup.extend(part);
    }
    let mut setup_frame = vec![0, 0, 0, u8::try_from(setup.len()).expect("short"), 0, 0];
    setup_frame.extend(setup);
    let template = |wallet: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","id":0,"method":"getblocktemplate","params":{{{wallet}"reserve_size":8}}}}"#
        )
    };
    let post = |path: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: node\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let wallet = format!("\"wallet_address\":\"{WALLET}\",");
    vec![
        Case::new(
            "Stratum",
            "Stratum",
            [
                say("{\"id\": 1, \"method\": \"mining.subscribe\", \"params\": [\"cpuminer/2.5.1\"]}\n"),
                Hear,
                say("{\"id\": 2, \"method\": \"mining.authorize\", \"params\": [\"user.worker\", \"x\"]}\n"),
                Hear,
            ],
        ),
        Case::new(
            "EthereumStratum",
            "EthereumStratum",
            [
                say(
                    "{\"id\":1,\"method\":\"mining.subscribe\",\"params\":[\"miner/1.0\",\"EthereumStratum/1.0.0\"]}\n",
                ),
                Hear,
            ],
        ),
        Case::new(
            "eth-proxy",
            "eth-proxy",
            [
                say(
                    "{\"worker\":\"rig1\",\"jsonrpc\":\"2.0\",\"params\":[\"0x52908400098527886E0F7030069857D2E4169EE7\",\"x\"],\"id\":2,\"method\":\"eth_submitLogin\"}\n",
                ),
                Hear,
            ],
        ),
        Case::new("CryptoNote", "CryptoNote stratum", [say(login()), Hear]),
        Case::new(
            "an account that only the answer tells apart",
            "CryptoNote stratum",
            [
                say(
                    "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"wallet-less\",\"pass\":\"x\"}}\n",
                ),
                Hear,
            ],
        ),
        // The pool's job decides alone, because the client spoke before. The share comes after the verdict.
        Case {
            signal: "N2",
            ..Case::new(
                "a stream under call",
                "CryptoNote stratum",
                [say("{\"id\":3,\"note\":\"jobs, please\"}\n"), Hear, say(format!("{SUBMIT}\n")), Hear],
            )
        },
        Case::new("Stratum V2", "Stratum V2", [say(setup_frame)]),
        Case::solo("a Monero node", "solo mining", [say(post("/json_rpc", &template(&wallet))), Hear]),
        Case::solo(
            "a Bitcoin node",
            "solo mining",
            [
                say(
                    "POST / HTTP/1.1\r\nHost: node\r\nAuthorization: Basic dXNlcjp4\r\nContent-Length: 71\r\n\r\n",
                ),
                Pause,
                say("{\"id\": 0, \"method\": \"getblocktemplate\", \"params\": [{\"rules\": [\"segwit\"]}]}"),
                Hear,
            ],
        ),
        Case::solo("ZeroMQ", "ZMQ mining", [say(greeting), Hear, say(ready), say(topic)]),
    ]
}

/// Returns cases that send the same login in other forms and through proxies.
pub(super) fn variations() -> Vec<Case> {
    const NAME: &str = "CryptoNote stratum";
    let socks_name = || say(b"\x05\x01\0\x03\x09pool.test\x23\x28");
    let socks_address = || say(b"\x05\x01\0\x01\x7f\0\0\x01\x23\x28");
    let connect = "CONNECT pool.test:9000 HTTP/1.1\r\nHost: pool.test:9000\r\n\r\n";
    let spaced = format!(
        "{{ \"params\" : {{\t\"rigid\" : \"\", \"pass\" :\"x\" ,\"agent\":\"m/1\",  \"login\" : \"{WALLET}\" }} , \"method\" : \"login\" ,\"jsonrpc\": \"2.0\", \"id\" : 1 }}\n"
    );
    let case = |name: &str, pieces: &[Piece]| Case::new(name, NAME, pieces);
    vec![
        case("other order and spaces", &[say(spaced), Hear]),
        case("in pieces of 60 bytes", &split(&login(), 60)),
        case("in pieces of 24 bytes", &split(&login(), 24)),
        Case { native: true, call: "writev", ..case("in pieces, by writev", &split(&login(), 100)) },
        Case { v6: true, ..case("by IPv6", &[say(login()), Hear]) },
        Case {
            v6: true,
            native: true,
            call: "io_uring",
            ..case("by IPv6 and io_uring", &[say(login()), Hear])
        },
        Case {
            port: SOCKS,
            ..case("through SOCKS, by name", &[say([5, 1, 0]), Hear, socks_name(), Hear, say(login()), Hear])
        },
        Case {
            port: SOCKS,
            ..case(
                "through SOCKS, in pieces",
                &[&[say([5, 1, 0]), Hear, socks_address(), Hear][..], &split(&login(), 100)].concat(),
            )
        },
        Case { port: CONNECT, ..case("through CONNECT", &[say(connect), Hear, say(login()), Hear]) },
        Case {
            port: CONNECT,
            native: true,
            call: "io_uring",
            ..case(
                "through CONNECT, in pieces, by io_uring",
                &[&[say(connect), Hear][..], &split(&login(), 100)].concat(),
            )
        },
    ]
}

/// Returns a text frame of a WebSocket, as a client sends it.
pub(super) fn frame(mask: [u8; 4], text: &str) -> Vec<u8> {
    let length = u16::try_from(text.len()).expect("short");
    let head = match u8::try_from(length) {
        Ok(short @ 0..=125) => vec![0x81, 0x80 | short],
        _ => [&[0x81, 0xfe][..], &length.to_be_bytes()].concat(),
    };
    let masked = text.bytes().zip(mask.into_iter().cycle()).map(|(byte, mask)| byte ^ mask);
    head.into_iter().chain(mask).chain(masked).collect()
}

/// Returns a request for a WebSocket.
pub(super) fn upgrade(path: &str) -> Piece {
    say(format!(
        "GET {path} HTTP/1.1\r\nHost: pool\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ))
}

/// Returns a frame of HTTP/2 on the first stream.
pub(super) fn http2(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len()).expect("short").to_be_bytes();
    [&length[1..], &[kind, 4, 0, 0, 0, 1], body].concat()
}

/// Returns cases in which other protocols carry the messages, or no JSON does.
pub(super) fn carried() -> Vec<Case> {
    const NAME: &str = "CryptoNote stratum";
    const MASK: [u8; 4] = [7, 200, 0, 33];
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let post = "POST /work HTTP/1.1\r\nHost: pool\r\nTransfer-Encoding: chunked\r\n\r\n";
    let padding = "y".repeat(700);
    let long = login().replacen('{', &format!(r#"{{"padding":"{padding}","#), 1);
    let very_long = login().replacen('{', &format!(r#"{{"padding":"{padding}{padding}","#), 1);
    let shake =
        format!(r#"shake~{{"addr":"xel:{}","work":"rig","agent":"m/1","algos":["xel/0"]}}"#, "q".repeat(58));
    let path = "/protowire.RPC/MessageStream";
    let headers = [&[0x83, 0x86, 0x44, u8::try_from(path.len()).expect("short")], path.as_bytes()].concat();
    // A request with the key 1005, which asks for a block template.
    let template = [0, 0, 0, 0, 5, 0xea, 0x3e, 2, 1, 1];
    let preface = [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &http2(4, &[])[..]].concat();
    let small_talk = r#"{"id":3,"note":"frames, please"}"#;
    let case = |name: &str, pieces: &[Piece]| Case::new(name, NAME, pieces);
    vec![
        case("a WebSocket", &[upgrade("/ws"), Hear, say(frame(MASK, &login())), Pause]),
        case(
            "a WebSocket, frames in pieces",
            &[&[upgrade("/"), Hear][..], &split_bytes(&frame(MASK, &login()), 50)].concat(),
        ),
        case(
            "a WebSocket, after small talk",
            &[upgrade("/x"), Hear, say(frame(MASK, "hello")), Pause, say(frame(MASK, &login())), Pause],
        ),
        Case {
            signal: "N2",
            ..case("a WebSocket, jobs", &[upgrade("/y"), Hear, say(frame([0; 4], small_talk)), Hear])
        },
        case("an HTTP body in chunks", &[say(post), Pause, say(chunk(&login())), Hear]),
        case("an HTTP body in one write", &[say(post.to_owned() + &chunk(&login())), Hear]),
        case("behind a member of 700 bytes", &[say(long), Hear]),
        case("behind a member of 1,400 bytes", &[say(very_long), Hear]),
        Case::new("Xatum", "Xatum", [say(shake + "\n"), Hear]),
        Case::solo(
            "a Kaspa node",
            "solo mining",
            [say(preface), Pause, say(http2(1, &headers)), Pause, say(http2(0, &template)), Pause],
        ),
        Case { port: ALEPHIUM, ..Case::solo("an Alephium node", "solo mining", [Hear]) },
    ]
}

/// Returns lines of text, which the server answers.
fn lines(count: usize) -> impl Iterator<Item = Piece> {
    (0..count).flat_map(|number| [say(format!("line {number}\n")), Hear])
}

/// Returns a client that sends so many lines that its budget is used up, waits for a second, and logs in.
pub(super) fn after_the_budget() -> Case {
    let pause = std::iter::repeat_n(Pause, 40);
    let pieces = lines(100).chain(pause).chain([say(login()), Hear]);
    Case::new("after a hundred lines and a pause", "CryptoNote stratum", pieces.collect::<Vec<_>>())
}

/// Returns cases that send something else before the login.
pub(super) fn preludes() -> Vec<Case> {
    let case = |name: &str, pieces: &[Piece]| Case::new(name, "CryptoNote stratum", pieces);
    let then_login = |before: &[Piece]| [before, &[say(login()), Hear]].concat();
    let blanks = |count: usize| (0..count).flat_map(|_| [say("\r\n"), Pause]);
    let spaced = |count: usize| say(" ".repeat(count) + &login());
    let bytes = login().into_bytes();
    vec![
        case("after a line of text", &then_login(&[say("hello\n"), Hear])),
        case("after a binary greeting", &then_login(&[say([7, 1, 0, 200, 9, 10]), Pause])),
        case("after a large payload", &then_login(&[say("x".repeat(9_000) + "\n"), Hear])),
        case("after thirty lines", &then_login(&lines(30).collect::<Vec<_>>())),
        case("after forty empty lines", &then_login(&blanks(40).collect::<Vec<_>>())),
        case("behind a line in the same segment", &[say(format!("MINER/1.0 ready\r\n{}", login())), Hear]),
        case("behind an empty line and spaces", &[say(format!("\r\n \t {}", login())), Hear]),
        case("behind a byte order mark", &[say(format!("\u{feff}{}", login())), Hear]),
        case("behind 63 spaces", &[spaced(63), Hear]),
        case("behind 150 spaces", &[spaced(150), Hear]),
        case("spaces alone, then the login", &then_login(&[say(" ".repeat(90)), Pause])),
        case("byte by byte", &bytes.iter().map(|byte| say([*byte])).chain([Hear]).collect::<Vec<_>>()),
        case(
            "an empty line, then byte by byte",
            &[say("\n"), Hear]
                .into_iter()
                .chain(bytes.iter().map(|byte| say([*byte])))
                .chain([Hear])
                .collect::<Vec<_>>(),
        ),
    ]
}

/// Returns cases that send the same login with every system call that sends.
pub(super) fn send_calls() -> Vec<Case> {
    let send_calls = ["write", "send", "sendto", "sendmsg", "writev"];
    let native = send_calls.into_iter().chain(["io_uring"]).map(|call| (call, true));
    let all = send_calls.map(|call| (call, false)).into_iter().chain(native);
    all.map(|(call, native)| {
        let name = format!("{call} from {}", if native { "C" } else { "Python" });
        Case { call, native, ..Case::new(&name, "CryptoNote stratum", [say(login()), Hear]) }
    })
    .collect()
}
