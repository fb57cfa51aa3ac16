//! Traces: `sock:inet_sock_set_state`, at each state transition of a TCP socket.
//! Kernel: net/ipv4/af_inet.c, `trace_inet_sock_set_state(const struct sock *sk, const int oldstate, const int
//! newstate)`. The connecting process itself sets the state SYN_SENT, so the hook stores that process as the owner of
//! the socket. Later state transitions may run in any process.
//! Produces: [`ConnectRecord`](minerwatch_common::ConnectRecord) with the result;
//! [`CloseRecord`](minerwatch_common::CloseRecord) with byte counts. Connections through io_uring are included.
//! Overhead: state transitions only, nothing for send and receive.
//!
//! The kernel skips a program that is already running on the same CPU (`__bpf_trace_run`, kernel/trace/bpf_trace.c).
//! Packets are handled in interrupts, so the state transition of one socket can interrupt the transition of another.
//! Under load, about one in several hundred closes was lost that way. The reentry fallback is attached after the first
//! program and handles the transitions for which the first program was skipped.

use aya_ebpf::{
    macros::{map, raw_tracepoint},
    maps::PerCpuArray,
    programs::RawTracePointContext,
};
use minerwatch_common::{AF_INET, AF_INET6, ConnectRecord, FlowState, FlowTuple, Transport};

use crate::{
    constants::{offset, setting},
    emit::{Context, Outcome},
    flows::{self, Counts, TCP_FLOWS},
    kernel::{Address, Unreadable},
    task,
};

/// TCP states (include/net/tcp_states.h).
const TCP_ESTABLISHED: i32 = 1;
const TCP_SYN_SENT: i32 = 2;
const TCP_CLOSE: i32 = 7;

/// The number of the bit in `sk_flags` that the FIN of the peer sets (`enum sock_flags`, include/net/sock.h).
const SOCK_DONE: u32 = 1;

/// The result of an attempt that the process gave up before an answer came (`ECANCELED`).
const GIVEN_UP: i32 = 125;

/// The id of the last transition that the first program handled on this CPU.
#[map]
static LAST_TCP_CHANGE: PerCpuArray<u64> = PerCpuArray::with_max_entries(1, 0);

#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn tcp_state(context: RawTracePointContext) -> i32 {
    let Some(change) = Change::of(&context) else { return 0 };
    if let Some(last) = LAST_TCP_CHANGE.get_ptr_mut(0) {
        // SAFETY: a live slot of this CPU. The write is volatile because a program that interrupts this one reads the
        // slot.
        unsafe { last.write_volatile(change.id()) };
    }
    change.handle();
    0
}

/// Runs after `tcp_state` for the same transition. An interrupt between the two programs can cause a transition to be
/// handled twice, which does no harm.
#[raw_tracepoint(tracepoint = "inet_sock_set_state")]
fn tcp_state_reentry_fallback(context: RawTracePointContext) -> i32 {
    let Some(change) = Change::of(&context) else { return 0 };
    let Some(last) = LAST_TCP_CHANGE.get_ptr_mut(0) else { return 0 };
    // SAFETY: as in `tcp_state`.
    if unsafe { last.read_volatile() } != change.id() {
        change.handle();
    }
    0
}

/// A transition to one of the states `SYN_SENT`, `ESTABLISHED` and `CLOSE`.
struct Change {
    context: Context,
    socket: Address,
    before: i32,
    after: i32,
}

impl Change {
    #[inline(always)]
    fn of(context: &RawTracePointContext) -> Option<Self> {
        let after = context.arg(2);
        matches!(after, TCP_SYN_SENT | TCP_ESTABLISHED | TCP_CLOSE).then(|| Self {
            context: Context::of(context),
            socket: Address(context.arg(0)),
            before: context.arg(1),
            after,
        })
    }

    /// Returns an id of the transition: the socket and the new state.
    #[inline(always)]
    fn id(&self) -> u64 {
        self.socket.0 << 8 | self.after as u64
    }

    #[inline(always)]
    fn handle(&self) {
        let _ = match self.after {
            TCP_SYN_SENT => attempted(self.socket),
            TCP_ESTABLISHED => established(self.context, self.socket),
            _ => closed(self.context, self.socket, self.before),
        };
    }
}

#[inline(always)]
fn attempted(socket: Address) -> Outcome {
    if socket.read::<u16>(offset!(sock_protocol))? != Transport::Tcp as u16 || task::is_agent() {
        return Ok(());
    }
    let state = FlowState {
        owner: task::current_header::<ConnectRecord>(),
        flow: tuple(socket)?,
        bytes_sent: 0,
        bytes_received: 0,
        network_namespace: network_namespace(socket).unwrap_or(0),
        reported: 0,
        first_payload: 0,
    };
    flows::remember(&TCP_FLOWS, socket.0, &state);
    Ok(())
}

