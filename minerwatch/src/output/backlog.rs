//! A bounded list of batches that wait for their output. Alerts are kept longer than events.

use std::collections::VecDeque;

use super::{Batch, Class};

/// Size of a batch without its lines, in bytes. It counts towards the capacity, so the capacity also limits the number of
/// short lines.
const OVERHEAD: usize = size_of::<Batch>();

/// Waiting batches, oldest first. When the backlog is full, new events are dropped, and a new alert replaces the newest
/// events.
#[derive(Debug)]
pub(super) struct Backlog {
    batches: VecDeque<Batch>,
    bytes: usize,
    lines: u64,
    alerts: u64,
    capacity: usize,
}

impl Backlog {
    /// Creates an empty backlog with a capacity in bytes.
    pub fn new(capacity: usize) -> Self {
        Self { batches: VecDeque::new(), bytes: 0, lines: 0, alerts: 0, capacity }
    }

    /// Appends a batch. Calls `dropped` for every batch that is dropped for lack of space, including the new one.
    pub fn push(&mut self, batch: Batch, mut dropped: impl FnMut(&Batch)) {
        if batch.class == Class::Alert {
            self.make_room(size(&batch), &mut dropped);
        }
        if self.bytes.saturating_add(size(&batch)) > self.capacity {
            dropped(&batch);
            return;
        }
        self.added(&batch);
        self.batches.push_back(batch);
    }

    /// Puts back a batch that [`Self::pop`] or [`Self::pop_alerts`] returned. The backlog may then exceed its capacity.
    pub fn put_back(&mut self, batch: Batch) {
        self.added(&batch);
        self.batches.push_front(batch);
    }

    /// Drops the newest events until `needed` bytes fit. Drops nothing if `needed` bytes would not fit even without any
    /// event.
    fn make_room(&mut self, needed: usize, dropped: &mut impl FnMut(&Batch)) {
        let missing = self.bytes.saturating_add(needed).saturating_sub(self.capacity);
        if missing == 0 {
            return;
        }
        let mut freed = 0;
        let mut from = self.batches.len();
        while freed < missing {
            let Some(batch) = from.checked_sub(1).and_then(|index| self.batches.get(index)) else { return };
            from -= 1;
            if batch.class == Class::Event {
                freed += size(batch);
            }
        }
        let newest = self.batches.split_off(from);
        for batch in newest {
            match batch.class {
                Class::Event => {
                    self.removed(&batch);
                    dropped(&batch);
                }
                Class::Alert => self.batches.push_back(batch),
            }
        }
    }

    /// Removes and returns the oldest batch.
    pub fn pop(&mut self) -> Option<Batch> {
        let batch = self.batches.pop_front()?;
        self.removed(&batch);
        self.free_if_empty();
        Some(batch)
    }

    /// Removes and returns the oldest batch of alerts.
    pub fn pop_alerts(&mut self) -> Option<Batch> {
        if self.alerts == 0 {
            return None;
        }
        let index = self.batches.iter().position(|batch| batch.class == Class::Alert)?;
        let batch = self.batches.remove(index)?;
        self.removed(&batch);
        self.free_if_empty();
        Some(batch)
    }

    fn added(&mut self, batch: &Batch) {
        self.bytes += size(batch);
        self.lines += batch.count;
        if batch.class == Class::Alert {
            self.alerts += batch.count;
        }
    }

    fn removed(&mut self, batch: &Batch) {
        self.bytes -= size(batch);
        self.lines -= batch.count;
        if batch.class == Class::Alert {
            self.alerts -= batch.count;
        }
    }

    /// Frees the memory of a backlog that was long and is empty now.
    fn free_if_empty(&mut self) {
        if self.batches.is_empty() && self.batches.capacity() > 1_024 {
            self.batches = VecDeque::new();
        }
    }

    /// Number of waiting lines.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Number of waiting alerts.
    pub fn alerts(&self) -> u64 {
        self.alerts
    }

