//! Traces: connecting a UDP socket, sending on one that is not connected, and the end of a socket, through
//! the hooks of the root cgroup.
//! Kernel: net/ipv4/datagram.c and net/ipv4/udp.c (`BPF_CGROUP_RUN_PROG_INET4_CONNECT`,
//! `…_UDP4_SENDMSG_LOCK`), their IPv6 twins, net/ipv4/af_inet.c (`BPF_CGROUP_RUN_PROG_INET_SOCK_RELEASE`).
//! Produces: [`ConnectRecord`] when a socket gets a peer, up to [`MAX_PEERS`] for one that talks to many;
//! [`CloseRecord`](minerwatch_common::CloseRecord) when it ends.
//! For TCP it marks the socket, so that `packet` knows whose words it reads.
//! Price: a connect of TCP pays for the mark; a datagram on an unconnected socket costs a
//! lookup; send and receive on connected sockets cost nothing.

use aya_ebpf::{
    EbpfContext as _,
    bindings::bpf_sock_addr,
    helpers::generated::bpf_get_socket_cookie,
    macros::{cgroup_sock, cgroup_sock_addr},
    programs::{SockAddrContext, SockContext},
};
use minerwatch_common::{ConnectRecord, FlowState, FlowTuple, RecordKind, Transport};

use crate::{
    constants::offset,
    emit::Context,
    flows::{self, Counts, UDP_FLOWS},
    kernel::Address,
    sockets, task,
};

/// Peers of one unconnected socket that are reported; DNS and peer-to-peer programs have no end of them.
const MAX_PEERS: u32 = 16;

/// A cgroup hook's verdict: let the call go on.
const ALLOW: i32 = 1;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

#[cgroup_sock_addr(connect4)]
fn udp_connect4(context: SockAddrContext) -> i32 {
    talks_to(&context, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(connect6)]
fn udp_connect6(context: SockAddrContext) -> i32 {
    talks_to(&context, AF_INET6);
    ALLOW
}

#[cgroup_sock_addr(sendmsg4)]
fn udp_send4(context: SockAddrContext) -> i32 {
    talks_to(&context, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(sendmsg6)]
fn udp_send6(context: SockAddrContext) -> i32 {
    talks_to(&context, AF_INET6);
    ALLOW
}

#[cgroup_sock(sock_release)]
fn udp_release(context: SockContext) -> i32 {
    // SAFETY: the kernel hands over a valid context.
    if unsafe { (*context.sock).protocol } != Transport::Udp as u32 {
        return ALLOW;
    }
    // SAFETY: as above.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    if let Some(state) = UDP_FLOWS.get_ptr(cookie) {
        // SAFETY: a live row; the socket is at its end.
        let state = unsafe { &*state };
        let (sent, received) = (state.bytes_sent, state.bytes_received);
        // Where nothing counts (see `packet`), that must not look like a flow without a byte.
        let counted = sent != 0 || received != 0;
        let counts = Counts { sent, received, counted, ..Counts::NONE };
        flows::report_close(Context::of(&context), state, counts);
        let _ = UDP_FLOWS.remove(cookie);
    }
    ALLOW
}

#[inline(always)]
fn talks_to(context: &SockAddrContext, family: u16) {
    let address = context.sock_addr;
    // SAFETY: the kernel hands over a valid context.
    let protocol = unsafe { (*address).protocol };
    if task::is_agent() {
        return;
    }
    if protocol == Transport::Tcp as u32 {
        sockets::watch(context);
        return;
    }
    if protocol != Transport::Udp as u32 {
        return;
    }
    // SAFETY: the same context.
    let flow = unsafe { tuple(address, family) };
    // SAFETY: the same context.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    if let Some(state) = UDP_FLOWS.get_ptr_mut(cookie) {
        // SAFETY: a live row. Two threads sending at once may both report, or miss one another's bytes.
        let state = unsafe { &mut *state };
        if state.flow.destination == flow.destination && state.flow.destination_port == flow.destination_port
        {
            return;
        }
        state.flow = flow;
        if state.reported < MAX_PEERS {
            state.reported += 1;
            flows::report_connect(Context::of(context), state, flow, 0);
        }
        return;
    }
    let state = FlowState {
        owner: task::current_header::<ConnectRecord>(RecordKind::Connect),
        flow,
        bytes_sent: 0,
        bytes_received: 0,
        network_namespace: network_namespace(),
        reported: 1,
        first_payload: 0,
    };
    if flows::remember(&UDP_FLOWS, cookie, &state) {
        flows::report_connect(Context::of(context), &state, flow, 0);
    }
}

/// # Safety
/// `address` must be the context of the running program.
#[inline(always)]
unsafe fn tuple(address: *mut bpf_sock_addr, family: u16) -> FlowTuple {
    let mut flow = FlowTuple {
        source: [0; 16],
        destination: [0; 16],
        source_port: 0,
        // SAFETY: the caller's promise.
        destination_port: u16::from_be(unsafe { (*address).user_port } as u16),
        family,
        transport: Transport::Udp as u16,
    };
    if family == AF_INET {
        // SAFETY: the caller's promise.
        flow.destination[..4].copy_from_slice(&unsafe { (*address).user_ip4 }.to_ne_bytes());
    } else {
        // One word at a time: the verifier rewrites each such load.
        // SAFETY: the caller's promise.
        let words = unsafe {
            [
                core::ptr::read_volatile(&raw const (*address).user_ip6[0]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[1]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[2]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[3]),
            ]
        };
        flow.destination[..4].copy_from_slice(&words[0].to_ne_bytes());
        flow.destination[4..8].copy_from_slice(&words[1].to_ne_bytes());
        flow.destination[8..12].copy_from_slice(&words[2].to_ne_bytes());
        flow.destination[12..].copy_from_slice(&words[3].to_ne_bytes());
    }
    flow
}

#[inline(always)]
fn network_namespace() -> u32 {
    Address::current_task()
        .follow(offset!(task_nsproxy))
        .and_then(|proxy| proxy.follow(offset!(nsproxy_network)))
        .and_then(|network| network.read(offset!(network_namespace_inode)))
        .unwrap_or(0)
}
