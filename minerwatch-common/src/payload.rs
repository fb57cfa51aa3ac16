//! The first payloads of a connection.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowProgress, FlowTuple, RecordHeader, numbered::numbered};

/// Maximum number of bytes that are captured of one payload.
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

/// The budget of each direction of a connection, in bytes. A miner's login has some hundreds of bytes.
const BUDGET: u16 = 2_048;

/// The cost of a payload of which nothing is captured, in bytes.
const COST_WITHOUT_CAPTURE: u16 = 64;

/// The cost of a payload that is longer than what is captured of it, in bytes.
const MAX_COST: u16 = 512;

const _: () = assert!(MAX_COST as usize == MAX_PAYLOAD);

/// The capture budget of one direction of a connection. It limits how many payloads are read.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CaptureBudget {
    /// The remaining budget in bytes. At 0, no further payload is read.
    pub left: u16,
    /// Number of payloads that were read so far. Those that were only white space do not count.
    pub index: u16,
    /// 1 if the next payload continues a captured message, whatever its first bytes are; otherwise 0.
    pub continues: u16,
    /// The [`Opening`] if this is the direction of the side that opened the connection; otherwise [`Opening::OTHER`].
    pub opening: u16,
}

/// What the first payload from the side that opened a connection started. All but [`Opening::OTHER`] carry JSON only as
/// content.
pub struct Opening;

impl Opening {
    /// No protocol that is known here, so it may be mining. This is also the value before the first payload.
    pub const OTHER: u16 = 0;
    /// A protocol that is not HTTP.
    pub const FOREIGN: u16 = 1;
    /// HTTP, with requests that had no body so far. A WebSocket may follow.
    pub const HTTP: u16 = 2;
    /// HTTP, with a request that has a body.
    pub const HTTP_BODY: u16 = 3;
}

impl CaptureBudget {
    /// The budget of a new connection.
    pub const FRESH: Self = Self { left: BUDGET, index: 0, continues: 0, opening: Opening::OTHER };

    /// The budget of a connection that is already in use. The next payload is not treated as the first.
    pub const UNDER_WAY: Self = Self { left: BUDGET, index: 1, continues: 0, opening: Opening::OTHER };

    /// Counts a payload and deducts its cost: the captured bytes, or [`COST_WITHOUT_CAPTURE`] if nothing is captured.
    #[inline]
    pub fn spend(&mut self, captured: u32) {
        let cost = match u16::try_from(captured) {
            Ok(0) => COST_WITHOUT_CAPTURE,
            Ok(bytes) if bytes < MAX_COST => bytes,
            _ => MAX_COST,
        };
        self.left = self.left.saturating_sub(cost);
        self.index = self.index.saturating_add(1);
    }

    /// Restores the full budget, unless the direction carries JSON only as content.
    #[inline]
    pub fn refill(&mut self) {
        if self.opening == Opening::OTHER {
            self.left = BUDGET;
        }
    }
}

/// The state stored at a watched TCP socket. The daemon writes the state of sockets that were open before its start,
/// and of sockets on which a suspect listens.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct WatchedSocket {
    /// The process that opened the connection or listens, as it was when the watch began. `PayloadRecord::opened` is
    /// the time of this header.
    pub owner: RecordHeader,
    /// The budget of sent payloads.
    pub sent: CaptureBudget,
    /// The budget of received payloads.
    pub received: CaptureBudget,
    /// 1 if the peer opened the connection, 0 if this host did. A listening socket has 1 and passes the value on to the
    /// sockets that it accepts.
    pub accepted: u32,
    /// When the budgets were last refilled, as the lower 32 bits of the kernel's count of timer ticks (jiffies). 0 if the
    /// daemon wrote the state.
    pub refilled: u32,
    /// Totals and samples of the payloads.
    pub progress: FlowProgress,
}

impl WatchedSocket {
    /// Returns the budget of `direction`.
    #[inline]
    pub fn budget(&mut self, direction: Direction) -> &mut CaptureBudget {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    /// Returns the budget of the other direction.
    #[inline]
    #[must_use]
    pub fn other_budget(&self, direction: Direction) -> &CaptureBudget {
        match direction {
            Direction::Sent => &self.received,
            Direction::Received => &self.sent,
        }
    }
}

const _: () = assert!(size_of::<WatchedSocket>() == 72 + size_of::<FlowProgress>());

/// One of the first payloads of a connection, whichever system call sent or read the payload. The header names the
/// process that owns the connection.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadRecord {
    /// The process that connected or listens. The time is that of the packet.
    pub header: RecordHeader,
    /// Time at which the process called `connect`, in nanoseconds of `CLOCK_BOOTTIME`; a little before
    /// [`crate::ConnectRecord::opened`]. For an accepted connection, the time at which the daemon began to watch the
    /// socket or its listening socket.
    pub opened: u64,
    /// Addresses and ports of both ends. The source is this host.
    pub flow: FlowTuple,
    /// A [`Direction`] as a number.
    pub direction: u16,
    /// Number of earlier payloads that were read in this direction.
    pub index: u16,
    /// Length of the payload, in bytes. A long JSON message is reported in several records, and each has the length of its
    /// own piece. The last one also counts the bytes after it, which are not captured.
    pub length: u32,
    /// Number of payload bytes in `data`. 0 if only the length is reported.
    pub captured: u16,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u16,
    /// Reserved, zero.
    pub reserved: u32,
    /// The start of the payload. Bytes beyond `captured` have no meaning.
    pub data: [u8; MAX_PAYLOAD],
}

const _: () = assert!(size_of::<PayloadRecord>() == 112 + MAX_PAYLOAD);
