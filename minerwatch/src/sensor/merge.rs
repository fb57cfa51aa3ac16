//! Two rings as one, in the order of the kernel's clock.
//!
//! A program that writes a file and one that runs it report through different rings. Taken one ring after the other,
//! the run would come before the write. So the older of the two heads goes first, and a head goes alone only after the
//! other ring was found empty *while it was held*: what happened before it was sent before it, and would be there.

use std::{cell::Cell, ops::Deref};

use minerwatch_common::RecordHeader;
use zerocopy::FromBytes as _;

/// Something that hands over records in about the order of their time; a record's place is free again when it is
/// dropped.
pub(super) trait Source {
    /// A record, in place.
    type Record<'a>: Deref<Target = [u8]>
    where
        Self: 'a;

    /// The oldest record that waits.
    fn take(&mut self) -> Option<Self::Record<'_>>;
}

/// Hands over the records that are not newer than `$time`, and is the first that is newer. A macro, because the borrow
/// checker does not follow a record out of a function that goes on borrowing its ring.
macro_rules! first_newer {
    ($source:ident, $time:expr, $hand_over:ident) => {{
        let time_held = $time;
        loop {
            match $source.take() {
                Some(record) if time(&record) <= time_held => $hand_over(&record),
                newer => break newer,
            }
        }
    }};
}

/// Hands over the records of both, the older first, and ends when both are empty or after about `limit` records. Says
/// whether more may be waiting.
///
/// A head cannot be put back, so at the limit the one that is held goes out as well; a record of the other ring that is
/// older comes after it then.
pub(super) fn drain<First: Source, Second: Source>(
    first: &mut First,
    second: &mut Second,
    limit: usize,
    mut on_record: impl FnMut(&[u8]),
) -> bool {
    let handed_over = Cell::new(0);
    let mut hand_over = |record: &[u8]| {
        handed_over.set(handed_over.get() + 1);
        on_record(record);
    };
    'empty_handed: loop {
        if handed_over.get() >= limit {
            return true;
        }
        let mut head = if let Some(head) = first.take() {
            head
        } else {
            let Some(other) = second.take() else { return false };
            let newer = first_newer!(first, time(&other), hand_over);
            hand_over(&other);
            match newer {
                Some(newer) => newer,
                None => continue 'empty_handed,
            }
        };
        while let Some(other) = first_newer!(second, time(&head), hand_over) {
            hand_over(&head);
            drop(head);
            let newer = first_newer!(first, time(&other), hand_over);
            hand_over(&other);
            head = match newer {
                Some(newer) => newer,
                None => continue 'empty_handed,
            };
            if handed_over.get() >= limit {
                break;
            }
        }
        hand_over(&head);
    }
}

/// When it happened. What has no time goes first: the decoder will say what is wrong with it.
fn time(record: &[u8]) -> u64 {
    RecordHeader::read_from_prefix(record).map_or(0, |(header, _)| header.time)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;
    use zerocopy::{FromZeros as _, IntoBytes as _};

    use super::*;

    /// Records that wait, and those that are sent while the given number of them is being taken.
    #[derive(Default)]
    struct Queue(VecDeque<Vec<u8>>);

    impl Source for Queue {
        type Record<'a> = Vec<u8>;

        fn take(&mut self) -> Option<Vec<u8>> {
            self.0.pop_front()
        }
    }

    fn record(time: u64) -> Vec<u8> {
        let mut header = RecordHeader::new_zeroed();
        header.time = time;
        header.as_bytes().to_vec()
    }

    fn queue(times: &[u64]) -> Queue {
        Queue(times.iter().map(|time| record(*time)).collect())
    }

    fn merged(first: &[u64], second: &[u64], limit: usize) -> (Vec<u64>, bool) {
        let mut out = Vec::new();
        let more = drain(&mut queue(first), &mut queue(second), limit, |record| out.push(time(record)));
        (out, more)
    }

    #[test]
    fn the_older_goes_first() {
        assert_eq!(merged(&[], &[], 9), (vec![], false));
        assert_eq!(merged(&[1, 4, 5], &[2, 3, 6, 7], 9), (vec![1, 2, 3, 4, 5, 6, 7], false));
        assert_eq!(merged(&[5], &[1, 2, 9], 9), (vec![1, 2, 5, 9], false));
        assert_eq!(merged(&[], &[1, 2], 9), (vec![1, 2], false));
        assert_eq!(merged(&[2, 1], &[3], 9), (vec![2, 1, 3], false), "within a ring the order stays");
    }

    #[test]
    fn it_ends_at_the_limit_and_loses_nothing() {
        let (mut first, mut second) = (queue(&[1, 3, 5, 7]), queue(&[2, 4, 6]));
        let mut out = Vec::new();
        let mut rounds = 0;
        while drain(&mut first, &mut second, 2, |record| out.push(time(record))) {
            rounds += 1;
        }
        assert!(rounds >= 2);
        out.sort_unstable();
        assert_eq!(out, [1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_is_no_record_is_handed_over_at_once() {
        let mut odd = Queue(VecDeque::from([vec![], vec![1, 2, 3], record(8)]));
        let mut lengths = Vec::new();
        drain(&mut odd, &mut queue(&[5]), 9, |record| lengths.push(record.len()));
        assert_eq!(lengths, [0, 3, size_of::<RecordHeader>(), size_of::<RecordHeader>()]);
    }

    /// A file's record is sent just before the record of the process that runs it, between two looks of ours.
    #[test]
    fn a_record_that_came_meanwhile_is_not_overtaken() {
        struct Late<'a>(&'a std::cell::RefCell<Vec<u64>>, Vec<u64>);
        impl Source for Late<'_> {
            type Record<'a>
                = Vec<u8>
            where
                Self: 'a;

            fn take(&mut self) -> Option<Vec<u8>> {
                let next = self.1.pop()?;
                // The cause was sent before this record could be seen.
                self.0.borrow_mut().push(next - 1);
                Some(record(next))
            }
        }
        struct Shared<'a>(&'a std::cell::RefCell<Vec<u64>>);
        impl Source for Shared<'_> {
            type Record<'a>
                = Vec<u8>
            where
                Self: 'a;

            fn take(&mut self) -> Option<Vec<u8>> {
                self.0.borrow_mut().pop().map(record)
            }
        }
        let sent = std::cell::RefCell::new(Vec::new());
        let mut out = Vec::new();
        drain(&mut Late(&sent, vec![30, 20, 10]), &mut Shared(&sent), 99, |record| out.push(time(record)));
        assert_eq!(out, [9, 10, 19, 20, 29, 30]);
    }

    proptest! {
        #[test]
        fn two_ordered_rings_are_one(mut first in prop::collection::vec(0..50_u64, 0..30), mut second in prop::collection::vec(0..50_u64, 0..30)) {
            first.sort_unstable();
            second.sort_unstable();
            let (out, more) = merged(&first, &second, 1_000);
            let mut all = [first, second].concat();
            all.sort_unstable();
            prop_assert_eq!(out, all);
            prop_assert!(!more);
        }
    }
}
