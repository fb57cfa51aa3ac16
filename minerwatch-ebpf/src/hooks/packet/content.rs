//! Finds what to capture of a TCP payload.

use aya_ebpf::{bindings::__sk_buff, macros::map, maps::PerCpuArray};
use minerwatch_common::{CaptureBudget, MAX_PAYLOAD, Opening};

use super::{
    DNS_PORT,
    header::{head, load},
};
use crate::{
    kernel::Unreadable,
    prefix::{self, Interest, Side},
};

/// Number of bytes in which white space before a message is skipped.
const MAX_BLANKS: u32 = 64;

/// Number of words of eight bytes in which the second line of a payload is looked for.
const LINE_WORDS: u32 = 12;

/// The part of a payload to report.
#[derive(Clone, Copy)]
pub(super) struct Part {
    /// Offset of the part in the packet.
    pub start: u32,
    /// Length of the part in bytes.
    pub length: u32,
    /// Number of bytes to capture. They may be more than one record holds.
    pub captured: u32,
    /// Whether the bytes that one record cannot hold are reported in more records.
    pub in_pieces: bool,
}

impl Part {
    /// Takes what fits into one record from the front of the part, and deducts its cost from the budget. Returns `None` if
    /// nothing is left.
    #[inline(always)]
    pub(super) fn next_piece(&mut self, budget: &mut CaptureBudget) -> Option<Piece> {
        const MOST: u32 = MAX_PAYLOAD as u32;
        if self.length == 0 {
            return None;
        }
        let index = budget.index;
        budget.spend(self.captured);
        let start = self.start;
        let has_next = self.in_pieces && self.length > MOST && budget.left > 0;
        let length = if has_next { MOST } else { self.length };
        let captured = if has_next { MOST } else { self.captured };
        self.start += length;
        self.length -= length;
        self.captured = self.length;
        Some(Piece { start, length, captured, index })
    }
}

/// A part of a payload that becomes one record.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub start: u32,
    pub length: u32,
    pub captured: u32,
    /// Number of earlier payloads and pieces that were read in this direction.
    pub index: u16,
}

/// Finds the part of a payload to report. Returns `None` if there is none; the payload is then deducted from the budget,
/// unless it is white space.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(always)]
pub(super) unsafe fn find(
    skb: *mut __sk_buff,
    (start, length): (u32, u32),
    peer_port: u16,
    mut side: Side,
    budget: &mut CaptureBudget,
) -> Result<Option<Part>, Unreadable> {
    let (mut start, mut length) = (start, length);
    // SAFETY: guaranteed by the caller.
    let mut head = unsafe { head(skb, start, length)? };
    // White space may be a part of an unfinished message, and the same bytes a part of a DNS message.
    if prefix::is_blank(head[0]) && budget.continues == 0 && peer_port != DNS_PORT {
        // SAFETY: as above.
        let blanks = unsafe { blanks(skb, start, length) };
        if blanks >= length {
            return Ok(None);
        }
        start += blanks;
        length -= blanks;
        // SAFETY: as above.
        head = unsafe { self::head(skb, start, length)? };
    }
    let mut interest =
        if peer_port == DNS_PORT { Interest::Whole } else { prefix::interest(head, length, side, budget) };
    if side.is_opener {
        let opening = prefix::opening(head);
        if budget.index == 0 {
            budget.opening = opening;
            if matches!(interest, Interest::None) && opening == Opening::OTHER && prefix::is_text(head) {
                // SAFETY: as above.
                let line = unsafe { second_line(skb, start, length) };
                if line != 0 && line < length {
                    start += line;
                    length -= line;
                    interest = Interest::Begins;
                }
            }
        } else if budget.opening == Opening::HTTP && opening == Opening::HTTP_BODY {
            budget.opening = opening;
        }
        side.opening = budget.opening;
    }
    let captured = match interest {
        Interest::None | Interest::Length => 0,
        Interest::Whole | Interest::Begins | Interest::Continues => length,
    };
    let is_message = matches!(interest, Interest::Begins | Interest::Continues);
    budget.continues = u16::from(is_message);
    if matches!(interest, Interest::None) {
        budget.spend(0);
        return Ok(None);
    }
    Ok(Some(Part { start, length, captured, in_pieces: is_message && side.opening == Opening::OTHER }))
}

/// A place that the verifier does not track.
#[map]
static UNTRACKED: PerCpuArray<u32> = PerCpuArray::with_max_entries(1, 0);

/// Returns the same value, and hides it from the verifier. Otherwise, the verifier checks the rest of the program
/// for each value that a loop may return, and there are too many. If another packet interrupts, its value may be returned:
/// the payload is then captured from a wrong place.
#[inline(always)]
fn untracked(value: u32) -> u32 {
    match UNTRACKED.get_ptr_mut(0) {
        // SAFETY: an aligned slot of this CPU.
        Some(slot) => unsafe {
            slot.write_volatile(value);
            slot.read_volatile()
        },
        None => 0,
    }
}

/// Returns the number of white-space bytes at the front of a payload, at most [`MAX_BLANKS`].
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(never)]
unsafe fn blanks(skb: *mut __sk_buff, start: u32, length: u32) -> u32 {
    let mut count = 0;
    while count < MAX_BLANKS && count < length {
        // SAFETY: guaranteed by the caller.
        match unsafe { load(skb, start + count) } {
            Ok(byte) if prefix::is_blank(byte) => count += 1,
            _ => break,
        }
    }
    untracked(count)
}

/// Returns the offset of a line that begins with JSON, in the first bytes of a payload; 0 if there is none.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(never)]
unsafe fn second_line(skb: *mut __sk_buff, start: u32, length: u32) -> u32 {
    let mut is_start = false;
    for word in 0..LINE_WORDS {
        let offset = word * 8;
        if offset + 8 > length {
            break;
        }
        // SAFETY: guaranteed by the caller.
        let Ok(bytes) = (unsafe { load::<[u8; 8]>(skb, start + offset) }) else { break };
        let mut rest = u64::from_le_bytes(bytes);
        for byte in 0..8 {
            let value = rest as u8;
            if is_start && (value == b'{' || value == b'[') {
                return untracked(offset + byte);
            }
            is_start = value == b'\n' || (is_start && prefix::is_blank(value));
            rest >>= 8;
        }
    }
    0
}
