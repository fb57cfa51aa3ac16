//! A TLS client's first message, as far as it was captured. Read from untrusted bytes: nothing here panics or grows with
//! what a message claims.
//!
//! Source: RFC 8446 section 4.1.2 (`ClientHello`), RFC 6066 section 3 (`server_name`), RFC 7301 (ALPN), RFC 8701 (GREASE).

/// The type of an extension, and of the lists that are read.
pub mod extension {
    /// The name of the host that is meant.
    pub const SERVER_NAME: u16 = 0;
    /// Signatures the client can check.
    pub const SIGNATURE_ALGORITHMS: u16 = 13;
    /// Protocols that may follow (ALPN).
    pub const ALPN: u16 = 16;
    /// Versions the client can speak.
    pub const SUPPORTED_VERSIONS: u16 = 43;
}

/// The longest name of a host.
const MAX_NAME: usize = 255;
/// Bytes of a random value that stands before everything else.
const RANDOM: usize = 32;

/// What a client says of itself. Lists are as they were sent, two bytes a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientHello<'a> {
    /// The version of the message itself; newer clients say 1.2 there and more in `versions`.
    pub version: u16,
    /// Cipher suites.
    pub ciphers: &'a [u8],
    /// The host it wants, if it is a name as hosts have them; in the client's spelling.
    pub server_name: Option<&'a str>,
    /// The list of protocols that may follow, each behind its length in one byte.
    pub protocols: Option<&'a [u8]>,
    /// Supported versions.
    pub versions: &'a [u8],
    /// Signature algorithms.
    pub signatures: &'a [u8],
    /// The extensions, beginning with the first one, to the end of what was captured.
    pub extensions: &'a [u8],
    /// Whether all is known that is read here: every extension's type, and the content of those above.
    pub whole: bool,
}

impl<'a> ClientHello<'a> {
    /// Reads the first payload of a client. `None` for what is no such message; of one that was cut off, what was seen.
    pub fn read(payload: &'a [u8]) -> Option<Self> {
        let [0x16, 3, 0..=4, record @ ..] = payload.get(..5)? else { return None };
        let [high, low] = *record else { return None };
        let record = usize::from(u16::from_be_bytes([high, low]));
        let message = payload.get(5..)?;
        // What does not fit into the first record goes on behind another header; that far nothing is read.
        let message = message.get(..record).unwrap_or(message);
        let [1, top, middle, bottom, 3, minor, body @ ..] = message else { return None };
        let length = usize::from(*top) << 16 | usize::from(*middle) << 8 | usize::from(*bottom);
        let mut hello = Self { version: 0x300 | u16::from(*minor), ..Self::default() };
        hello.whole = hello.take(body, length.checked_sub(2)?).is_some();
        Some(hello)
    }

    /// The types of the extensions seen, in order.
    pub fn extension_types(&self) -> impl Iterator<Item = u16> {
        let mut rest = self.extensions;
        std::iter::from_fn(move || {
            let (kind, after) = short(rest)?;
            let (length, after) = short(after)?;
            rest = after.get(usize::from(length)..).unwrap_or_default();
            Some(kind)
        })
    }

    /// The protocols that may follow, in the client's order.
    pub fn protocol_names(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.protocols.unwrap_or_default();
        std::iter::from_fn(move || {
            let (name, after) = behind_byte(rest)?;
            rest = after;
            Some(name)
        })
    }

    /// Takes in what follows the version, of which `length` bytes belong to the message; `None` where it breaks off.
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
        self.look_through(usize::from(claimed))
    }

    fn look_through(&mut self, mut left: usize) -> Option<()> {
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
                // Padding or keys at the end need not be there to be known of.
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

/// The first name of the list, if it is one that a host can have.
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

/// Whether a value is one of those that clients throw in so that servers learn to ignore what they do not know.
pub fn is_grease(value: u16) -> bool {
    let [high, low] = value.to_be_bytes();
    high == low && low & 0xf == 0xa
}

/// A list of values of two bytes, without GREASE.
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
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A message with these extensions.
    pub(crate) fn hello(ciphers: &[u16], extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
        let short = |length: usize| u16::try_from(length).unwrap().to_be_bytes();
        let mut body = vec![3, 3];
        body.extend([7; RANDOM]);
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

    #[test]
    fn what_a_client_says() {
        let bytes = hello(&[0x1301, 0x0a0a], &[named("Pool.Test"), protocols(&["h2", "http/1.1"])]);
        let hello = ClientHello::read(&bytes).unwrap();
        assert_eq!((hello.version, hello.server_name, hello.whole), (0x303, Some("Pool.Test"), true));
        assert_eq!(hello.protocol_names().collect::<Vec<_>>(), [&b"h2"[..], b"http/1.1"]);
        assert_eq!(values(hello.ciphers).collect::<Vec<_>>(), [0x1301]);
        assert_eq!(hello.extension_types().collect::<Vec<_>>(), [0, 16]);
    }

    #[test]
    fn one_cut_off_gives_what_was_seen() {
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
    fn others() {
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
