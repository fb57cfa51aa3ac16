//! Finds memory in the sizes that RandomX uses, from `/proc/PID/maps` of a running process.
//!
//! The kernel merges neighbouring mappings of the same kind. Therefore a dataset next to the cache and the scratchpads
//! is recognised only if the process also has RandomX's executable buffers.

use crate::{
    enrich::proc::Proc,
    model::{Mapping, MappingClass},
};

/// Minimum memory of a process whose mappings are read, in kB. RandomX's cache alone is 256 MiB.
const WORTH_IT: u64 = 128 << 10;
/// Maximum number of bytes read of `/proc/PID/maps`: some thousand mappings.
const MAX_MAPS: u64 = 1 << 20;

// These sizes must equal the sizes in the eBPF programs.
const DATASET: std::ops::RangeInclusive<u64> = 2_181_038_016..=2_185_232_384;
const CACHE: u64 = 1 << 28;
const SMALLEST_CODE: u64 = 128 << 10;
const LARGEST_CODE: u64 = 256 << 10;
/// Sizes of the buffers of RandomX v2.
const CODE_V2: [u64; 2] = [81_920, 77_824];
/// Maximum number of threads whose executable buffers may have been merged.
const MOST_CODE: u64 = 512;
const SCRATCHPAD: u64 = 4 << 20;
const EIGHT_SCRATCHPADS: u64 = 16 << 20;

/// Sizes of a dataset that was merged with the cache and the scratchpads of some hundred threads.
const JOINED: std::ops::RangeInclusive<u64> = 2_181_038_016..=2_185_232_384 + CACHE + (512 << 20);
/// Minimum number of executable buffers in a process with a merged dataset.
const CODE_BESIDE: u64 = 2;

/// Reads the relevant mappings of a process: one entry for each class, with the number of mappings. `status` is the
/// text of its `/proc/PID/status`.
pub(super) fn read(proc: &Proc, pid: u32, status: &[u8]) -> Vec<Mapping> {
    let status = String::from_utf8_lossy(status);
    // `VmRSS` does not include huge pages.
    if kilobytes(&status, "VmRSS:").max(kilobytes(&status, "HugetlbPages:")) < WORTH_IT {
        return Vec::new();
    }
    let maps = proc.read(pid, "maps", MAX_MAPS).unwrap_or_default();
    summarise(&String::from_utf8_lossy(&maps))
}

/// Reads the number in a line such as `VmRSS:   1234 kB`. Returns 0 if there is no such line.
fn kilobytes(status: &str, field: &str) -> u64 {
    let mut amounts = status.lines().filter_map(|line| line.strip_prefix(field)?.split_whitespace().next());
    amounts.next().and_then(|amount| amount.parse().ok()).unwrap_or(0)
}

pub(super) fn summarise(maps: &str) -> Vec<Mapping> {
    let mut found: Vec<Mapping> = Vec::new();
    let mut joined = None;
    for Anonymous { size, executable, huge } in maps.lines().filter_map(anonymous) {
        let Some(class) = classify(size, executable, huge) else {
            joined = joined.or(JOINED.contains(&size).then_some(size));
            continue;
        };
        // Each of several merged buffers counts.
        let count = if class == MappingClass::Code { size.div_ceil(LARGEST_CODE) } else { 1 };
        let is_same = |mapping: &Mapping| {
            mapping.class == class && (mapping.size == EIGHT_SCRATCHPADS) == (size == EIGHT_SCRATCHPADS)
        };
        match found.iter_mut().find(|mapping| is_same(mapping)) {
            Some(mapping) => mapping.count += count,
            None => found.push(Mapping { class, size, count, huge }),
        }
    }
    let has = |class, least| found.iter().any(|mapping| mapping.class == class && mapping.count >= least);
    if let Some(size) = joined
        && has(MappingClass::Code, CODE_BESIDE)
        && !has(MappingClass::Dataset, 1)
    {
        found.push(Mapping { class: MappingClass::Dataset, size, count: 1, huge: false });
    }
    found
}

/// An anonymous mapping: memory without a file.
struct Anonymous {
    size: u64,
    executable: bool,
    huge: bool,
}

/// Parses `START-END PERMISSIONS OFFSET DEVICE INODE [PATH]`. Returns `None` for a mapping of a file.
fn anonymous(line: &str) -> Option<Anonymous> {
    let mut words = line.split_whitespace();
    let (start, end) = words.next()?.split_once('-')?;
    let permissions = words.next()?;
    let path = words.nth(3).unwrap_or_default();
    let huge = path == "/anon_hugepage";
    if !huge && !path.is_empty() && !path.starts_with("[anon") {
        return None;
    }
    let size = u64::from_str_radix(end, 16).ok()?.checked_sub(u64::from_str_radix(start, 16).ok()?)?;
    Some(Anonymous { size, executable: permissions.contains('x'), huge })
}