#[inline(always)]
fn established(context: Context, socket: Address) -> Outcome {
    let Some(state) = TCP_FLOWS.get_ptr_mut(socket.0) else { return Ok(()) };
    // SAFETY: a live row. The kernel changes the state of a socket under the socket's lock, so no other program changes
    // the row.
    let state = unsafe { &mut *state };
    if state.reported != 0 {
        return Ok(());
    }
    state.flow = tuple(socket)?;
    state.reported = 1;
    flows::report_connect(context, state, state.flow, 0);
    Ok(())
}

#[inline(always)]
fn closed(context: Context, socket: Address, before: i32) -> Outcome {
    let mut key = socket.0;
    let mut found = TCP_FLOWS.get_ptr_mut(key);
    if found.is_none() {
        // The daemon may have added the connection, with the cookie as the key. Most other sockets have no cookie.
        key = socket.read(offset!(sock_cookie))?;
        if key == 0 {
            return Ok(());
        }
        found = TCP_FLOWS.get_ptr_mut(key);
    }
    let Some(state) = found else { return Ok(()) };
    // SAFETY: as in `established`.
    let state = unsafe { &mut *state };
    if state.network_namespace == 0 {
        state.network_namespace = network_namespace(socket).unwrap_or(0);
    }
    if before == TCP_SYN_SENT {
        // The kernel chose the source port after the transition to SYN_SENT.
        let flow = FlowTuple {
            source_port: socket.read(offset!(inet_source_port)).map_or(0, u16::from_be),
            ..state.flow
        };
        let error = socket.read::<i32>(offset!(sock_error)).unwrap_or(0);
        flows::report_connect(context, state, flow, if error == 0 { GIVEN_UP } else { error });
    } else {
        if state.reported == 0 {
            // The transition to ESTABLISHED was not seen.
            flows::report_connect(context, state, tuple(socket)?, 0);
        }
        let mut counts = Counts::NONE;
        let _ = count(socket, &mut counts);
        flows::report_close(context, state, counts);
    }
    let _ = TCP_FLOWS.remove(key);
    Ok(())
}

#[inline(always)]
fn count(socket: Address, counts: &mut Counts) -> Outcome {
    let sent = socket.read::<u64>(offset!(tcp_bytes_sent))?;
    let resent = socket.read::<u64>(offset!(tcp_bytes_resent))?;
    let received = socket.read::<u64>(offset!(tcp_bytes_received))?;
    // The kernel counts the FIN of the peer as a received byte, because the FIN takes a sequence number.
    let fin = socket.read::<u64>(offset!(sock_flags))? >> SOCK_DONE & 1;
    let segments_sent = socket.read(offset!(tcp_segments_sent)).unwrap_or(0);
    let segments_received = socket.read(offset!(tcp_segments_received)).unwrap_or(0);
    *counts = Counts {
        sent: sent.saturating_sub(resent),
        received: received.saturating_sub(fin),
        segments: (segments_sent, segments_received),
        counted: true,
        last_payload: 0,
    };
    counts.last_payload = last_payload(socket, counts)?;
    Ok(())
}

/// Returns the time at which a payload was last sent or received, in nanoseconds of `CLOCK_BOOTTIME`; 0 for no payload.
/// The kernel stores both times in 32-bit jiffies (`tcp_jiffies32`), for itself and for `TCP_INFO` (`tcp_get_info`,
/// net/ipv4/tcp.c).
#[inline(always)]
fn last_payload(socket: Address, counts: &Counts) -> Result<u64, Unreadable> {
    let now = task::ticks();
    let mut ago = u32::MAX;
    if counts.sent != 0 {
        ago = now.wrapping_sub(socket.read(offset!(tcp_last_sent))?);
    }
    if counts.received != 0 {
        let received = now.wrapping_sub(socket.read::<u32>(offset!(connection_last_received))?);
        if received < ago {
            ago = received;
        }
    }
    if ago == u32::MAX {
        return Ok(0);
    }
    Ok(task::now().saturating_sub(u64::from(ago) * setting!(tick)))
}

/// Reads the addresses and ports of a TCP socket.
#[inline(always)]
pub fn tuple(socket: Address) -> Result<FlowTuple, Unreadable> {
    let mut flow = FlowTuple {
        source: [0; 16],
        destination: [0; 16],
        source_port: u16::from_be(socket.read(offset!(inet_source_port))?),
        destination_port: u16::from_be(socket.read(offset!(sock_destination_port))?),
        family: socket.read(offset!(sock_family))?,
        transport: Transport::Tcp as u16,
    };
    match flow.family {
        AF_INET => {
            flow.source[..4].copy_from_slice(&socket.read::<[u8; 4]>(offset!(sock_source))?);
            flow.destination[..4].copy_from_slice(&socket.read::<[u8; 4]>(offset!(sock_destination))?);
        }
        AF_INET6 => {
            flow.source = socket.read(offset!(sock_source_v6))?;
            flow.destination = socket.read(offset!(sock_destination_v6))?;
        }
        _ => return Err(Unreadable),
    }
    Ok(flow)
}

#[inline(always)]
fn network_namespace(socket: Address) -> Result<u32, Unreadable> {
    socket.follow(offset!(sock_network))?.read(offset!(network_namespace_inode))
}