    /// Size of the backlog, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

fn size(batch: &Batch) -> usize {
    batch.bytes().saturating_add(OVERHEAD)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(line: &'static str) -> Batch {
        Batch::new(Class::Event, line)
    }

    fn alert(line: &'static str) -> Batch {
        Batch::new(Class::Alert, line)
    }

    fn drain(backlog: &mut Backlog) -> Vec<String> {
        std::iter::from_fn(|| backlog.pop())
            .map(|batch| String::from_utf8(batch.lines.to_vec()).unwrap())
            .collect()
    }

    #[test]
    fn an_alert_replaces_the_newest_events() {
        let mut backlog = Backlog::new(4 * (OVERHEAD + 3));
        let mut dropped = Vec::new();
        for batch in [
            event("e1\n"),
            alert("a1\n"),
            event("e2\n"),
            event("e3\n"),
            event("e4\n"),
            alert("a2\n"),
            alert("a3\n"),
        ] {
            backlog.push(batch, |batch| dropped.push(batch.class));
        }
        assert_eq!(dropped, [Class::Event; 3]);
        assert_eq!((backlog.lines(), backlog.alerts()), (4, 3));
        assert_eq!(drain(&mut backlog), ["e1\n", "a1\n", "a2\n", "a3\n"]);
        assert_eq!((backlog.bytes(), backlog.lines(), backlog.alerts()), (0, 0, 0));
    }

    #[test]
    fn a_backlog_full_of_alerts_drops_the_new_alert() {
        let mut backlog = Backlog::new(2 * (OVERHEAD + 3));
        let mut dropped = 0;
        for line in ["a1\n", "a2\n", "a3\n"] {
            backlog.push(alert(line), |_| dropped += 1);
        }
        assert_eq!((dropped, backlog.lines()), (1, 2));
        assert_eq!(drain(&mut backlog), ["a1\n", "a2\n"]);
    }

    #[test]
    fn an_alert_larger_than_the_capacity_drops_no_event() {
        let mut backlog = Backlog::new(OVERHEAD + 3);
        backlog.push(event("e1\n"), |_| panic!("there is room"));
        let mut dropped = Vec::new();
        backlog.push(Batch::new(Class::Alert, vec![b'\n'; 100]), |batch| dropped.push(batch.count));
        assert_eq!(dropped, [100]);
        assert_eq!(drain(&mut backlog), ["e1\n"]);
    }

    #[test]
    fn alerts_can_be_removed_before_events() {
        let mut backlog = Backlog::new(10_000);
        for batch in [event("e1\n"), alert("a1\n"), event("e2\n"), alert("a2\n")] {
            backlog.push(batch, |_| panic!("there is room"));
        }
        assert_eq!(backlog.pop_alerts(), Some(alert("a1\n")));
        backlog.put_back(alert("a1\n"));
        let alerts: Vec<Batch> = std::iter::from_fn(|| backlog.pop_alerts()).collect();
        assert_eq!(alerts, [alert("a1\n"), alert("a2\n")]);
        assert_eq!(drain(&mut backlog), ["e1\n", "e2\n"]);
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_every_line_is_accounted_for(
            batches in proptest::collection::vec((any::<bool>(), 0_usize..300), 0..200),
        ) {
            let mut backlog = Backlog::new(4_000);
            let (mut dropped, mut pushed) = (0, 0);
            for (alert, length) in &batches {
                let class = if *alert { Class::Alert } else { Class::Event };
                let batch = Batch::new(class, vec![b'\n'; *length]);
                pushed += batch.count;
                backlog.push(batch, |batch| dropped += batch.count);
                prop_assert!(backlog.bytes() <= 4_000);
            }
            prop_assert_eq!(backlog.lines() + dropped, pushed);
            drain(&mut backlog);
            prop_assert_eq!((backlog.bytes(), backlog.lines(), backlog.alerts()), (0, 0, 0));
        }
    }
}
