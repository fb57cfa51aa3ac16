//! Traces: each packet that a socket sends and receives, through the hooks of the root cgroup.
//! Kernel: net/ipv4/ip_output.c `BPF_CGROUP_RUN_PROG_INET_EGRESS`, net/core/filter.c
//! `sk_filter_trim_cap` (`BPF_CGROUP_RUN_PROG_INET_INGRESS`).
//! Produces: [`PayloadRecord`] for the first payloads of TCP connections and for DNS;
//! [`FlowUpdateRecord`](minerwatch_common::FlowUpdateRecord) as TCP connections go on; the byte counts of UDP flows. It sees
//! what goes over the wire, so it does not matter which system call or io_uring sent it.
//! Price: two helper calls for a packet of a connection, a look at its headers, and the time of day unless the
//! connection is in a hurry; a lookup for UDP. Segments that the network card or the kernel cut later count as one.

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{bpf_get_socket_cookie, bpf_sk_fullsock, bpf_skb_load_bytes},
    macros::cgroup_skb,
    programs::SkBuffContext,
};
use minerwatch_common::{
    Direction, FlowTuple, MAX_PAYLOAD, PayloadRecord, RecordHeader, RecordKind, Transport,
};

use crate::{
    atomic, emit, flow_progress,
    flows::{self, UDP_FLOWS},
    kernel::Unreadable,
    prefix::{self, Interest},
    sockets, task,
};

/// A cgroup hook's verdict: let the packet pass.
const ALLOW: i32 = 1;

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;

/// Bytes of an IPv6 header; extensions are not followed.
const IPV6_HEADER: u32 = 40;
/// Where an IPv6 header says what follows it.
const IPV6_NEXT: usize = 6;
/// Where a TCP header has its own length, in words of four bytes in the upper half.
const TCP_LENGTH: usize = 12;
const UDP_HEADER: u32 = 8;
/// Bytes of the shortest header of IPv4 and of TCP.
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
    // SAFETY: the kernel hands over a valid context; the verifier wants each step checked for null.
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

