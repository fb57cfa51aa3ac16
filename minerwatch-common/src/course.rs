//! How a connection goes on: how much, how large and when. Never what.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{FlowTuple, RecordHeader};

/// Payloads whose size and time one record holds.
pub const BEATS: usize = 16;

/// One payload by its size and time alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Beat {
    /// Milliseconds after [`Course::first`]; wraps after 49 days.
    pub at: u32,
    /// Its bytes, 65,535 for more.
    pub length: u16,
    /// A [`crate::Direction`] as a number.
    pub direction: u16,
}

impl Beat {
    /// None.
    pub const ZERO: Self = Self { at: 0, length: 0, direction: 0 };
}

/// What went over a connection so far, and its last payloads one by one.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Course {
    /// When its first payload was seen, nanoseconds of `CLOCK_BOOTTIME`; 0 before that.
    pub first: u64,
    /// When it was last told of at an interval, or `first`.
    pub told: u64,
    /// Bytes of payloads by direction, what was sent first.
    pub bytes: [u64; 2],
    /// Payloads by direction.
    pub payloads: [u32; 2],
    /// How many of `beats` are taken, at most [`BEATS`].
    pub count: u32,
    /// How often [`BEATS`] payloads came faster than any conversation; see [`Course::is_bulk`].
    pub rushes: u32,
    /// The payloads since the last record.
    pub beats: [Beat; BEATS],
}

/// After this many rushes the payloads of a connection are only counted.
const MAX_RUSHES: u32 = 8;

impl Course {
    /// Of a connection that said nothing yet.
    pub const FRESH: Self = Self {
        first: 0,
        told: 0,
        bytes: [0; 2],
        payloads: [0; 2],
        count: 0,
        rushes: 0,
        beats: [Beat::ZERO; BEATS],
    };

    /// Whether it carries so much so fast that single payloads tell nothing.
    #[inline]
    pub fn is_bulk(&self) -> bool {
        self.rushes >= MAX_RUSHES
    }
}

/// How a connection went on: sent when [`BEATS`] payloads were gathered, and at intervals. The header names the process
/// that the connection belongs to.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct CourseRecord {
    /// The process that connected, or listens; its time is that of the last payload.
    pub header: RecordHeader,
    /// As in [`crate::PayloadRecord::opened`].
    pub opened: u64,
    /// The two ends, this host's as the source.
    pub flow: FlowTuple,
    /// 1 if the peer opened the connection, 0 if this host did.
    pub accepted: u32,
    /// 1 if the interval is over ([`crate::Settings::flow_interval`]), 0 if only the beats are new.
    pub interval: u32,
    /// So far.
    pub course: Course,
}

const _: () = assert!(size_of::<Course>() == 48 + 8 * BEATS);
const _: () = assert!(size_of::<CourseRecord>() == size_of::<RecordHeader>() + 56 + size_of::<Course>());
