//! The only module that sends records and counts losses.
//!
//! There are three rings ([`minerwatch_common::Ring`]), so that a flood of file changes or of short connections cannot
//! push out everything else. A record that finds no room is counted by its kind.
//!
//! A ring is a ring buffer that all CPUs share. In the object that is built with the feature `perf-buffer`, for kernels
//! without ring buffers, it is a perf buffer per CPU.

#[cfg(feature = "perf-buffer")]
mod perf_buffer;
#[cfg(not(feature = "perf-buffer"))]
mod ring_buffer;

use aya_ebpf::{EbpfContext, bindings::__sk_buff, cty::c_void, macros::map, maps::PerCpuArray};
use minerwatch_common::{Loss, Record};

#[cfg(feature = "perf-buffer")]
use self::perf_buffer as backend;
#[cfg(not(feature = "perf-buffer"))]
use self::ring_buffer as backend;
use crate::{atomic, kernel::Unreadable};

#[map]
static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::SLOTS, 0);

/// The context that the kernel passed to the running program. Perf buffers need it to send a record.
#[derive(Clone, Copy)]
pub struct Context(
    #[cfg_attr(not(feature = "perf-buffer"), expect(dead_code, reason = "ring buffers need no context"))]
    *mut c_void,
);

impl Context {
    /// The context of a program.
    #[inline(always)]
    pub fn of(context: &impl EbpfContext) -> Self {
        Self(context.as_ptr())
    }

    /// The context of a program that runs for a packet.
    #[inline(always)]
    pub fn of_packet(packet: *mut __sk_buff) -> Self {
        Self(packet.cast())
    }
}

/// Counts one loss.
#[inline(always)]
pub fn count(loss: Loss) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss.slot()) {
        // SAFETY: an aligned counter of this CPU. The addition is atomic because fentry and fexit programs may preempt
        // one another.
        unsafe { atomic::add(counter, 1) };
    }
}

/// There was no room in the ring.
struct Full;

#[inline(always)]
fn count_if_full<R: Record>(outcome: Result<(), Full>) {
    if outcome.is_err() {
        count(Loss::RingFull(R::KIND));
    }
}

/// Sends a record of fixed size.
#[inline(always)]
pub fn record<R: Record>(context: Context, record: R) {
    count_if_full::<R>(backend::record(context, R::KIND.ring(), record));
}

/// Sends a record that is too large for the stack. `fill` writes it directly into the ring and returns whether to send
/// it.
#[inline(always)]
pub fn in_place<R: Record>(context: Context, fill: impl FnOnce(*mut R) -> bool) {
    count_if_full::<R>(backend::in_place(context, R::KIND.ring(), fill));
}

/// Sends a record and its tail, which lie side by side in scratch memory.
#[inline(always)]
pub fn with_tail<R: Record>(context: Context, bytes: &[u8]) {
    count_if_full::<R>(backend::bytes(context, R::KIND.ring(), bytes));
}

/// The result of a program's body. It ends early if the kernel lacks a field or a read fails. Then there is nothing to
/// report; the kernel ignores the programs' return values.
pub type Outcome = Result<(), Unreadable>;
