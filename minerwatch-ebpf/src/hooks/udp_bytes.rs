//! Traces: `sock:sock_send_length` and `sock:sock_recv_length` (from kernel 6.3), at each send and receive.
//! Kernel: net/socket.c, `trace_sock_send_length(struct sock *sk, int ret, int flags)` and its twin.
//! Produces: the byte counts of UDP flows; TCP counts its own.
//! Price: each send and receive pays for the look at the protocol; UDP pays for a lookup as well.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use minerwatch_common::Transport;

use crate::{
    atomic,
    constants::offset,
    flows::{FlowState, UDP_FLOWS},
    kernel::Address,
};

#[raw_tracepoint(tracepoint = "sock_send_length")]
fn udp_sent(context: RawTracePointContext) -> i32 {
    if let Some((state, length)) = flow(&context) {
        // SAFETY: an aligned counter in map memory, only ever added to.
        unsafe { atomic::add(&raw mut (*state).bytes_sent, length) };
    }
    0
}

#[raw_tracepoint(tracepoint = "sock_recv_length")]
fn udp_received(context: RawTracePointContext) -> i32 {
    if let Some((state, length)) = flow(&context) {
        // SAFETY: as in `udp_sent`.
        unsafe { atomic::add(&raw mut (*state).bytes_received, length) };
    }
    0
}

#[inline(always)]
fn flow(context: &RawTracePointContext) -> Option<(*mut FlowState, u64)> {
    let socket = Address(context.arg(0));
    let length: i32 = context.arg(1);
    if length <= 0 || socket.read::<u16>(offset!(sock_protocol)).ok()? != Transport::Udp as u16 {
        return None;
    }
    let cookie: u64 = socket.read(offset!(sock_cookie)).ok()?;
    Some((UDP_FLOWS.get_ptr_mut(cookie)?, length as u64))
}
