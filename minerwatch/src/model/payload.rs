//! Captured payloads: the first payloads of each connection.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

use super::{AppData, DnsAnswer, Flow};

/// The direction of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From this host to the peer.
    Sent,
    /// From the peer to this host.
    Received,
}

/// One of the first payloads of a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payload {
    /// The connection; the source is this host. The field `opened` is the time of the process's system call, slightly
    /// earlier than in other events of the same connection.
    pub flow: Flow,
    /// The direction of the payload.
    pub direction: Direction,
    /// Number of earlier payloads in this direction.
    pub index: u16,
    /// Size of the whole payload, in bytes.
    pub length: u32,
    /// Whether the peer opened the connection.
    #[serde(default)]
    pub accepted: bool,
    /// The first bytes of the payload, at most 512; empty if only the length matters. Hexadecimal in a recording.
    pub bytes: Bytes,
    /// The parsed content, added by the dissect stage. Not part of a recording.
    #[serde(skip)]
    pub app: AppData,
}

impl Payload {
    /// Whether the client side of a connection that this host opened sent the payload.
    pub fn is_sent_by_client(&self) -> bool {
        self.direction == Direction::Sent && !self.accepted
    }

    /// Whether the side that opened the connection sent the payload.
    pub fn is_sent_by_opener(&self) -> bool {
        (self.direction == Direction::Sent) != self.accepted
    }

    /// Whether all bytes of the payload were captured, so that the next payload continues without a gap.
    pub fn is_whole(&self) -> bool {
        usize::try_from(self.length).is_ok_and(|length| length == self.bytes.0.len())
    }

    /// Whether no byte was captured, because only the length of the payload matters.
    pub fn is_length_only(&self) -> bool {
        self.bytes.0.is_empty()
    }

    /// Returns the DNS answer in this payload, if the payload is a response from port 53.
    pub fn dns_answer(&self) -> Option<&DnsAnswer> {
        const DNS: u16 = 53;
        let is_from_server = self.direction == Direction::Received && self.flow.destination.port() == DNS;
        self.app
            .dns
            .as_ref()
            .filter(|message| is_from_server && message.response)
            .map(|message| &message.answer)
    }
}

/// Captured bytes.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Bytes(pub Box<[u8]>);

impl std::fmt::Debug for Bytes {
    /// Formats the bytes as text, for messages of failed tests.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "\"{}\"", self.0.escape_ascii())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 0xf)]);
        let text: String = self.0.iter().flat_map(|byte| [digit(byte >> 4), digit(*byte)]).collect();
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        let pair = |pair: &[u8]| match pair {
            [high, low] => Some(digit(*high)? << 4 | digit(*low)?),
            _ => None,
        };
        let bytes: Option<Box<[u8]>> = text.as_bytes().chunks(2).map(pair).collect();
        bytes.map(Self).ok_or_else(|| D::Error::custom("captured bytes are not hexadecimal"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_survive_a_recording() {
        for bytes in [&b""[..], b"{\"id\":1}\n", &[0, 1, 0x7f, 0x80, 0xff]] {
            let bytes = Bytes(bytes.into());
            let text = serde_json::to_string(&bytes).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap(), bytes);
        }
        assert_eq!(serde_json::to_string(&Bytes(Box::new([0x0a, 0xff]))).unwrap(), "\"0aff\"");
        for broken in ["\"0\"", "\"zz\"", "\"0aé\"", "7"] {
            assert!(serde_json::from_str::<Bytes>(broken).is_err(), "{broken}");
        }
    }
}
