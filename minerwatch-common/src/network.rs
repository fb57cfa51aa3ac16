//! Outbound connections: the attempt's result and the end.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordHeader;

/// [`ConnectRecord::result`] of an attempt whose first packet was sent again without an answer
/// (`EINPROGRESS`); a record with the outcome may follow.
pub const UNANSWERED: i32 = 115;

/// Transport protocols of [`FlowTuple::transport`], by their IP protocol numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Transport {
    /// TCP.
    Tcp = 6,
    /// UDP.
    Udp = 17,
}

impl Transport {
    /// The transport with this IP protocol number, or `None` for another.
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            6 => Some(Self::Tcp),
            17 => Some(Self::Udp),
            _ => None,
        }
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
    /// Address family: 2 for IPv4, 10 for IPv6 (`AF_INET`, `AF_INET6`).
    pub family: u16,
    /// A [`Transport`] as a number.
    pub transport: u16,
}

const _: () = assert!(size_of::<FlowTuple>() == 40);

/// A connection under way, as the programs remember it: TCP by the address of its socket, UDP by its socket's cookie. The
/// daemon adds those that were there before it, which it knows by their cookies alone. Cookies count up from 1, so that
/// none is a kernel address.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowState {
    /// The process that opened it, as at that moment, or as the daemon found it.
    pub owner: RecordHeader,
    /// Its ends.
    pub flow: FlowTuple,
    /// Payload bytes sent so far, where we count them ourselves (UDP).
    pub bytes_sent: u64,
    /// Payload bytes received so far, where we count them ourselves (UDP).
    pub bytes_received: u64,
    /// Inode number of the network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// How many peers it was reported with (UDP), or 1 once it is established (TCP).
    pub reported: u32,
    /// When its first payload was seen, nanoseconds of `CLOCK_BOOTTIME`; 0 before that, where payloads are not seen, and of
    /// a connection that was there before the daemon.
    pub first_payload: u64,
}

/// An outbound connection got its result. The header names the process that asked for it.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ConnectRecord {
    /// The process that connected; its time is that of the result.
    pub header: RecordHeader,
    /// When the attempt began, nanoseconds of `CLOCK_BOOTTIME`. With the process it names the flow.
    pub opened: u64,
    /// The two ends.
    pub flow: FlowTuple,
    /// 0 for success, else a positive errno; [`UNANSWERED`] while nothing came back.
    pub result: i32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
}

const _: () = assert!(size_of::<ConnectRecord>() == 104);

/// An outbound connection ended.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CloseRecord {
    /// The process that had connected (not the one that closed last).
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
    /// 1 when these counts are real, 0 when this kernel gives none for this transport.
    pub counted: u32,
    /// Inode number of the socket's network namespace, 0 if unknown.
    pub network_namespace: u32,
    /// As in [`FlowState::first_payload`].
    pub first_payload: u64,
    /// When the last payload was sent or received, to [`crate::Settings::tick`], nanoseconds of `CLOCK_BOOTTIME`; 0 if there
    /// was none or the kernel does not say.
    pub last_payload: u64,
}

const _: () = assert!(size_of::<CloseRecord>() == 144);
