//! Several lanes as one, in the order of the kernel's clock.
//!
//! A program that writes a file and one that runs it report through different lanes. Taken one lane after the other,
//! the run would come before the write. So the oldest of the heads goes first, and only after every other lane either
//! has a head or was found empty when that oldest one was there already: its cause was sent before it, and would be
//! seen. Nothing is copied or held back for that, and no lane can keep another waiting: it is always the oldest record's
//! turn.

use minerwatch_common::RecordHeader;
use zerocopy::FromBytes as _;

/// A lane that hands over records in the order in which their places were reserved. Each takes its time before its
/// place, so a record is older than every effect of it, in whichever lane that is reported.
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
    /// All lanes are empty: the kernel wakes the reader when that changes.
    Empty,
    /// The round was long enough; more may be waiting.
    More,
    /// What waits must wait for an older record that another processor is writing at this moment. No wake-up will come:
    /// look again soon.
    Writing,
}

/// Hands over the records of all lanes, the oldest first, at most `limit` of them. `heads` is as long as `lanes` and
/// unknown. `now` reads the records' clock.
pub(super) fn drain<Lane: Source>(
    lanes: &mut [Lane],
    heads: &mut [Head],
    limit: usize,
    now: impl Fn() -> u64,
    mut on_record: impl FnMut(&[u8]),
) -> Drained {
    for _ in 0..limit {
        let Some(oldest) = oldest(lanes, heads, &now) else {
            let waiting = heads.iter().any(|head| matches!(head, Head::At(_)));
            return if waiting { Drained::Writing } else { Drained::Empty };
        };
        if let (Some(lane), Some(head)) = (lanes.get_mut(oldest), heads.get_mut(oldest)) {
            lane.take(&mut on_record);
            *head = Head::Unknown;
        }
    }
    Drained::More
}

/// What is known of a lane's head.
#[derive(Clone, Copy)]
pub(super) enum Head {
    /// Nothing: it was just taken, or there was none.
    Unknown,
    /// A record of this time waits.
    At(u64),
    /// There was none at this time, and so nothing that comes before a head that is not newer.
    EmptyAt(u64),
}

/// Which lane's head goes next. `None` if there is none or if it must wait for one that is being written.
fn oldest<Lane: Source>(lanes: &mut [Lane], heads: &mut [Head], now: impl Fn() -> u64) -> Option<usize> {
    for (lane, head) in lanes.iter_mut().zip(heads.iter_mut()) {
        if let Head::Unknown = head
            && let Some(time) = lane.head()
        {
            *head = Head::At(time);
        }
    }
    let (_, time) = first(heads)?;
    // A head found only now may be the older one; what was said of the others then holds for it all the more.
    for (lane, head) in lanes.iter_mut().zip(heads.iter_mut()) {
        match head {
            Head::At(_) => continue,
            Head::EmptyAt(at) if time <= *at => continue,
            Head::Unknown | Head::EmptyAt(_) => {}
        }
        let at = now();
        *head = match lane.head() {
            Some(time) => Head::At(time),
            None if lane.holds_any() => Head::At(lane.head()?),
            None => Head::EmptyAt(at),
        };
    }
    first(heads).map(|(oldest, _)| oldest)
}

/// The oldest head, of equal ones the first lane's.
fn first(heads: &[Head]) -> Option<(usize, u64)> {
    let waiting = heads.iter().enumerate().filter_map(|(lane, head)| match head {
        Head::At(time) => Some((lane, *time)),
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
