//! The sole owner of the way to the daemon and of the loss counters.
//!
//! Three rings: process life, connections and CPU on one, files on another, payloads on the third, so that a storm of
//! file changes or of short connections cannot crowd out the rest. What finds no room is counted per kind.
//!
//! Each is a ring buffer that all CPUs share; in the object that is built with the feature `perf-buffer`, for kernels that
//! have no such rings, it is a buffer per CPU.

#[cfg(feature = "perf-buffer")]
mod perf_buffer;
#[cfg(not(feature = "perf-buffer"))]
mod ring_buffer;

use aya_ebpf::{EbpfContext, bindings::__sk_buff, cty::c_void, macros::map, maps::PerCpuArray};
use minerwatch_common::{Loss, RecordKind};

#[cfg(feature = "perf-buffer")]
use self::perf_buffer as backend;
#[cfg(not(feature = "perf-buffer"))]
use self::ring_buffer as backend;
use crate::{atomic, kernel::Unreadable};

#[map]
static LOSSES: PerCpuArray<u64> = PerCpuArray::with_max_entries(Loss::SLOTS, 0);

/// What the kernel called the running program with. Buffers per CPU want it for each record.
#[derive(Clone, Copy)]
pub struct Context(
    #[cfg_attr(not(feature = "perf-buffer"), expect(dead_code, reason = "rings do not ask for it"))]
    *mut c_void,
);

impl Context {
    /// That of a program.
    #[inline(always)]
    pub fn of(context: &impl EbpfContext) -> Self {
        Self(context.as_ptr())
    }

    /// That of a program that is called for a packet.
    #[inline(always)]
    pub fn of_packet(packet: *mut __sk_buff) -> Self {
        Self(packet.cast())
    }
}

/// Counts one loss.
#[inline(always)]
pub fn count(loss: Loss) {
    if let Some(counter) = LOSSES.get_ptr_mut(loss.slot()) {
        // SAFETY: an aligned counter of this CPU; programs on the kernel's functions may preempt one another.
        unsafe { atomic::add(counter, 1) };
    }
}

/// What must not wait behind one another.
#[derive(Clone, Copy)]
enum Ring {
    Process,
    File,
    Payload,
}

impl Ring {
    #[inline(always)]
    fn of(kind: RecordKind) -> Self {
        match kind {
            RecordKind::File | RecordKind::Mapping => Self::File,
            RecordKind::Payload | RecordKind::FlowUpdate => Self::Payload,
            RecordKind::Fork
            | RecordKind::Exec
            | RecordKind::Exit
            | RecordKind::Connect
            | RecordKind::Close
            | RecordKind::Cpu
            | RecordKind::Rounding => Self::Process,
        }
    }
}

/// There was no room.
struct Full;

#[inline(always)]
fn counted(kind: RecordKind, outcome: Result<(), Full>) {
    if outcome.is_err() {
        count(Loss::RingFull(kind));
    }
}

/// Sends a record of fixed size.
#[inline(always)]
pub fn record<T: 'static>(context: Context, kind: RecordKind, record: T) {
    counted(kind, backend::record(context, Ring::of(kind), record));
}

/// Sends a record that `fill` writes where it will be read, for one too large for the stack; `fill` answers
/// whether there is anything to send.
#[inline(always)]
pub fn in_place<T: 'static>(context: Context, kind: RecordKind, fill: impl FnOnce(*mut T) -> bool) {
    counted(kind, backend::in_place(context, Ring::of(kind), fill));
}

/// Sends a record with its tail from scratch memory.
#[inline(always)]
pub fn bytes(context: Context, kind: RecordKind, bytes: &[u8]) {
    counted(kind, backend::bytes(context, Ring::of(kind), bytes));
}

/// A program's body may end early because the kernel lacks a field or a read failed; there is nothing to
/// report then, and the kernel ignores the programs' return values.
pub type Outcome = Result<(), Unreadable>;
