//! Writes minimal databases in `MaxMind`'s format (`MaxMind` DB File Format Specification, version 2.0): records of 32
//! bits, no pointers, and no shared values.

use std::net::IpAddr;

/// A value of the data section.
#[derive(Clone, Debug)]
pub enum Value {
    Text(String),
    Number(u32),
    Map(Vec<(&'static str, Value)>),
}

const TEXT: u8 = 2;
const UINT16: u8 = 5;
const UINT32: u8 = 6;
const MAP: u8 = 7;
const UINT64: u8 = 9;
const ARRAY: u8 = 11;

/// Writes the control byte or bytes of a value: its type and its size.
fn control(kind: u8, size: usize, bytes: &mut Vec<u8>) {
    let size = u8::try_from(size).expect("small values");
    let (low, rest) = if size < 29 { (size, None) } else { (29, Some(size - 29)) };
    bytes.push(if kind <= MAP { kind << 5 | low } else { low });
    if kind > MAP {
        bytes.push(kind - MAP);
    }
    bytes.extend(rest);
}

fn write_text(text: &str, bytes: &mut Vec<u8>) {
    control(TEXT, text.len(), bytes);
    bytes.extend(text.as_bytes());
}

impl Value {
    fn write(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::Text(text) => write_text(text, bytes),
            Self::Number(number) => {
                control(UINT32, 4, bytes);
                bytes.extend(number.to_be_bytes());
            }
            Self::Map(entries) => {
                control(MAP, entries.len(), bytes);
                for (name, value) in entries {
                    write_text(name, bytes);
                    value.write(bytes);
                }
            }
        }
    }
}

/// One of the two records of a search tree node: where a 0 or 1 bit of an address leads.
#[derive(Clone, Copy)]
enum Record {
    Nothing,
    Node(usize),
    Data(usize),
}

/// Builds a database of these networks. No network may lie within another.
pub fn database(ip_version: u16, networks: &[(&str, Value)]) -> Vec<u8> {
    let mut nodes = vec![[Record::Nothing; 2]];
    let mut data = Vec::new();
    for (network, value) in networks {
        let (address, length) = network.split_once('/').expect("a network");
        let length: usize = length.parse().expect("a length");
        // IPv4 addresses lie at the start of the IPv6 address space.
        let (bits, width, length) = match (address.parse().expect("an address"), ip_version) {
            (IpAddr::V4(address), 4) => (u128::from(u32::from(address)), 32, length),
            (IpAddr::V4(address), _) => (u128::from(u32::from(address)), 128, length + 96),
            (IpAddr::V6(address), _) => (u128::from(address), 128, length),
        };
        let mut node = 0;
        for depth in 0..length {
            let bit = usize::from(bits >> (width - 1 - depth) & 1 == 1);
            if depth + 1 == length {
                nodes[node][bit] = Record::Data(data.len());
                break;
            }
            node = match nodes[node][bit] {
                Record::Node(next) => next,
                Record::Nothing | Record::Data(_) => {
                    nodes.push([Record::Nothing; 2]);
                    let next = nodes.len() - 1;
                    nodes[node][bit] = Record::Node(next);
                    next
                }
            };
        }
        value.write(&mut data);
    }
    let mut bytes = Vec::new();
    for record in nodes.iter().flatten() {
        let record = match record {
            Record::Nothing => nodes.len(),
            Record::Node(node) => *node,
            Record::Data(at) => nodes.len() + 16 + at,
        };
        bytes.extend(u32::try_from(record).expect("small databases").to_be_bytes());
    }
    bytes.extend([0; 16]);
    bytes.extend(data);
    bytes.extend(b"\xab\xcd\xefMaxMind.com");
    metadata(nodes.len(), ip_version, &mut bytes);
    bytes
}

fn metadata(nodes: usize, ip_version: u16, bytes: &mut Vec<u8>) {
    let short = |name, number: u16, bytes: &mut Vec<u8>| {
        write_text(name, bytes);
        control(UINT16, 2, bytes);
        bytes.extend(number.to_be_bytes());
    };
    control(MAP, 9, bytes);
    short("binary_format_major_version", 2, bytes);
    short("binary_format_minor_version", 0, bytes);
    short("ip_version", ip_version, bytes);
    short("record_size", 32, bytes);
    write_text("node_count", bytes);
    Value::Number(u32::try_from(nodes).expect("small databases")).write(bytes);
    write_text("build_epoch", bytes);
    control(UINT64, 8, bytes);
    bytes.extend(1_795_384_800_u64.to_be_bytes());
    write_text("database_type", bytes);
    write_text("Test", bytes);
    write_text("languages", bytes);
    control(ARRAY, 0, bytes);
    write_text("description", bytes);
    control(MAP, 0, bytes);
}
