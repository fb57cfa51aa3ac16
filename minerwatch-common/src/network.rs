//! Outbound connections: the result of the attempt, and the end.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

/// [`ConnectRecord::result`] of an attempt whose first packet had to be sent again (`EINPROGRESS`). A record with the
/// final result may follow.
pub const UNANSWERED: i32 = 115;

/// [`FlowTuple::family`] of IPv4.
pub const AF_INET: u16 = 2;
/// [`FlowTuple::family`] of IPv6.
pub const AF_INET6: u16 = 10;

numbered! {
    /// Transport protocols of [`FlowTuple::transport`], by their IP protocol numbers.
    pub enum Transport: u16 {
        /// TCP.
        Tcp = 6,
        /// UDP.
        Udp = 17,
    }
}

/// The two ends of a flow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowTuple {
    /// Address of this host, network order; IPv4 in the first four bytes.
    pub source: [u8; 16],
    /// Address of the peer, network order; IPv4 in the first four bytes.
    pub destination: [u8; 16],
    /// Port of this host, 0 if none is bound yet.
    pub source_port: u16,
    /// Port of the peer.
    pub destination_port: u16,
    /// Address family: [`AF_INET`] or [`AF_INET6`].
    pub family: u16,
    /// A [`Transport`] as a number.
    pub transport: u16,
}

const _: () = assert!(size_of::<FlowTuple>() == 40);

/// An open connection, as the programs remember it. The key is the address of the socket for TCP and the socket's cookie
/// for UDP. The daemon adds the connections that were open before it started; it knows only their cookies. Cookies count
/// up from 1, so a cookie is never mistaken for a kernel address.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowState {
    /// The process that opened it, as it was at that moment or as the daemon found it.
    pub owner: RecordHeader,
    /// The two ends.
    pub flow: FlowTuple,
    /// Payload bytes sent so far, where we count them ourselves (UDP).
    pub bytes_sent: u64,
    /// Payload bytes received so far, where we count them ourselves (UDP).
    pub bytes_received: u64,
    /// Inode number of the network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// UDP: with how many peers it was reported. TCP: 1 once it is established.
    pub reported: u32,
    /// When its first payload was seen, nanoseconds of `CLOCK_BOOTTIME`. 0 before that, where payloads are not seen, and
    /// for a connection that was open before the daemon started.
    pub first_payload: u64,
}

/// An outbound connection got its result. The header names the process that asked for it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ConnectRecord {
    /// The process that connected; the time is that of the result.
    pub header: RecordHeader,
    /// When the attempt began, nanoseconds of `CLOCK_BOOTTIME`. Together with the process it identifies the flow.
    pub opened: u64,
    /// The two ends.
    pub flow: FlowTuple,
    /// 0 for success, [`UNANSWERED`] while there is no answer, else a positive errno.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
}

const _: () = assert!(size_of::<ConnectRecord>() == 104);

/// An outbound connection ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloseRecord {
    /// The process that connected, which need not be the one that closed.
    pub header: RecordHeader,
    /// As in [`ConnectRecord::opened`].
    pub opened: u64,
    /// The two ends.
    pub flow: FlowTuple,
    /// Payload bytes sent, without retransmissions.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Segments with payload sent, retransmitted ones included.
    pub segments_sent: u32,
    /// Segments with payload received.
    pub segments_received: u32,
    /// 1 if the counts are real, 0 if this kernel has none for this transport.
    pub counted: u32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// As in [`FlowState::first_payload`].
    pub first_payload: u64,
    /// When the last payload was sent or received, nanoseconds of `CLOCK_BOOTTIME` with the resolution of
    /// [`crate::Settings::tick`]; 0 if there was none or the kernel does not say.
    pub last_payload: u64,
}

const _: () = assert!(size_of::<CloseRecord>() == 144);
