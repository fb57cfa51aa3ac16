//! ZMQ: a subscription to the new blocks that a Monero node announces.
//!
//! Source: ZMTP 3.1 (rfc.zeromq.org/spec/37), Monero's `docs/ZMQ.md`. Bitcoin's topics (`hashblock`,
//! `rawblock`) are left out: wallets and explorers follow them as well.

use super::ProtocolMatch;
use crate::model::{MiningProtocol, MiningSide};

/// Length of the greeting that opens a connection, in bytes.
const GREETING: usize = 64;

/// Topics that only miners and pools subscribe to.
const TOPICS: [&str; 2] = ["json-minimal-chain_main", "json-full-miner_data"];

/// Recognises a subscription in the stream of a client, from the beginning of the connection on.
pub fn zmq(stream: &[u8]) -> Option<ProtocolMatch<'static>> {
    if stream.first() != Some(&0xff) || stream.get(9) != Some(&0x7f) {
        return None;
    }
    let mut rest = stream.get(GREETING..)?;
    while let [flags, length, tail @ ..] = rest {
        // A subscriber sends no long frames.
        if flags & 2 != 0 {
            return None;
        }
        let (frame, after) = tail.split_at_checked(usize::from(*length))?;
        rest = after;
        // Before 3.1 a subscription is a message that begins with 1. Since 3.1 a subscription is a command.
        let topic = frame.strip_prefix(&[1]).or_else(|| frame.strip_prefix(b"\x09SUBSCRIBE"));
        let known =
            topic.and_then(|topic| TOPICS.into_iter().find(|known| topic.starts_with(known.as_bytes())));
        if let Some(known) = known {
            return Some(ProtocolMatch::new(MiningProtocol::ZmqMining, MiningSide::Client, known));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(frames: &[&[u8]]) -> Vec<u8> {
        let mut stream = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 0];
        stream.extend(b"NULL");
        stream.resize(GREETING, 0);
        for frame in frames {
            stream.extend([0, u8::try_from(frame.len()).unwrap()]);
            stream.extend(*frame);
        }
        stream
    }

    #[test]
    fn only_topics_about_work_are_recognised() {
        let ready: &[u8] = b"\x05READY\x0bSocket-Type\0\0\0\x03SUB";
        assert_eq!(zmq(&stream(&[ready, b"\x01json-minimal-chain_main"])).unwrap().method, TOPICS[0]);
        assert!(zmq(&stream(&[ready, b"\x09SUBSCRIBEjson-full-miner_data"])).is_some());
        for other in
            [stream(&[ready, b"\x01hashblock"]), stream(&[ready]), stream(&[b"\x01json"]), b"\xff".to_vec()]
        {
            assert_eq!(zmq(&other), None);
        }
    }
}
