//! Calls that processes repeat. Each is reported once a second.

use aya_ebpf::{macros::map, maps::LruHashMap};
use minerwatch_common::PrivilegedOperation;

use crate::task;

/// Maximum number of remembered calls. Each entry takes about 100 bytes.
const MAX_CALLS: u32 = 1_024;
/// Minimum time between two records of the same call, in nanoseconds.
const REPEAT: u64 = 1_000_000_000;

/// A call of one process that concerns another one.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Call {
    /// The process that calls.
    pub from: u32,
    /// The other process, or 0.
    pub to: u32,
    /// A number for the call and what it asks for: a signal from 1 to 64, or a number from `PRIVILEGED` on.
    pub what: u32,
}

/// The first number of a call that is no signal.
const PRIVILEGED: u32 = 1 << 16;

impl Call {
    /// A privileged call. `kind` is a type of BPF program, or 0.
    #[inline(always)]
    pub fn privileged(from: u32, to: u32, operation: PrivilegedOperation, kind: u32) -> Self {
        Self { from, to, what: PRIVILEGED | (operation as u32) << 8 | (kind & 0xff) }
    }
}

/// When each call was last reported, in nanoseconds of `CLOCK_BOOTTIME`.
#[map]
static REPEATS: LruHashMap<Call, u64> = LruHashMap::with_max_entries(MAX_CALLS, 0);

/// Whether the call was reported within the last second. If not, the caller reports it now.
#[inline(always)]
pub fn is_repeated(call: Call) -> bool {
    let now = task::now();
    match REPEATS.get_ptr_mut(call) {
        Some(before) => {
            // SAFETY: the memory of an entry stays valid while this program runs. If another CPU reuses the entry
            // meanwhile, a call is reported too early or too late.
            let before = unsafe { &mut *before };
            if now.wrapping_sub(*before) < REPEAT {
                return true;
            }
            *before = now;
        }
        // Without an entry, the next record comes earlier.
        None => _ = REPEATS.insert(call, now, 0),
    }
    false
}
