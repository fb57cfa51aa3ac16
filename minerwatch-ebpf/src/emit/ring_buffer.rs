//! Rings as ring buffers that all CPUs share (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).
//!
//! The daemon says in [`READER_WAITS`] that it waits, and is then woken once. While it works, or lets records gather,
//! nothing wakes it. The kernel's own rule would wake it for the first record after each drain.

use aya_ebpf::{
    bindings::{BPF_RB_AVAIL_DATA, BPF_RB_FORCE_WAKEUP, BPF_RB_NO_WAKEUP, BPF_RB_RING_SIZE},
    macros::map,
    maps::{Array, RingBuf},
};
use minerwatch_common::{Record, Ring, Urgency};

use super::{Context, Full};

/// Default size of the process ring in bytes; a ring size is a power of two times the page size. The daemon sets the
/// actual size of each ring by the name of its map.
const RING_SIZE: u32 = 8 << 20;

#[map]
static PROCESS_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE, 0);

#[map]
static FILE_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE / 2, 0);

#[map]
static PAYLOAD_RING: RingBuf = RingBuf::with_byte_size(RING_SIZE / 2, 0);

#[inline(always)]
fn buffer(ring: Ring) -> &'static RingBuf {
    match ring {
        Ring::Process => &PROCESS_RING,
        Ring::File => &FILE_RING,
        Ring::Payload => &PAYLOAD_RING,
    }
}

/// 1 while the daemon waits for a record. The daemon sets it, looks into the rings once more, and only then waits. The
/// programs set it back to 0.
#[map]
static READER_WAITS: Array<u32> = Array::with_max_entries(1, 0);

/// Returns whether a record of this kind must wake the daemon now. The place of the record in the ring must be reserved
/// already. Otherwise the daemon might look into the ring before that, and wait after this.
#[inline(always)]
fn wakes<R: Record>() -> bool {
    if matches!(R::KIND.urgency(), Urgency::Waits) && !fills_up(R::KIND.ring()) {
        return false;
    }
    let Some(waits) = READER_WAITS.get_ptr_mut(0) else { return true };
    // SAFETY: the only slot of the map. The accesses are volatile because the daemon and other CPUs access the slot. Two
    // programs that both wake the daemon do no harm.
    unsafe {
        if waits.read_volatile() == 0 {
            return false;
        }
        waits.write_volatile(0);
    }
    true
}

/// Returns whether more than an eighth of a ring is in use. Records that could wait then wake the daemon, too.
#[inline(always)]
fn fills_up(ring: Ring) -> bool {
    let query = |what: u32| buffer(ring).query(u64::from(what));
    query(BPF_RB_AVAIL_DATA) > query(BPF_RB_RING_SIZE) >> 3
}

#[inline(always)]
fn flags<R: Record>() -> u64 {
    u64::from(if wakes::<R>() { BPF_RB_FORCE_WAKEUP } else { BPF_RB_NO_WAKEUP })
}

#[inline(always)]
pub fn record<R: Record>(_context: Context, record: R) -> Result<(), Full> {
    let mut slot = buffer(R::KIND.ring()).reserve::<R>(0).ok_or(Full)?;
    slot.write(record);
    slot.submit(flags::<R>());
    Ok(())
}

#[inline(always)]
pub fn in_place<R: Record>(_context: Context, fill: impl FnOnce(*mut R) -> bool) -> Result<(), Full> {
    let mut slot = buffer(R::KIND.ring()).reserve::<R>(0).ok_or(Full)?;
    if fill(slot.as_mut_ptr()) {
        slot.submit(flags::<R>());
    } else {
        slot.discard(u64::from(BPF_RB_NO_WAKEUP));
    }
    Ok(())
}

#[inline(always)]
pub fn bytes<R: Record>(_context: Context, bytes: &[u8]) -> Result<(), Full> {
    let ring = buffer(R::KIND.ring());
    ring.output::<[u8]>(bytes, u64::from(BPF_RB_NO_WAKEUP)).map_err(|_| Full)?;
    // The record has its place only now. An empty place after it carries the wake-up.
    if wakes::<R>()
        && let Some(slot) = ring.reserve::<u64>(0)
    {
        slot.discard(u64::from(BPF_RB_FORCE_WAKEUP));
    }
    Ok(())
}
