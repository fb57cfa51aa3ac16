//! `dns.*`: a DNS answer.

use std::net::IpAddr;

use serde::{Serialize, Serializer};

use crate::model::{DnsAnswer, DnsData};

/// `dns.*`.
#[derive(Debug, Serialize)]
pub(super) struct DnsFields<'a> {
    r#type: &'static str,
    response_code: Code,
    question: Question<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    answers: Vec<Answer<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resolved_ip: Vec<IpAddr>,
}

#[derive(Debug, Serialize)]
struct Question<'a> {
    name: &'a str,
    r#type: Kind,
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    data: Data<'a>,
    r#type: Kind,
    ttl: u32,
}

#[derive(Debug)]
struct Data<'a>(&'a DnsData);

impl Serialize for Data<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            DnsData::Address(address) => serializer.collect_str(address),
            DnsData::Name(name) => serializer.serialize_str(name),
        }
    }
}

/// A record type, written as its name, or as its number if the name is unknown (RFC 3597).
#[derive(Clone, Copy, Debug)]
struct Kind(u16);

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self.0 {
            1 => "A",
            2 => "NS",
            5 => "CNAME",
            6 => "SOA",
            12 => "PTR",
            15 => "MX",
            16 => "TXT",
            28 => "AAAA",
            33 => "SRV",
            64 => "SVCB",
            65 => "HTTPS",
            255 => "ANY",
            other => return serializer.collect_str(&format_args!("TYPE{other}")),
        };
        serializer.serialize_str(name)
    }
}

/// A response code, written as its name (RFC 1035, RFC 2136), or as its number if the name is unknown.
#[derive(Clone, Copy, Debug)]
struct Code(u8);

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = match self.0 {
            0 => "NOERROR",
            1 => "FORMERR",
            2 => "SERVFAIL",
            3 => "NXDOMAIN",
            4 => "NOTIMP",
            5 => "REFUSED",
            other => return serializer.collect_str(&other),
        };
        serializer.serialize_str(name)
    }
}

impl<'a> DnsFields<'a> {
    /// Creates the fields of an answer.
    pub(super) fn of(answer: &'a DnsAnswer) -> Self {
        let answers = answer.records.iter().map(|record| Answer {
            data: Data(&record.data),
            r#type: Kind(record.kind),
            ttl: record.ttl,
        });
        let addresses = answer.records.iter().filter_map(|record| match record.data {
            DnsData::Address(address) => Some(address),
            DnsData::Name(_) => None,
        });
        Self {
            r#type: "answer",
            response_code: Code(answer.code),
            question: Question { name: &answer.question, r#type: Kind(answer.question_type) },
            answers: answers.collect(),
            resolved_ip: addresses.collect(),
        }
    }
}
