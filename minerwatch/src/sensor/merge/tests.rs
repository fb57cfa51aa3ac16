use std::{cell::RefCell, collections::VecDeque, rc::Rc};

use proptest::prelude::*;
use zerocopy::{FromZeros as _, IntoBytes as _};

use super::*;

/// Calls the real function with unknown heads.
fn drain<const N: usize>(
    mut rings: [&mut Ring; N],
    limit: usize,
    now: impl Fn() -> u64,
    on_record: impl FnMut(&[u8]),
) -> Drained {
    super::drain(&mut rings, &mut [Head::Unknown; N], limit, now, on_record)
}

/// A place in a ring; `None` while the record is being written.
type Slot = Option<Vec<u8>>;

/// A ring that a test can write to while it is drained.
#[derive(Clone, Default)]
struct Ring {
    slots: Rc<RefCell<VecDeque<Slot>>>,
    /// The ring of the causes, and the time of the last record. As soon as this ring is read while empty, it gets a
    /// record, and the ring of the causes gets an older one.
    causes: Option<(Box<Ring>, u64)>,
}

impl Source for Ring {
    fn head(&mut self) -> Option<u64> {
        if let Some((causes, last)) = &mut self.causes
            && *last < 30
            && self.slots.borrow().is_empty()
        {
            *last += 10;
            causes.slots.borrow_mut().push_back(Some(record(*last - 1)));
            self.slots.borrow_mut().push_back(Some(record(*last)));
        }
        self.slots.borrow().front()?.as_deref().map(time)
    }

    fn take(&mut self, on_record: &mut impl FnMut(&[u8])) {
        let record = self.slots.borrow_mut().pop_front().flatten();
        if let Some(record) = record {
            on_record(&record);
        }
    }

    fn holds_any(&self) -> bool {
        !self.slots.borrow().is_empty()
    }
}

fn record(time: u64) -> Vec<u8> {
    let mut header = RecordHeader::new_zeroed();
    header.time = time;
    header.as_bytes().to_vec()
}

fn ring_of(records: impl Iterator<Item = Vec<u8>>) -> Ring {
    Ring { slots: Rc::new(RefCell::new(records.map(Some).collect())), causes: None }
}

fn ring(times: &[u64]) -> Ring {
    ring_of(times.iter().map(|time| record(*time)))
}

/// A time later than every record of these tests.
const NOW: u64 = 1_000;

fn merged(first: &[u64], second: &[u64], limit: usize) -> (Vec<u64>, Drained) {
    let mut out = Vec::new();
    let end = drain([&mut ring(first), &mut ring(second)], limit, || NOW, |record| out.push(time(record)));
    (out, end)
}

#[test]
fn the_oldest_record_goes_first() {
    let cases: [(&[u64], &[u64], &[u64]); 6] = [
        (&[], &[], &[]),
        (&[1, 4, 5], &[2, 3, 6, 7], &[1, 2, 3, 4, 5, 6, 7]),
        (&[5], &[1, 2, 9], &[1, 2, 5, 9]),
        (&[], &[1, 2], &[1, 2]),
        (&[1, 2], &[], &[1, 2]),
        // The order within a ring stays, even if two CPUs took their times and reserved their places in different
        // order.
        (&[2, 1], &[3], &[2, 1, 3]),
    ];
    for (first, second, expected) in cases {
        assert_eq!(merged(first, second, 9), (expected.to_vec(), Drained::Empty));
    }
}

#[test]
fn a_round_ends_at_the_limit_and_the_next_one_continues_in_order() {
    let (mut first, mut second) = (ring(&[1, 3, 5, 7]), ring(&[2, 4, 6]));
    let mut out = Vec::new();
    for round in 0..3 {
        let end = drain([&mut first, &mut second], 2, || NOW, |record| out.push(time(record)));
        assert_eq!((end, out.len()), (Drained::More, 2 * (round + 1)));
    }
    assert_eq!(drain([&mut first, &mut second], 2, || NOW, |record| out.push(time(record))), Drained::Empty);
    assert_eq!(out, [1, 2, 3, 4, 5, 6, 7]);
}

#[test]
fn a_flood_on_one_ring_does_not_starve_another() {
    let flood: Vec<u64> = (10..500).collect();
    let (out, _) = merged(&[5, 20], &flood, 13);
    assert_eq!(out[0], 5);
    assert_eq!(out.iter().filter(|time| **time == 20).count(), 2, "{out:?}");
}

