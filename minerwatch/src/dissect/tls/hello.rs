//! A parser for the TLS client hello, which may be truncated.
//!
//! Source: RFC 8446 section 4.1.2 (`ClientHello`), RFC 6066 section 3 (`server_name`), RFC 7301 (ALPN), RFC 8701
//! (GREASE).

/// Types of the extensions that the parser reads.
pub mod extension {
    /// The server name (SNI).
    pub const SERVER_NAME: u16 = 0;
    /// Signature algorithms that the client supports.
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    /// Application protocols (ALPN).
    pub const ALPN: u16 = 16;
    /// Versions that the client supports.
    pub const SUPPORTED_VERSIONS: u16 = 43;
}

/// Maximum length of a server name, in bytes.
const MAX_NAME: usize = 255;
/// Length of the random value at the beginning, in bytes.
const RANDOM: usize = 32;

/// A TLS client hello; borrows from the payload. Lists are in wire format, two bytes per value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The version field of the hello. Clients of TLS 1.3 write 1.2 here, and list the versions that they support in
    /// `versions`.
    pub version: u16,
    /// Cipher suites.
    pub ciphers: &'a [u8],
    /// The server name in the client's spelling, if it is a valid host name.
    pub server_name: Option<&'a str>,
    /// The list of application protocols, each preceded by its length in one byte.
    pub protocols: Option<&'a [u8]>,
    /// Supported versions.
    pub versions: &'a [u8],
    /// Signature algorithms.
    pub signatures: &'a [u8],
    /// The captured bytes of the extensions.
    pub extensions: &'a [u8],
    /// Whether the types of all extensions and the contents of the fields above were captured.
    pub whole: bool,
}

impl<'a> ClientHello<'a> {
    /// Parses the first payload of a client. Returns `None` if the payload is not a client hello. A truncated message
    /// gives the captured fields.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let [0x16, 3, 0..=4, record @ ..] = payload.get(..5)? else { return None };
        let [high, low] = *record else { return None };
        let record = usize::from(u16::from_be_bytes([high, low]));
        let message = payload.get(5..)?;
        // A long message continues in another record, after another header. Only the first record is read.
        let message = message.get(..record).unwrap_or(message);
        let [1, top, middle, bottom, 3, minor, body @ ..] = message else { return None };
        let length = usize::from(*top) << 16 | usize::from(*middle) << 8 | usize::from(*bottom);
        let mut hello = Self { version: 0x300 | u16::from(*minor), ..Self::default() };
        hello.whole = hello.take(body, length.checked_sub(2)?).is_some();
        Some(hello)
    }

    /// Returns the types of the captured extensions, in order.
    pub fn extension_types(&self) -> impl Iterator<Item = u16> {
        let mut rest = self.extensions;
        std::iter::from_fn(move || {
            let (kind, after) = short(rest)?;
            let (length, after) = short(after)?;
            rest = after.get(usize::from(length)..).unwrap_or_default();
            Some(kind)
        })
    }

    /// Returns the application protocols, in the client's order.
    pub fn protocol_names(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.protocols.unwrap_or_default();
        std::iter::from_fn(move || {
            let (name, after) = behind_byte(rest)?;
            rest = after;
            Some(name)
        })
    }

    /// Parses the fields after the version. `length` is the length of the message after the version. Returns `None` if
    /// the message is truncated.
    fn take(&mut self, body: &'a [u8], length: usize) -> Option<()> {
        let rest = body.get(RANDOM..)?;
        let (_session, rest) = behind_byte(rest)?;
        let (ciphers, rest) = behind_short(rest)?;
        self.ciphers = ciphers;
        let (_compression, rest) = behind_byte(rest)?;
        if body.len() - rest.len() == length {
            return Some(());
        }
        let (claimed, rest) = short(rest)?;
        self.extensions = rest.get(..usize::from(claimed)).unwrap_or(rest);
        self.read_extensions(usize::from(claimed))
    }

    fn read_extensions(&mut self, mut left: usize) -> Option<()> {
        let mut rest = self.extensions;
        while left > 0 {
            let (kind, after) = short(rest)?;
            let (length, after) = short(after)?;
            let length = usize::from(length);
            left = left.checked_sub(4 + length)?;
            match after.split_at_checked(length) {
                Some((content, after)) => {
                    self.note(kind, content)?;
                    rest = after;
                }
                // The last extension may be truncated if its content is not read, such as padding or keys.
                None => return (left == 0 && !is_read(kind)).then_some(()),
            }
        }
        Some(())
    }

    fn note(&mut self, kind: u16, content: &'a [u8]) -> Option<()> {
        match kind {
            extension::SERVER_NAME => self.server_name = host(content),
            extension::ALPN => self.protocols = Some(behind_short(content)?.0),
            extension::SUPPORTED_VERSIONS => self.versions = behind_byte(content)?.0,
            extension::SIGNATURE_ALGORITHMS => self.signatures = behind_short(content)?.0,
            _ => {}
        }
        Some(())
    }
}

