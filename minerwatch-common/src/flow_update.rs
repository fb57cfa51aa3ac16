//! How a connection goes on: how much, how large and when. Never what.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowTuple, RecordHeader};

/// Payloads whose size and time one record holds.
pub const PAYLOAD_SAMPLES: usize = 16;

/// One payload by its size and time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadSample {
    /// Milliseconds after [`FlowProgress::first`]; wraps after 49 days.
    pub at: u32,
    /// Its bytes, 65,535 for more.
    pub length: u16,
    /// A [`crate::Direction`] as a number.
    pub direction: u16,
}

impl PayloadSample {
    /// None.
    pub const ZERO: Self = Self { at: 0, length: 0, direction: 0 };
}

/// What went over a connection so far, and its last payloads one by one.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowProgress {
    /// When its first payload was seen, nanoseconds of `CLOCK_BOOTTIME`; 0 before that.
    pub first: u64,
    /// When it was last told of at an interval, or `first`.
    pub told: u64,
    /// Bytes of payloads by direction, what was sent first.
    pub bytes: [u64; 2],
    /// Payloads by direction.
    pub payloads: [u32; 2],
    /// How many of `samples` are taken, at most [`PAYLOAD_SAMPLES`].
    pub count: u32,
    /// How often [`PAYLOAD_SAMPLES`] payloads came faster than any conversation; see [`FlowProgress::is_bulk`].
    pub bursts: u32,
    /// The payloads since the last record.
    pub samples: [PayloadSample; PAYLOAD_SAMPLES],
}

/// After this many bursts the payloads of a connection are only counted.
const MAX_BURSTS: u32 = 8;

impl FlowProgress {
    /// Of a connection that said nothing yet.
    pub const FRESH: Self = Self {
        first: 0,
        told: 0,
        bytes: [0; 2],
        payloads: [0; 2],
        count: 0,
        bursts: 0,
        samples: [PayloadSample::ZERO; PAYLOAD_SAMPLES],
    };

    /// Whether it carries so much so fast that single payloads tell nothing.
    #[inline]
    pub fn is_bulk(&self) -> bool {
        self.bursts >= MAX_BURSTS
    }
}

/// How a connection went on: sent when [`PAYLOAD_SAMPLES`] payloads were gathered, and at intervals. The header names the process
/// that the connection belongs to.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowUpdateRecord {
    /// The process that connected, or listens; its time is that of the last payload.
    pub header: RecordHeader,
    /// As in [`crate::PayloadRecord::opened`].
    pub opened: u64,
    /// The two ends, this host's as the source.
    pub flow: FlowTuple,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u32,
    /// 1 if the interval is over ([`crate::Settings::flow_interval`]), 0 if only the samples are new.
    pub interval: u32,
    /// So far.
    pub progress: FlowProgress,
}

const _: () = assert!(size_of::<FlowProgress>() == 48 + 8 * PAYLOAD_SAMPLES);
const _: () =
    assert!(size_of::<FlowUpdateRecord>() == size_of::<RecordHeader>() + 56 + size_of::<FlowProgress>());
