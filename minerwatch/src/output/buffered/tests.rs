use super::*;

/// A disk with limited space.
#[derive(Debug)]
struct Disk {
    content: Vec<u8>,
    room: usize,
    can_take_back: bool,
    error: io::ErrorKind,
}

impl Disk {
    fn with_room(room: usize) -> Self {
        Self { content: Vec::new(), room, can_take_back: true, error: io::ErrorKind::StorageFull }
    }

    fn text(&self) -> String {
        String::from_utf8(self.content.clone()).unwrap()
    }
}

impl Target for Disk {
    fn name(&self) -> &'static str {
        "the test disk"
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.room == 0 {
            return Err(self.error.into());
        }
        let count = bytes.len().min(self.room);
        self.room -= count;
        self.content.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn take_back(&mut self, length: usize) -> bool {
        if self.can_take_back {
            self.content.truncate(self.content.len() - length);
            self.room += length;
        }
        self.can_take_back
    }

    fn ends_with_its_reader(&self) -> bool {
        true
    }
}

fn seconds(count: u64) -> BootTime {
    BootTime(count * 1_000_000_000)
}

#[test]
fn a_full_disk_loses_nothing_and_leaves_no_half_line() {
    // Try every number of bytes, so that the lines are cut at every position.
    for can_take_back in [true, false] {
        for room in 0..18 {
            let mut output = Buffered::new(Disk { can_take_back, ..Disk::with_room(room) }, 10_000);
            let first = output.write(Class::Event, b"one\ntwo\nthree\n").unwrap();
            assert_eq!(first.is_some(), room < 14, "room {room}");
            let second = output.write(Class::Alert, b"four\n").unwrap();
            if can_take_back {
                let text = output.target.text();
                assert!(text.is_empty() || text.ends_with('\n'), "room {room}: {text:?}");
            }
            assert_eq!(first.is_some() ^ second.is_some(), room < 19, "one notice, room {room}");
            assert!(output.retry(seconds(1)).unwrap().is_none(), "still full");
            output.target.room = 1_000;
            assert!(output.retry(seconds(1)).unwrap().is_none(), "too early");
            let notice = output.retry(seconds(2)).unwrap();
            assert!(
                matches!(notice, Some(Notice::Recovered { events_dropped: 0, alerts_dropped: 0, .. })),
                "{notice:?}"
            );
            assert_eq!(output.target.text(), "one\ntwo\nthree\nfour\n", "room {room}");
            let counters = output.counters();
            assert_eq!((counters.events, counters.alerts, counters.waiting), (3, 1, 0));
            assert_eq!((counters.events_dropped, counters.alerts_dropped), (0, 0));
        }
    }
}

#[test]
fn lost_lines_are_counted_and_reported_at_recovery() {
    let mut output = Buffered::new(Disk::with_room(0), 100);
    let notice = output.write(Class::Event, b"first\n").unwrap().unwrap();
    assert!(notice.to_string().contains("cannot write to the test disk"), "{notice}");
    for _ in 0..20 {
        assert!(output.write(Class::Event, b"event\n").unwrap().is_none(), "reported once");
    }
    assert!(output.write(Class::Alert, b"alert\n").unwrap().is_none());
    output.target.room = 1_000;
    let notice = output.retry(seconds(0)).unwrap().unwrap();
    let counters = output.counters();
    assert_eq!((counters.alerts, counters.alerts_dropped), (1, 0));
    assert_eq!(counters.events + counters.events_dropped, 21);
    assert!(counters.events_dropped > 0);
    assert!(notice.to_string().contains(&format!("events {}", counters.events_dropped)), "{notice}");
    assert!(output.target.text().ends_with("alert\n"));
}

#[test]
fn pauses_grow_to_a_bound() {
    let mut output = Buffered::new(Disk::with_room(0), 1_000);
    output.write(Class::Event, b"line\n").unwrap();
    let mut attempts = 0;
    for second in 0..600 {
        let before = output.counters().failures;
        output.retry(seconds(second)).unwrap();
        attempts += output.counters().failures - before;
    }
    // There are attempts at 0, 1, 2, 3, 5, 9, 17 and 33 s, then every 30 s.
    assert!((20..=28).contains(&attempts), "{attempts}");
}

#[test]
fn a_reader_that_left_means_the_end() {
    let disk = Disk { error: io::ErrorKind::BrokenPipe, ..Disk::with_room(0) };
    let mut output = Buffered::new(disk, 1_000);
    assert_eq!(output.write(Class::Event, b"line\n").unwrap_err(), Closed("the test disk".to_owned()));
}

#[test]
fn lines_that_cannot_be_written_at_the_end_are_reported() {
    let mut output = Buffered::new(Disk::with_room(7), 1_000);
    output.write(Class::Event, b"line\nline\nline\n").unwrap();
    let notice = output.finish().unwrap().unwrap();
    assert!(matches!(notice, Notice::GivenUp { lines: 2, .. }), "{notice:?}");
}