/// # Safety
/// `skb` and `socket` must be those of the running program.
#[inline(always)]
unsafe fn tcp(skb: *mut __sk_buff, socket: *mut bpf_sock, direction: Direction) -> emit::Outcome {
    // SAFETY: the caller's promise.
    let watched = unsafe { sockets::of(socket) };
    if watched.is_null() {
        return Ok(());
    }
    // SAFETY: checked for null. Only this direction's packets touch its half; two at once may miscount.
    let watched = unsafe { &mut *watched };
    // SAFETY: the caller's promise.
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
    if watched.look(direction).left == 0 {
        return Ok(());
    }
    // SAFETY: as above.
    let head = unsafe { head(skb, start, length)? };
    let is_opener = matches!(direction, Direction::Sent) == (watched.accepted == 0);
    let look = watched.look(direction);
    let index = look.index;
    // SAFETY: as above. The verifier rewrites the load, so that it must stay one.
    let peer_port = u16::from_be(unsafe { core::ptr::read_volatile(&raw const (*socket).dst_port) });
    let interest =
        if peer_port == DNS_PORT { Interest::Whole } else { prefix::interest(head, length, direction, look) };
    if index == 0 && is_opener {
        look.foreign = u16::from(prefix::is_foreign(head, interest));
    }
    look.spend(length);
    look.goes_on = u16::from(matches!(interest, Interest::Begins | Interest::GoesOn));
    let captured = match interest {
        Interest::None => return Ok(()),
        Interest::Length => 0,
        Interest::Whole | Interest::Begins | Interest::GoesOn => length,
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

/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn udp(skb: *mut __sk_buff, direction: Direction) -> emit::Outcome {
    // SAFETY: the caller's promise.
    let cookie = unsafe { bpf_get_socket_cookie(skb.cast()) };
    let Some(state) = UDP_FLOWS.get_ptr_mut(cookie) else { return Ok(()) };
    // SAFETY: the caller's promise.
    let header = unsafe { ip_header(skb, Transport::Udp)? };
    let start = header + UDP_HEADER;
    // SAFETY: the caller's promise.
    let length = unsafe { (*skb).len }.wrapping_sub(start);
    if length as i32 <= 0 {
        return Ok(());
    }
    // SAFETY: a live row; the counters are aligned and only ever added to.
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
    // SAFETY: the caller's promise.
    if unsafe { load::<u16>(skb, peer)? } != DNS_PORT.to_be() {
        return Ok(());
    }
    let payload = Payload { owner, accepted: 0, flow, direction, index: 0, start, length, captured: length };
    // SAFETY: the caller's promise.
    unsafe { send(skb, &payload) };
    Ok(())
}

/// Bytes of the IP header, if this transport follows it.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn ip_header(skb: *mut __sk_buff, transport: Transport) -> Result<u32, Unreadable> {
    // SAFETY: the caller's promise.
    let first = unsafe { header_byte::<0>(skb, 0)? };
    if first >> 4 == 4 {
        return Ok(u32::from(first & 0xf) * 4);
    }
    // SAFETY: the caller's promise.
    let next = unsafe { header_byte::<IPV6_NEXT>(skb, 0)? };
    if u16::from(next) == transport as u16 { Ok(IPV6_HEADER) } else { Err(Unreadable) }
}

/// A byte of a header, read in place: the kernel keeps headers in one piece at the front. `start` is where the header
/// begins, [`MIN_HEADER`] bytes of which must be there.
///
/// # Safety
/// `skb` must be that of the running program, `BYTE` less than [`MIN_HEADER`].
#[inline(always)]
unsafe fn header_byte<const BYTE: usize>(skb: *mut __sk_buff, start: u32) -> Result<u8, Unreadable> {
    // SAFETY: the caller's promise; the byte is read only where the verifier sees that it lies before the end.
    unsafe {
        let header = (*skb).data as usize + start as usize;
        if header + MIN_HEADER > (*skb).data_end as usize {
            return Err(Unreadable);
        }
        Ok(((header + BYTE) as *const u8).read())
    }
}

/// The first four bytes of a payload; of a shorter one only the first, the rest zero.
///
/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn head(skb: *mut __sk_buff, start: u32, length: u32) -> Result<[u8; 4], Unreadable> {
    if length >= 4 {
        // SAFETY: the caller's promise.
        unsafe { load(skb, start) }
    } else {
        // SAFETY: the caller's promise.
        Ok([unsafe { load(skb, start)? }, 0, 0, 0])
    }
}

/// # Safety
/// `skb` must be that of the running program, `T` plain data.
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

/// What a record is made of.
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

/// # Safety
/// `skb` must be that of the running program.
#[inline(always)]
unsafe fn send(skb: *mut __sk_buff, payload: &Payload<'_>) {
    emit::in_place(emit::Context::of_packet(skb), RecordKind::Payload, |record: *mut PayloadRecord| {
        let captured =
            if payload.captured > MAX_PAYLOAD as u32 { MAX_PAYLOAD as u32 } else { payload.captured };
        // SAFETY: the record is the ring's memory; every field is written, of `data` what `captured` says.
        unsafe {
            (&raw mut (*record).header).write(RecordHeader {
                kind: RecordKind::Payload as u16,
                length: size_of::<PayloadRecord>() as u32,
                time: task::now(),
                ..*payload.owner
            });
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

/// The same length, of which the verifiers of 5.10 and 6.1 can see that it is from 1 to [`MAX_PAYLOAD`]: to
/// them "not zero" narrows nothing.
#[inline(always)]
fn from_one(length: u32) -> u32 {
    let mut less = u64::from(length).wrapping_sub(1);
    // SAFETY: no instruction; the compiler must not see what the length was compared with before.
    unsafe { core::arch::asm!("/* {0} */", inout(reg) less) };
    let most = MAX_PAYLOAD as u64 - 1;
    if less > most {
        less = most;
    }
    less as u32 + 1
}

/// The two ends of a socket.
///
/// # Safety
/// `socket` must be that of the running program.
#[inline(always)]
unsafe fn tuple(socket: *mut bpf_sock) -> FlowTuple {
    // The verifier rewrites each load of a word, so that each must stay one.
    macro_rules! word {
        ($($field:tt)*) => {
            // SAFETY: the caller's promise.
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
