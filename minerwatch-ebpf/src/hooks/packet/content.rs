//! Finds what to capture of a TCP payload.

use aya_ebpf::{bindings::__sk_buff, macros::map, maps::PerCpuArray};
use minerwatch_common::{CaptureBudget, Direction};

use super::{
    DNS_PORT,
    header::{head, load},
};
use crate::{
    kernel::Unreadable,
    prefix::{self, Interest},
};

/// Number of bytes in which white space before a message is skipped.
const MAX_BLANKS: u32 = 64;

/// Number of words of eight bytes in which the second line of a payload is looked for.
const LINE_WORDS: u32 = 12;

/// Finds the part of a payload to report, and deducts its cost from the budget. Returns `None` if there is none, else the
/// offset of the part in the packet, its length, and how many of its bytes to capture.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
pub(super) unsafe fn find(
    skb: *mut __sk_buff,
    (start, length): (u32, u32),
    direction: Direction,
    peer_port: u16,
    is_opener: bool,
    budget: &mut CaptureBudget,
) -> Result<Option<(u32, u32, u32)>, Unreadable> {
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
    let mut interest = if peer_port == DNS_PORT {
        Interest::Whole
    } else {
        prefix::interest(head, length, direction, budget)
    };
    if budget.index == 0 && is_opener {
        budget.foreign = u16::from(prefix::is_foreign(head));
        if matches!(interest, Interest::None) && budget.foreign == 0 && prefix::is_text(head) {
            // SAFETY: as above.
            let line = unsafe { second_line(skb, start, length) };
            if line != 0 && line < length {
                start += line;
                length -= line;
                interest = Interest::Begins;
            }
        }
    }
    let captured = match interest {
        Interest::None | Interest::Length => 0,
        Interest::Whole | Interest::Begins | Interest::Continues => length,
    };
    budget.spend(captured);
    budget.continues = u16::from(matches!(interest, Interest::Begins | Interest::Continues));
    Ok(if matches!(interest, Interest::None) { None } else { Some((start, length, captured)) })
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
/// `skb` must be that of the running program.
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
/// `skb` must be that of the running program.
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
