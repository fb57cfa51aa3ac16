//! The progress of a connection: sizes and times of payloads, never the contents.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowTuple, RecordHeader};

/// Maximum number of payload samples in one record.
pub const PAYLOAD_SAMPLES: usize = 16;

/// The size and time of one payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadSample {
    /// Time in milliseconds after [`FlowProgress::first`]. The value wraps after 49 days.
    pub at: u32,
    /// Length of the payload in bytes. A longer payload is stored as 65,535.
    pub length: u16,
    /// A [`crate::Direction`] as a number.
    pub direction: u16,
}

impl PayloadSample {
    /// An unused sample.
    pub const ZERO: Self = Self { at: 0, length: 0, direction: 0 };
}

/// Totals of a connection so far, and samples of its latest payloads.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowProgress {
    /// Time of the first payload that was seen, in nanoseconds of `CLOCK_BOOTTIME`; 0 before that payload.
    pub first: u64,
    /// Time of the last record at the end of an interval, in nanoseconds of `CLOCK_BOOTTIME`. Equal to `first` before
    /// the first such record.
    pub reported: u64,
    /// Payload bytes: sent, received.
    pub bytes: [u64; 2],
    /// Number of payloads: sent, received.
    pub payloads: [u32; 2],
    /// Number of valid entries in `samples`, at most [`PAYLOAD_SAMPLES`].
    pub count: u32,
    /// Number of bursts: runs of [`PAYLOAD_SAMPLES`] payloads too fast for a dialogue. See [`FlowProgress::is_bulk`].
    pub bursts: u32,
    /// Samples of the payloads since the last record or burst.
    pub samples: [PayloadSample; PAYLOAD_SAMPLES],
}

/// Number of bursts after which a connection counts as a bulk transfer. Its payloads are then counted but not sampled.
const MAX_BURSTS: u32 = 8;

impl FlowProgress {
    /// The progress of a connection before its first payload.
    pub const FRESH: Self = Self {
        first: 0,
        reported: 0,
        bytes: [0; 2],
        payloads: [0; 2],
        count: 0,
        bursts: 0,
        samples: [PayloadSample::ZERO; PAYLOAD_SAMPLES],
    };

    /// Whether the connection is a bulk transfer. The timing of single payloads then has no meaning.
    #[inline]
    pub fn is_bulk(&self) -> bool {
        self.bursts >= MAX_BURSTS
    }
}

/// The progress of a connection. It is sent when [`PAYLOAD_SAMPLES`] samples are complete, and with the first payload
/// after the end of an interval. The header names the process that owns the connection.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowUpdateRecord {
    /// The process that connected or listens. The time is that of the last payload.
    pub header: RecordHeader,
    /// Same as [`crate::PayloadRecord::opened`].
    pub opened: u64,
    /// Addresses and ports of both ends. The source is this host.
    pub flow: FlowTuple,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u32,
    /// 1 if an interval ([`crate::Settings::flow_interval`]) ended, 0 if the samples were complete before its end.
    pub interval: u32,
    /// The totals and samples.
    pub progress: FlowProgress,
}

const _: () = assert!(size_of::<FlowProgress>() == 48 + 8 * PAYLOAD_SAMPLES);
const _: () =
    assert!(size_of::<FlowUpdateRecord>() == size_of::<RecordHeader>() + 56 + size_of::<FlowProgress>());
