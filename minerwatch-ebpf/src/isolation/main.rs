//! The programs that cut a suspect off the network. They are an object of their own, which is loaded only for an isolation
//! and attached only to the suspect's cgroup.
//!
//! Hooks: `connect` and `sendmsg` of sockets (net/ipv4/af_inet.c and net/ipv4/udp.c,
//! `BPF_CGROUP_RUN_PROG_INET4_CONNECT` and `BPF_CGROUP_RUN_PROG_UDP4_SENDMSG_LOCK`, and those of IPv6), and packets that
//! are sent (net/ipv4/ip_output.c, `BPF_CGROUP_RUN_PROG_INET_EGRESS`), for sockets that were open before.
//! What is not allowed is refused with EPERM, and counted.
#![no_std]
#![no_main]
#![feature(asm_experimental_arch)]
#![expect(
    clippy::pedantic,
    reason = "the kernel's interfaces need casts, and the verifier needs inlined programs"
)]

#[path = "../atomic.rs"]
mod atomic;

use aya_ebpf::{
    bindings::bpf_sock_addr,
    helpers::generated::bpf_skb_load_bytes,
    macros::{cgroup_skb, cgroup_sock_addr, map},
    maps::{Array, LpmTrie, lpm_trie::Key},
    programs::{SkBuffContext, SockAddrContext},
};

/// The licence of the programs.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

/// Maximum number of allowed addresses and networks of each family.
const MAX_ALLOWED: u32 = 1_024;

/// An allowed peer of IPv4: the port in network order (0 for all ports), two zero bytes, and the address.
type Peer4 = [u8; 8];
/// An allowed peer of IPv6.
type Peer6 = [u8; 20];

/// Length of what precedes the address in a key, in bits.
const BEFORE_ADDRESS: u32 = 32;

#[map]
static ALLOWED4: LpmTrie<Peer4, u8> = LpmTrie::with_max_entries(MAX_ALLOWED, 0);
#[map]
static ALLOWED6: LpmTrie<Peer6, u8> = LpmTrie::with_max_entries(MAX_ALLOWED, 0);

/// What was blocked: connects, sends, packets.
#[map]
static BLOCKED: Array<u64> = Array::with_max_entries(3, 0);

const CONNECTS: u32 = 0;
const SENDS: u32 = 1;
const PACKETS: u32 = 2;

const ALLOW: i32 = 1;
const BLOCK: i32 = 0;

const TCP: u8 = 6;
const UDP: u8 = 17;

/// `ETH_P_IP` and `ETH_P_IPV6` (include/uapi/linux/if_ether.h) in network order.
const IPV4: u32 = (0x0800_u16).to_be() as u32;
const IPV6: u32 = (0x86dd_u16).to_be() as u32;

#[cgroup_sock_addr(connect4)]
fn isolate_connect4(context: SockAddrContext) -> i32 {
    verdict(allowed4(&context), CONNECTS)
}

#[cgroup_sock_addr(connect6)]
fn isolate_connect6(context: SockAddrContext) -> i32 {
    verdict(allowed6(&context), CONNECTS)
}

#[cgroup_sock_addr(sendmsg4)]
fn isolate_send4(context: SockAddrContext) -> i32 {
    verdict(allowed4(&context), SENDS)
}

#[cgroup_sock_addr(sendmsg6)]
fn isolate_send6(context: SockAddrContext) -> i32 {
    verdict(allowed6(&context), SENDS)
}

#[cgroup_skb(egress)]
fn isolate_packet(context: SkBuffContext) -> i32 {
    // A packet that cannot be read is blocked.
    verdict(packet(&context).unwrap_or(false), PACKETS)
}

#[inline(always)]
fn verdict(allowed: bool, counter: u32) -> i32 {
    if allowed {
        return ALLOW;
    }
    if let Some(count) = BLOCKED.get_ptr_mut(counter) {
        // SAFETY: an entry of a map, which is aligned and changes only by atomic addition.
        unsafe { atomic::add(count, 1) };
    }
    BLOCK
}

#[inline(always)]
fn allowed4(context: &SockAddrContext) -> bool {
    let address: *mut bpf_sock_addr = context.sock_addr;
    // SAFETY: the kernel passes a valid context. Each field must stay a single load, because the verifier rewrites it.
    let (peer, port) = unsafe {
        (
            core::ptr::read_volatile(&raw const (*address).user_ip4),
            core::ptr::read_volatile(&raw const (*address).user_port),
        )
    };
    peer4(peer.to_ne_bytes(), port as u16)
}

