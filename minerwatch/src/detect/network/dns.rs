//! DNS messages, as far as names and addresses go (RFC 1035). Read from untrusted bytes: nothing here panics, loops or
//! grows with what a message claims.

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{DnsAnswer, DnsData, DnsMessage, DnsRecord, Payload, Protocol};

/// Jumps that one name may make; real ones make one or two.
const MAX_JUMPS: u32 = 16;
/// The longest name as text (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 255;
/// Answers that are looked at.
const MAX_ANSWERS: u16 = 32;

const HEADER: usize = 12;
const RESPONSE: u8 = 0x80;
/// The bits of the fourth byte that say whether it worked.
const CODE: u8 = 0x0f;
const TYPE_A: u16 = 1;
const TYPE_NS: u16 = 2;
const TYPE_CNAME: u16 = 5;
const TYPE_PTR: u16 = 12;
const TYPE_AAAA: u16 = 28;
const CLASS_INTERNET: u16 = 1;

/// Where DNS is answered (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// The message that a payload is, if it comes from or goes to the port of DNS.
pub fn message_in(payload: &Payload) -> Option<DnsMessage> {
    let ports = [payload.flow.source.port(), payload.flow.destination.port()];
    if !ports.contains(&PORT) {
        return None;
    }
    let bytes = &payload.bytes.0;
    match payload.flow.protocol {
        Protocol::Udp => parse(bytes),
        // Its length comes first (RFC 1035, section 4.2.2), with it or in a payload of its own.
        Protocol::Tcp => match bytes.split_first_chunk::<2>() {
            Some((length, message)) if u32::from(u16::from_be_bytes(*length)) + 2 == payload.length => {
                parse(message)
            }
            _ => parse(bytes),
        },
    }
}

/// Reads a message; one cut off in its answers gives those before. `None` for what is none.
pub fn parse(bytes: &[u8]) -> Option<DnsMessage> {
    let response = bytes.get(2)? & RESPONSE != 0;
    let answers = short(bytes, 6)?.min(MAX_ANSWERS);
    if short(bytes, 4)? != 1 {
        return None;
    }
    let (question, end) = name(bytes, HEADER)?;
    if short(bytes, end + 2)? != CLASS_INTERNET {
        return None;
    }
    let (question_type, code) = (short(bytes, end)?, bytes.get(3)? & CODE);
    let mut answer = DnsAnswer { question, question_type, code, records: Vec::new() };
    let mut at = end + 4;
    for _ in 0..answers {
        let Some(next) = record(bytes, at, &mut answer.records) else { break };
        at = next;
    }
    Some(DnsMessage { id: short(bytes, 0)?, response, answer })
}

/// Takes in the record at `at`; where the next one begins.
fn record(bytes: &[u8], at: usize, records: &mut Vec<DnsRecord>) -> Option<usize> {
    let (_, end) = name(bytes, at)?;
    let kind = short(bytes, end)?;
    let ttl = u32::from(short(bytes, end + 4)?) << 16 | u32::from(short(bytes, end + 6)?);
    let length = usize::from(short(bytes, end + 8)?);
    let data = end + 10;
    let said = match kind {
        TYPE_A => {
            let octets: [u8; 4] = bytes.get(data..data + 4)?.try_into().ok()?;
            Some(DnsData::Address(Ipv4Addr::from(octets).into()))
        }
        TYPE_AAAA => {
            let octets: [u8; 16] = bytes.get(data..data + 16)?.try_into().ok()?;
            Some(DnsData::Address(Ipv6Addr::from(octets).into()))
        }
        TYPE_CNAME | TYPE_NS | TYPE_PTR => Some(DnsData::Name(name(bytes, data)?.0)),
        // Text and the like is nobody's business here.
        _ => None,
    };
    records.extend(said.map(|data| DnsRecord { kind, ttl, data }));
    Some(data + length)
}