#[test]
fn malformed_records_go_first() {
    let mut odd = ring(&[]);
    odd.slots.borrow_mut().extend([Some(vec![]), Some(vec![1, 2, 3]), Some(record(8)), Some(vec![0xff; 47])]);
    let mut lengths = Vec::new();
    let end = drain([&mut odd, &mut ring(&[5])], 9, || NOW, |record| lengths.push(record.len()));
    let whole = size_of::<RecordHeader>();
    assert_eq!((lengths, end), (vec![0, 3, whole, whole, 47], Drained::Empty));
}

/// Reading a wrong clock, or a record from the future, only costs another read of the ring.
#[test]
fn times_in_the_future_are_accepted() {
    let (mut first, mut second) = (ring(&[u64::MAX, 3]), ring(&[u64::MAX]));
    let mut out = Vec::new();
    let end = drain([&mut first, &mut second], 9, || 0, |record| out.push(time(record)));
    assert_eq!((out, end), (vec![u64::MAX, 3, u64::MAX], Drained::Empty));
}

/// Cause and effect are both sent between two reads of the reader.
#[test]
fn an_effect_does_not_overtake_its_cause() {
    for causes_first in [false, true] {
        let causes = ring(&[]);
        let (mut one, mut other) = (causes.clone(), ring(&[]));
        other.causes = Some((Box::new(causes), 0));
        let mut out = Vec::new();
        let clock = RefCell::new(0);
        // The slowest possible clock: it is never past the newest record.
        let now = || {
            *clock.borrow_mut() += 1;
            *clock.borrow()
        };
        let rings = if causes_first { [&mut one, &mut other] } else { [&mut other, &mut one] };
        let end = drain(rings, 99, now, |record| out.push(time(record)));
        assert_eq!((out, end), (vec![9, 10, 19, 20, 29, 30], Drained::Empty), "{causes_first}");
    }
}

#[test]
fn three_rings_are_merged() {
    let mut out = Vec::new();
    let rings = [&mut ring(&[3, 8]), &mut ring(&[1, 5, 9]), &mut ring(&[2, 4])];
    assert_eq!(drain(rings, 99, || 4, |record| out.push(time(record))), Drained::Empty);
    assert_eq!(out, [1, 2, 3, 4, 5, 8, 9]);
}

/// The record behind an unfinished record may be older than the head of the other ring.
#[test]
fn a_record_that_is_being_written_is_waited_for() {
    let (mut first, mut second) = (ring(&[10, 11]), ring(&[]));
    second.slots.borrow_mut().extend([None, Some(record(9))]);
    let mut out = Vec::new();
    assert_eq!(
        drain([&mut first, &mut second], 9, || NOW, |record| out.push(time(record))),
        Drained::Writing
    );
    assert!(out.is_empty());
    second.slots.borrow_mut()[0] = Some(record(8));
    assert_eq!(drain([&mut first, &mut second], 9, || NOW, |record| out.push(time(record))), Drained::Empty);
    assert_eq!(out, [8, 9, 10, 11]);
    // If no other record waits for the unfinished record, the kernel wakes the reader when the record is complete.
    second.slots.borrow_mut().push_back(None);
    assert_eq!(drain([&mut first, &mut second], 9, || NOW, |_| ()), Drained::Empty);
}

#[test]
fn the_clock_is_read_once_per_batch() {
    let reads = RefCell::new(0);
    let times: Vec<u64> = (0..500).collect();
    let now = || {
        *reads.borrow_mut() += 1;
        NOW
    };
    drain([&mut ring(&times), &mut ring(&[])], 999, now, |_| ());
    assert_eq!(*reads.borrow(), 1);
}

proptest! {
    #[test]
    fn two_ordered_rings_are_merged_in_order(
        mut first in prop::collection::vec(0..50_u64, 0..30),
        mut second in prop::collection::vec(0..50_u64, 0..30),
        limit in 1..70_usize,
        now in 0..60_u64,
    ) {
        first.sort_unstable();
        second.sort_unstable();
        let (mut one, mut other) = (ring(&first), ring(&second));
        let mut out = Vec::new();
        while drain([&mut one, &mut other], limit, || now, |record| out.push(time(record))) == Drained::More {}
        let mut all = [first, second].concat();
        all.sort_unstable();
        prop_assert_eq!(out, all);
    }

    #[test]
    fn no_record_is_lost_or_invented(
        first in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..20),
        second in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..70), 0..20),
    ) {
        let bytes = |records: &[Vec<u8>]| ring_of(records.iter().cloned());
        let mut out = Vec::new();
        let end = drain([&mut bytes(&first), &mut bytes(&second)], 99, || 0, |record| out.push(record.to_vec()));
        prop_assert_eq!(end, Drained::Empty);
        let mut all = [first, second].concat();
        all.sort_unstable();
        out.sort_unstable();
        prop_assert_eq!(out, all);
    }
}