#[inline(always)]
fn allowed6(context: &SockAddrContext) -> bool {
    let address: *mut bpf_sock_addr = context.sock_addr;
    // SAFETY: as above.
    let (words, port) = unsafe {
        (
            [
                core::ptr::read_volatile(&raw const (*address).user_ip6[0]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[1]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[2]),
                core::ptr::read_volatile(&raw const (*address).user_ip6[3]),
            ],
            core::ptr::read_volatile(&raw const (*address).user_port),
        )
    };
    let mut peer = [0; 16];
    peer[..4].copy_from_slice(&words[0].to_ne_bytes());
    peer[4..8].copy_from_slice(&words[1].to_ne_bytes());
    peer[8..12].copy_from_slice(&words[2].to_ne_bytes());
    peer[12..].copy_from_slice(&words[3].to_ne_bytes());
    peer6(&peer, port as u16)
}

/// `port` is in network order.
#[inline(always)]
fn peer4(address: [u8; 4], port: u16) -> bool {
    // Loopback is this host, and an unspecified address connects to it (RFC 1122, section 3.2.1.3).
    if address[0] == 127 || address == [0; 4] {
        return true;
    }
    let mut key: Peer4 = [0; 8];
    key[4..].copy_from_slice(&address);
    if ALLOWED4.get(Key::new(BEFORE_ADDRESS + 32, key)).is_some() {
        return true;
    }
    key[..2].copy_from_slice(&port.to_ne_bytes());
    ALLOWED4.get(Key::new(BEFORE_ADDRESS + 32, key)).is_some()
}

/// `port` is in network order.
#[inline(always)]
fn peer6(address: &[u8; 16], port: u16) -> bool {
    let (high, low) = halves(address);
    // `::1` and `::`.
    if high == 0 && (low == 1 || low == 0) {
        return true;
    }
    // An address of IPv4 in a socket of IPv6 (RFC 4291, section 2.5.5.2).
    if high == 0 && low >> 32 == 0xffff {
        return peer4([address[12], address[13], address[14], address[15]], port);
    }
    let mut key: Peer6 = [0; 20];
    key[4..].copy_from_slice(address);
    if ALLOWED6.get(Key::new(BEFORE_ADDRESS + 128, key)).is_some() {
        return true;
    }
    key[..2].copy_from_slice(&port.to_ne_bytes());
    ALLOWED6.get(Key::new(BEFORE_ADDRESS + 128, key)).is_some()
}

#[inline(always)]
fn halves(address: &[u8; 16]) -> (u64, u64) {
    let (mut high, mut low) = ([0; 8], [0; 8]);
    high.copy_from_slice(&address[..8]);
    low.copy_from_slice(&address[8..]);
    (u64::from_be_bytes(high), u64::from_be_bytes(low))
}

#[inline(always)]
fn packet(context: &SkBuffContext) -> Option<bool> {
    // SAFETY: the kernel passes a valid context.
    let protocol = unsafe { core::ptr::read_volatile(&raw const (*context.skb.skb).protocol) };
    if protocol == IPV4 {
        let header: [u8; 20] = load(context, 0)?;
        let length = u32::from(header[0] & 0x0f) * 4;
        let is_first = u16::from_be_bytes([header[6], header[7]]) & 0x1fff == 0;
        let port = if is_first { port(context, header[9], length) } else { 0 };
        Some(peer4([header[16], header[17], header[18], header[19]], port))
    } else if protocol == IPV6 {
        let address: [u8; 16] = load(context, 24)?;
        let [next]: [u8; 1] = load(context, 6)?;
        // Neighbours are found by packets to multicast addresses (RFC 4861).
        Some(address[0] == 0xff || peer6(&address, port(context, next, 40)))
    } else {
        None
    }
}

/// Returns the destination port in network order, or 0.
#[inline(always)]
fn port(context: &SkBuffContext, protocol: u8, header: u32) -> u16 {
    if protocol != TCP && protocol != UDP {
        return 0;
    }
    load::<2>(context, header + 2).map_or(0, u16::from_ne_bytes)
}

#[inline(always)]
fn load<const LENGTH: usize>(context: &SkBuffContext, offset: u32) -> Option<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    // SAFETY: the buffer has the length that is passed.
    let outcome = unsafe {
        bpf_skb_load_bytes(context.skb.skb.cast(), offset, bytes.as_mut_ptr().cast(), LENGTH as u32)
    };
    (outcome == 0).then_some(bytes)
}

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier rejects every program that can reach this loop.
    loop {}
}
