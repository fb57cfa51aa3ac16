//! The only module that sends records and counts losses.
//!
//! There are three rings ([`minerwatch_common::Ring`]), so that a flood of file changes or payloads cannot push out
//! other records. A record is counted as lost, by its kind, if the ring has no room.
//!
//! By default, all CPUs share one ring buffer for each ring. Some kernels have no ring buffers. For these kernels, the
//! feature `perf-buffer` gives each CPU a perf buffer for each ring.

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
    /// Returns the context of a program.
    #[inline(always)]
    pub fn of(context: &impl EbpfContext) -> Self {
        Self(context.as_ptr())
    }

    /// Returns the context of a program that runs for a packet.
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
        // each other.
        unsafe { atomic::add(counter, 1) };
    }
}

/// Counts an event as lost if the body of the program could not read its details.
#[inline(always)]
pub fn count_if_unread(outcome: Outcome) {
    if outcome.is_err() {
        count(Loss::Unread);
    }
}

/// The error of a send when the ring has no room.
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
    count_if_full::<R>(backend::record(context, record));
}

/// Sends a record that is too large for the stack. `fill` writes the record in place and returns whether to send the
/// record.
#[inline(always)]
pub fn in_place<R: Record>(context: Context, fill: impl FnOnce(*mut R) -> bool) {
    count_if_full::<R>(backend::in_place(context, fill));
}

/// Sends a record with its tail. `bytes` holds both, the tail directly after the record.
#[inline(always)]
pub fn with_tail<R: Record>(context: Context, bytes: &[u8]) {
    count_if_full::<R>(backend::bytes::<R>(context, bytes));
}

/// The result of the body of a program. If the kernel lacks a field or a read fails, the body ends early and reports
/// nothing. The program returns the same value to the kernel in both cases.
pub type Outcome = Result<(), Unreadable>;
