//! Merges several rings into one stream, in the order of the kernel's clock.
//!
//! Suppose one program writes a file and another runs it. The write and the exec arrive on different rings. If the rings
//! were drained one after the other, the exec could come before the write. So the oldest head of all rings goes first, and
//! only when every other ring either has a head too, or was seen empty after that oldest record existed. Its cause was sent
//! before it, so by then the cause would be visible. Nothing is copied or delayed, and no ring can starve another, because
//! it is always the oldest record's turn.

use minerwatch_common::RecordHeader;
use zerocopy::FromBytes as _;

/// A ring that returns records in the order in which their places were reserved. The time of a record is taken before its
/// place is reserved, so a record is older than all records of its effects, on any ring.
pub(super) trait Source {
    /// The time of the oldest record, which stays in the ring; nanoseconds of `CLOCK_BOOTTIME`. `None` if the ring is empty
    /// or the record is still being written.
    fn head(&mut self) -> Option<u64>;

    /// Removes the oldest record and passes it on.
    fn take(&mut self, on_record: &mut impl FnMut(&[u8]));

    /// Whether the ring holds a record, even one that is still being written.
    fn holds_any(&self) -> bool;
}

impl<S: Source> Source for &mut S {
    fn head(&mut self) -> Option<u64> {
        S::head(self)
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        S::take(self, on_record);
    }

    fn holds_any(&self) -> bool {
        S::holds_any(self)
    }
}

/// Why a round of draining ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All rings are empty. The kernel wakes the reader when that changes.
    Empty,
    /// The limit was reached. There may be more records.
    More,
    /// The remaining records must wait for an older one that another processor is writing at this moment. There will be no
    /// wake-up, so the caller must try again soon.
    Writing,
}

/// Passes on the records of all rings, oldest first, at most `limit` of them. `heads` has one [`Head::Unknown`] for each
/// ring. `now` reads the clock of the records.
pub(super) fn drain<Ring: Source>(
    rings: &mut [Ring],
    heads: &mut [Head],
    limit: usize,
    now: impl Fn() -> u64,
    mut on_record: impl FnMut(&[u8]),
) -> Drained {
    for _ in 0..limit {
        let Some(oldest) = oldest(rings, heads, &now) else {
            let waiting = heads.iter().any(|head| matches!(head, Head::At(_)));
            return if waiting { Drained::Writing } else { Drained::Empty };
        };
        if let (Some(ring), Some(head)) = (rings.get_mut(oldest), heads.get_mut(oldest)) {
            ring.take(&mut on_record);
            *head = Head::Unknown;
        }
    }
    Drained::More
}

/// What is known about the oldest record of a ring.
#[derive(Clone, Copy)]
pub(super) enum Head {
    /// Nothing, because the last one was just taken.
    Unknown,
    /// There is a record of this time.
    At(u64),
    /// The ring was empty at this time, so it holds nothing that is older.
    EmptyAt(u64),
}

/// The ring whose head goes next. `None` if all are empty or if it must wait for a record that is being written.
fn oldest<Ring: Source>(rings: &mut [Ring], heads: &mut [Head], now: impl Fn() -> u64) -> Option<usize> {
    for (ring, head) in rings.iter_mut().zip(heads.iter_mut()) {
        if let Head::Unknown = head
            && let Some(time) = ring.head()
        {
            *head = Head::At(time);
        }
    }
    let (_, time) = first(heads)?;
    // A head that is found only now may be even older. What was established for the former oldest then holds for it too.
    for (ring, head) in rings.iter_mut().zip(heads.iter_mut()) {
        match head {
            Head::At(_) => continue,
            Head::EmptyAt(at) if time <= *at => continue,
            Head::Unknown | Head::EmptyAt(_) => {}
        }
        let at = now();
        *head = match ring.head() {
            Some(time) => Head::At(time),
            None if ring.holds_any() => Head::At(ring.head()?),
            None => Head::EmptyAt(at),
        };
    }
    first(heads).map(|(oldest, _)| oldest)
}

/// The oldest head. If two are equal, that of the first ring.
fn first(heads: &[Head]) -> Option<(usize, u64)> {
    let waiting = heads.iter().enumerate().filter_map(|(ring, head)| match head {
        Head::At(time) => Some((ring, *time)),
        Head::Unknown | Head::EmptyAt(_) => None,
    });
    waiting.min_by_key(|(_, time)| *time)
}

/// The time of a record. A malformed record has none and goes first; the decoder then reports what is wrong with it.
pub(super) fn time(record: &[u8]) -> u64 {
    RecordHeader::read_from_prefix(record).map_or(0, |(header, _)| header.time)
}

#[cfg(test)]
mod tests;
