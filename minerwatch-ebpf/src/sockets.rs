//! State stored at a TCP socket (socket-local storage): the owner, the capture budget and the progress. The kernel
//! frees the state together with the socket, and access is cheaper than a lookup in a table of all sockets. This module
//! watches sockets that connect from this host. The daemon adds sockets that were open before its start, and sockets on
//! which a suspect listens.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type, bpf_sock},
    helpers::generated::bpf_sk_storage_get,
    macros::btf_map,
    programs::SockAddrContext,
};
use minerwatch_common::{CaptureBudget, Loss, PayloadRecord, WatchedSocket};

use crate::{emit, task};

/// Describes the map to the loader (`BPF_MAP_TYPE_SK_STORAGE`, which has no preallocated entries). aya has a type for
/// such maps, but without `BPF_F_CLONE`, which copies the state of a listening socket to the sockets that it accepts.
#[repr(C)]
struct Definition {
    r#type: *const [i32; bpf_map_type::BPF_MAP_TYPE_SK_STORAGE as usize],
    key: *const i32,
    value: *const WatchedSocket,
    max_entries: *const [i32; 0],
    map_flags: *const [i32; (BPF_F_NO_PREALLOC | BPF_F_CLONE) as usize],
}

// SAFETY: nobody dereferences these pointers. Only the types matter.
unsafe impl Sync for Definition {}

#[btf_map]
static SOCKETS: Definition = Definition {
    r#type: ptr::null(),
    key: ptr::null(),
    value: ptr::null(),
    max_entries: ptr::null(),
    map_flags: ptr::null(),
};

/// Starts to watch the socket that the current process connects.
#[inline(always)]
pub fn watch(context: &SockAddrContext) {
    let flags = u64::from(BPF_SK_STORAGE_GET_F_CREATE);
    // SAFETY: the kernel passes a valid context and initializes the value with zeros.
    let watched: *mut WatchedSocket = unsafe {
        let socket = (*context.sock_addr).__bindgen_anon_1.sk;
        bpf_sk_storage_get(map(), socket.cast(), ptr::null_mut(), flags).cast()
    };
    if watched.is_null() {
        emit::count(Loss::SocketUnwatched);
        return;
    }
    // SAFETY: checked for null, and nothing is sent or received on a socket that is about to connect. The socket may
    // have been connected before, so all fields except the samples are reset. Only the first `count` samples are valid.
    unsafe {
        (*watched).owner = task::current_header::<PayloadRecord>();
        (*watched).sent = CaptureBudget::FRESH;
        (*watched).received = CaptureBudget::FRESH;
        (*watched).accepted = 0;
        (*watched).refilled = task::ticks();
        (*watched).progress.first = 0;
        (*watched).progress.bytes = [0; 2];
        (*watched).progress.payloads = [0; 2];
        (*watched).progress.count = 0;
        (*watched).progress.bursts = 0;
    }
}

/// Returns the state stored at a socket, or null if the socket is not watched.
///
/// # Safety
/// `socket` must come from the context of the running program and must not be null.
#[inline(always)]
pub unsafe fn of(socket: *mut bpf_sock) -> *mut WatchedSocket {
    // SAFETY: guaranteed by the caller.
    unsafe { bpf_sk_storage_get(map(), socket.cast(), ptr::null_mut(), 0) }.cast()
}

#[inline(always)]
fn map() -> *mut core::ffi::c_void {
    (&raw const SOCKETS).cast_mut().cast()
}
