//! JA4, the fingerprint of a TLS client: what the client offers, independent of the order of cipher suites and
//! extensions.
//!
//! Source: `FoxIO`'s description of JA4 (BSD-3-Clause, unlike the other fingerprints of that family),
//! `technical_details` at github.com/FoxIO-LLC/ja4. Only TLS over TCP is covered.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

use super::hello::{ClientHello, extension, is_grease, values};

/// Number of hexadecimal digits that are kept of each hash.
const KEPT: usize = 12;

/// Computes the fingerprint; `None` for a truncated message.
pub fn ja4(hello: &ClientHello<'_>) -> Option<String> {
    if !hello.whole {
        return None;
    }
    let mut ciphers: Vec<u16> = values(hello.ciphers).collect();
    ciphers.sort_unstable();
    let mut extensions: Vec<u16> = hello.extension_types().filter(|kind| !is_grease(*kind)).collect();
    let count = extensions.len();
    let named = if extensions.contains(&extension::SERVER_NAME) { 'd' } else { 'i' };
    // The server name and ALPN depend on the requested host, not on the client.
    extensions.retain(|kind| !matches!(*kind, extension::SERVER_NAME | extension::ALPN));
    extensions.sort_unstable();

    let mut second = joined(&extensions);
    let signatures: Vec<u16> = values(hello.signatures).collect();
    if !signatures.is_empty() {
        second.push('_');
        second.push_str(&joined(&signatures));
    }
    let second = if count == 0 { String::new() } else { second };
    Some(format!(
        "t{}{named}{:02}{:02}{}_{}_{}",
        version(hello),
        ciphers.len().min(99),
        count.min(99),
        protocol(hello),
        hash(&joined(&ciphers)),
        hash(&second)
    ))
}

/// Returns the highest offered version.
fn version(hello: &ClientHello<'_>) -> &'static str {
    match values(hello.versions).max().unwrap_or(hello.version) {
        0x304 => "13",
        0x303 => "12",
        0x302 => "11",
        0x301 => "10",
        0x300 => "s3",
        _ => "00",
    }
}

/// Returns the first and last character of the first application protocol. If a character is not alphanumeric, returns
/// the first and last hexadecimal digit of the protocol.
fn protocol(hello: &ClientHello<'_>) -> String {
    let Some([first, rest @ ..]) = hello.protocol_names().next() else { return "00".into() };
    let last = rest.last().unwrap_or(first);
    if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
        return [char::from(*first), char::from(*last)].iter().collect();
    }
    format!("{:x}{:x}", first >> 4, last & 0xf)
}

fn joined(values: &[u16]) -> String {
    let mut text = String::with_capacity(values.len() * 5);
    for value in values {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{value:04x}");
    }
    text
}

/// Returns the first digits of a list's hash, or zeros for an empty list.
fn hash(list: &str) -> String {
    if list.is_empty() {
        return "0".repeat(KEPT);
    }
    let mut text = String::with_capacity(KEPT);
    for byte in Sha256::digest(list.as_bytes()).iter().take(KEPT / 2) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::testing::{hello, named, protocols};

    fn list(values: &[u16]) -> Vec<u8> {
        values.iter().flat_map(|value| value.to_be_bytes()).collect()
    }

    fn counted(values: &[u16]) -> Vec<u8> {
        [&[0, u8::try_from(values.len() * 2).unwrap()], &list(values)[..]].concat()
    }

    /// Uses the example of the description, with GREASE values added and the lists out of order.
    #[test]
    fn the_example_of_the_description_has_its_fingerprint() {
        let ciphers = [
            0x2a2a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
            0x009c, 0x009d, 0x002f, 0x0035,
        ];
        let signatures = [0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601];
        let versions = [&[6][..], &list(&[0x7a7a, 0x0304, 0x0303])].concat();
        let mut extensions = vec![
            (0x1a1a, vec![]),
            named("example.org"),
            (extension::SIGNATURE_ALGORITHMS, counted(&signatures)),
            protocols(&["h2", "http/1.1"]),
            (extension::SUPPORTED_VERSIONS, versions),
        ];
        let others = [0x33, 0x1b, 5, 10, 11, 18, 0x15, 0x17, 0x23, 0x2d, 0x4469, 0xff01];
        extensions.extend(others.map(|kind| (kind, vec![0])));
        let bytes = hello(&ciphers, &extensions);
        assert_eq!(
            ja4(&ClientHello::read(&bytes).unwrap()).as_deref(),
            Some("t13d1516h2_8daaf6152771_e5627efa2ab1")
        );
    }

    #[test]
    fn odd_clients_have_a_fingerprint() {
        let of = |bytes: &[u8]| ja4(&ClientHello::read(bytes).unwrap());
        let bare = of(&hello(&[], &[])).unwrap();
        assert_eq!(bare, "t12i000000_000000000000_000000000000");
        let odd = of(&hello(&[0x1301], &[protocols(&["\u{1}x\u{2}"])])).unwrap();
        assert!(odd.starts_with("t12i010102_"), "{odd}");
        let short = of(&hello(&[0x1301], &[protocols(&["h"])])).unwrap();
        assert!(short.starts_with("t12i0101hh_"), "{short}");
        let bytes = hello(&[0x1301], &[protocols(&["h2"])]);
        assert_eq!(of(&bytes[..bytes.len() - 1]), None);
    }
}
