//! Rings as ring buffers that all CPUs share (`BPF_MAP_TYPE_RINGBUF`, Linux 5.8).

use aya_ebpf::{macros::map, maps::RingBuf};
use minerwatch_common::Ring;

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

#[inline(always)]
pub fn record<T: 'static>(_context: Context, ring: Ring, record: T) -> Result<(), Full> {
    let mut slot = buffer(ring).reserve::<T>(0).ok_or(Full)?;
    slot.write(record);
    slot.submit(0);
    Ok(())
}

#[inline(always)]
pub fn in_place<T: 'static>(
    _context: Context,
    ring: Ring,
    fill: impl FnOnce(*mut T) -> bool,
) -> Result<(), Full> {
    let mut slot = buffer(ring).reserve::<T>(0).ok_or(Full)?;
    if fill(slot.as_mut_ptr()) {
        slot.submit(0);
    } else {
        slot.discard(0);
    }
    Ok(())
}

#[inline(always)]
pub fn bytes(_context: Context, ring: Ring, bytes: &[u8]) -> Result<(), Full> {
    buffer(ring).output::<[u8]>(bytes, 0).map_err(|_| Full)
}
