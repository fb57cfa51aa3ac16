//! The progress of a connection: the sizes and times of its payloads, never their contents.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowTuple, RecordHeader};

/// How many payloads one record describes.
pub const PAYLOAD_SAMPLES: usize = 16;

/// The size and time of one payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct PayloadSample {
    /// Milliseconds after [`FlowProgress::first`]; wraps after 49 days.
    pub at: u32,
    /// Its bytes, at most 65,535.
    pub length: u16,
    /// A [`crate::Direction`] as a number.
    pub direction: u16,
}

impl PayloadSample {
    /// An unused entry.
    pub const ZERO: Self = Self { at: 0, length: 0, direction: 0 };
}

/// Totals of a connection so far, and a sample for each of its latest payloads.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowProgress {
    /// When its first payload was seen, nanoseconds of `CLOCK_BOOTTIME`; 0 before that.
    pub first: u64,
    /// When the last record at the end of an interval was sent, or `first` before that.
    pub reported: u64,
    /// Bytes of payloads: sent, received.
    pub bytes: [u64; 2],
    /// Number of payloads: sent, received.
    pub payloads: [u32; 2],
    /// How many of `samples` are in use, at most [`PAYLOAD_SAMPLES`].
    pub count: u32,
    /// How often [`PAYLOAD_SAMPLES`] payloads came too fast to be a dialogue; see [`FlowProgress::is_bulk`].
    pub bursts: u32,
    /// The payloads since the last record.
    pub samples: [PayloadSample; PAYLOAD_SAMPLES],
}

/// After this many bursts a connection is bulk: its payloads are counted and no longer sampled.
const MAX_BURSTS: u32 = 8;

impl FlowProgress {
    /// The progress of a connection without payloads yet.
    pub const FRESH: Self = Self {
        first: 0,
        reported: 0,
        bytes: [0; 2],
        payloads: [0; 2],
        count: 0,
        bursts: 0,
        samples: [PayloadSample::ZERO; PAYLOAD_SAMPLES],
    };

    /// Whether the connection is a bulk transfer, in which single payloads say nothing.
    #[inline]
    pub fn is_bulk(&self) -> bool {
        self.bursts >= MAX_BURSTS
    }
}

/// The progress of a connection, sent when [`PAYLOAD_SAMPLES`] samples are complete and at the end of each interval. The
/// header names the process that owns the connection.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct FlowUpdateRecord {
    /// The process that connected or listens; the time is that of the last payload.
    pub header: RecordHeader,
    /// As in [`crate::PayloadRecord::opened`].
    pub opened: u64,
    /// The two ends; the source is this host.
    pub flow: FlowTuple,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u32,
    /// 1 at the end of an interval ([`crate::Settings::flow_interval`]), 0 if the samples are complete before it.
    pub interval: u32,
    /// Totals and samples.
    pub progress: FlowProgress,
}

const _: () = assert!(size_of::<FlowProgress>() == 48 + 8 * PAYLOAD_SAMPLES);
const _: () =
    assert!(size_of::<FlowUpdateRecord>() == size_of::<RecordHeader>() + 56 + size_of::<FlowProgress>());
