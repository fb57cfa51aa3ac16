//! Traces: each packet that a socket sends or receives, through the hooks of the root cgroup.
//! Kernel: net/ipv4/ip_output.c, `BPF_CGROUP_RUN_PROG_INET_EGRESS(sk, skb)`; net/core/filter.c,
//! `sk_filter_trim_cap(struct sock *sk, struct sk_buff *skb, …)`, which calls `BPF_CGROUP_RUN_PROG_INET_INGRESS(sk,
//! skb)`.
//! Produces: [`PayloadRecord`] for the first payloads of TCP connections and for DNS;
//! [`FlowUpdateRecord`](minerwatch_common::FlowUpdateRecord) during TCP connections; the byte counts of UDP flows. The
//! hook sees packets of every system call, io_uring included.
//! Overhead: each TCP packet costs two helper calls. On a watched socket, it also costs a read of the headers, and a
//! read of the clock unless the transfer is large. Each UDP packet costs one table lookup. If the kernel or the network
//! card splits a segment after this hook, the segment counts as one packet.

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{bpf_get_socket_cookie, bpf_sk_fullsock, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use minerwatch_common::{
    AF_INET, AF_INET6, Direction, FlowTuple, MAX_PAYLOAD, PayloadRecord, RecordHeader, Transport,
};

use crate::{
    atomic, emit, flow_progress,
    flows::{self, UDP_FLOWS},
    kernel::Unreadable,
    prefix::{self, Interest},
    sockets, task,
};

/// The return value of a cgroup hook that lets the packet pass.
const ALLOW: i32 = 1;

/// Length of an IPv6 header in bytes. Packets with extension headers are not read.
const IPV6_HEADER: u32 = 40;
/// Offset of the next header type in an IPv6 header.
const IPV6_NEXT: usize = 6;
/// Offset of the header length in a TCP header. The upper four bits hold the length in words of four bytes.
const TCP_LENGTH: usize = 12;
/// Length of a UDP header in bytes.
const UDP_HEADER: u32 = 8;
/// Minimum length of an IPv4 header, and of a TCP header, in bytes.
const MIN_HEADER: usize = 20;

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
/// `skb` and `socket` must be those of the running program.
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
    let words = unsafe { header_byte::<TCP_LENGTH>(skb, header)? };
    let start = header + (u32::from(words) >> 4) * 4;
    // SAFETY: as above.
    let length = unsafe { (*skb).len }.wrapping_sub(start);
    if length == 0 || length as i32 <= 0 {
        return Ok(());
    }
    let is_first = watched.progress.first == 0;
    let delta = flow_progress::follow(&mut watched.progress, direction, length);
    if is_first {
        flows::note_first_payload(socket, watched.progress.first);
    }
    if let Some(delta) = delta {
        // SAFETY: as above.
        let flow = unsafe { tuple(socket) };
        flow_progress::send(emit::Context::of_packet(skb), watched, flow, &delta);
    }
    if watched.budget(direction).left == 0 {
        return Ok(());
    }
    // SAFETY: as above.
    let head = unsafe { head(skb, start, length)? };
    let is_opener = matches!(direction, Direction::Sent) == (watched.accepted == 0);
    let budget = watched.budget(direction);
    let index = budget.index;
    // SAFETY: as above. The read must stay a single load, because the verifier rewrites this load.
    let peer_port = u16::from_be(unsafe { core::ptr::read_volatile(&raw const (*socket).dst_port) });
    let interest = if peer_port == DNS_PORT {
        Interest::Whole
    } else {
        prefix::interest(head, length, direction, budget)
    };
    if index == 0 && is_opener {
        budget.foreign = u16::from(prefix::is_foreign(head, interest));
    }
    budget.spend(length);
    budget.continues = u16::from(matches!(interest, Interest::Begins | Interest::Continues));
    let captured = match interest {
        Interest::None => return Ok(()),
        Interest::Length => 0,
        Interest::Whole | Interest::Begins | Interest::Continues => length,
    };
    // SAFETY: as above.
    let flow = unsafe { tuple(socket) };
    let accepted = watched.accepted as u16;
    let owner = &watched.owner;
    let payload = Payload { owner, accepted, flow, direction, index, start, length, captured };
    // SAFETY: as above.
    unsafe { send(skb, &payload) };
    Ok(())
}

/// Counts the payload of a UDP packet, and captures the payload if the packet belongs to DNS.
///
/// # Safety
/// `skb` must be that of the running program.
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
    let (flow, owner) = unsafe {
        let counter = match direction {
            Direction::Sent => &raw mut (*state).bytes_sent,
            Direction::Received => &raw mut (*state).bytes_received,
        };
        atomic::add(counter, u64::from(length));
        ((*state).flow, &(*state).owner)
    };
    if flow.destination_port != DNS_PORT {
        return Ok(());
    }
    let peer = match direction {
        Direction::Sent => header + 2,
        Direction::Received => header,
    };
    // SAFETY: guaranteed by the caller.
    if unsafe { load::<u16>(skb, peer)? } != DNS_PORT.to_be() {
        return Ok(());
    }
    let payload = Payload { owner, accepted: 0, flow, direction, index: 0, start, length, captured: length };
    // SAFETY: guaranteed by the caller.
    unsafe { send(skb, &payload) };
    Ok(())
}

/// Returns the length of the IP header in bytes. Fails for an IPv6 packet whose next header is not of this transport.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn ip_header(skb: *mut __sk_buff, transport: Transport) -> Result<u32, Unreadable> {
    // SAFETY: guaranteed by the caller.
    let first = unsafe { header_byte::<0>(skb, 0)? };
    if first >> 4 == 4 {
        return Ok(u32::from(first & 0xf) * 4);
    }
    // SAFETY: guaranteed by the caller.
    let next = unsafe { header_byte::<IPV6_NEXT>(skb, 0)? };
    if u16::from(next) == transport as u16 { Ok(IPV6_HEADER) } else { Err(Unreadable) }
}

