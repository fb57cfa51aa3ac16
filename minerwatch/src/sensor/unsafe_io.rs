//! The only unsafe code outside the programs: what the compiler cannot check, each behind a safe function.
#![allow(unsafe_code, reason = "this is the only such module; each block says why it is sound")]

use std::{io, os::fd::AsRawFd};

use tokio::io::{Interest, unix::AsyncFd};

use super::event_rings::{Buffer, Ring};

/// Watches what owns its descriptor for something to read.
pub(super) fn watch<T: Owner>(owner: T) -> io::Result<AsyncFd<T>> {
    // SAFETY: an `Owner` keeps its descriptor open as long as it lives and always answers with the same one, and tokio
    // takes it out of the reactor before it drops the owner.
    unsafe { AsyncFd::register_with_interest(owner, Interest::READABLE) }.map_err(io::Error::from)
}

/// Owns a descriptor that stays open and the same as long as the owner lives.
///
/// # Safety
/// That is so.
pub(super) unsafe trait Owner: AsRawFd {}

// SAFETY: the map owns the descriptor.
unsafe impl Owner for Ring {}

// SAFETY: as above.
unsafe impl Owner for Buffer {}

/// Gives memory that was used and is free back to the kernel. The C library keeps what it has once taken in pieces below
/// the highest that is in use, and of what the start takes (the kernel's types, the programs, the host's processes) that
/// is most.
pub fn give_back_memory() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it may be called at any time, from any thread.
    unsafe {
        libc::malloc_trim(0);
    }
}
