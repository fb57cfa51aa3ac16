//! gRPC in the clear: miners of Kaspa, Tari and QRL and their relatives ask their nodes for work over HTTP/2.
//!
//! Source: RFC 9113 (frames), RFC 7541 (the header block and its code), the gRPC protocol over HTTP/2; `messages.proto` of
//! `github.com/kaspanet/rusty-kaspa`, `base_node.proto` of `github.com/tari-project/tari`, `qrlmining.proto` of
//! `github.com/theQRL/QRL`.

use super::ProtocolMatch;
use crate::model::{MiningProtocol, MiningSide};

/// What an HTTP/2 client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length of a frame header: length, type, flags, stream.
const FRAME: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// Methods that only miners and pools call.
const METHODS: [&str; 8] = [
    "/tari.rpc.BaseNode/GetNewBlockTemplate",
    "/tari.rpc.BaseNode/GetNewBlock",
    "/tari.rpc.BaseNode/SubmitBlock",
    "/tari.rpc.ShaP2Pool/GetNewBlock",
    "/tari.rpc.ShaP2Pool/SubmitBlock",
    "/qrl.MiningAPI/GetBlockToMine",
    "/qrl.MiningAPI/GetBlockMiningCompatible",
    "/qrl.MiningAPI/SubmitMinedBlock",
];

/// The one method of Kaspa's nodes, which carries all requests. Wallets and explorers use it too.
const STREAM: &str = "/protowire.RPC/MessageStream";

/// Keys of the requests of a miner: `submitBlockRequest`, `getBlockTemplateRequest`, `notifyNewBlockTemplateRequest`.
const REQUESTS: [(u32, &str); 3] = [
    (1003, "submitBlockRequest"),
    (1005, "getBlockTemplateRequest"),
    (1081, "notifyNewBlockTemplateRequest"),
];

/// Recognises a call for work in the stream of a client, from the beginning of the connection on. `Err` if more bytes
/// may show one.
pub fn grpc(stream: &[u8]) -> Result<Option<ProtocolMatch<'static>>, Unfinished> {
    let Some(mut rest) = stream.strip_prefix(PREFACE) else {
        return if PREFACE.starts_with(stream) { Err(Unfinished) } else { Ok(None) };
    };
    let found = |method| Ok(Some(ProtocolMatch::new(MiningProtocol::Solo, MiningSide::Client, method)));
    let mut is_kaspa = false;
    while let Some((header, after)) = rest.split_at_checked(FRAME) {
        let [high, middle, low, kind, ..] = *header else { break };
        let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let body = after.get(..length).unwrap_or(after);
        match kind {
            HEADERS => {
                if let Some(method) = METHODS.into_iter().find(|method| names_path(body, method)) {
                    return found(method);
                }
                is_kaspa |= names_path(body, STREAM);
            }
            DATA if is_kaspa => {
                if let Some((_, method)) = REQUESTS.into_iter().find(|(key, _)| begins_with(body, *key)) {
                    return found(method);
                }
            }
            _ => {}
        }
        let Some(next) = after.get(length..) else { break };
        rest = next;
    }
    Err(Unfinished)
}

/// More bytes are needed to decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unfinished;

/// Whether a gRPC message (one byte of flags, four of length) is an object whose first member has this key.
fn begins_with(body: &[u8], key: u32) -> bool {
    // A key and the wire type of a message, seven bits in a byte.
    let [low, high] = [(key << 3 | 2) & 0x7f | 0x80, (key << 3 | 2) >> 7];
    body.get(5..).is_some_and(|message| {
        message.first().is_some_and(|byte| u32::from(*byte) == low)
            && message.get(1).is_some_and(|byte| u32::from(*byte) == high)
    })
}

/// Whether a header block has this path, as plain text or in the code of RFC 7541.
fn names_path(block: &[u8], path: &str) -> bool {
    // `:path` has the index 4 in the static table: indexed, not indexed, never indexed.
    let mut fields = block.windows(2).enumerate().filter(|(_, pair)| matches!(pair[0], 0x44 | 0x04 | 0x14));
    fields.any(|(at, pair)| {
        let Some(value) = block.get(at + 2..) else { return false };
        if pair[1] & 0x80 == 0 {
            usize::from(pair[1]) == path.len() && value.starts_with(path.as_bytes())
        } else {
            is_coded(value, usize::from(pair[1] & 0x7f), path)
        }
    })
}

/// Whether `value` begins with this text in the code of RFC 7541, `length` bytes long.
fn is_coded(value: &[u8], length: usize, text: &str) -> bool {
    let mut bits = value.iter().flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1));
    let mut count = 0;
    let is_same = text.bytes().all(|byte| {
        let Some((code, size)) = code_of(byte) else { return false };
        count += usize::from(size);
        (0..size).rev().all(|bit| bits.next() == u8::try_from(code >> bit & 1).ok())
    });
    is_same && count.div_ceil(8) == length
}