/// Reads a byte of the header that begins at `start`. The byte is read in place, because the kernel keeps headers
/// together at the front of the packet. Fails if the packet has less than [`MIN_HEADER`] bytes of the header there.
///
/// # Safety
/// `skb` must be that of the running program, `BYTE` less than [`MIN_HEADER`].
#[inline(always)]
unsafe fn header_byte<const BYTE: usize>(skb: *mut __sk_buff, start: u32) -> Result<u8, Unreadable> {
    // SAFETY: guaranteed by the caller. The byte is only read after a check that it lies before the end.
    unsafe {
        let header = (*skb).data as usize + start as usize;
        if header + MIN_HEADER > (*skb).data_end as usize {
            return Err(Unreadable);
        }
        Ok(((header + BYTE) as *const u8).read())
    }
}

/// Reads the first four bytes of a payload. For a shorter payload, reads only the first byte and sets the rest to zero.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn head(skb: *mut __sk_buff, start: u32, length: u32) -> Result<[u8; 4], Unreadable> {
    if length >= 4 {
        // SAFETY: guaranteed by the caller.
        unsafe { load(skb, start) }
    } else {
        // SAFETY: guaranteed by the caller.
        Ok([unsafe { load(skb, start)? }, 0, 0, 0])
    }
}

/// Loads a value from the packet.
///
/// # Safety
/// `skb` must be that of the running program, and `T` must be plain data.
#[inline(always)]
unsafe fn load<T: Copy>(skb: *mut __sk_buff, offset: u32) -> Result<T, Unreadable> {
    let mut value = core::mem::MaybeUninit::<T>::uninit();
    // SAFETY: the helper writes all of the value or fails.
    unsafe {
        let target = value.as_mut_ptr().cast();
        if bpf_skb_load_bytes(skb.cast(), offset, target, size_of::<T>() as u32) == 0 {
            Ok(value.assume_init())
        } else {
            Err(Unreadable)
        }
    }
}

/// The contents of a payload record, and the position of the payload in the packet.
struct Payload<'a> {
    owner: &'a RecordHeader,
    accepted: u16,
    flow: FlowTuple,
    direction: Direction,
    index: u16,
    start: u32,
    length: u32,
    captured: u32,
}

/// Sends a payload record. Captures at most [`MAX_PAYLOAD`] bytes.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn send(skb: *mut __sk_buff, payload: &Payload<'_>) {
    emit::in_place(emit::Context::of_packet(skb), |record: *mut PayloadRecord| {
        let captured =
            if payload.captured > MAX_PAYLOAD as u32 { MAX_PAYLOAD as u32 } else { payload.captured };
        // SAFETY: the record is memory of the ring. Every field is written, and `captured` bytes of `data`.
        unsafe {
            (&raw mut (*record).header).write(payload.owner.for_record::<PayloadRecord>(task::now()));
            (&raw mut (*record).opened).write(payload.owner.time);
            (&raw mut (*record).flow).write(payload.flow);
            (&raw mut (*record).direction).write(payload.direction as u16);
            (&raw mut (*record).index).write(payload.index);
            (&raw mut (*record).length).write(payload.length);
            (&raw mut (*record).captured).write(captured as u16);
            (&raw mut (*record).accepted).write(payload.accepted);
            (&raw mut (*record).reserved).write(0);
            if captured == 0 {
                return true;
            }
            let data = (&raw mut (*record).data).cast();
            bpf_skb_load_bytes(skb.cast(), payload.start, data, from_one(captured)) == 0
        }
    });
}

/// Returns the same length, in a form that shows the verifiers of 5.10 and 6.1 that the length is between 1 and
/// [`MAX_PAYLOAD`]. A comparison with zero is not enough for these verifiers.
#[inline(always)]
fn from_one(length: u32) -> u32 {
    let mut less = u64::from(length).wrapping_sub(1);
    // SAFETY: emits no instruction. The empty assembly hides earlier comparisons of the length from the compiler.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) less) };
    let most = MAX_PAYLOAD as u64 - 1;
    if less > most {
        less = most;
    }
    less as u32 + 1
}

/// Reads the addresses and ports of a TCP socket.
///
/// # Safety
/// `socket` must be that of the running program.
#[inline(always)]
unsafe fn tuple(socket: *mut bpf_sock) -> FlowTuple {
    // Each word must stay a single load, because the verifier rewrites this load.
    macro_rules! word {
        ($($field:tt)*) => {
            // SAFETY: guaranteed by the caller.
            unsafe { core::ptr::read_volatile(&raw const (*socket).$($field)*) }
        };
    }
    let mut flow = FlowTuple {
        source: [0; 16],
        destination: [0; 16],
        source_port: word!(src_port) as u16,
        destination_port: u16::from_be(word!(dst_port)),
        family: word!(family) as u16,
        transport: Transport::Tcp as u16,
    };
    if flow.family == AF_INET6 {
        let source = [word!(src_ip6[0]), word!(src_ip6[1]), word!(src_ip6[2]), word!(src_ip6[3])];
        let peer = [word!(dst_ip6[0]), word!(dst_ip6[1]), word!(dst_ip6[2]), word!(dst_ip6[3])];
        flow.source = zerocopy::transmute!(source);
        flow.destination = zerocopy::transmute!(peer);
    } else {
        flow.family = AF_INET;
        flow.source[..4].copy_from_slice(&word!(src_ip4).to_ne_bytes());
        flow.destination[..4].copy_from_slice(&word!(dst_ip4).to_ne_bytes());
    }
    flow
}