fn is_read(kind: u16) -> bool {
    matches!(
        kind,
        extension::SERVER_NAME
            | extension::ALPN
            | extension::SUPPORTED_VERSIONS
            | extension::SIGNATURE_ALGORITHMS
    )
}

/// Returns the first name of the list, if it is a valid host name.
fn host(content: &[u8]) -> Option<&str> {
    let (list, _) = behind_short(content)?;
    let (0, list) = list.split_first().map(|(kind, rest)| (*kind, rest))? else { return None };
    let (name, _) = behind_short(list)?;
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > MAX_NAME || !name.iter().all(fits) {
        return None;
    }
    std::str::from_utf8(name).ok()
}

/// Whether a value is GREASE. Clients add such values so that servers learn to ignore unknown values.
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0xf == 0xa
}

/// Returns the two-byte values of a list, without GREASE.
pub fn values(list: &[u8]) -> impl Iterator<Item = u16> {
    list.as_chunks::<2>().0.iter().map(|pair| u16::from_be_bytes(*pair)).filter(|value| !is_grease(*value))
}

fn short(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (value, rest) = bytes.split_first_chunk::<2>()?;
    Some((u16::from_be_bytes(*value), rest))
}

fn behind_byte(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(*length))
}

fn behind_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = short(bytes)?;
    rest.split_at_checked(usize::from(length))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dissect::testing::{hello, named, protocols};

    #[test]
    fn a_message_is_read() {
        let bytes = hello(&[0x1301, 0x0a0a], &[named("Pool.Test"), protocols(&["h2", "http/1.1"])]);
        let hello = ClientHello::read(&bytes).unwrap();
        assert_eq!((hello.version, hello.server_name, hello.whole), (0x303, Some("Pool.Test"), true));
        assert_eq!(hello.protocol_names().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(values(hello.ciphers).collect::<Vec<_>>(), [0x1301]);
        assert_eq!(hello.extension_types().collect::<Vec<_>>(), [0, 16]);
    }

    #[test]
    fn a_message_cut_off_gives_what_was_captured() {
        let bytes = hello(&[0x1301], &[named("pool.test"), protocols(&["h2"]), (51, vec![0; 900])]);
        let cut = ClientHello::read(&bytes[..512]).unwrap();
        assert!(cut.whole, "the rest is the content of the last one, which is not read");
        assert_eq!(cut.server_name, Some("pool.test"));
        let end_of_names = bytes.len() - 904 - 9;
        let cut = ClientHello::read(&bytes[..end_of_names]).unwrap();
        assert_eq!((cut.whole, cut.server_name), (false, Some("pool.test")));
        for length in 0..bytes.len() {
            let cut = ClientHello::read(&bytes[..length]);
            assert!(cut.is_none_or(|cut| !cut.whole || length >= bytes.len() - 900), "cut at {length}");
        }
    }

    #[test]
    fn other_bytes_and_odd_names_are_refused() {
        let server = [&[0x16, 3, 3, 0, 8, 2, 0, 0, 4, 3, 3][..], &[0; 40]].concat();
        for bytes in [&server[..], b"\x16\x03", b"GET / HTTP/1.1\r\n", b"\x16\x03\x01\0\x04\x01\0\0\0"] {
            assert_eq!(ClientHello::read(bytes), None, "{}", bytes.escape_ascii());
        }
        for odd in ["a b.test", "", "evil\ntest"] {
            let bytes = hello(&[0x1301], &[named(odd)]);
            assert_eq!(ClientHello::read(&bytes).unwrap().server_name, None, "{odd:?}");
        }
        let bare = [&[0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 1][..], &[7; 32], &[0, 0, 2, 0, 47, 1, 0]].concat();
        let bare = ClientHello::read(&bare).unwrap();
        assert!(bare.whole && bare.extensions.is_empty(), "there were none before TLS 1.0");
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let mut bytes = bytes;
            for (place, value) in [(0, 0x16), (1, 3), (2, 1), (5, 1), (9, 3)] {
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = value;
                }
            }
            if let Some(hello) = ClientHello::read(&bytes) {
                let _ = (hello.extension_types().count(), hello.protocol_names().count());
            }
        }
    }
}
