//! Memory requests in the sizes that miners use.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

numbered! {
    /// The likely use of a mapping, judged by its size and protection. Stored in [`MappingRecord::class`].
    pub enum MappingClass: u32 {
        /// As large as the dataset of RandomX.
        Dataset = 1,
        /// As large as the cache of RandomX.
        Cache = 2,
        /// Writable and executable, or being made executable, and as large as a compiled program of RandomX.
        Code = 3,
        /// Explicit huge pages, at most as large as the scratchpad of one thread.
        Scratchpad = 4,
    }
}

impl MappingClass {
    /// Size of the RandomX dataset in bytes: `RANDOMX_DATASET_BASE_SIZE` + `RANDOMX_DATASET_EXTRA_SIZE` (doc/specs.md
    /// of RandomX), which is 64 bytes less than 2 GiB + 32 MiB. The range ends at 2 GiB + 36 MiB, because the kernel
    /// and allocators round up.
    pub const DATASET: core::ops::RangeInclusive<u64> = 2_181_038_016..=2_185_232_384;
    /// Size of the RandomX cache in bytes: 256 MiB.
    pub const CACHE: u64 = 1 << 28;
    /// Maximum size of a scratchpad in bytes: 2 MiB for RandomX, up to 4 MiB for related algorithms.
    pub const SCRATCHPAD: u64 = 4 << 20;
    /// Sizes of the buffer for a compiled RandomX program and its data, in bytes.
    pub const CODE: [u64; 2] = [128 << 10, 256 << 10];
}

/// A process requested memory of a class. The record is sent for the 1st, 2nd, 4th, 8th and so on request of each
/// class. Whether the request succeeded is not known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MappingRecord {
    /// The process that requested the memory.
    pub header: RecordHeader,
    /// Size of this mapping in bytes.
    pub size: u64,
    /// Number of requests of this class so far, including this request.
    pub count: u64,
    /// A [`MappingClass`] as a number.
    pub class: u32,
    /// 1 if the process explicitly requested huge pages (`MAP_HUGETLB`).
    pub huge: u32,
}

const _: () = assert!(size_of::<MappingRecord>() == 72);
