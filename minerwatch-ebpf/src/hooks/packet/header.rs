//! Reads the headers of packets and the addresses of their sockets.

use aya_ebpf::{
    bindings::{__sk_buff, bpf_sock},
    helpers::generated::{bpf_skb_load_bytes, bpf_tcp_sock},
};
use minerwatch_common::{AF_INET, AF_INET6, Direction, FlowTuple, Transport};

use crate::kernel::Unreadable;

/// Length of an IPv6 header in bytes. Packets with extension headers are not read.
const IPV6_HEADER: u32 = 40;
/// Offset of the next header type in an IPv6 header.
const IPV6_NEXT: usize = 6;
/// Offset of the protocol in an IPv4 header.
const IPV4_PROTOCOL: usize = 9;
/// Offsets of the source address in the IP headers. The destination follows.
const IPV4_SOURCE: u32 = 12;
const IPV6_SOURCE: u32 = 8;
/// Offset of the sequence number in a TCP header.
const TCP_SEQUENCE: u32 = 4;
/// Minimum length of an IP header, and of a TCP header, in bytes.
pub(super) const MIN_HEADER: usize = 20;

/// Maximum distance of a received payload from the next expected byte. A payload further ahead is outside of every usual
/// window, so the kernel will not accept it.
const MAX_AHEAD: i32 = 64 << 10;

/// Returns the length of the IP header in bytes. Fails if another header than that of this transport follows, as in an
/// encrypted packet (IPsec).
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(always)]
pub(super) unsafe fn ip_header(skb: *mut __sk_buff, transport: Transport) -> Result<u32, Unreadable> {
    // SAFETY: guaranteed by the caller.
    let first = unsafe { header_byte::<0, MIN_HEADER>(skb, 0)? };
    let (next, length) = if first >> 4 == 4 {
        // SAFETY: guaranteed by the caller.
        (unsafe { header_byte::<IPV4_PROTOCOL, MIN_HEADER>(skb, 0)? }, u32::from(first & 0xf) * 4)
    } else {
        // SAFETY: guaranteed by the caller.
        (unsafe { header_byte::<IPV6_NEXT, MIN_HEADER>(skb, 0)? }, IPV6_HEADER)
    };
    if u16::from(next) == transport as u16 { Ok(length) } else { Err(Unreadable) }
}

/// Reads the byte at offset `BYTE` of the header that begins at offset `start` of the packet. Needs no helper call, because
/// the kernel keeps the headers in the part of the packet that programs can read directly. Fails if this part has less than
/// `LENGTH` bytes after `start`.
///
/// # Safety
/// `skb` must be the packet for which the program runs, and `BYTE` must be less than `LENGTH`.
#[inline(always)]
pub(super) unsafe fn header_byte<const BYTE: usize, const LENGTH: usize>(
    skb: *mut __sk_buff,
    start: u32,
) -> Result<u8, Unreadable> {
    // SAFETY: guaranteed by the caller. The byte is only read after a check that it lies before the end.
    unsafe {
        let header = (*skb).data as usize + start as usize;
        if header + LENGTH > (*skb).data_end as usize {
            return Err(Unreadable);
        }
        Ok(((header + BYTE) as *const u8).read())
    }
}

/// Reads the first four bytes of a payload. For a shorter payload, reads only the first byte and sets the rest to zero.
///
/// # Safety
/// `skb` must be the packet for which the program runs.
#[inline(always)]
pub(super) unsafe fn head(skb: *mut __sk_buff, start: u32, length: u32) -> Result<[u8; 4], Unreadable> {
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
/// `skb` must be the packet for which the program runs, and `T` must be plain data.
#[inline(always)]
pub(super) unsafe fn load<T: Copy>(skb: *mut __sk_buff, offset: u32) -> Result<T, Unreadable> {
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

/// Whether a TCP packet has no new bytes for its socket: it is sent again, or it lies far beyond what the socket expects.
/// The kernel sets `snd_nxt` after this hook (`tcp_write_xmit`, net/ipv4/tcp_output.c), and `rcv_nxt` as well.
///
/// # Safety
/// `skb` must be the packet for which the program runs, `socket` its socket, and `header` the start of its TCP header.
#[inline(always)]
pub(super) unsafe fn is_repeated(
    skb: *mut __sk_buff,
    socket: *mut bpf_sock,
    header: u32,
    direction: Direction,
    length: u32,
) -> Result<bool, Unreadable> {
    // SAFETY: guaranteed by the caller. Each read must stay a single load, because the verifier rewrites these loads.
    unsafe {
        let sequence = u32::from_be(load(skb, header + TCP_SEQUENCE)?);
        let tcp = bpf_tcp_sock(socket);
        if tcp.is_null() {
            return Ok(false);
        }
        let next = match direction {
            Direction::Sent => core::ptr::read_volatile(&raw const (*tcp).snd_nxt),
            Direction::Received => core::ptr::read_volatile(&raw const (*tcp).rcv_nxt),
        };
        let ahead = sequence.wrapping_sub(next) as i32;
        Ok(ahead.wrapping_add(length as i32) <= 0 || ahead > MAX_AHEAD)
    }
}

/// Reads the addresses and ports of a TCP socket.
///
/// # Safety
/// `socket` must be the socket of the packet for which the program runs.
#[inline(always)]
pub(super) unsafe fn tuple(socket: *mut bpf_sock) -> FlowTuple {
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

/// Reads the addresses and ports of a packet. The source of the flow is this host.
///
/// # Safety
/// `skb` must be the packet for which the program runs, and `header` must be the start of its TCP or UDP header.
#[inline(always)]
pub(super) unsafe fn packet_tuple(
    skb: *mut __sk_buff,
    header: u32,
    transport: Transport,
    direction: Direction,
) -> Result<FlowTuple, Unreadable> {
    // SAFETY: guaranteed by the caller.
    let (first, ports): (u8, [u16; 2]) = unsafe { (load(skb, 0)?, load(skb, header)?) };
    let (own, peer) = match direction {
        Direction::Sent => (0, 1),
        Direction::Received => (1, 0),
    };
    let mut flow = FlowTuple {
        source: [0; 16],
        destination: [0; 16],
        source_port: u16::from_be(ports[own]),
        destination_port: u16::from_be(ports[peer]),
        family: AF_INET6,
        transport: transport as u16,
    };
    let (own, peer) = (own as u32, peer as u32);
    // SAFETY: as above.
    unsafe {
        if first >> 4 == 4 {
            flow.family = AF_INET;
            flow.source[..4].copy_from_slice(&load::<[u8; 4]>(skb, IPV4_SOURCE + 4 * own)?);
            flow.destination[..4].copy_from_slice(&load::<[u8; 4]>(skb, IPV4_SOURCE + 4 * peer)?);
        } else {
            flow.source = load(skb, IPV6_SOURCE + 16 * own)?;
            flow.destination = load(skb, IPV6_SOURCE + 16 * peer)?;
        }
    }
    Ok(flow)
}
