//! Decides which payloads may leave the kernel, by the first bytes of each payload. All other payloads are never
//! copied, except DNS, which `hooks::packet` recognizes by its port. Keep the list in `docs/privacy.md` in step with
//! this file.

use minerwatch_common::{CaptureBudget, Direction, Opening};

/// What is done with a payload.
#[derive(Clone, Copy)]
pub enum Interest {
    /// The payload is ignored.
    None,
    /// Only the length of the payload is reported.
    Length,
    /// The payload is captured alone.
    Whole,
    /// The payload is captured, and so are the next payloads, because a message may be split.
    Begins,
    /// The payload continues a captured message and is captured too.
    Continues,
}

/// Length of the first payload of an encrypted Stratum V2 client, in bytes: the public key of the Noise handshake.
const NOISE_SENT: u32 = 64;
/// Lengths of the server's answer in the Noise handshake, in bytes. The answer contains a signature, and in one version
/// an extension.
const NOISE_RECEIVED: [u32; 2] = [170, 234];

/// Maximum length of a greeting or request of a SOCKS client, in bytes. A greeting has a version, a count and up to 255
/// methods. A request has a name of up to 255 bytes and seven more bytes.
const SOCKS_LONGEST: u32 = 262;

/// One side of a connection, and what the connection has shown so far.
#[derive(Clone, Copy)]
pub struct Side {
    pub direction: Direction,
    /// Whether the payloads come from the side that opened the connection.
    pub is_opener: bool,
    /// The [`Opening`] of the connection.
    pub opening: u16,
    /// Whether the other side has sent nothing yet.
    pub speaks_first: bool,
}

/// Decides what to do with the next payload of a direction, from its first bytes, its length and the capture budget.
#[inline(always)]
pub fn interest(head: [u8; 4], length: u32, side: Side, budget: &CaptureBudget) -> Interest {
    let (index, direction) = (budget.index, side.direction);
    match head {
        // JSON, unless this side began with a protocol that carries JSON as content.
        [b'{' | b'[', ..] if !side.is_opener || side.opening == Opening::OTHER => Interest::Begins,
        // The same after the byte order mark of UTF-8.
        [0xef, 0xbb, 0xbf, b'{' | b'['] if !side.is_opener || side.opening == Opening::OTHER => {
            Interest::Begins
        }
        // A TLS handshake.
        [0x16, 0x03, ..] => Interest::Whole,
        // HTTP request whose body may come in a separate payload.
        [b'P', b'O', b'S', b'T'] | [b'P', b'U', b'T', b' '] | [b'P', b'A', b'T', b'C'] => Interest::Begins,
        // HTTP CONNECT, which opens a tunnel.
        [b'C', b'O', b'N', b'N'] => Interest::Begins,
        // A first piece of such a request with less than four bytes. `head` then holds only the first byte.
        [b'P' | b'C', 0, 0, 0] if length < 4 => Interest::Begins,
        // HTTP GET, which has no body.
        [b'G', b'E', b'T', b' '] => Interest::Whole,
        // The answer to an HTTP request with a body.
        [b'H', b'T', b'T', b'P'] if !side.is_opener && side.opening == Opening::HTTP_BODY => Interest::Begins,
        // HTTP/2 in the clear, which carries gRPC.
        [b'P', b'R', b'I', b' '] => Interest::Begins,
        // A message between nodes of Monero (Levin).
        [0x01, 0x21, 0x01, 0x01] => Interest::Whole,
        // A frame of a WebSocket with text or bytes.
        [0x01 | 0x02 | 0x81 | 0x82, ..] if is_frame(head, side) => Interest::Begins,
        // Words of Xatum: `shake~`, `submit~`, `job~`, `print~`. JSON follows.
        [b's', b'h', b'a', b'k'] | [b's', b'u', b'b', b'm'] => Interest::Begins,
        [b'j', b'o', b'b', b'~'] | [b'p', b'r', b'i', b'n'] => Interest::Begins,
        // ZMTP (ZeroMQ): a signature, then small frames.
        [0xff, 0, 0, 0] => Interest::Begins,
        // More white space than the programs skip. JSON may follow.
        [first, ..] if is_blank(first) && (!side.is_opener || side.opening == Opening::OTHER) => {
            Interest::Begins
        }
        // A SOCKS 5 or SOCKS 4 client.
        [5, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        [4, 1, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        // Stratum V2 without encryption: no extension, message type 0, a short message.
        [0, 0, 0, 1..=255] if index == 0 && matches!(direction, Direction::Sent) => Interest::Whole,
        // Jobs of an Alephium node, which speaks first: the size of a message of 256 bytes to 64 KiB.
        [0, 0, 1..=255, _] if index == 0 && side.speaks_first && !side.is_opener => Interest::Whole,
        _ if budget.continues != 0 => Interest::Continues,
        _ if index > 0 => Interest::None,
        _ => match direction {
            Direction::Sent if length == NOISE_SENT => Interest::Length,
            Direction::Received if length == NOISE_RECEIVED[0] || length == NOISE_RECEIVED[1] => {
                Interest::Length
            }
            Direction::Sent | Direction::Received => Interest::None,
        },
    }
}

/// Whether a payload begins with a data frame of a WebSocket (RFC 6455, section 5.2). The frames of the side that opened
/// the connection have a mask, and those of the other side have none.
#[inline(always)]
fn is_frame(head: [u8; 4], side: Side) -> bool {
    let [_, size, third, _] = head;
    let is_masked = size & 0x80 != 0;
    if side.opening >= Opening::HTTP {
        return is_masked == side.is_opener;
    }
    // The beginning of the connection may have been missed. Then only JSON without a mask can be told from other bytes.
    !is_masked && (size == 126 || matches!(third, b'{' | b'['))
}

/// The kind of the first payload from the side that opened the connection.
#[inline(always)]
pub fn opening(head: [u8; 4]) -> u16 {
    match &head {
        b"POST" | b"PUT " | b"PATC" => Opening::HTTP_BODY,
        b"GET " | b"HEAD" | b"DELE" | b"OPTI" => Opening::HTTP,
        b"PRI " => Opening::FOREIGN,
        // Mail.
        b"EHLO" | b"HELO" | b"LHLO" | b"MAIL" => Opening::FOREIGN,
        // Queues and caches: STOMP, beanstalkd, memcached, Redis.
        b"STOM" | b"put " | b"set " | [b'*', b'0'..=b'9', ..] => Opening::FOREIGN,
        // A language server, and git.
        b"Cont" | [b'0', b'0', b'0'..=b'f', b'0'..=b'f'] => Opening::FOREIGN,
        _ => Opening::OTHER,
    }
}

/// Whether a byte is white space between two messages of JSON.
#[inline(always)]
pub fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a payload begins with a word, so that JSON may follow in its next line.
#[inline(always)]
pub fn is_text(head: [u8; 4]) -> bool {
    head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n'))
}
