//! The sole owner of the rings and of the loss counters.
//!
//! Three rings: process life, connections and CPU on one, files on another, payloads on the third, so that
//! a storm of file changes or of short connections cannot crowd out the rest. What finds no room is counted
//! per kind.

use aya_ebpf::{
    macros::map,
    maps::{PerCpuArray, RingBuf},
};
use minerwatch_common::{Loss, RecordKind};

use crate::{atomic, kernel::Unreadable};

/// Bytes of each ring; powers of two times the page size. The daemon sizes them by these names.
const RING_SIZE: u32 = 8 << 20;

#[map]
static PROCESS_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE, 0);

#[map]
static FILE_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE / 2, 0);

#[map]
static PAYLOAD_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE / 2, 0);

#[map]
static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::SLOTS, 0);

/// Counts one loss.
#[inline(always)]
pub fn count(loss: Loss) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss.slot()) {
        // SAFETY: an aligned counter of this CPU; programs on the kernel's functions may preempt one another.
        unsafe { atomic::add(counter, 1) };
    }
}

#[inline(always)]
fn ring(kind: RecordKind) -> &'static RingBuf {
    match kind {
        RecordKind::File | RecordKind::Mapping => &FILE_RING,
        RecordKind::Payload | RecordKind::Course => &PAYLOAD_RING,
        RecordKind::Fork
        | RecordKind::Exec
        | RecordKind::Exit
        | RecordKind::Connect
        | RecordKind::Close
        | RecordKind::Cpu
        | RecordKind::Rounding => &PROCESS_RING,
    }
}

/// Sends a record of fixed size.
#[inline(always)]
pub fn record<T: 'static>(kind: RecordKind, record: T) {
    if let Some(mut slot) = ring(kind).reserve::<T>(0) {
        slot.write(record);
        slot.submit(0);
    } else {
        count(Loss::RingFull(kind));
    }
}

/// Sends a record that `fill` writes where it will be read, for one too large for the stack; `fill` answers
/// whether there is anything to send.
#[inline(always)]
pub fn in_place<T: 'static>(kind: RecordKind, fill: impl FnOnce(*mut T) -> bool) {
    let Some(mut slot) = ring(kind).reserve::<T>(0) else {
        count(Loss::RingFull(kind));
        return;
    };
    if fill(slot.as_mut_ptr()) {
        slot.submit(0);
    } else {
        slot.discard(0);
    }
}

/// Sends a record with its tail from scratch memory.
#[inline(always)]
pub fn bytes(kind: RecordKind, bytes: &[u8]) {
    if ring(kind).output::<[u8]>(bytes, 0).is_err() {
        count(Loss::RingFull(kind));
    }
}

/// A program's body may end early because the kernel lacks a field or a read failed; there is nothing to
/// report then, and the kernel ignores the programs' return values.
pub type Outcome = Result<(), Unreadable>;
