//! Addition to a counter that programs on other CPUs add to at the same time.

use core::arch::asm;

/// Adds `amount` to `*counter`. The target has this one atomic instruction on every kernel we run on, but
/// `core` offers its atomics only to targets that can compare and swap as well.
///
/// # Safety
/// `counter` must be aligned memory of a map that the verifier knows to be writable.
#[inline(always)]
pub unsafe fn add(counter: *mut u64, amount: u64) {
    // SAFETY: the caller vouches for the counter; the instruction touches nothing else.
    unsafe {
        asm!("lock *(u64 *)({counter} + 0) += {amount}", counter = in(reg) counter, amount = in(reg) amount);
    }
}
