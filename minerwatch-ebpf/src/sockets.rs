//! What is remembered at a TCP socket itself: whose it is, and how much of what it says is still looked at.
//! The kernel frees it with the socket, and finding it costs less than a lookup in a table of all sockets. Sockets that
//! this host connects are marked here; the daemon marks those that were there before it, and those on which a suspect
//! listens.

use core::ptr;

use aya_ebpf::{
    bindings::{BPF_F_CLONE, BPF_F_NO_PREALLOC, BPF_SK_STORAGE_GET_F_CREATE, bpf_map_type, bpf_sock},
    helpers::{bpf_get_current_pid_tgid, generated::bpf_sk_storage_get},
    macros::{btf_map, map},
    maps::PerCpuArray,
    programs::SockAddrContext,
};
use minerwatch_common::{Look, Loss, PayloadRecord, RecordHeader, RecordKind, WatchedSocket};

use crate::{emit, kernel::Address, task};

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

/// Who connects which socket, as last seen on this CPU. The change of its state, which is a moment away, need not find
/// out again.
#[repr(C)]
struct Opener {
    socket: u64,
    owner: RecordHeader,
}

#[map]
static OPENERS: PerCpuArray<Opener> = PerCpuArray::with_max_entries(1, 0);

/// Who connects this socket now, if that was seen on this CPU just before.
#[inline(always)]
pub fn opener(socket: Address) -> Option<RecordHeader> {
    // SAFETY: the slot of this CPU, which only connecting threads touch.
    let opener = unsafe { &mut *OPENERS.get_ptr_mut(0)? };
    if opener.socket != socket.0 || opener.owner.tid != bpf_get_current_pid_tgid() as u32 {
        return None;
    }
    // Once only: a thread that is moved to another CPU at its next attempt must not find this one's there.
    opener.socket = 0;
    Some(opener.owner)
}

/// Begins to watch the socket that the current process connects.
#[inline(always)]
pub fn watch(context: &SockAddrContext) {
    let owner = task::current_header::<PayloadRecord>(RecordKind::Payload);
    // SAFETY: the kernel hands over a valid context.
    let socket = unsafe { (*context.sock_addr).__bindgen_anon_1.sk };
    if let Some(opener) = OPENERS.get_ptr_mut(0) {
        // SAFETY: the slot of this CPU.
        unsafe { opener.write(Opener { socket: socket as u64, owner }) };
    }
    let flags = u64::from(BPF_SK_STORAGE_GET_F_CREATE);
    // SAFETY: the socket is that of the context; the kernel makes the value of zeros.
    let watched: *mut WatchedSocket =
        unsafe { bpf_sk_storage_get(storage(), socket.cast(), ptr::null_mut(), flags).cast() };
    if watched.is_null() {
        emit::count(Loss::SocketUnwatched);
        return;
    }
    // SAFETY: checked for null; nothing is sent or received on a socket that is about to connect. It may have been
    // connected before, so that all of this is written again; but for the beats, which nobody reads before they are.
    unsafe {
        (*watched).owner = owner;
        (*watched).sent = Look::FRESH;
        (*watched).received = Look::FRESH;
        (*watched).accepted = 0;
        (*watched).course.first = 0;
        (*watched).course.bytes = [0; 2];
        (*watched).course.payloads = [0; 2];
        (*watched).course.count = 0;
        (*watched).course.rushes = 0;
    }
}

/// What is remembered at a socket, null if it is not watched.
///
/// # Safety
/// `socket` must come from the running program's context and not be null.
#[inline(always)]
pub unsafe fn of(socket: *mut bpf_sock) -> *mut WatchedSocket {
    // SAFETY: the caller's promise.
    unsafe { bpf_sk_storage_get(storage(), socket.cast(), ptr::null_mut(), 0) }.cast()
}

#[inline(always)]
fn storage() -> *mut core::ffi::c_void {
    (&raw const SOCKETS).cast_mut().cast()
}
