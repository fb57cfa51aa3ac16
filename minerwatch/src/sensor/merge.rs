//! Several rings as one, in the order of the kernel's clock.
//!
//! A program that writes a file and one that runs it report through different rings. Taken one ring after the other,
//! the run would come before the write. So the oldest of the heads goes first, and only after every other ring either
//! has a head or was found empty when that oldest one was there already: its cause was sent before it, and would be
//! seen. Nothing is copied or held back for that, and no ring can keep another waiting: it is always the oldest record's
//! turn.

use minerwatch_common::RecordHeader;
use zerocopy::FromBytes as _;

/// A ring that hands over records in the order in which their places were reserved. Each takes its time before its
/// place, so a record is older than every effect of it, in whichever ring that is reported.
pub(super) trait Source {
    /// The time of the record that waits longest, which goes on waiting; nanoseconds of `CLOCK_BOOTTIME`. `None` if none
    /// waits or if it is still being written.
    fn head(&mut self) -> Option<u64>;

    /// Hands over the record that waits longest.
    fn take(&mut self, on_record: &mut impl FnMut(&[u8]));

    /// Whether a record is in it, be it one that is still being written.
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
    /// All rings are empty: the kernel wakes the reader when that changes.
    Empty,
    /// The round was long enough; more may be waiting.
    More,
    /// What waits must wait for an older record that another processor is writing at this moment. No wake-up will come:
    /// look again soon.
    Writing,
}

/// Hands over the records of all rings, the oldest first, at most `limit` of them. `heads` is as long as `rings` and
/// unknown. `now` reads the records' clock.
pub(super) fn drain<Lane: Source>(
    rings: &mut [Lane],
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

/// What is known of a ring's head.
#[derive(Clone, Copy)]
pub(super) enum Head {
    /// Nothing: it was just taken, or there was none.
    Unknown,
    /// A record of this time waits.
    At(u64),
    /// There was none at this time, and so nothing that comes before a head that is not newer.
    EmptyAt(u64),
}

/// Which ring's head goes next. `None` if there is none or if it must wait for one that is being written.
fn oldest<Lane: Source>(rings: &mut [Lane], heads: &mut [Head], now: impl Fn() -> u64) -> Option<usize> {
    for (ring, head) in rings.iter_mut().zip(heads.iter_mut()) {
        if let Head::Unknown = head
            && let Some(time) = ring.head()
        {
            *head = Head::At(time);
        }
    }
    let (_, time) = first(heads)?;
    // A head found only now may be the older one; what was said of the others then holds for it all the more.
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

/// The oldest head, of equal ones the first ring's.
fn first(heads: &[Head]) -> Option<(usize, u64)> {
    let waiting = heads.iter().enumerate().filter_map(|(ring, head)| match head {
        Head::At(time) => Some((ring, *time)),
        Head::Unknown | Head::EmptyAt(_) => None,
    });
    waiting.min_by_key(|(_, time)| *time)
}

/// When it happened. What has no time goes first: the decoder will say what is wrong with it.
pub(super) fn time(record: &[u8]) -> u64 {
    RecordHeader::read_from_prefix(record).map_or(0, |(header, _)| header.time)
}

#[cfg(test)]
mod tests;
