//! Decides which payloads may leave the kernel, by the first bytes of each payload. All other payloads are never
//! copied, except DNS, which `hooks::packet` recognizes by its port. Keep the list in `docs/privacy.md` in step with
//! this file.

use minerwatch_common::{CaptureBudget, Direction};

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

/// Decides what to do with the next payload of a direction, from its first bytes, its length and the capture budget.
#[inline(always)]
pub fn interest(head: [u8; 4], length: u32, direction: Direction, budget: &CaptureBudget) -> Interest {
    let index = budget.index;
    match head {
        // JSON, unless this direction began with a protocol that carries JSON as content.
        [b'{' | b'[', ..] if budget.foreign == 0 => Interest::Begins,
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
        // ZMTP (ZeroMQ): a signature, then small frames.
        [0xff, 0, 0, 0] => Interest::Begins,
        // More white space than the programs skip. JSON may follow.
        [first, ..] if is_blank(first) && budget.foreign == 0 => Interest::Begins,
        // A SOCKS 5 or SOCKS 4 client.
        [5, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        [4, 1, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        // Stratum V2 without encryption: no extension, message type 0, a short message.
        [0, 0, 0, 1..=255] if index == 0 && matches!(direction, Direction::Sent) => Interest::Whole,
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

/// Whether the first payload from the side that opened the connection starts a protocol that carries JSON only as
/// content. All other first payloads, such as a line of a miner's own, do not keep later JSON from being read.
#[inline(always)]
pub fn is_foreign(head: [u8; 4]) -> bool {
    match &head {
        // HTTP.
        b"POST" | b"PUT " | b"PATC" | b"GET " | b"HEAD" | b"DELE" | b"OPTI" => true,
        // Mail.
        b"EHLO" | b"HELO" | b"LHLO" | b"MAIL" => true,
        // Queues and caches: STOMP, beanstalkd, memcached, Redis.
        b"STOM" | b"put " | b"set " | [b'*', b'0'..=b'9', ..] => true,
        // A language server, and git.
        b"Cont" | [b'0', b'0', b'0'..=b'f', b'0'..=b'f'] => true,
        _ => false,
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
