//! Decides by their first bytes which payloads may leave the kernel. Everything else is never copied. Keep the list in
//! `docs/privacy.md` in step with this file.

use minerwatch_common::{CaptureBudget, Direction};

/// What is done with a payload.
#[derive(Clone, Copy)]
pub enum Interest {
    /// It is ignored.
    None,
    /// Only its length is reported.
    Length,
    /// It is captured alone.
    Whole,
    /// It is captured together with the payloads after it, because a message may be split.
    Begins,
    /// It continues a message that was captured.
    Continues,
}

/// Lengths of the first payloads of the Noise handshake of Stratum V2: the client sends a public key of 64 bytes; the
/// server's answer has a signature, in one version with an extension.
const NOISE_SENT: u32 = 64;
const NOISE_RECEIVED: [u32; 2] = [170, 234];

/// The longest greeting or request of a SOCKS client. A greeting has a version, a count and up to 255 methods; a request
/// has a name of up to 255 bytes and seven more bytes.
const SOCKS_LONGEST: u32 = 262;

/// What to do with the next payload of a direction, judged by its first bytes.
#[inline(always)]
pub fn interest(head: [u8; 4], length: u32, direction: Direction, budget: &CaptureBudget) -> Interest {
    let index = budget.index;
    match head {
        // JSON, unless it is a document in another protocol.
        [b'{' | b'[', ..] if budget.foreign == 0 => Interest::Begins,
        // A TLS handshake.
        [0x16, 0x03, ..] => Interest::Whole,
        // HTTP: a tunnel, or a call whose body may come in a payload of its own.
        [b'P', b'O', b'S', b'T'] | [b'P', b'U', b'T', b' '] | [b'P', b'A', b'T', b'C'] => Interest::Begins,
        [b'C', b'O', b'N', b'N'] => Interest::Begins,
        // The same in pieces of less than four bytes, of which only the first byte was read.
        [b'P' | b'C', 0, 0, 0] if length < 4 => Interest::Begins,
        [b'G', b'E', b'T', b' '] => Interest::Whole,
        // ZMTP: its signature, then small frames.
        [0xff, 0, 0, 0] => Interest::Begins,
        // SOCKS 5 and 4, from the client.
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

/// Whether the first payload from the side that opened the connection starts a protocol in which JSON is only a document:
/// HTTP, or a protocol of no interest (mail, a database, version control).
#[inline(always)]
pub fn is_foreign(head: [u8; 4], interest: Interest) -> bool {
    match head {
        [b'P', b'O', b'S', b'T'] | [b'P', b'U', b'T', b' '] | [b'P', b'A', b'T', b'C'] => true,
        [b'G', b'E', b'T', b' '] => true,
        // White space may precede anything.
        [b' ' | b'\t' | b'\r' | b'\n', ..] => false,
        _ => matches!(interest, Interest::None | Interest::Length),
    }
}
