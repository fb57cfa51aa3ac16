//! Memory that a process asks for in the sizes that miners use.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{RecordHeader, numbered::numbered};

numbered! {
    /// What a mapping may be for, judged by its size and protection; as it stands in [`MappingRecord::class`].
    pub enum MappingClass: u32 {
        /// As large as RandomX's dataset.
        Dataset = 1,
        /// As large as RandomX's cache.
        Cache = 2,
        /// Writable and executable, or being made executable, and as large as RandomX's compiled programs.
        Code = 3,
        /// Explicit huge pages, as large as the scratchpad of one thread.
        Scratchpad = 4,
    }
}

impl MappingClass {
    /// Bytes of RandomX's dataset. It is a little more than 2 GiB and 32 MiB (doc/specs.md of RandomX:
    /// `RANDOMX_DATASET_BASE_SIZE` and `RANDOMX_DATASET_EXTRA_SIZE`). The range ends at the next multiple of 4 MiB
    /// because the kernel and allocators round up.
    pub const DATASET: core::ops::RangeInclusive<u64> = 2_181_038_016..=2_185_232_384;
    /// Bytes of RandomX's cache: 256 MiB.
    pub const CACHE: u64 = 1 << 28;
    /// The most bytes of a scratchpad: 2 MiB for RandomX, up to 4 MiB for its relatives.
    pub const SCRATCHPAD: u64 = 4 << 20;
    /// Bytes of a compiled RandomX program with its data.
    pub const CODE: [u64; 2] = [128 << 10, 256 << 10];
}

/// A process asked for memory of a class. Sent for the 1st, 2nd, 4th, 8th and so on request of each class. Whether the
/// request succeeded is not known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MappingRecord {
    /// The process.
    pub header: RecordHeader,
    /// Bytes of this mapping.
    pub size: u64,
    /// Requests of this class so far, this one included.
    pub count: u64,
    /// A [`MappingClass`] as a number.
    pub class: u32,
    /// 1 if the process asked for huge pages explicitly (`MAP_HUGETLB`).
    pub huge: u32,
}

const _: () = assert!(size_of::<MappingRecord>() == 72);
