//! Outbound connections: the result of each attempt, and the end of each connection.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

/// [`ConnectRecord::result`] of an attempt whose first packet was retransmitted (`EINPROGRESS`). A record with the
/// final result may follow.
pub const UNANSWERED: i32 = 115;

/// The address family of IPv4 in [`FlowTuple::family`].
pub const AF_INET: u16 = 2;
/// The address family of IPv6 in [`FlowTuple::family`].
pub const AF_INET6: u16 = 10;

numbered! {
    /// Transport protocols in [`FlowTuple::transport`]. The values are IP protocol numbers.
    pub enum Transport: u16 {
        /// TCP.
        Tcp = 6,
        /// UDP.
        Udp = 17,
    }
}

/// Addresses, ports and transport protocol of a flow.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowTuple {
    /// Address of this host in network byte order. An IPv4 address takes the first four bytes.
    pub source: [u8; 16],
    /// Address of the peer in network byte order. An IPv4 address takes the first four bytes.
    pub destination: [u8; 16],
    /// Port of this host, 0 if no port is bound yet.
    pub source_port: u16,
    /// Port of the peer.
    pub destination_port: u16,
    /// Address family: [`AF_INET`] or [`AF_INET6`].
    pub family: u16,
    /// A [`Transport`] as a number.
    pub transport: u16,
}

const _: () = assert!(size_of::<FlowTuple>() == 40);

/// An entry of the programs' table of open connections. The key is the address of the socket for TCP, and the cookie of
/// the socket for UDP. The daemon adds the connections that were open before its start, with the cookie as the key. The
/// kernel counts cookies up from 1, so a cookie is never equal to a kernel address.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowState {
    /// The process that opened the connection, as it was at that time or when the daemon found the connection.
    pub owner: RecordHeader,
    /// Addresses and ports of both ends.
    pub flow: FlowTuple,
    /// UDP: payload bytes sent so far. TCP: 1 once an unanswered attempt was reported.
    pub bytes_sent: u64,
    /// UDP: payload bytes received so far. TCP: unused.
    pub bytes_received: u64,
    /// Inode number of the network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// UDP: number of peers that were reported for the socket. TCP: 1 once the connection is established.
    pub reported: u32,
    /// Time of the first payload, in nanoseconds of `CLOCK_BOOTTIME`. 0 before the first payload, if payloads are not
    /// read, for UDP, and for a connection that was open before the daemon started.
    pub first_payload: u64,
}

/// An outbound connection attempt got its result. The header names the process that connected.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ConnectRecord {
    /// The process that connected. The time is that of the result.
    pub header: RecordHeader,
    /// Time at which the attempt began, in nanoseconds of `CLOCK_BOOTTIME`. This time and the process identify the
    /// flow.
    pub opened: u64,
    /// Addresses and ports of both ends.
    pub flow: FlowTuple,
    /// 0 for success, [`UNANSWERED`] while there is no answer, otherwise a positive errno.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
}

const _: () = assert!(size_of::<ConnectRecord>() == 104);

/// An outbound connection ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloseRecord {
    /// The process that connected. Another process may have closed the connection.
    pub header: RecordHeader,
    /// Same as [`ConnectRecord::opened`].
    pub opened: u64,
    /// Addresses and ports of both ends.
    pub flow: FlowTuple,
    /// Payload bytes sent, without retransmissions.
    pub bytes_sent: u64,
    /// Payload bytes received.
    pub bytes_received: u64,
    /// Number of segments with payload that were sent, including retransmissions.
    pub segments_sent: u32,
    /// Number of segments with payload that were received.
    pub segments_received: u32,
    /// 1 if the counts are valid, 0 if nothing was counted.
    pub counted: u32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// Same as [`FlowState::first_payload`].
    pub first_payload: u64,
    /// Time at which the last payload was sent or received, in nanoseconds of `CLOCK_BOOTTIME`. The resolution is
    /// [`crate::Settings::tick`]. 0 if there was no payload or the time is unknown.
    pub last_payload: u64,
}

const _: () = assert!(size_of::<CloseRecord>() == 144);
