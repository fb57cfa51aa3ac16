//! Rings as a perf buffer per CPU (`BPF_MAP_TYPE_PERF_EVENT_ARRAY`, Linux 4.3). Compared with a ring buffer, each
//! record is copied once more, and a record that is written in place needs scratch memory.

use core::mem::size_of;

use aya_ebpf::{
    bindings::BPF_F_CURRENT_CPU,
    helpers::generated::bpf_perf_event_output,
    macros::map,
    maps::{PerCpuArray, PerfEventByteArray},
};
use minerwatch_common::{PayloadRecord, Record, Ring};

use super::{Context, Full};

#[map]
static PROCESS_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

#[map]
static FILE_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

#[map]
static PAYLOAD_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

/// Scratch memory of one CPU for a record that is written in place.
#[repr(C)]
struct Draft {
    /// 1 while a program uses this memory. A packet may interrupt the program, and the hook of the packet may also send
    /// a record.
    in_use: u32,
    reserved: u32,
    record: [u64; DRAFT_WORDS],
}

/// Length of the longest record that is written in place, in words of eight bytes.
const DRAFT_WORDS: usize = size_of::<PayloadRecord>().div_ceil(size_of::<u64>());

#[map]
static DRAFTS: PerCpuArray<Draft> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
pub fn record<R: Record>(context: Context, record: R) -> Result<(), Full> {
    // SAFETY: a whole record on the stack.
    unsafe { send(context, R::KIND.ring(), (&raw const record).cast(), size_of::<R>()) }
}

#[inline(always)]
pub fn in_place<R: Record>(context: Context, fill: impl FnOnce(*mut R) -> bool) -> Result<(), Full> {
    const { assert!(size_of::<R>() <= size_of::<PayloadRecord>() && align_of::<R>() <= align_of::<u64>()) };
    let draft = DRAFTS.get_ptr_mut(0).ok_or(Full)?;
    // SAFETY: a live slot of this CPU. The accesses are volatile because a program that interrupts this one reads
    // `in_use`.
    unsafe {
        let in_use = &raw mut (*draft).in_use;
        if in_use.read_volatile() != 0 {
            return Err(Full);
        }
        in_use.write_volatile(1);
        let record: *mut R = (&raw mut (*draft).record).cast();
        let outcome =
            if fill(record) { send(context, R::KIND.ring(), record.cast(), size_of::<R>()) } else { Ok(()) };
        in_use.write_volatile(0);
        outcome
    }
}

#[inline(always)]
pub fn bytes<R: Record>(context: Context, bytes: &[u8]) -> Result<(), Full> {
    // SAFETY: a whole slice.
    unsafe { send(context, R::KIND.ring(), bytes.as_ptr(), bytes.len()) }
}

/// Sends `length` bytes on a ring.
///
/// # Safety
/// `bytes` must be readable for `length` bytes.
#[inline(always)]
unsafe fn send(context: Context, ring: Ring, bytes: *const u8, length: usize) -> Result<(), Full> {
    let buffers = match ring {
        Ring::Process => &raw const PROCESS_BUFFERS,
        Ring::File => &raw const FILE_BUFFERS,
        Ring::Payload => &raw const PAYLOAD_BUFFERS,
    };
    // SAFETY: the caller guarantees that the bytes are readable. The context is that of the running program.
    let status = unsafe {
        bpf_perf_event_output(
            context.0,
            buffers.cast_mut().cast(),
            u64::from(BPF_F_CURRENT_CPU as u32),
            bytes.cast_mut().cast(),
            length as u64,
        )
    };
    if status == 0 { Ok(()) } else { Err(Full) }
}
