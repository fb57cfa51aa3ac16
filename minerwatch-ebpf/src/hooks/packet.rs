//! Traces: each packet that a socket sends or receives, through the hooks of the root cgroup.
//! Kernel: net/ipv4/ip_output.c, `BPF_CGROUP_RUN_PROG_INET_EGRESS(sk, skb)`; net/core/filter.c,
//! `sk_filter_trim_cap(struct sock *sk, struct sk_buff *skb, …)`, which calls `BPF_CGROUP_RUN_PROG_INET_INGRESS(sk,
//! skb)`.
//! Produces: [`PayloadRecord`] for the first payloads of TCP connections and for DNS;
//! [`FlowUpdateRecord`](minerwatch_common::FlowUpdateRecord) during TCP connections; the byte counts of UDP flows. The
//! hook sees packets of every system call, io_uring included.
//! Overhead: each TCP packet costs two helper calls. On a watched socket, it also costs a read of the headers, and a
//! read of the clock unless the transfer is large; while its budget lasts, also one helper call for the state of the
//! connection and two or more for the start of the payload. Each UDP packet costs one table lookup. If the kernel or the network
//! card splits a segment after this hook, the segment counts as one packet.

mod capture;
mod content;
mod header;

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{bpf_get_socket_cookie, bpf_sk_fullsock},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use minerwatch_common::{Direction, Opening, Transport, WatchedSocket};

use self::{
    capture::{Payload, send},
    content::{Part, Piece, find},
    header::{MIN_HEADER, header_byte, ip_header, is_repeated, packet_tuple, tuple},
};
use crate::{
    atomic,
    constants::setting,
    emit, flow_progress,
    flows::{self, UDP_FLOWS},
    prefix::Side,
    sockets, task,
};

/// The return value of a cgroup hook that lets the packet pass.
const ALLOW: i32 = 1;

/// The state of a listening socket (include/net/tcp_states.h).
const TCP_LISTEN: u32 = 10;

/// Maximum length of a payload that is not a part of a bulk transfer, in bytes.
const SMALL_MESSAGE: u32 = 1_024;

/// Maximum number of records for one payload. They use up the budget.
const MAX_PIECES: u32 = 4;

/// Offset of the header length in a TCP header. The upper four bits hold the length in words of four bytes.
const TCP_LENGTH: usize = 12;
/// Length of a UDP header in bytes.
const UDP_HEADER: u32 = 8;
/// The same as a `usize`.
const UDP_LENGTH: usize = UDP_HEADER as usize;

const DNS_PORT: u16 = 53;

#[cgroup_skb(egress)]
fn packet_sent(context: SkBuffContext) -> i32 {
    let _ = packet(context.skb.skb, Direction::Sent);
    ALLOW
}

#[cgroup_skb(ingress)]
fn packet_received(context: SkBuffContext) -> i32 {
    let _ = packet(context.skb.skb, Direction::Received);
    ALLOW
}

#[inline(always)]
fn packet(skb: *mut __sk_buff, direction: Direction) -> emit::Outcome {
    // SAFETY: the kernel passes a valid context. The verifier requires a check for null at each step.
    unsafe {
        let socket = (*skb).__bindgen_anon_2.sk;
        if socket.is_null() {
            return Ok(());
        }
        let socket = bpf_sk_fullsock(socket);
        if socket.is_null() {
            return Ok(());
        }
        match (*socket).protocol {
            protocol if protocol == Transport::Tcp as u32 => tcp(skb, socket, direction),
            protocol if protocol == Transport::Udp as u32 => udp(skb, direction),
            _ => Ok(()),
        }
    }
}

/// Counts the payload of a TCP packet, sends a flow update if one is due, and captures the payload if it is of
/// interest.
///
/// # Safety
/// `skb` must be the packet for which the program runs, and `socket` its socket.
#[inline(always)]
unsafe fn tcp(skb: *mut __sk_buff, socket: *mut bpf_sock, direction: Direction) -> emit::Outcome {
    // SAFETY: guaranteed by the caller.
    let watched = unsafe { sockets::of(socket) };
    if watched.is_null() {
        return Ok(());
    }
    // SAFETY: checked for null. Programs on several CPUs may update the state at the same time, so packets may be
    // miscounted.
    let watched = unsafe { &mut *watched };
    // SAFETY: guaranteed by the caller.
    let header = unsafe { ip_header(skb, Transport::Tcp)? };
    // SAFETY: as above.
    let words = unsafe { header_byte::<TCP_LENGTH, MIN_HEADER>(skb, header)? };
    let start = header + (u32::from(words) >> 4) * 4;
    // SAFETY: as above.
    let length = unsafe { (*skb).len }.wrapping_sub(start);
    if length == 0 || length as i32 <= 0 {
        return Ok(());
    }
    // SAFETY: guaranteed by the caller.
    if watched.accepted != 0 && unsafe { (*socket).state } == TCP_LISTEN {
        // SAFETY: as above.
        return unsafe { before_accept(skb, watched, header, start, length) };
    }
    let is_first = watched.progress.first == 0;
    let delta = flow_progress::follow(&mut watched.progress, direction, length);
    if is_first {
        flows::note_first_payload(socket, watched.progress.first);
    }
    if delta.due {
        // SAFETY: as above.
        let flow = unsafe { tuple(socket) };
        flow_progress::send(emit::Context::of_packet(skb), watched, flow, &delta);
    }
    if watched.budget(direction).left == 0 && !refill(watched, direction, length) {
        return Ok(());
    }
    // SAFETY: as above.
    if unsafe { is_repeated(skb, socket, header, direction, length)? } {
        return Ok(());
    }
    // SAFETY: as above. The read must stay a single load, because the verifier rewrites this load.
    let peer_port = u16::from_be(unsafe { core::ptr::read_volatile(&raw const (*socket).dst_port) });
    let is_opener = matches!(direction, Direction::Sent) == (watched.accepted == 0);
    let other = watched.other_budget(direction);
    let (opening, speaks_first) = (other.opening, other.index == 0);
    let budget = watched.budget(direction);
    let opening = if is_opener { budget.opening } else { opening };
    let side = Side { direction, is_opener, opening, speaks_first };
    // SAFETY: as above.
    let found = unsafe { find(skb, (start, length), peer_port, side, budget)? };
    let Some(mut part) = found else { return Ok(()) };
    // SAFETY: as above.
    let flow = unsafe { tuple(socket) };
    for _ in 0..MAX_PIECES {
        let Some(piece) = part.next_piece(watched.budget(direction)) else { break };
        let accepted = watched.accepted as u16;
        let payload = Payload { owner: &watched.owner, accepted, flow, direction, piece };
        // SAFETY: as above.
        unsafe { send(skb, &payload) };
    }
    Ok(())
}

