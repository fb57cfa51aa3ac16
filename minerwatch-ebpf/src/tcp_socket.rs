//! Reads a TCP socket whose type the verifier knows, so that each field is a plain load.

use aya_ebpf::helpers::generated::bpf_skc_to_tcp_sock;
use minerwatch_common::{AF_INET, AF_INET6, FlowTuple, Transport};

use crate::{
    constants::setting,
    flows::Counts,
    kernel::{Unreadable, load},
    task,
};

/// The number of the bit in `sk_flags` that the FIN of the peer sets (`enum sock_flags`, include/net/sock.h).
const SOCK_DONE: u32 = 1;

/// A `struct tcp_sock`. A `struct sock` is its first member, so the fields of both have the same offsets.
#[derive(Clone, Copy)]
pub struct TcpSocket(*const u8);

impl TcpSocket {
    /// Converts the argument of a BTF tracepoint. Fails if the socket is not one of TCP.
    #[inline(always)]
    pub fn of_argument(socket: *const u8) -> Result<Self, Unreadable> {
        // SAFETY: the verifier knows that the argument is a socket.
        let tcp = unsafe { bpf_skc_to_tcp_sock(socket.cast_mut().cast()) }.cast_const().cast::<u8>();
        if tcp.is_null() { Err(Unreadable) } else { Ok(Self(tcp)) }
    }

    /// Returns the cookie, 0 if the socket has none yet.
    #[inline(always)]
    pub fn cookie(self) -> u64 {
        load!(self.0, sock_cookie, u64)
    }

    /// Returns the error that ended the connection, 0 for none.
    #[inline(always)]
    pub fn error(self) -> i32 {
        load!(self.0, sock_error, i32)
    }

    /// Returns whether the peer ever answered.
    #[inline(always)]
    pub fn was_answered(self) -> bool {
        load!(self.0, tcp_all_segments_received, u32) != 0
    }

    /// Returns the port of this host.
    #[inline(always)]
    pub fn source_port(self) -> u16 {
        u16::from_be(load!(self.0, inet_source_port, u16))
    }

    /// Returns the inode number of the network namespace.
    #[inline(always)]
    pub fn network_namespace(self) -> u32 {
        let network = load!(self.0, sock_network, *const u8);
        load!(network, network_namespace_inode, u32)
    }

    /// Returns the addresses and ports.
    #[inline(always)]
    pub fn flow(self) -> Result<FlowTuple, Unreadable> {
        let mut flow = FlowTuple {
            source: [0; 16],
            destination: [0; 16],
            source_port: self.source_port(),
            destination_port: u16::from_be(load!(self.0, sock_destination_port, u16)),
            family: load!(self.0, sock_family, u16),
            transport: Transport::Tcp as u16,
        };
        match flow.family {
            AF_INET => {
                flow.source[..4].copy_from_slice(&load!(self.0, sock_source, u32).to_ne_bytes());
                flow.destination[..4].copy_from_slice(&load!(self.0, sock_destination, u32).to_ne_bytes());
            }
            AF_INET6 => {
                flow.source = zerocopy::transmute!(load!(self.0, sock_source_v6, [u32; 4]));
                flow.destination = zerocopy::transmute!(load!(self.0, sock_destination_v6, [u32; 4]));
            }
            _ => return Err(Unreadable),
        }
        Ok(flow)
    }

    /// Returns the byte and segment counts.
    #[inline(always)]
    pub fn counts(self) -> Counts {
        let sent = load!(self.0, tcp_bytes_sent, u64);
        let resent = load!(self.0, tcp_bytes_resent, u64);
        let received = load!(self.0, tcp_bytes_received, u64);
        // The kernel counts the FIN of the peer as a received byte, because the FIN takes a sequence number.
        let fin = load!(self.0, sock_flags, u64) >> SOCK_DONE & 1;
        let segments = (load!(self.0, tcp_segments_sent, u32), load!(self.0, tcp_segments_received, u32));
        let mut counts = Counts {
            sent: sent.saturating_sub(resent),
            received: received.saturating_sub(fin),
            segments,
            counted: true,
            last_payload: 0,
        };
        counts.last_payload = self.last_payload(&counts);
        counts
    }

    /// Returns the time at which a payload was last sent or received, in nanoseconds of `CLOCK_BOOTTIME`; 0 for no
    /// payload. The kernel stores both times in 32-bit jiffies (`tcp_jiffies32`), for itself and for `TCP_INFO`
    /// (`tcp_get_info`, net/ipv4/tcp.c).
    #[inline(always)]
    fn last_payload(self, counts: &Counts) -> u64 {
        if counts.sent == 0 && counts.received == 0 {
            return 0;
        }
        let now = task::ticks();
        let mut ago = u32::MAX;
        if counts.sent != 0 {
            ago = now.wrapping_sub(load!(self.0, tcp_last_sent, u32));
        }
        if counts.received != 0 {
            let received = now.wrapping_sub(load!(self.0, connection_last_received, u32));
            if received < ago {
                ago = received;
            }
        }
        task::now().saturating_sub(u64::from(ago) * setting!(tick))
    }
}
