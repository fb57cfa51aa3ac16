//! What an answer of DNS says.

use std::net::IpAddr;

/// One message: a question, or the answer to one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsMessage {
    /// Its number, by which an answer belongs to a question.
    pub id: u16,
    /// Whether it answers.
    pub response: bool,
    /// Question and answer, names without a final dot.
    pub answer: DnsAnswer,
}

/// The type of a record that names another name (RFC 1035, section 3.2.2).
const TYPE_CNAME: u16 = 5;

impl DnsMessage {
    /// Other names that the one in question stands for, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.answer.records.iter().filter_map(|record| match (&record.data, record.kind) {
            (DnsData::Name(name), TYPE_CNAME) => Some(name.as_str()),
            (DnsData::Name(_) | DnsData::Address(_), _) => None,
        })
    }

    /// Its addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.answer.records.iter().filter_map(|record| match record.data {
            DnsData::Address(address) => Some(address),
            DnsData::Name(_) => None,
        })
    }
}

/// Question and answer, as they passed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DnsAnswer {
    /// The name that was asked for, in lower case.
    pub question: String,
    /// What was asked for of it: a type of record (RFC 1035, section 3.2.2).
    pub question_type: u16,
    /// Whether it worked, and if not, why (RFC 1035, section 4.1.1; the lower four bits).
    pub code: u8,
    /// Records of the answer that say a name or an address, in its order; at most 32.
    pub records: Vec<DnsRecord>,
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DnsRecord {
    /// Its type.
    pub kind: u16,
    /// For how long it may be kept, seconds.
    pub ttl: u32,
    /// What it says.
    pub data: DnsData,
}

/// What a record says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DnsData {
    /// An address.
    Address(IpAddr),
    /// Another name.
    Name(String),
}
