//! Which payloads may leave the kernel, by their first bytes. Everything else is never copied.
//! `docs/privacy.md` tells users the same list.

use minerwatch_common::{CaptureBudget, Direction};

/// What is done with a payload.
#[derive(Clone, Copy)]
pub enum Interest {
    /// Nothing.
    None,
    /// Its length alone is reported.
    Length,
    /// It is captured, and stands for itself.
    Whole,
    /// It is captured, and so is what follows it, since a message may be split.
    Begins,
    /// It follows what was captured.
    GoesOn,
}

/// Lengths of the first payloads of a Noise handshake as Stratum V2 has it, sent and received: a public key
/// of 64 bytes, and the answer with or without a signature's extension.
const NOISE_SENT: u32 = 64;
const NOISE_RECEIVED: [u32; 2] = [170, 234];

/// The longest greeting or request of a SOCKS client: a version, a count and 255 methods; a name of 255
/// bytes and seven more.
const SOCKS_LONGEST: u32 = 262;

/// Looks at the first bytes of the next payload of a direction.
#[inline(always)]
pub fn interest(head: [u8; 4], length: u32, direction: Direction, look: &CaptureBudget) -> Interest {
    let index = look.index;
    match head {
        // JSON, unless it is a document inside another protocol.
        [b'{' | b'[', ..] if look.foreign == 0 => Interest::Begins,
        // A TLS handshake.
        [0x16, 0x03, ..] => Interest::Whole,
        // HTTP: a tunnel or a call with a body, which may come by itself.
        [b'P', b'O', b'S', b'T'] | [b'P', b'U', b'T', b' '] | [b'P', b'A', b'T', b'C'] => Interest::Begins,
        [b'C', b'O', b'N', b'N'] => Interest::Begins,
        // The same in pieces of less than four bytes, of which only the first was looked at.
        [b'P' | b'C', 0, 0, 0] if length < 4 => Interest::Begins,
        [b'G', b'E', b'T', b' '] => Interest::Whole,
        // ZMTP: its signature, then small frames.
        [0xff, 0, 0, 0] => Interest::Begins,
        // SOCKS 5 and 4, the client's side.
        [5, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        [4, 1, ..] if length <= SOCKS_LONGEST && matches!(direction, Direction::Sent) => Interest::Whole,
        // Stratum V2 in the clear: no extension, message 0, a short message.
        [0, 0, 0, 1..=255] if index == 0 && matches!(direction, Direction::Sent) => Interest::Whole,
        _ if look.goes_on != 0 => Interest::GoesOn,
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

/// Whether the opener's first payload begins a protocol in which JSON is a document and not its own words: HTTP, or one
/// that is of no interest (mail, a database, version control).
#[inline(always)]
pub fn is_foreign(head: [u8; 4], interest: Interest) -> bool {
    match head {
        [b'P', b'O', b'S', b'T'] | [b'P', b'U', b'T', b' '] | [b'P', b'A', b'T', b'C'] => true,
        [b'G', b'E', b'T', b' '] => true,
        // Blank space may come before anything.
        [b' ' | b'\t' | b'\r' | b'\n', ..] => false,
        _ => matches!(interest, Interest::None | Interest::Length),
    }
}
