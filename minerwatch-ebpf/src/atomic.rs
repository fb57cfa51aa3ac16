//! Atomic addition for counters that programs on several CPUs update at the same time.

use core::arch::asm;

/// Adds `amount` to `*counter` atomically. Every supported kernel has this instruction. The atomic types of `core`
/// cannot be used, because they also need compare-and-swap, which older kernels lack.
///
/// # Safety
/// `counter` must point to aligned memory of a map that the verifier knows to be writable.
#[inline(always)]
pub unsafe fn add(counter: *mut u64, amount: u64) {
    // SAFETY: the caller guarantees a valid counter; the instruction touches nothing else.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {amount}", counter = in(reg) counter, amount = in(reg) amount);
    }
}
