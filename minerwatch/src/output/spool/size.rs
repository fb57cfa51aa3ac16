//! The size of the file of a spool.
//!
//! The database doubles its file when it needs more pages, and never makes it smaller. So the entries may take only as
//! many pages as a file below the limit has.

/// Size of the parts of a file that are not pages for entries, and of the growth for one large entry, in bytes.
const FIXED: u64 = 256 << 10;

/// Maximum size of the lines in one entry of events, in bytes. With its time, such an entry fits into 64 KiB, because the
/// database stores large entries in powers of two.
pub(super) const ENTRY: usize = 60 << 10;

/// Size of a page. Smaller entries share a page, of which half may be empty.
const PAGE: u64 = 4 << 10;

/// What the database stores with each entry, in bytes.
const KEY: u64 = 64;

/// Returns the size of the pages that a file of at most `limit` bytes certainly has. When more are needed, the file may
/// double.
fn file_pages(limit: u64) -> u64 {
    limit.saturating_sub(FIXED) / 2
}

/// Returns the size of the pages that entries may take in a file of at most `limit` bytes. A quarter stays free, because
/// a transaction writes new pages before it frees the old ones.
pub(super) fn most_pages(limit: u64) -> u64 {
    file_pages(limit) / 4 * 3
}

/// Returns the size of the pages that one transaction may write.
pub(super) fn transaction(limit: u64) -> u64 {
    file_pages(limit) / 16
}

/// Returns the size of the pages that an entry of `length` bytes takes.
pub(super) fn pages(length: usize) -> u64 {
    let size = length as u64 + KEY;
    if size <= PAGE / 4 { 2 * size } else { size.next_power_of_two() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_take_whole_pages() {
        assert_eq!([100, 1_000, 3_000, ENTRY + 12, 70_000].map(pages), [328, 2_048, 4_096, 65_536, 131_072]);
    }
}
