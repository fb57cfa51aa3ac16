//! A parser for DNS messages that reads names and addresses (RFC 1035).

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::model::{DnsAnswer, DnsData, DnsMessage, DnsRecord, Payload, Protocol};

/// Maximum number of compression pointers in one name. Real names have one or two.
const MAX_JUMPS: u32 = 16;
/// Maximum length of a name as text (RFC 1035, section 2.3.4).
const MAX_NAME: usize = 255;
/// Maximum number of answer records that are read.
const MAX_ANSWERS: u16 = 32;

const HEADER: usize = 12;
const RESPONSE: u8 = 0x80;
/// Mask of the response code in the fourth byte.
const CODE: u8 = 0x0f;
const TYPE_A: u16 = 1;
const TYPE_NS: u16 = 2;
const TYPE_CNAME: u16 = 5;
const TYPE_PTR: u16 = 12;
const TYPE_AAAA: u16 = 28;
const CLASS_INTERNET: u16 = 1;

/// The port of DNS (RFC 1035, section 4.2).
const PORT: u16 = 53;

/// Parses the DNS message in a payload from or to the DNS port.
pub fn message_in(payload: &Payload) -> Option<DnsMessage> {
    let ports = [payload.flow.source.port(), payload.flow.destination.port()];
    if !ports.contains(&PORT) {
        return None;
    }
    let bytes = &payload.bytes.0;
    match payload.flow.protocol {
        Protocol::Udp => parse(bytes),
        // The length precedes the message (RFC 1035, section 4.2.2), in the same payload or in a separate one.
        Protocol::Tcp => match bytes.split_first_chunk::<2>() {
            Some((length, message)) if u32::from(u16::from_be_bytes(*length)) + 2 == payload.length => {
                parse(message)
            }
            _ => parse(bytes),
        },
    }
}

/// Parses a message. A message that is truncated in its answers gives the answers before the cut. Returns `None` for
/// bytes that are not a DNS message.
fn parse(bytes: &[u8]) -> Option<DnsMessage> {
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

/// Parses the record at `at` and adds it to `records`. Returns the position of the next record.
fn record(bytes: &[u8], at: usize, records: &mut Vec<DnsRecord>) -> Option<usize> {
    let (_, end) = name(bytes, at)?;
    let kind = short(bytes, end)?;
    let ttl = u32::from(short(bytes, end + 4)?) << 16 | u32::from(short(bytes, end + 6)?);
    let length = usize::from(short(bytes, end + 8)?);
    let data = end + 10;
    let content = match kind {
        TYPE_A => {
            let octets: [u8; 4] = bytes.get(data..data + 4)?.try_into().ok()?;
            Some(DnsData::Address(Ipv4Addr::from(octets).into()))
        }
        TYPE_AAAA => {
            let octets: [u8; 16] = bytes.get(data..data + 16)?.try_into().ok()?;
            Some(DnsData::Address(Ipv6Addr::from(octets).into()))
        }
        TYPE_CNAME | TYPE_NS | TYPE_PTR => Some(DnsData::Name(name(bytes, data)?.0)),
        // Text records and other types are not needed.
        _ => None,
    };
    records.extend(content.map(|data| DnsRecord { kind, ttl, data }));
    Some(data + length)
}

/// Parses the name at `at`. Also returns the position of the bytes after the name.
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
                // Replaces characters that no host name has, such as dots and control characters within a label.
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
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dissect::testing::dns_message as message;

    #[test]
    fn questions_and_answers_are_read() {
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
    fn hostile_names_are_refused_or_made_harmless() {
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
        fn hostile_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
            let _ = parse(&bytes);
        }
    }
}
