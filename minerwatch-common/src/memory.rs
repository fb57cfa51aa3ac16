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
        /// Explicit huge pages, at most as large as the scratchpad of one thread, or exactly as large as that of one
        /// thread of `GhostRider`. Transparent huge pages count if a request is for
        /// exactly one huge page, or for the scratchpads of one thread of `GhostRider`.
        Scratchpad = 4,
        /// As large as the memory of one thread of a kind of yespower or yescrypt.
        Workspace = 5,
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
    /// Size of a huge page in bytes, and of RandomX's scratchpad.
    pub const HUGE_PAGE: u64 = 2 << 20;
    /// Size of the scratchpads of one thread of `GhostRider` in bytes: it hashes eight times at once, with 2 MiB each.
    pub const EIGHT_SCRATCHPADS: u64 = 16 << 20;
    /// Sizes of the buffer for a compiled RandomX program and its data, in bytes. The last two are those of RandomX v2,
    /// with and without an extra page.
    pub const CODE: [u64; 4] = [128 << 10, 256 << 10, 81_920, 77_824];
    /// Size of a page in bytes, the unit of [`Self::WORKSPACES`].
    pub const PAGE: u64 = 4_096;
    /// The amounts of memory that one thread of yespower or yescrypt uses, as ranges of pages, first and last included. A
    /// miner requests 2,108,416, 2,197,568, 4,300,864, 8,402,944, 8,491,072, 8,495,168 or 18,874,368 bytes, depending on
    /// the currency. The allocator of glibc adds a page to large requests (malloc/malloc.c, `sysmalloc_mmap`).
    pub const WORKSPACES: [(u64, u64); 6] =
        [(515, 516), (537, 538), (1_051, 1_052), (2_052, 2_053), (2_073, 2_075), (4_608, 4_609)];

    /// Returns the index in [`Self::WORKSPACES`] of a size in bytes.
    #[inline]
    pub fn workspace(size: u64) -> Option<usize> {
        // Most requests are outside of all ranges.
        if size <= (Self::WORKSPACES[0].0 - 1) * Self::PAGE || size > Self::WORKSPACES[5].1 * Self::PAGE {
            return None;
        }
        let pages = size.div_ceil(Self::PAGE);
        Self::WORKSPACES.iter().position(|(first, last)| *first <= pages && pages <= *last)
    }
}

/// A process requested memory of a class. The record is sent for the 1st, 2nd, 4th, 8th and so on request of each
/// class. Scratchpads of `GhostRider`, transparent huge pages, and each size of [`MappingClass::WORKSPACES`] are counted on
/// their own. Whether the request succeeded is not known.
#[derive(Clone, Copy, Debug, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct MappingRecord {
    /// The process that requested the memory.
    pub header: RecordHeader,
    /// Size of this mapping in bytes.
    pub size: u64,
    /// Number of requests of this class so far, including this request. Requests for a workspace or for transparent huge
    /// pages that one thread makes in a row count as one request, because programs that process images request the same
    /// size again and again.
    pub count: u64,
    /// A [`MappingClass`] as a number.
    pub class: u32,
    /// 1 if the process requested huge pages (`MAP_HUGETLB` or `MADV_HUGEPAGE`).
    pub huge: u32,
}

const _: () = assert!(size_of::<MappingRecord>() == 72);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workspaces_are_known_by_their_size() {
        let sizes = [2_108_416, 2_197_568, 4_300_864, 8_402_944, 8_491_072, 8_495_168, 18_874_368_u64];
        let found = sizes.map(MappingClass::workspace);
        assert_eq!(found, [0, 1, 2, 3, 4, 4, 5].map(Some), "as a miner asks");
        let rounded = sizes.map(|size| MappingClass::workspace((size / 4_096 + 1) * 4_096));
        assert_eq!(rounded, found, "as glibc asks");
    }

    #[test]
    fn other_sizes_are_no_workspaces() {
        let cases = [
            ("nothing", 0),
            ("two megabytes", 2 << 20),
            ("a stack of two megabytes with its guard", (2 << 20) + 4_096),
            ("four megabytes and a page", (4 << 20) + 4_096),
            ("a heap of eight megabytes and its header", (8 << 20) + 4_096),
            ("a page less", 18_874_368 - 4_096),
            ("two pages more", 18_874_368 + 2 * 4_096),
            ("everything", u64::MAX),
        ];
        for (name, size) in cases {
            assert_eq!(MappingClass::workspace(size), None, "{name}");
        }
    }
}
