//! Lanes as a buffer for each CPU (`BPF_MAP_TYPE_PERF_EVENT_ARRAY`, Linux 4.3). A record is copied once more than into a
//! ring, and one that is written in place needs memory of its own first.

use core::mem::size_of;

use aya_ebpf::{
    bindings::BPF_F_CURRENT_CPU,
    helpers::generated::bpf_perf_event_output,
    macros::map,
    maps::{PerCpuArray, PerfEventByteArray},
};
use minerwatch_common::PayloadRecord;

use super::{Context, Full, Ring};

#[map]
static PROCESS_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

#[map]
static FILE_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

#[map]
static PAYLOAD_BUFFERS: PerfEventByteArray = PerfEventByteArray::new(0);

/// Memory of one CPU that a record is written in.
#[repr(C)]
struct Draft {
    /// 1 while it is taken: a program may be interrupted by a packet that has something to tell as well.
    taken: u32,
    reserved: u32,
    record: [u64; DRAFT_WORDS],
}

/// The longest record that is written in place, in words.
const DRAFT_WORDS: usize = size_of::<PayloadRecord>().div_ceil(size_of::<u64>());

#[map]
static DRAFTS: PerCpuArray<Draft> = PerCpuArray::with_max_entries(1, 0);

#[inline(always)]
pub fn record<T: 'static>(context: Context, ring: Ring, record: T) -> Result<(), Full> {
    // SAFETY: a whole record on the stack.
    unsafe { send(context, ring, (&raw const record).cast(), size_of::<T>()) }
}

#[inline(always)]
pub fn in_place<T: 'static>(
    context: Context,
    ring: Ring,
    fill: impl FnOnce(*mut T) -> bool,
) -> Result<(), Full> {
    const { assert!(size_of::<T>() <= size_of::<PayloadRecord>() && align_of::<T>() <= align_of::<u64>()) };
    let draft = DRAFTS.get_ptr_mut(0).ok_or(Full)?;
    // SAFETY: a live slot of this CPU. Volatile, for a program that interrupts this one looks at the mark.
    unsafe {
        let taken = &raw mut (*draft).taken;
        if taken.read_volatile() != 0 {
            return Err(Full);
        }
        taken.write_volatile(1);
        let record: *mut T = (&raw mut (*draft).record).cast();
        let outcome = if fill(record) { send(context, ring, record.cast(), size_of::<T>()) } else { Ok(()) };
        taken.write_volatile(0);
        outcome
    }
}

#[inline(always)]
pub fn bytes(context: Context, ring: Ring, bytes: &[u8]) -> Result<(), Full> {
    // SAFETY: a whole slice.
    unsafe { send(context, ring, bytes.as_ptr(), bytes.len()) }
}

/// # Safety
/// `bytes` must be readable for `length`.
#[inline(always)]
unsafe fn send(context: Context, ring: Ring, bytes: *const u8, length: usize) -> Result<(), Full> {
    let buffers = match ring {
        Ring::Process => &raw const PROCESS_BUFFERS,
        Ring::File => &raw const FILE_BUFFERS,
        Ring::Payload => &raw const PAYLOAD_BUFFERS,
    };
    // SAFETY: the caller's promise; the context is that of the running program.
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