/// Refills both budgets if the payload is a small message and the last refill is a flow interval ago. Returns whether it did.
#[inline(always)]
fn refill(watched: &mut WatchedSocket, direction: Direction, length: u32) -> bool {
    if length > SMALL_MESSAGE || watched.budget(direction).opening != Opening::OTHER {
        return false;
    }
    let now = task::ticks();
    if u64::from(now.wrapping_sub(watched.refilled)) * setting!(tick) < setting!(flow_interval) {
        return false;
    }
    watched.refilled = now;
    watched.sent.refill();
    watched.received.refill();
    true
}

/// Captures a payload that arrives before its connection is accepted: with `TCP_DEFER_ACCEPT`, with SYN cookies or with
/// TCP Fast Open. The hook then sees the listening socket, which keeps its budget for the accepted sockets.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(never)]
unsafe fn before_accept(
    skb: *mut __sk_buff,
    watched: &WatchedSocket,
    header: u32,
    start: u32,
    length: u32,
) -> emit::Outcome {
    let direction = Direction::Received;
    let mut budget = watched.received;
    let side = Side { direction, is_opener: true, opening: Opening::OTHER, speaks_first: true };
    // SAFETY: guaranteed by the caller.
    let found = unsafe { find(skb, (start, length), 0, side, &mut budget)? };
    let Some(Part { start, length, captured, .. }) = found else { return Ok(()) };
    // SAFETY: as above.
    let flow = unsafe { packet_tuple(skb, header, Transport::Tcp, direction)? };
    let piece = Piece { start, length, captured, index: 0 };
    let payload = Payload { owner: &watched.owner, accepted: 1, flow, direction, piece };
    // SAFETY: as above.
    unsafe { send(skb, &payload) };
    Ok(())
}

/// Counts the payload of a UDP packet, and captures the payload if the packet belongs to DNS.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(always)]
unsafe fn udp(skb: *mut __sk_buff, direction: Direction) -> emit::Outcome {
    // SAFETY: guaranteed by the caller.
    let cookie = unsafe { bpf_get_socket_cookie(skb.cast()) };
    let Some(state) = UDP_FLOWS.get_ptr_mut(cookie) else { return Ok(()) };
    // SAFETY: guaranteed by the caller.
    let header = unsafe { ip_header(skb, Transport::Udp)? };
    let start = header + UDP_HEADER;
    // SAFETY: guaranteed by the caller.
    let length = unsafe { (*skb).len }.wrapping_sub(start);
    if length as i32 <= 0 {
        return Ok(());
    }
    // SAFETY: a live row. The counters are aligned and change only by atomic addition.
    let owner = unsafe {
        let counter = match direction {
            Direction::Sent => &raw mut (*state).bytes_sent,
            Direction::Received => &raw mut (*state).bytes_received,
        };
        atomic::add(counter, u64::from(length));
        &(*state).owner
    };
    // The packet names the peer. The row has only the latest peer of the socket.
    // SAFETY: guaranteed by the caller.
    let peer_port = unsafe {
        match direction {
            Direction::Sent => {
                [header_byte::<2, UDP_LENGTH>(skb, header)?, header_byte::<3, UDP_LENGTH>(skb, header)?]
            }
            Direction::Received => {
                [header_byte::<0, UDP_LENGTH>(skb, header)?, header_byte::<1, UDP_LENGTH>(skb, header)?]
            }
        }
    };
    if u16::from_be_bytes(peer_port) != DNS_PORT {
        return Ok(());
    }
    // SAFETY: as above.
    let flow = unsafe { packet_tuple(skb, header, Transport::Udp, direction)? };
    let piece = Piece { start, length, captured: length, index: 0 };
    let payload = Payload { owner, accepted: 0, flow, direction, piece };
    // SAFETY: guaranteed by the caller.
    unsafe { send(skb, &payload) };
    Ok(())
}