/// The name at `at`, and where what follows it begins.
fn name(bytes: &[u8], at: usize) -> Option<(String, usize)> {
    let mut text = String::new();
    let mut position = at;
    let mut end = None;
    let mut jumps = 0;
    loop {
        let length = *bytes.get(position)?;
        match length {
            0 => break,
            0xc0.. => {
                end.get_or_insert(position + 2);
                jumps += 1;
                if jumps > MAX_JUMPS {
                    return None;
                }
                position = usize::from(short(bytes, position)? & 0x3fff);
            }
            1..=63 => {
                let label = bytes.get(position + 1..=position + usize::from(length))?;
                if !text.is_empty() {
                    text.push('.');
                }
                // What cannot stand in a host's name must not be taken for a dot or a control character either.
                text.extend(label.iter().map(|byte| match byte {
                    b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => char::from(*byte),
                    b'A'..=b'Z' => char::from(byte.to_ascii_lowercase()),
                    _ => '?',
                }));
                if text.len() > MAX_NAME {
                    return None;
                }
                position += 1 + usize::from(length);
            }
            _ => return None,
        }
    }
    Some((text, end.unwrap_or(position + 1)))
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::net::IpAddr;

    use proptest::prelude::*;

    use super::*;

    fn labels(name: &str) -> Vec<u8> {
        let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
        name.split('.').flat_map(label).chain([0]).collect()
    }

    /// A message as a resolver sends it; answers point back at the question.
    pub(crate) fn message(name: &str, alias: Option<&str>, addresses: &[&str]) -> Vec<u8> {
        let count = u8::try_from(addresses.len() + usize::from(alias.is_some())).unwrap();
        let response = if count > 0 { RESPONSE } else { 0 };
        let mut bytes = vec![7, 7, response, 0, 0, 1, 0, count, 0, 0, 0, 0];
        bytes.extend(labels(name));
        bytes.extend([0, 1, 0, 1]);
        let mut record = |kind: u8, data: &[u8]| {
            bytes.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, u8::try_from(data.len()).unwrap()]);
            bytes.extend(data);
        };
        if let Some(alias) = alias {
            record(5, &labels(alias));
        }
        for address in addresses {
            match address.parse().unwrap() {
                IpAddr::V4(address) => record(1, &address.octets()),
                IpAddr::V6(address) => record(28, &address.octets()),
            }
        }
        bytes
    }

    #[test]
    fn questions_and_answers() {
        let question = parse(&message("Pool.Example", None, &[])).unwrap();
        assert_eq!((question.response, question.answer.question.as_str()), (false, "pool.example"));
        let answer =
            parse(&message("a.example", Some("pool.example"), &["192.0.2.1", "2001:db8::1"])).unwrap();
        assert!(answer.response);
        assert_eq!(answer.aliases().collect::<Vec<_>>(), ["pool.example"]);
        assert!(answer.answer.records.iter().all(|record| record.ttl == 60));
        assert_eq!((answer.id, answer.answer.question_type, answer.answer.code), (0x707, 1, 0));
        let addresses: Vec<String> = answer.addresses().map(|address| address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.1", "2001:db8::1"]);
    }

    #[test]
    fn hostile_names() {
        let mut circle = message("a.example", None, &[]);
        circle.truncate(HEADER);
        circle.extend([0xc0, 12, 0, 1, 0, 1]);
        assert_eq!(parse(&circle), None, "points at itself");
        let odd = parse(&message("a\u{7}b c", None, &[])).unwrap();
        assert_eq!(odd.answer.question, "a?b?c");
        let whole = message("a.example", Some("pool.example"), &["192.0.2.1"]);
        for length in 0..whole.len() {
            let _ = parse(&whole[..length]);
        }
        let cut = parse(&whole[..whole.len() - 2]).unwrap();
        assert_eq!((cut.aliases().count(), cut.addresses().count()), (1, 0), "what came before the cut");
    }

    proptest! {
        #[test]
        fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }
    }
}
