//! A bounded queue of lines that cannot be written yet. Alerts are kept longer than events.

use std::collections::VecDeque;

use super::Class;

#[derive(Debug)]
struct Entry {
    class: Class,
    line: Box<[u8]>,
}

/// Size of an entry without its line, in bytes. It counts towards the capacity, so that short lines are bounded as
/// well.
const OVERHEAD: usize = size_of::<Entry>();

/// Waiting lines, oldest first. When the backlog is full, new events are dropped, and a new alert replaces the newest
/// events.
#[derive(Debug)]
pub(super) struct Backlog {
    entries: VecDeque<Entry>,
    bytes: usize,
    capacity: usize,
}

impl Backlog {
    /// Creates an empty backlog with a capacity in bytes.
    pub fn new(capacity: usize) -> Self {
        Self { entries: VecDeque::new(), bytes: 0, capacity }
    }

    /// Appends a line. Calls `dropped` for every line that is dropped for lack of space, including the new line.
    pub fn push(&mut self, class: Class, line: &[u8], mut dropped: impl FnMut(Class)) {
        let size = line.len().saturating_add(OVERHEAD);
        if class == Class::Alert {
            self.make_room(size, &mut dropped);
        }
        if self.bytes.saturating_add(size) > self.capacity {
            dropped(class);
            return;
        }
        self.bytes += size;
        self.entries.push_back(Entry { class, line: line.into() });
    }

    /// Drops the newest events until `size` bytes fit. Drops nothing if `size` bytes would not fit even without any
    /// event.
    fn make_room(&mut self, size: usize, dropped: &mut impl FnMut(Class)) {
        let missing = self.bytes.saturating_add(size).saturating_sub(self.capacity);
        let mut given_up = 0;
        let mut from = self.entries.len();
        while given_up < missing {
            let Some(entry) = from.checked_sub(1).and_then(|index| self.entries.get(index)) else { return };
            from -= 1;
            if entry.class == Class::Event {
                given_up += entry.line.len() + OVERHEAD;
            }
        }
        if missing == 0 {
            return;
        }
        let newest = self.entries.split_off(from);
        for entry in newest {
            match entry.class {
                Class::Event => {
                    self.bytes -= entry.line.len() + OVERHEAD;
                    dropped(Class::Event);
                }
                Class::Alert => self.entries.push_back(entry),
            }
        }
    }

    /// Returns the oldest line.
    pub fn front(&self) -> Option<(Class, &[u8])> {
        self.entries.front().map(|entry| (entry.class, &*entry.line))
    }

    /// Removes the oldest line.
    pub fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.line.len() + OVERHEAD;
        }
        if self.entries.is_empty() {
            // Free the memory that a long failure took.
            self.entries = VecDeque::new();
        }
    }

    /// Number of waiting lines.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Size of the backlog, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn drain(backlog: &mut Backlog) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some((_, line)) = backlog.front() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            backlog.pop();
        }
        lines
    }

    #[test]
    fn an_alert_takes_the_place_of_the_newest_events() {
        let mut backlog = Backlog::new(4 * (OVERHEAD + 2));
        let mut dropped = Vec::new();
        for (class, line) in [
            (Class::Event, "e1"),
            (Class::Alert, "a1"),
            (Class::Event, "e2"),
            (Class::Event, "e3"),
            (Class::Event, "e4"),
            (Class::Alert, "a2"),
            (Class::Alert, "a3"),
        ] {
            backlog.push(class, line.as_bytes(), |class| dropped.push(class));
        }
        assert_eq!(dropped, [Class::Event; 3]);
        assert_eq!(drain(&mut backlog), ["e1", "a1", "a2", "a3"]);
        assert_eq!(backlog.bytes(), 0);
    }

    #[test]
    fn among_alerts_the_oldest_stay() {
        let mut backlog = Backlog::new(2 * (OVERHEAD + 2));
        let mut dropped = 0;
        for line in ["a1", "a2", "a3"] {
            backlog.push(Class::Alert, line.as_bytes(), |_| dropped += 1);
        }
        assert_eq!((dropped, backlog.len()), (1, 2));
        assert_eq!(drain(&mut backlog), ["a1", "a2"]);
    }

    #[test]
    fn an_alert_too_big_costs_no_event() {
        let mut backlog = Backlog::new(OVERHEAD + 2);
        backlog.push(Class::Event, b"e1", |_| panic!("there is room"));
        let mut dropped = Vec::new();
        backlog.push(Class::Alert, &[b'a'; 100], |class| dropped.push(class));
        assert_eq!(dropped, [Class::Alert]);
        assert_eq!(drain(&mut backlog), ["e1"]);
    }

    proptest! {
        #[test]
        fn the_bound_holds_and_every_line_is_accounted_for(
            lines in proptest::collection::vec((any::<bool>(), 0_usize..300), 0..200),
        ) {
            let mut backlog = Backlog::new(4_000);
            let mut dropped = 0;
            for (alert, length) in &lines {
                let class = if *alert { Class::Alert } else { Class::Event };
                backlog.push(class, &vec![b'x'; *length], |_| dropped += 1);
                prop_assert!(backlog.bytes() <= 4_000);
            }
            prop_assert_eq!(backlog.len() + dropped, lines.len());
            drain(&mut backlog);
            prop_assert_eq!(backlog.bytes(), 0);
        }
    }
}
