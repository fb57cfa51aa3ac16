//! Memory that a process asks for in sizes worth a look.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::RecordHeader;

/// What a mapping may be for, by its size and protection alone; as it stands in [`MappingRecord::class`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum MappingClass {
    /// Of the size of RandomX's dataset.
    Dataset = 1,
    /// Of the size of RandomX's cache.
    Cache = 2,
    /// Writable and executable, or being made executable, of the size of RandomX's compiled programs.
    Code = 3,
    /// Huge pages asked for by name, of the size of one thread's scratchpad.
    Scratchpad = 4,
}

impl MappingClass {
    /// Bytes of RandomX's dataset: 2 GiB and 32 MiB and a bit, exactly, down to the last item; up to the next multiple
    /// of 4 MiB, since the kernel and allocators round up (doc/specs.md of RandomX: `RANDOMX_DATASET_BASE_SIZE` and
    /// `RANDOMX_DATASET_EXTRA_SIZE`).
    pub const DATASET: core::ops::RangeInclusive<u64> = 2_181_038_016..=2_185_232_384;
    /// Bytes of RandomX's cache: 256 MiB.
    pub const CACHE: u64 = 1 << 28;
    /// The most bytes of a scratchpad: 2 MiB for RandomX, up to 4 MiB for its relatives.
    pub const SCRATCHPAD: u64 = 4 << 20;
    /// Bytes of a compiled RandomX program with its data.
    pub const CODE: [u64; 2] = [128 << 10, 256 << 10];

    /// The class with this number, or `None` for one this build does not know.
    pub fn from_number(number: u32) -> Option<Self> {
        [Self::Dataset, Self::Cache, Self::Code, Self::Scratchpad]
            .into_iter()
            .find(|class| *class as u32 == number)
    }
}

/// A process asked for memory of a class: sent for the first, the second, the fourth and so on of its class. Whether it
/// got it is not known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MappingRecord {
    /// The process.
    pub header: RecordHeader,
    /// Bytes of this one.
    pub size: u64,
    /// How many of this class there were, this one included.
    pub count: u64,
    /// A [`MappingClass`] as a number.
    pub class: u32,
    /// 1 if huge pages were asked for by name (`MAP_HUGETLB`).
    pub huge: u32,
}

const _: () = assert!(size_of::<MappingRecord>() == 72);
