//! Traces: `tcp:tcp_retransmit_skb`, at each retransmission of a TCP segment.
//! Kernel: net/ipv4/tcp_output.c, `trace_tcp_retransmit_skb(const struct sock *sk, const struct sk_buff *skb, …)`.
//! Produces: [`ConnectRecord`](minerwatch_common::ConnectRecord) with the result [`UNANSWERED`] at the first
//! retransmission of the first packet (SYN) of a connection, after one second. Without this hook, a connection to a
//! peer that drops packets is reported only after the kernel's timeout of two minutes.
//! Overhead: retransmissions only.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use minerwatch_common::UNANSWERED;

use crate::{
    emit::Context,
    flows::{self, TCP_FLOWS},
};

/// The value of [`minerwatch_common::FlowState::bytes_sent`] once the unanswered attempt was reported. TCP has no other
/// use for this field.
const REPORTED: u64 = 1;

#[btf_tracepoint(function = "tcp_retransmit_skb")]
fn tcp_retransmit(context: BtfTracePointContext) -> i32 {
    let socket: *const u8 = context.arg(0);
    let Some(state) = TCP_FLOWS.get_ptr_mut(socket as u64) else { return 0 };
    // SAFETY: a live row. A socket retransmits under its lock.
    let state = unsafe { &mut *state };
    if state.reported == 0 && state.bytes_sent != REPORTED {
        state.bytes_sent = REPORTED;
        flows::report_connect(Context::of(&context), state, state.flow, UNANSWERED);
    }
    0
}
