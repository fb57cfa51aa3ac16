//! Builders of DNS and TLS messages for tests.

use std::net::IpAddr;

use super::tls::extension;

/// Encodes a name as DNS labels.
fn labels(name: &str) -> Vec<u8> {
    let label = |label: &str| [&[u8::try_from(label.len()).unwrap()], label.as_bytes()].concat();
    name.split('.').flat_map(label).chain([0]).collect()
}

/// Builds a DNS message as a resolver sends it. The answers point back at the question.
pub(crate) fn dns_message(name: &str, alias: Option<&str>, addresses: &[&str]) -> Vec<u8> {
    let count = u8::try_from(addresses.len() + usize::from(alias.is_some())).unwrap();
    let response = if count > 0 { 0x80 } else { 0 };
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

/// Builds a TLS client hello with these cipher suites and extensions.
pub(crate) fn hello(ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let short = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.push(0);
    body.extend(short(ciphers.len() * 2));
    body.extend(ciphers.iter().flat_map(|cipher| cipher.to_be_bytes()));
    body.extend([1, 0]);
    let list: Vec<u8> = extensions
        .iter()
        .flat_map(|(kind, content)| [&kind.to_be_bytes()[..], &short(content.len()), content].concat())
        .collect();
    body.extend(short(list.len()));
    body.extend(list);
    let [high, low] = short(body.len());
    [&[0x16, 3, 1][..], &short(body.len() + 4), &[1, 0, high, low], &body].concat()
}

pub(crate) fn named(name: &str) -> (u16, Vec<u8>) {
    let length = u8::try_from(name.len()).unwrap();
    (extension::SERVER_NAME, [&[0, length + 3, 0, 0, length], name.as_bytes()].concat())
}

pub(crate) fn protocols(names: &[&str]) -> (u16, Vec<u8>) {
    let list: Vec<u8> = names
        .iter()
        .flat_map(|name| [&[u8::try_from(name.len()).unwrap()], name.as_bytes()].concat())
        .collect();
    (extension::ALPN, [&[0, u8::try_from(list.len()).unwrap()], &list[..]].concat())
}

/// Builds a client hello that names a host and offers a protocol, as most clients do.
pub(crate) fn usual_hello() -> Vec<u8> {
    hello_naming("www.example")
}

/// Builds a client hello that names the host `name` and offers a protocol.
pub(crate) fn hello_naming(name: &str) -> Vec<u8> {
    hello(&[0x1301], &[named(name), protocols(&["h2"])])
}

/// Builds a client hello without server name and without protocols.
pub(crate) fn anonymous_hello() -> Vec<u8> {
    hello(&[0x1301], &[(10, vec![0; 4])])
}

/// Returns the header of a Levin message without a body.
pub(crate) fn levin(command: u32) -> Vec<u8> {
    let number = |number: u32| number.to_le_bytes().to_vec();
    let signature = vec![0x01, 0x21, 0x01, 0x01, 0x01, 0x01, 0x01, 0x01];
    [signature, vec![0; 8], vec![1], number(command), number(0), number(1), number(1)].concat()
}