fn classify(size: u64, executable: bool, huge: bool) -> Option<MappingClass> {
    if DATASET.contains(&size) {
        Some(MappingClass::Dataset)
    } else if size == CACHE {
        Some(MappingClass::Cache)
    } else if executable && (CODE_V2.contains(&size) || is_joined_code(size)) {
        Some(MappingClass::Code)
    } else if huge && (size <= SCRATCHPAD || size == EIGHT_SCRATCHPADS) {
        Some(MappingClass::Scratchpad)
    } else {
        None
    }
}

/// Whether a size is that of a buffer of RandomX v1, or of several that the kernel merged.
fn is_joined_code(size: u64) -> bool {
    size > 0 && size.is_multiple_of(SMALLEST_CODE) && size <= MOST_CODE * LARGEST_CODE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_miner_with_huge_pages() {
        let maps = "\
            55d0c0a00000-55d0c0a40000 rwxp 00000000 00:00 0 \n\
            7f0000000000-7f0082000000 rw-p 00000000 00:0f 12 /anon_hugepage (deleted)\n\
            7f0090000000-7f00a0000000 rw-p 00000000 00:0f 13 /anon_hugepage (deleted)\n\
            7f00b0000000-7f00b0200000 rw-p 00000000 00:0f 14 /anon_hugepage (deleted)\n\
            7f00b0200000-7f00b0400000 rw-p 00000000 00:0f 15 /anon_hugepage (deleted)\n\
            7f00c0000000-7f00c0040000 r-xp 00000000 00:00 0 [anon:code]\n\
            7f00d0000000-7f00d0040000 r-xp 00000000 08:01 99 /usr/lib/libc.so.6\n\
            7ffc00000000-7ffc00021000 rw-p 00000000 00:00 0 [stack]\n";
        let expected = [
            (MappingClass::Code, 256 << 10, 2, false),
            (MappingClass::Dataset, 2080 << 20, 1, true),
            (MappingClass::Cache, 256 << 20, 1, true),
            (MappingClass::Scratchpad, 2 << 20, 2, true),
        ]
        .map(|(class, size, count, huge)| Mapping { class, size, count, huge });
        // The dataset's last part makes it a little longer than 2080 MiB.
        let maps = maps.replace("7f0082000000", "7f0082200000");
        let found = summarise(&maps);
        assert_eq!(found.len(), expected.len(), "{found:?}");
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(
                (found.class, found.count, found.huge),
                (expected.class, expected.count, expected.huge)
            );
        }
    }

    #[test]
    fn buffers_of_other_versions() {
        let lines = |sizes: &[u64], permissions: &str, path: &str| {
            let line = |(index, size): (usize, &u64)| {
                let start = 0x7f00_0000_0000 + ((index as u64) << 28);
                format!("{start:x}-{:x} {permissions} 00000000 00:00 0 {path}\n", start + size)
            };
            sizes.iter().enumerate().map(line).collect::<String>()
        };
        let found = |maps: &str| -> Vec<_> {
            summarise(maps).iter().map(|mapping| (mapping.class, mapping.count)).collect()
        };
        assert_eq!(
            found(&lines(&[81_920, 77_824, 73_728], "rwxp", "")),
            [(MappingClass::Code, 2)],
            "RandomX v2"
        );
        assert_eq!(found(&lines(&[81_920, 77_824], "rw-p", "")), [], "not executable");
        let pages = lines(&[16 << 20, 2 << 20, 16 << 20, 8 << 20], "rw-p", "/anon_hugepage (deleted)");
        let expected = [(MappingClass::Scratchpad, 2), (MappingClass::Scratchpad, 1)];
        assert_eq!(found(&pages), expected, "GhostRider, counted on its own");
        assert_eq!(found(&lines(&[16 << 20], "rw-p", "")), [], "ordinary pages");
    }

    #[test]
    fn a_dataset_that_was_merged_with_its_neighbours() {
        let joined = "7f0000000000-7f0092200000 rw-p 00000000 00:00 0 \n";
        // Four merged buffers of 256 KiB each.
        let code = "7f00c0000000-7f00c0100000 rwxp 00000000 00:00 0 \n";
        assert_eq!(summarise(joined), [], "a little more than 2 GiB is any heap");
        let found = summarise(&format!("{joined}{code}"));
        let dataset = found.iter().find(|mapping| mapping.class == MappingClass::Dataset);
        assert_eq!(dataset.map(|mapping| mapping.size), Some(0x9220_0000));
    }

    #[test]
    fn amounts_are_read_from_the_status() {
        let status = "Name:\tx\nVmRSS:\t   1234 kB\nHugetlbPages:\t 2392064 kB\n";
        assert_eq!((kilobytes(status, "VmRSS:"), kilobytes(status, "HugetlbPages:")), (1234, 2_392_064));
        assert_eq!((kilobytes("", "VmRSS:"), kilobytes("VmRSS: much", "VmRSS:")), (0, 0));
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in ".{0,200}") {
            let _ = summarise(&text);
        }
    }
}
