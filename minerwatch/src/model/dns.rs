//! What a DNS message says.

use std::net::IpAddr;

/// One message: a question, or the answer to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsMessage {
    /// Its number. An answer has the number of its question.
    pub id: u16,
    /// Whether it is an answer.
    pub response: bool,
    /// Question and answer, names without a final dot.
    pub answer: DnsAnswer,
}

/// The type of a record that names another name (RFC 1035, section 3.2.2).
const TYPE_CNAME: u16 = 5;

impl DnsMessage {
    /// The names that the name in question is an alias of, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.answer.records.iter().filter_map(|record| match (&record.data, record.kind) {
            (DnsData::Name(name), TYPE_CNAME) => Some(name.as_str()),
            (DnsData::Name(_) | DnsData::Address(_), _) => None,
        })
    }

    /// The addresses in the answer.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answer.records.iter().filter_map(|record| match record.data {
            DnsData::Address(address) => Some(address),
            DnsData::Name(_) => None,
        })
    }
}

/// Question and answer, as the message has them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that was asked for, in lower case.
    pub question: String,
    /// The record type of the question, such as 1 for A (RFC 1035, section 3.2.2).
    pub question_type: u16,
    /// The response code: 0, or why there is no answer (RFC 1035, section 4.1.1; the lower four bits).
    pub code: u8,
    /// Records of the answer that hold a name or an address, in order; at most 32.
    pub records: Vec<DnsRecord>,
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its type.
    pub kind: u16,
    /// How long it may be kept, in seconds.
    pub ttl: u32,
    /// Its content.
    pub data: DnsData,
}

/// The content of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsData {
    /// An address.
    Address(IpAddr),
    /// Another name.
    Name(String),
}
