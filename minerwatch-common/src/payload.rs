//! The first words of a connection.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowTuple, RecordHeader};

/// The most bytes kept of one payload.
pub const MAX_PAYLOAD: usize = 512;

/// Which way a payload went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Direction {
    /// From this host to the peer.
    Sent = 0,
    /// From the peer to this host.
    Received = 1,
}

impl Direction {
    /// The direction with this number, or `None` for another.
    pub fn from_number(number: u16) -> Option<Self> {
        match number {
            0 => Some(Self::Sent),
            1 => Some(Self::Received),
            _ => None,
        }
    }
}

/// One of the first payloads of a connection, whichever system call sent or read it. The header names the
/// process that the connection belongs to.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadRecord {
    /// The process that connected, or listens; its time is that of the packet.
    pub header: RecordHeader,
    /// When the process asked for the connection, nanoseconds of `CLOCK_BOOTTIME`; a little before
    /// [`crate::ConnectRecord::opened`]. Of an accepted connection, when the listening socket was bound.
    pub opened: u64,
    /// The two ends, this host's as the source.
    pub flow: FlowTuple,
    /// A [`Direction`] as a number.
    pub direction: u16,
    /// Payloads of this direction before this one.
    pub index: u16,
    /// Bytes of the whole payload as the packet carried it.
    pub length: u32,
    /// Bytes of it in `data`; 0 where only the length matters.
    pub captured: u16,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// The beginning of the payload; what lies beyond `captured` means nothing.
    pub data: [u8; MAX_PAYLOAD],
}

const _: () = assert!(size_of::<PayloadRecord>() == 112 + MAX_PAYLOAD);
