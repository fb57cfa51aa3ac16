//! Sends the records of payloads.

use aya_ebpf::{bindings::__sk_buff, helpers::generated::bpf_skb_load_bytes};
use minerwatch_common::{Direction, FlowTuple, MAX_PAYLOAD, PayloadRecord, RecordHeader};

use super::content::Piece;
use crate::{emit, task};

/// The contents of a payload record, and the position of the payload in the packet.
pub(super) struct Payload<'a> {
    pub owner: &'a RecordHeader,
    pub accepted: u16,
    pub flow: FlowTuple,
    pub direction: Direction,
    pub piece: Piece,
}

/// Sends a payload record. Captures at most [`MAX_PAYLOAD`] bytes.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(always)]
pub(super) unsafe fn send(skb: *mut __sk_buff, payload: &Payload<'_>) {
    let Piece { start, length, captured, index } = payload.piece;
    emit::in_place(emit::Context::of_packet(skb), |record: *mut PayloadRecord| {
        let captured = if captured > MAX_PAYLOAD as u32 { MAX_PAYLOAD as u32 } else { captured };
        // SAFETY: the record is memory of the ring. Every field is written, except the bytes of `data` after the first
        // `captured` ones, which the daemon does not read.
        unsafe {
            (&raw mut (*record).header).write(payload.owner.for_record::<PayloadRecord>(task::now()));
            (&raw mut (*record).opened).write(payload.owner.time);
            (&raw mut (*record).flow).write(payload.flow);
            (&raw mut (*record).direction).write(payload.direction as u16);
            (&raw mut (*record).index).write(index);
            (&raw mut (*record).length).write(length);
            (&raw mut (*record).captured).write(captured as u16);
            (&raw mut (*record).accepted).write(payload.accepted);
            (&raw mut (*record).reserved).write(0);
            if captured == 0 {
                return true;
            }
            let data = (&raw mut (*record).data).cast();
            bpf_skb_load_bytes(skb.cast(), start, data, from_one(captured)) == 0
        }
    });
}

/// Returns the same length, in a form that shows the verifiers of 5.10 and 6.1 that the length is between 1 and
/// [`MAX_PAYLOAD`]. A comparison with zero is not enough for these verifiers.
#[inline(always)]
fn from_one(length: u32) -> u32 {
    let mut less = u64::from(length).wrapping_sub(1);
    // SAFETY: emits no instruction. The empty assembly hides earlier comparisons of the length from the compiler.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) less) };
    let most = MAX_PAYLOAD as u64 - 1;
    if less > most {
        less = most;
    }
    less as u32 + 1
}
