//! The first payloads of a connection.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowProgress, FlowTuple, RecordHeader, numbered::numbered};

/// The most bytes kept of one payload.
pub const MAX_PAYLOAD: usize = 512;

numbered! {
    /// The direction of a payload.
    pub enum Direction: u16 {
        /// From this host to the peer.
        Sent = 0,
        /// From the peer to this host.
        Received = 1,
    }
}

/// The budget of each direction of a connection. The cost of a payload depends on its length (see
/// [`CaptureBudget::spend`]). The budget is enough for four payloads of any length, and for more when a client splits its
/// data into small pieces.
const BUDGET: u16 = 16;

/// How much of one direction of a connection is still read.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CaptureBudget {
    /// What is left of the budget; at 0 no further payload is read.
    pub left: u16,
    /// Payloads read so far.
    pub index: u16,
    /// 1 if the next payload continues a message that was captured, whatever its first bytes are; else 0.
    pub continues: u16,
    /// 1 once the side that opened the connection spoke a protocol in which JSON is only a document; else 0.
    pub foreign: u16,
}

impl CaptureBudget {
    /// The budget of a new connection.
    pub const FRESH: Self = Self { left: BUDGET, index: 0, continues: 0, foreign: 0 };

    /// The budget of a connection that is already in use: its next payload is not its first.
    pub const UNDER_WAY: Self = Self { left: BUDGET, index: 1, continues: 0, foreign: 0 };

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

/// What is stored at a socket whose first payloads are read. The daemon also writes it, for sockets that were open
/// before it started.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchedSocket {
    /// The process that opened it or listens, as it was at that moment.
    pub owner: RecordHeader,
    /// The budget of what it sends.
    pub sent: CaptureBudget,
    /// The budget of what it receives.
    pub received: CaptureBudget,
    /// 1 if the peer opened the connection, 0 if this host did. A listening socket passes it on to those it accepts.
    pub accepted: u32,
    /// Reserved, zero.
    pub reserved: u32,
    /// Totals and samples of its payloads.
    pub progress: FlowProgress,
}

impl WatchedSocket {
    /// The budget of this direction.
    #[inline]
    pub fn budget(&mut self, direction: Direction) -> &mut CaptureBudget {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }
}

const _: () = assert!(size_of::<WatchedSocket>() == 72 + size_of::<FlowProgress>());

/// One of the first payloads of a connection, whichever system call sent or read it. The header names the process that
/// owns the connection.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadRecord {
    /// The process that connected or listens; the time is that of the packet.
    pub header: RecordHeader,
    /// When the process asked for the connection, nanoseconds of `CLOCK_BOOTTIME`; a little before
    /// [`crate::ConnectRecord::opened`]. For an accepted connection, when the listening socket was bound.
    pub opened: u64,
    /// The two ends; the source is this host.
    pub flow: FlowTuple,
    /// A [`Direction`] as a number.
    pub direction: u16,
    /// How many payloads of this direction came before.
    pub index: u16,
    /// Bytes of the whole payload as the packet carried it.
    pub length: u32,
    /// Bytes of it in `data`; 0 if only the length matters.
    pub captured: u16,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// The start of the payload; bytes beyond `captured` have no meaning.
    pub data: [u8; MAX_PAYLOAD],
}

const _: () = assert!(size_of::<PayloadRecord>() == 112 + MAX_PAYLOAD);
