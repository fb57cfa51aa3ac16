//! What is remembered at a TCP socket itself: whose it is, and how much of what it says is still looked at.
//! The kernel frees it with the socket, and finding it costs less than a lookup in a table of all sockets. Sockets that
//! this host connects are marked here; the daemon marks those that were there before it, and those on which a suspect
//! listens.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type, bpf_sock},
    helpers::generated::bpf_sk_storage_get,
    macros::btf_map,
    programs::SockAddrContext,
};
use minerwatch_common::{CaptureBudget, Loss, PayloadRecord, RecordKind, WatchedSocket};

use crate::{emit, task};

/// The type that describes the map to the loader (`BPF_MAP_TYPE_SK_STORAGE`, which wants no entries set aside). aya's
/// own cannot say that what is remembered at a listening socket is handed on to those it accepts.
#[repr(C)]
struct Definition {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const WatchedSocket,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize],
}

// SAFETY: nobody follows these pointers; their types alone matter.
unsafe impl Sync for Definition {}

#[btf_map]
static SOCKETS: Definition = Definition {
    r#type: ptr::null(),
    key: ptr::null(),
    value: ptr::null(),
    max_entries: ptr::null(),
    map_flags: ptr::null(),
};

/// Begins to watch the socket that the current process connects.
#[inline(always)]
pub fn watch(context: &SockAddrContext) {
    let flags = u64::from(BPF_SK_STORAGE_GET_F_CREATE);
    // SAFETY: the kernel hands over a valid context, and makes the value of zeros.
    let watched: *mut WatchedSocket = unsafe {
        let socket = (*context.sock_addr).__bindgen_anon_1.sk;
        bpf_sk_storage_get(map(), socket.cast(), ptr::null_mut(), flags).cast()
    };
    if watched.is_null() {
        emit::count(Loss::SocketUnwatched);
        return;
    }
    // SAFETY: checked for null; nothing is sent or received on a socket that is about to connect. It may have been
    // connected before, so that all of this is written again; but for the samples, which nobody reads before they are.
    unsafe {
        (*watched).owner = task::current_header::<PayloadRecord>(RecordKind::Payload);
        (*watched).sent = CaptureBudget::FRESH;
        (*watched).received = CaptureBudget::FRESH;
        (*watched).accepted = 0;
        (*watched).progress.first = 0;
        (*watched).progress.bytes = [0; 2];
        (*watched).progress.payloads = [0; 2];
        (*watched).progress.count = 0;
        (*watched).progress.bursts = 0;
    }
}

/// What is remembered at a socket, null if it is not watched.
///
/// # Safety
/// `socket` must come from the running program's context and not be null.
#[inline(always)]
pub unsafe fn of(socket: *mut bpf_sock) -> *mut WatchedSocket {
    // SAFETY: the caller's promise.
    unsafe { bpf_sk_storage_get(map(), socket.cast(), ptr::null_mut(), 0) }.cast()
}

#[inline(always)]
fn map() -> *mut core::ffi::c_void {
    (&raw const SOCKETS).cast_mut().cast()
}
