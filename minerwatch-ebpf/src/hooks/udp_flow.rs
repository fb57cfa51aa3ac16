//! Traces: connects, sends on unconnected UDP sockets, and the release of UDP sockets, through the hooks of the root
//! cgroup.
//! Kernel: net/ipv4/datagram.c and net/ipv4/udp.c, `BPF_CGROUP_RUN_PROG_INET4_CONNECT(sk, uaddr, uaddrlen)` and
//! `BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK(sk, uaddr, uaddrlen, t_ctx)`; net/ipv6 has the same hooks for IPv6;
//! net/ipv4/af_inet.c, `BPF_CGROUP_RUN_PROG_INET_SOCK_RELEASE(sk)`.
//! Produces: [`ConnectRecord`] when a UDP socket gets a peer, for at most [`MAX_PEERS`] peers of a socket;
//! [`CloseRecord`](minerwatch_common::CloseRecord) when the socket is released. For TCP, the hook stores the owner at
//! the socket, so that `packet` knows the process of each payload.
//! Overhead: a store at the socket for each TCP connect; a table lookup for each datagram on an unconnected socket;
//! nothing for send and receive on connected sockets.

use aya_ebpf::{
    EbpfContext as _,
    bindings::bpf_sock_addr,
    helpers::generated::bpf_get_socket_cookie,
    macros::{cgroup_sock, cgroup_sock_addr, map},
    maps::LruHashMap,
    programs::{SockAddrContext, SockContext},
};
use minerwatch_common::{AF_INET, AF_INET6, ConnectRecord, FlowState, FlowTuple, Transport};

use crate::{
    constants::offset,
    emit::Context,
    flows::{self, Counts, UDP_FLOWS},
    kernel::Address,
    sockets, task,
};

/// Maximum number of peers that are reported for one unconnected socket. DNS servers and peer-to-peer programs have
/// many peers.
const MAX_PEERS: u32 = 16;

/// Number of reported peers that are remembered. If it is too small, peers are only reported more often.
const MAX_REPORTED: u32 = 4_096;

/// The reported peers of the sockets that use several. The key is the cookie of the socket, followed by [`peer_key`].
#[map]
static REPORTED_PEERS: LruHashMap<[u64; 2], u8> = LruHashMap::with_max_entries(MAX_REPORTED, 0);

/// The return value of a cgroup hook that lets the call continue.
const ALLOW: i32 = 1;

#[cgroup_sock_addr(connect4)]
fn udp_connect4(context: SockAddrContext) -> i32 {
    connected(&context, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(connect6)]
fn udp_connect6(context: SockAddrContext) -> i32 {
    connected(&context, AF_INET6);
    ALLOW
}

#[cgroup_sock_addr(sendmsg4)]
fn udp_send4(context: SockAddrContext) -> i32 {
    connected(&context, AF_INET);
    ALLOW
}

#[cgroup_sock_addr(sendmsg6)]
fn udp_send6(context: SockAddrContext) -> i32 {
    connected(&context, AF_INET6);
    ALLOW
}

#[cgroup_sock(sock_release)]
fn udp_release(context: SockContext) -> i32 {
    // SAFETY: the kernel passes a valid context.
    if unsafe { (*context.sock).protocol } != Transport::Udp as u32 {
        return ALLOW;
    }
    // SAFETY: as above.
    let cookie = unsafe { bpf_get_socket_cookie(context.as_ptr()) };
    if let Some(state) = UDP_FLOWS.get_ptr(cookie) {
        // SAFETY: a live row. Nothing else uses the socket at its release.
        let state = unsafe { &*state };
        let (sent, received) = (state.bytes_sent, state.bytes_received);
        // Without `packet` nothing is counted. Such a flow must not look like a flow without payload.
        let counted = sent != 0 || received != 0;
        let counts = Counts { sent, received, counted, ..Counts::NONE };
        flows::report_close(Context::of(&context), state, counts);
        let _ = UDP_FLOWS.remove(cookie);
    }
    ALLOW
}

#[inline(always)]
fn connected(context: &SockAddrContext, family: u16) {
    let address = context.sock_addr;
    // SAFETY: the kernel passes a valid context.
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
        // SAFETY: a live row. Two threads that send at the same time may both report their peer.
        let state = unsafe { &mut *state };
        if state.flow.destination == flow.destination && state.flow.destination_port == flow.destination_port
        {
            return;
        }
        let peers = [[cookie, peer_key(&state.flow)], [cookie, peer_key(&flow)]];
        state.flow = flow;
        if state.reported >= MAX_PEERS || REPORTED_PEERS.get_ptr(peers[1]).is_some() {
            return;
        }
        state.reported += 1;
        for peer in &peers {
            let _ = REPORTED_PEERS.insert(peer, 0, 0);
        }
        flows::report_connect(Context::of(context), state, flow, 0);
        return;
    }
    let state = FlowState {
        owner: task::current_header::<ConnectRecord>(),
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

/// Returns a number for the peer. If two peers of a socket have the same number, only one of them is reported.
#[inline(always)]
fn peer_key(flow: &FlowTuple) -> u64 {
    let [high, low]: [u64; 2] = zerocopy::transmute!(flow.destination);
    high.rotate_left(17) ^ low ^ u64::from(flow.destination_port) << 48
}

/// Reads the peer of the call. The source address and port stay zero, because the socket may not be bound yet.
///
/// # Safety
/// `address` must be the context of the running program.
#[inline(always)]
unsafe fn tuple(address: *mut bpf_sock_addr, family: u16) -> FlowTuple {
    let mut flow = FlowTuple {
        source: [0; 16],
        destination: [0; 16],
        source_port: 0,
        // SAFETY: guaranteed by the caller.
        destination_port: u16::from_be(unsafe { (*address).user_port } as u16),
        family,
        transport: Transport::Udp as u16,
    };
    if family == AF_INET {
        // SAFETY: guaranteed by the caller.
        flow.destination[..4].copy_from_slice(&unsafe { (*address).user_ip4 }.to_ne_bytes());
    } else {
        // Each word must stay a single load, because the verifier rewrites this load.
        // SAFETY: guaranteed by the caller.
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
