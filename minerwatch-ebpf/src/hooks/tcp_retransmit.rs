//! Traces: `tcp:tcp_retransmit_skb`, when a TCP segment is sent again.
//! Kernel: net/ipv4/tcp_output.c, `trace_tcp_retransmit_skb(const struct sock *sk, const struct sk_buff *skb, …)`.
//! Produces: [`ConnectRecord`](minerwatch_common::ConnectRecord) with the result
//! [`UNANSWERED`] when the first packet of a connection is sent again (after one second). Otherwise a connection to a peer
//! that drops packets would be reported only after the kernel's timeout of two minutes.
//! Overhead: retransmissions only.

use aya_ebpf::{macros::raw_tracepoint, programs::RawTracePointContext};
use minerwatch_common::UNANSWERED;

use crate::{
    emit::Context,
    flows::{self, TCP_FLOWS},
};

/// Means in [`minerwatch_common::FlowState::bytes_sent`], which TCP does not use, that the attempt was reported.
const REPORTED: u64 = 1;

#[raw_tracepoint(tracepoint = "tcp_retransmit_skb")]
fn tcp_retransmit(context: RawTracePointContext) -> i32 {
    let Some(state) = TCP_FLOWS.get_ptr_mut(context.arg::<u64>(0)) else { return 0 };
    // SAFETY: a live row. A socket retransmits under its lock.
    let state = unsafe { &mut *state };
    if state.reported == 0 && state.bytes_sent != REPORTED {
        state.bytes_sent = REPORTED;
        flows::report_connect(Context::of(&context), state, state.flow, UNANSWERED);
    }
    0
}
