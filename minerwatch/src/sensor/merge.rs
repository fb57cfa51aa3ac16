//! Merges several rings into one stream, in the order of the kernel's clock.
//!
//! Suppose one program writes a file and another runs it. The write and the exec arrive on different rings. If the
//! rings were drained one after the other, the exec could come before the write. Therefore the oldest record at the
//! head of any ring goes first. It may go only when every other ring either has a head too, or was seen empty after the
//! oldest record existed. The cause of a record is sent before the record, so by then the cause would be visible.
//!
//! The merge itself copies and delays no record. No ring can starve another, because the oldest record is always next.

use minerwatch_common::RecordHeader;
use zerocopy::FromBytes as _;

/// A ring that returns records in the order in which their places were reserved. A program takes the time of a record
/// before it reserves the place. So a record is older than all records of its effects, on any ring.
pub(super) trait Source {
    /// Returns the time of the oldest record, in nanoseconds of `CLOCK_BOOTTIME`. The record stays in the ring. Returns
    /// `None` if the ring is empty or if the record is still being written.
    fn head(&mut self) -> Option<u64>;

    /// Removes the oldest record and passes it to `on_record`.
    fn take(&mut self, on_record: &mut impl FnMut(&[u8]));

    /// Returns whether the ring holds a record, even if the record is still being written.
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

/// Why a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// All rings are empty. The kernel wakes the reader when that changes.
    Empty,
    /// The limit was reached. There may be more records.
    More,
    /// The remaining records must wait for an older record that another CPU is writing at this moment. The kernel sends
    /// no wake-up for it, so the caller must try again soon.
    Writing,
}

/// Passes on the records of all rings, oldest first, at most `limit` of them. `heads` holds one [`Head::Unknown`] for
/// each ring. `now` reads the clock of the records.
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

/// What the reader knows about the oldest record of a ring.
#[derive(Clone, Copy)]
pub(super) enum Head {
    /// The reader knows nothing, because it just took the last known record.
    Unknown,
    /// The oldest record has this time.
    At(u64),
    /// The ring was empty at this time, so it holds no older record.
    EmptyAt(u64),
}

/// Returns the index of the ring whose head goes next. Returns `None` if all rings are empty, or if the head must wait
/// for a record that is being written.
fn oldest<Ring: Source>(rings: &mut [Ring], heads: &mut [Head], now: impl Fn() -> u64) -> Option<usize> {
    for (ring, head) in rings.iter_mut().zip(heads.iter_mut()) {
        if let Head::Unknown = head
            && let Some(time) = ring.head()
        {
            *head = Head::At(time);
        }
    }
    let (_, time) = first(heads)?;
    // A head found in this loop may be older than `time`. Every check against `time` then also holds for the older
    // head.
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

/// Returns the oldest head: its ring and its time. Of equal heads, the head of the first ring counts.
fn first(heads: &[Head]) -> Option<(usize, u64)> {
    let waiting = heads.iter().enumerate().filter_map(|(ring, head)| match head {
        Head::At(time) => Some((ring, *time)),
        Head::Unknown | Head::EmptyAt(_) => None,
    });
    waiting.min_by_key(|(_, time)| *time)
}

/// Reads the time of a record. A malformed record has time 0 and goes first; the decoder then reports what is wrong
/// with it.
pub(super) fn time(record: &[u8]) -> u64 {
    RecordHeader::read_from_prefix(record).map_or(0, |(header, _)| header.time)
}

#[cfg(test)]
mod tests;
