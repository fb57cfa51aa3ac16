//! The first words of a connection.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowProgress, FlowTuple, RecordHeader};

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

/// What each direction of a connection may spend. A payload costs by its length (see [`CaptureBudget::spend`]): this is enough
/// for four of any length, and for more of those that a client splits into crumbs.
const BUDGET: u16 = 16;

/// How far one direction of a connection was looked at.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CaptureBudget {
    /// What it may still spend; at 0 nothing is looked at any more.
    pub left: u16,
    /// Payloads so far.
    pub index: u16,
    /// Not 0 if the next payload belongs to what was captured before, whatever it begins with.
    pub goes_on: u16,
    /// 1 once the connection's opener began as another protocol, in which JSON is somebody's document; else 0.
    pub foreign: u16,
}

impl CaptureBudget {
    /// Of a connection that begins.
    pub const FRESH: Self = Self { left: BUDGET, index: 0, goes_on: 0, foreign: 0 };

    /// Of one that has said something already: its next payload is not its first.
    pub const UNDER_WAY: Self = Self { left: BUDGET, index: 1, goes_on: 0, foreign: 0 };

    /// Pays for a payload of `length` bytes.
    #[inline]
    pub fn spend(&mut self, length: u32) {
        let cost = match length {
            128.. => BUDGET / 4,
            32.. => 2,
            _ => 1,
        };
        self.left = self.left.saturating_sub(cost);
        self.index += 1;
    }
}

/// What is remembered at a socket whose first payloads are looked at. The daemon writes it, too, for sockets that were
/// there before it was.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchedSocket {
    /// The process that opened it, or listens, as at that moment.
    pub owner: RecordHeader,
    /// What it sends.
    pub sent: CaptureBudget,
    /// What it receives.
    pub received: CaptureBudget,
    /// 1 if the peer opened the connection, 0 if this host did. A socket that listens hands it on to those it accepts.
    pub accepted: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// How it goes on.
    pub progress: FlowProgress,
}

impl WatchedSocket {
    /// How far this direction was looked at.
    #[inline]
    pub fn look(&mut self, direction: Direction) -> &mut CaptureBudget {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

const _: () = assert!(size_of::<WatchedSocket>() == 72 + size_of::<FlowProgress>());

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
