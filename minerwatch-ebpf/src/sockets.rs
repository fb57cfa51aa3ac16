//! What is remembered at a TCP socket itself: whose it is, and how much of what it says is still looked at.
//! The kernel frees it with the socket, and finding it costs less than a lookup in a table of all sockets.

use core::ptr;

use aya_ebpf::{
    bindings::bpf_sock, btf_maps::SkStorage, helpers::generated::bpf_sk_storage_get, macros::btf_map,
    programs::SockAddrContext,
};
use minerwatch_common::{Direction, Loss, PayloadRecord, RecordHeader, RecordKind};

use crate::{emit, task};

/// What each direction may spend. A payload costs by its length (see [`Look::spend`]): this is enough for
/// four of any length, and for more of those that a client splits into crumbs.
const BUDGET: u16 = 16;

/// How far one direction of a connection was looked at.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Look {
    /// What it may still spend; at 0 nothing is looked at any more.
    pub left: u16,
    /// Payloads so far.
    pub index: u16,
    /// Whether the next payload belongs to what was captured before, whatever it begins with.
    pub goes_on: u32,
}

impl Look {
    const FRESH: Self = Self { left: BUDGET, index: 0, goes_on: 0 };

    /// Pays for a payload of `length` bytes.
    #[inline(always)]
    pub fn spend(&mut self, length: u32) {
        let cost = match length {
            128.. => BUDGET / 4,
            32.. => 2,
            _ => 1,
        };
        self.left = self.left.saturating_sub(cost);
        self.index += 1;
    }
}

/// A socket whose first payloads are looked at.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct WatchedSocket {
    /// The process that opened it, as at that moment.
    pub owner: RecordHeader,
    /// What it sends.
    sent: Look,
    /// What it receives.
    received: Look,
}

impl WatchedSocket {
    /// How far this direction was looked at.
    #[inline(always)]
    pub fn look(&mut self, direction: Direction) -> &mut Look {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

#[btf_map]
static SOCKETS: SkStorage<WatchedSocket> = SkStorage::new();

/// Begins to watch the socket that the current process connects.
#[inline(always)]
pub fn watch(context: &SockAddrContext) {
    let mut fresh = WatchedSocket {
        owner: task::current_header::<PayloadRecord>(RecordKind::Payload),
        sent: Look::FRESH,
        received: Look::FRESH,
    };
    // SAFETY: the kernel hands over a valid context.
    if unsafe { SOCKETS.get_or_insert_ptr_mut(context, Some(&mut fresh)) }.is_null() {
        emit::count(Loss::SocketUnwatched);
    }
}

/// What is remembered at a socket, null if it is not watched.
///
/// # Safety
/// `socket` must come from the running program's context and not be null.
#[inline(always)]
pub unsafe fn of(socket: *mut bpf_sock) -> *mut WatchedSocket {
    let map = (&raw const SOCKETS).cast_mut().cast();
    // SAFETY: the caller's promise.
    unsafe { bpf_sk_storage_get(map, socket.cast(), ptr::null_mut(), 0) }.cast()
}
