//! Stratum V2 without encryption: the message that opens a connection.
//!
//! Source: the specification at stratumprotocol.org, sections 3.2 (framing) and 3.6 (`SetupConnection`).
//! Usually the protocol is encrypted with Noise, so that only sizes are visible (signal N10).

use super::{ProtocolMatch, json::Text};
use crate::model::{MiningProtocol, MiningSide};

/// Length of a frame header, in bytes: extension, type, length.
const HEADER: usize = 6;

/// Highest protocol version in a client's offer that is still recognised. A client offers a range of versions; so far only
/// version 2 exists.
const VERSIONS: u16 = 8;

/// Recognises the `SetupConnection` message in the first payload of a client.
pub fn stratum_v2(payload: &[u8]) -> Option<ProtocolMatch<'_>> {
    let (header, body) = payload.split_at_checked(HEADER)?;
    let [0, 0, 0, low, middle, high] = *header else { return None };
    let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
    // The longest message has a few names of 255 bytes each.
    if length > 2_048 {
        return None;
    }
    let [protocol @ 0..=2, least_low, least_high, most_low, most_high, _, _, _, _, strings @ ..] = body
    else {
        return None;
    };
    let least = u16::from_le_bytes([*least_low, *least_high]);
    let most = u16::from_le_bytes([*most_low, *most_high]);
    if !(1..=VERSIONS).contains(&least) || !(least..=VERSIONS).contains(&most) || most < 2 {
        return None;
    }
    let (host, rest) = string(strings)?;
    let (_port, rest) = rest.split_at_checked(2)?;
    let (vendor, rest) = string(rest)?;
    let (_hardware, rest) = string(rest)?;
    let (_firmware, rest) = string(rest)?;
    let (_device, rest) = string(rest)?;
    let is_printable = |text: &[u8]| text.iter().all(|byte| matches!(byte, b' '..=b'~'));
    if !is_printable(host) || !is_printable(vendor) || body.len() - rest.len() != length {
        return None;
    }
    let method = match protocol {
        0 => "SetupConnection (mining)",
        1 => "SetupConnection (job declaration)",
        _ => "SetupConnection (template distribution)",
    };
    Some(ProtocolMatch {
        agent: Some(Text(vendor)),
        ..ProtocolMatch::new(MiningProtocol::StratumV2, MiningSide::Client, method)
    })
}

/// Splits off a string of at most 255 bytes. Also returns the bytes after the string.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setup(protocol: u8, least: u8) -> Vec<u8> {
        setup_between(protocol, least, 2)
    }

    fn setup_between(protocol: u8, least: u8, most: u8) -> Vec<u8> {
        let mut body = vec![protocol, least, 0, most, 0, 0, 0, 0, 0];
        for part in [&b"\x09pool.test"[..], &[0x5d, 0x0d], b"\x04rust", b"\x03cpu", b"\x00", b"\x02d1"] {
            body.extend(part);
        }
        let mut payload = vec![0, 0, 0, u8::try_from(body.len()).unwrap(), 0, 0];
        payload.extend(body);
        payload
    }

    #[test]
    fn a_setup_is_recognised() {
        let payload = setup(0, 2);
        let protocol_match = stratum_v2(&payload).unwrap();
        assert_eq!(
            (protocol_match.method, protocol_match.agent),
            ("SetupConnection (mining)", Some(Text(b"rust")))
        );
        assert!(stratum_v2(&setup(2, 2)).is_some());
        for (least, most) in [(1, 2), (1, 4), (2, 4), (3, 3)] {
            assert!(stratum_v2(&setup_between(0, least, most)).is_some(), "{least} to {most}");
        }
    }

    #[test]
    fn other_payloads_are_not() {
        let mut long = setup(0, 2);
        long[3] += 1;
        for payload in [
            setup(3, 2),
            setup(0, 0),
            setup_between(0, 1, 1),
            setup_between(0, 3, 2),
            setup_between(0, 2, 9),
            long,
            vec![0; 64],
            b"\0\0\0\x10\0\0hello there, all".to_vec(),
        ] {
            assert_eq!(stratum_v2(&payload), None);
        }
        for length in 0..setup(0, 2).len() {
            assert_eq!(stratum_v2(&setup(0, 2)[..length]), None, "cut at {length}");
        }
    }
}