/// The code of a character in RFC 7541, appendix B: its bits and their number. Only characters of method names.
fn code_of(byte: u8) -> Option<(u16, u8)> {
    Some(match byte {
        b'0' => (0x0, 5),
        b'1' => (0x1, 5),
        b'2' => (0x2, 5),
        b'a' => (0x3, 5),
        b'c' => (0x4, 5),
        b'e' => (0x5, 5),
        b'i' => (0x6, 5),
        b'o' => (0x7, 5),
        b's' => (0x8, 5),
        b't' => (0x9, 5),
        b'.' => (0x17, 6),
        b'/' => (0x18, 6),
        b'A' => (0x21, 6),
        b'_' => (0x22, 6),
        b'b' => (0x23, 6),
        b'd' => (0x24, 6),
        b'f' => (0x25, 6),
        b'g' => (0x26, 6),
        b'h' => (0x27, 6),
        b'l' => (0x28, 6),
        b'm' => (0x29, 6),
        b'n' => (0x2a, 6),
        b'p' => (0x2b, 6),
        b'r' => (0x2c, 6),
        b'u' => (0x2d, 6),
        // The capitals from B to W, without those that follow.
        b'B' => (0x5d, 7),
        b'C'..=b'W' => (0x5e + u16::from(byte - b'C'), 7),
        b'Y' => (0x73, 7),
        b'j' => (0x74, 7),
        b'k' => (0x75, 7),
        b'q' => (0x76, 7),
        b'v' => (0x77, 7),
        b'w' => (0x78, 7),
        b'x' => (0x79, 7),
        b'y' => (0x7a, 7),
        b'z' => (0x7b, 7),
        b'X' => (0xfc, 8),
        b'Z' => (0xfd, 8),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes a text in the code of RFC 7541, with ones to the end of the last byte.
    fn coded(text: &str) -> Vec<u8> {
        let mut bits = Vec::new();
        for byte in text.bytes() {
            let (code, size) = code_of(byte).expect("a character of a method");
            bits.extend((0..size).rev().map(|bit| code >> bit & 1 == 1));
        }
        bits.chunks(8)
            .map(|bits| (0..8).fold(0, |byte, at| byte << 1 | u8::from(*bits.get(at).unwrap_or(&true))))
            .collect()
    }

    fn frame(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        [&length[1..], &[kind, 4, 0, 0, 0, 1], body].concat()
    }

    fn headers(path: &str, is_coded: bool) -> Vec<u8> {
        let (path, flag) = if is_coded { (coded(path), 0x80) } else { (path.as_bytes().to_vec(), 0) };
        let length = u8::try_from(path.len()).unwrap() | flag;
        frame(HEADERS, &[&[0x83, 0x86, 0x44, length][..], &path, &[0x5f, 0x10]].concat())
    }

    fn stream(frames: &[Vec<u8>]) -> Vec<u8> {
        [PREFACE, &frame(4, &[0; 12]), &frames.concat()].concat()
    }

    /// The examples of RFC 7541, C.4.1 and C.6.1.
    #[test]
    fn the_code_is_that_of_the_rfc() {
        let host = [0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];
        assert_eq!(coded("www.example.com"), host);
        assert!(is_coded(&host, 12, "www.example.com") && !is_coded(&host, 12, "www.example.net"));
        assert_eq!(coded("private"), [0xae, 0xc3, 0x77, 0x1a, 0x4b]);
    }

    #[test]
    fn calls_for_work_are_recognised() {
        for coded in [false, true] {
            for method in METHODS {
                assert_eq!(grpc(&stream(&[headers(method, coded)])).unwrap().unwrap().method, method);
            }
            // 1005 << 3 | 2 = 0x1f6a.
            let request = frame(DATA, &[0, 0, 0, 0, 5, 0xea, 0x3e, 2, 1, 1]);
            let found = grpc(&stream(&[headers(STREAM, coded), request])).unwrap().unwrap();
            assert_eq!(found.method, "getBlockTemplateRequest");
        }
    }

    #[test]
    fn other_calls_are_not() {
        let info = frame(DATA, &[0, 0, 0, 0, 3, 0xba, 0x42, 0]);
        for coded in [false, true] {
            for frames in [
                vec![headers(STREAM, coded), info.clone()],
                vec![headers("/tari.rpc.BaseNode/GetTipInfo", coded)],
                vec![headers("/tari.rpc.Wallet/GetBalance", coded)],
            ] {
                assert_eq!(grpc(&stream(&frames)), Err(Unfinished));
            }
        }
        assert_eq!(grpc(b"PRI * HTTP/2.0\r\n\r\nXX"), Ok(None));
        assert_eq!(grpc(b"PRI *"), Err(Unfinished));
        let whole = stream(&[headers(METHODS[0], true)]);
        for length in 0..whole.len() - 8 {
            assert_ne!(grpc(&whole[..length]).map(|found| found.is_some()), Ok(true), "cut at {length}");
        }
    }
}
