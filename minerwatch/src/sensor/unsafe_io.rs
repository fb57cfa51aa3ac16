//! The only unsafe code outside the eBPF programs. Each block is behind a safe function and says why it is sound.
#![expect(unsafe_code, reason = "this is the only such module; each block says why it is sound")]

use std::{io, os::fd::AsRawFd};

use aya::maps::{MapData, RingBuf, perf::PerfEventArrayBuffer};
use tokio::io::{Interest, unix::AsyncFd};

/// Registers a descriptor with tokio, which then waits until the descriptor is readable.
pub(super) fn watch<T: OwnsDescriptor>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: an `OwnsDescriptor` keeps its descriptor open and unchanged while it lives, and tokio deregisters the
    // descriptor before it drops the owner.
    unsafe { AsyncFd::register_with_interest(owner, Interest::READABLE) }.map_err(io::Error::from)
}

/// A type that owns a descriptor.
///
/// # Safety
/// While the value lives, its descriptor must stay open and `as_raw_fd` must always return the same one.
pub(super) unsafe trait OwnsDescriptor: AsRawFd {}

// SAFETY: the map owns its descriptor, and nothing replaces it.
unsafe impl OwnsDescriptor for RingBuf<MapData> {}

// SAFETY: the buffer owns the descriptor of its perf event, and nothing replaces it.
unsafe impl OwnsDescriptor for PerfEventArrayBuffer<MapData> {}

/// Returns freed memory to the kernel. Otherwise the C library keeps most of what the start needed: the kernel's types,
/// the programs, and the host's processes. Does nothing with C libraries other than glibc.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: malloc_trim may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
