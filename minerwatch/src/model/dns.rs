//! The parsed content of a DNS message.

use std::net::IpAddr;

/// A DNS message: a query or a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsMessage {
    /// The message id. A response has the id of its query.
    pub id: u16,
    /// Whether the message is a response.
    pub response: bool,
    /// The question and the answers. Names have no final dot.
    pub answer: DnsAnswer,
}

/// The record type CNAME, an alias of another name (RFC 1035, section 3.2.2).
const TYPE_CNAME: u16 = 5;

impl DnsMessage {
    /// Returns the targets of the CNAME records, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.answer.records.iter().filter_map(|record| match (&record.data, record.kind) {
            (DnsData::Name(name), TYPE_CNAME) => Some(name.as_str()),
            (DnsData::Name(_) | DnsData::Address(_), _) => None,
        })
    }

    /// Returns the addresses in the answer.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answer.records.iter().filter_map(|record| match record.data {
            DnsData::Address(address) => Some(address),
            DnsData::Name(_) => None,
        })
    }
}

/// The question and the answers of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name in the question, in lower case.
    pub question: String,
    /// The record type of the question, such as 1 for A (RFC 1035, section 3.2.2).
    pub question_type: u16,
    /// The response code, four bits: 0 for success, otherwise the reason for the failure (RFC 1035, section 4.1.1).
    pub code: u8,
    /// The answer records that hold a name or an address, in order; at most 32.
    pub records: Vec<DnsRecord>,
}

/// A record of the answer section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// The record type.
    pub kind: u16,
    /// Time to live, in seconds.
    pub ttl: u32,
    /// The content of the record.
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
