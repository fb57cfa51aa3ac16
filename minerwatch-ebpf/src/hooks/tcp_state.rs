//! Traces: `sock:inet_sock_set_state`, at each state transition of a TCP socket, and `tcp:tcp_destroy_sock`, at its end.
//! Kernel: net/ipv4/af_inet.c, `trace_inet_sock_set_state(const struct sock *sk, const int oldstate, const int
//! newstate)`; net/ipv4/tcp_ipv4.c, `trace_tcp_destroy_sock(struct sock *sk)`. The connecting process itself sets the
//! state SYN_SENT, so the hook stores that process as the owner of the socket. Later state transitions may run in any
//! process.
//! Produces: [`ConnectRecord`](minerwatch_common::ConnectRecord) with the result;
//! [`CloseRecord`](minerwatch_common::CloseRecord) with byte counts. Connections through io_uring are included.
//! Overhead: state transitions only, nothing for send and receive.
//!
//! The kernel skips a program that is already running on the same CPU (`__bpf_trace_run`, kernel/trace/bpf_trace.c).
//! Packets are handled in interrupts, so the state transition of one socket can interrupt the transition of another.
//! Under load, about one in several hundred closes was lost that way. What was lost is made up for when the kernel
//! destroys the socket.

use aya_ebpf::{macros::btf_tracepoint, programs::BtfTracePointContext};
use minerwatch_common::{ConnectRecord, FlowState, FlowTuple};

use crate::{
    emit::{Context, Outcome},
    flows::{self, TCP_FLOWS},
    task,
    tcp_socket::TcpSocket,
};

/// TCP states (include/net/tcp_states.h).
const TCP_ESTABLISHED: i32 = 1;
const TCP_SYN_SENT: i32 = 2;
const TCP_SYN_RECV: i32 = 3;
const TCP_CLOSE: i32 = 7;

/// The result of an attempt that the process gave up before an answer came (`ECANCELED`).
const GIVEN_UP: i32 = 125;

#[btf_tracepoint(function = "inet_sock_set_state")]
fn tcp_state(context: BtfTracePointContext) -> i32 {
    let _ = changed(Context::of(&context), context.arg(0), context.arg(1), context.arg(2));
    0
}

#[btf_tracepoint(function = "tcp_destroy_sock")]
fn tcp_destroyed(context: BtfTracePointContext) -> i32 {
    let socket: *const u8 = context.arg(0);
    let _ = closed(Context::of(&context), socket, TCP_CLOSE);
    0
}

#[inline(always)]
fn changed(context: Context, socket: *const u8, before: i32, after: i32) -> Outcome {
    match after {
        TCP_SYN_SENT => attempted(socket),
        TCP_ESTABLISHED => established(context, socket),
        TCP_CLOSE => closed(context, socket, before),
        _ => Ok(()),
    }
}

#[inline(always)]
fn attempted(socket: *const u8) -> Outcome {
    if task::is_agent() {
        return Ok(());
    }
    let tcp = TcpSocket::of_argument(socket)?;
    let state = FlowState {
        owner: task::current_header::<ConnectRecord>(),
        flow: tcp.flow()?,
        bytes_sent: 0,
        bytes_received: 0,
        network_namespace: tcp.network_namespace(),
        reported: 0,
        first_payload: 0,
    };
    flows::remember(&TCP_FLOWS, socket as u64, &state);
    Ok(())
}

#[inline(always)]
fn established(context: Context, socket: *const u8) -> Outcome {
    let Some(state) = TCP_FLOWS.get_ptr_mut(socket as u64) else { return Ok(()) };
    // SAFETY: a live row. The kernel changes the state of a socket under the socket's lock, so no other program changes
    // the row.
    let state = unsafe { &mut *state };
    if state.reported != 0 {
        return Ok(());
    }
    state.flow = TcpSocket::of_argument(socket)?.flow()?;
    state.reported = 1;
    flows::report_connect(context, state, state.flow, 0);
    Ok(())
}

#[inline(always)]
fn closed(context: Context, socket: *const u8, before: i32) -> Outcome {
    let mut key = socket as u64;
    let mut found = TCP_FLOWS.get_ptr_mut(key);
    let tcp = TcpSocket::of_argument(socket)?;
    if found.is_none() {
        // The daemon may have added the connection, with the cookie as the key. Most other sockets have no cookie.
        key = tcp.cookie();
        if key == 0 {
            return Ok(());
        }
        found = TCP_FLOWS.get_ptr_mut(key);
    }
    let Some(state) = found else { return Ok(()) };
    // SAFETY: as in `established`.
    let state = unsafe { &mut *state };
    if state.network_namespace == 0 {
        state.network_namespace = tcp.network_namespace();
    }
    // After a simultaneous open the state is SYN_RECV.
    let is_attempt = matches!(before, TCP_SYN_SENT | TCP_SYN_RECV) || !tcp.was_answered();
    if state.reported == 0 && is_attempt {
        let error = tcp.error();
        // The kernel chose the source port after the transition to SYN_SENT.
        let flow = FlowTuple { source_port: tcp.source_port(), ..state.flow };
        flows::report_connect(context, state, flow, if error == 0 { GIVEN_UP } else { error });
    } else {
        if state.reported == 0 {
            // The transition to ESTABLISHED was not seen.
            flows::report_connect(context, state, tcp.flow()?, 0);
        }
        flows::report_close(context, state, tcp.counts());
    }
    let _ = TCP_FLOWS.remove(key);
    Ok(())
}
