//! What every sink does with its lines: write them, or keep them until they can be written.

use std::{fmt, io, time::Duration};

use super::backlog::Backlog;
use crate::model::BootTime;

/// Bytes a sink keeps at most while it cannot write.
pub const DEFAULT_BACKLOG: usize = 8 << 20;

/// The pause between two attempts: the first, and the longest it grows to.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// What a line is, and with it how dear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// An event.
    Event,
    /// An alert, given up last.
    Alert,
}

/// Nobody reads any more: the pipe's reader is gone. For a program on standard output this is the reader's
/// way to say "enough" (`minerwatch tail | head`), so the caller ends quietly with exit code 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the reader of {0} is gone")]
pub struct Closed(pub &'static str);

/// What a sink did so far, in lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Events written.
    pub events: u64,
    /// Alerts written.
    pub alerts: u64,
    /// Events given up for want of room in the backlog.
    pub events_dropped: u64,
    /// Alerts given up for want of room in the backlog.
    pub alerts_dropped: u64,
    /// Lines that wait now.
    pub waiting: u64,
    /// Bytes they take.
    pub waiting_bytes: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Whether the last write failed.
    pub failing: bool,
}

impl Counters {
    fn count(events: &mut u64, alerts: &mut u64, class: Class) {
        match class {
            Class::Event => *events += 1,
            Class::Alert => *alerts += 1,
        }
    }

    fn written(&mut self, class: Class) {
        Self::count(&mut self.events, &mut self.alerts, class);
    }

    fn dropped(&mut self, class: Class) {
        Self::count(&mut self.events_dropped, &mut self.alerts_dropped, class);
    }
}

/// What a person should know about a sink; each is given once.
#[derive(Debug)]
pub enum Notice {
    /// It stopped working.
    Failing {
        /// The sink.
        sink: String,
        /// Why.
        error: io::Error,
        /// Bytes it can keep meanwhile.
        capacity: usize,
    },
    /// It works again, and what waited is written.
    Recovered {
        /// The sink.
        sink: String,
        /// Events given up meanwhile.
        events_dropped: u64,
        /// Alerts given up meanwhile.
        alerts_dropped: u64,
    },
    /// It ended and could not write these lines.
    GivenUp {
        /// The sink.
        sink: String,
        /// Lines lost.
        lines: u64,
        /// Why.
        error: io::Error,
    },
    /// It works, but something beside the writing failed (moving a full file away).
    Degraded {
        /// The sink.
        sink: String,
        /// What happened and what follows from it.
        problem: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failing { sink, error, capacity } => write!(
                formatter,
                "cannot write to {sink}: {error}. Lines are kept in memory (up to {} KiB) and written when \
                 it works again; {}",
                capacity / 1024,
                remedy(error),
            ),
            Self::Recovered { sink, events_dropped: 0, alerts_dropped: 0 } => {
                write!(formatter, "{sink} works again; nothing was lost")
            }
            Self::Recovered { sink, events_dropped, alerts_dropped } => write!(
                formatter,
                "{sink} works again; the backlog had no room for {events_dropped} events and \
                 {alerts_dropped} alerts, which are lost"
            ),
            Self::GivenUp { sink, lines, error } => {
                write!(formatter, "{lines} lines could not be written to {sink} before the end: {error}")
            }
            Self::Degraded { sink, problem } => write!(formatter, "{sink}: {problem}"),
        }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "free space there",
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => "make it writable",
        io::ErrorKind::NotFound => "create its directory",
        _ => "check the device it is on",
    }
}

/// Something lines can be written to.
pub(super) trait Target {
    /// What people know it by.
    fn name(&self) -> &str;

    /// Makes ready for a line of `length` bytes: opens what is not open, begins a new file when the old one
    /// is full. `Some` tells of a problem that does not keep it from writing.
    fn prepare(&mut self, length: usize) -> io::Result<Option<String>>;

    /// Writes what goes through at once, and says how much that was.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Takes the last `length` bytes back, so that no half line stays. Where that cannot be done (`false`)
    /// the rest of the line will be the next thing written.
    fn take_back(&mut self, length: usize) -> bool;

    /// Asks the kernel to put everything on the disk.
    fn synchronize(&mut self) -> io::Result<()>;

    /// For whom a gone reader means the end.
    const CLOSED: Option<Closed>;
}

/// A target with what waits for it.
#[derive(Debug)]
pub(super) struct Output<T> {
    target: T,
    backlog: Backlog,
    capacity: usize,
    /// The rest of a line of which the target already has the beginning.
    torn: Option<(Class, Vec<u8>)>,
    counters: Counters,
    /// The counters when it began to fail.
    before: Counters,
    pause: Duration,
    next_attempt: Option<BootTime>,
}

impl<T: Target> Output<T> {
    /// Nothing waits yet.
    pub fn new(target: T, capacity: usize) -> Self {
        Self {
            target,
            backlog: Backlog::new(capacity),
            capacity,
            torn: None,
            counters: Counters::default(),
            before: Counters::default(),
            pause: FIRST_PAUSE,
            next_attempt: None,
        }
    }

    pub fn name(&self) -> &str {
        self.target.name()
    }

    pub fn target_mut(&mut self) -> &mut T {
        &mut self.target
    }

    pub fn counters(&self) -> Counters {
        Counters {
            waiting: self.backlog.len() as u64 + u64::from(self.torn.is_some()),
            waiting_bytes: self.backlog.bytes() as u64,
            ..self.counters
        }
    }

    /// Takes lines in; see [`super::Sink::write`].
    pub fn write(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, Closed> {
        if self.counters.failing {
            self.keep(class, lines);
            return Ok(None);
        }
        match self.put(class, lines) {
            Ok(notice) => Ok(notice),
            Err((error, rest)) => {
                if rest > 0 {
                    self.keep(class, lines.get(lines.len() - rest..).unwrap_or_default());
                }
                self.failed(error)
            }
        }
    }

    /// Tries what waits; see [`super::Sink::retry`].
    pub fn retry(&mut self, now: BootTime) -> Result<Option<Notice>, Closed> {
        if !self.counters.failing || self.next_attempt.is_some_and(|next| now < next) {
            return Ok(None);
        }
        match self.drain() {
            Ok(()) => Ok(Some(self.recovered())),
            Err(error) => {
                self.next_attempt = Some(now.plus(self.pause));
                self.pause = self.pause.saturating_mul(2).min(LONGEST_PAUSE);
                self.failed(error)
            }
        }
    }

    /// The last attempt; see [`super::Sink::finish`].
    pub fn finish(&mut self) -> Result<Option<Notice>, Closed> {
        let outcome = self.drain().and_then(|()| self.target.synchronize());
        let lines = self.counters().waiting;
        match outcome {
            Ok(()) if self.counters.failing => Ok(Some(self.recovered())),
            Ok(()) => Ok(None),
            Err(error) => match self.closed(&error) {
                Some(closed) => Err(closed),
                None => Ok(Some(Notice::GivenUp { sink: self.name().to_owned(), lines, error })),
            },
        }
    }

    fn recovered(&mut self) -> Notice {
        self.counters.failing = false;
        self.pause = FIRST_PAUSE;
        self.next_attempt = None;
        Notice::Recovered {
            sink: self.name().to_owned(),
            events_dropped: self.counters.events_dropped - self.before.events_dropped,
            alerts_dropped: self.counters.alerts_dropped - self.before.alerts_dropped,
        }
    }

    fn failed(&mut self, error: io::Error) -> Result<Option<Notice>, Closed> {
        if let Some(closed) = self.closed(&error) {
            return Err(closed);
        }
        self.counters.failures += 1;
        if self.counters.failing {
            return Ok(None);
        }
        self.counters.failing = true;
        self.before = self.counters;
        Ok(Some(Notice::Failing { sink: self.name().to_owned(), error, capacity: self.capacity }))
    }

    #[allow(clippy::unused_self, reason = "reads as a question to this output")]
    fn closed(&self, error: &io::Error) -> Option<Closed> {
        if error.kind() == io::ErrorKind::BrokenPipe { T::CLOSED } else { None }
    }

    /// Writes everything that waits.
    fn drain(&mut self) -> io::Result<()> {
        if let Some((class, mut rest)) = self.torn.take() {
            let (written, outcome) = write_all(&mut self.target, &rest);
            if let Err(error) = outcome {
                rest.drain(..written);
                self.torn = Some((class, rest));
                return Err(error);
            }
            self.counters.written(class);
        }
        while let Some((class, line)) = self.backlog.front() {
            self.target.prepare(line.len())?;
            let (written, outcome) = write_all(&mut self.target, line);
            if outcome.is_ok() {
                self.counters.written(class);
            } else if written > 0 && !self.target.take_back(written) {
                self.torn = Some((class, line.get(written..).unwrap_or_default().to_vec()));
            } else {
                return outcome;
            }
            self.backlog.pop();
            outcome?;
        }
        Ok(())
    }

    /// Writes lines now. On failure says how many bytes at the end, whole lines, still want writing; the
    /// rest of a torn line is already put aside.
    fn put(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, (io::Error, usize)> {
        let problem = self.target.prepare(lines.len()).map_err(|error| (error, lines.len()))?;
        let (written, outcome) = write_all(&mut self.target, lines);
        let (done, rest) = lines.split_at(written.min(lines.len()));
        for _ in done.iter().filter(|byte| **byte == b'\n') {
            self.counters.written(class);
        }
        let Err(error) = outcome else {
            return Ok(problem.map(|problem| Notice::Degraded { sink: self.name().to_owned(), problem }));
        };
        let torn = done.len() - done.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if torn == 0 || self.target.take_back(torn) {
            return Err((error, rest.len() + torn));
        }
        let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |end| end + 1);
        let (line, following) = rest.split_at(end);
        self.torn = Some((class, line.to_vec()));
        Err((error, following.len()))
    }

    fn keep(&mut self, class: Class, lines: &[u8]) {
        let counters = &mut self.counters;
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            self.backlog.push(class, line, |dropped| counters.dropped(dropped));
        }
    }
}

/// Writes until everything is written or an error comes; how much was written either way.
fn write_all(target: &mut impl Target, bytes: &[u8]) -> (usize, io::Result<()>) {
    let mut written = 0;
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match target.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (written, Err(error)),
        }
    }
    (written, Ok(()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Room for so many bytes, then a full disk.
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
        const CLOSED: Option<Closed> = Some(Closed("the test"));

        fn name(&self) -> &'static str {
            "the test disk"
        }

        fn prepare(&mut self, _length: usize) -> io::Result<Option<String>> {
            Ok(None)
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

        fn synchronize(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn seconds(count: u64) -> BootTime {
        BootTime(count * 1_000_000_000)
    }

    #[test]
    fn a_full_disk_loses_nothing_and_leaves_no_half_line() {
        // Room for every count of bytes, so that the cut falls at every place in the lines.
        for can_take_back in [true, false] {
            for room in 0..18 {
                let mut output = Output::new(Disk { can_take_back, ..Disk::with_room(room) }, 10_000);
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
    fn drops_are_counted_and_told_at_recovery() {
        let mut output = Output::new(Disk::with_room(0), 100);
        let notice = output.write(Class::Event, b"first\n").unwrap().unwrap();
        assert!(notice.to_string().contains("cannot write to the test disk"), "{notice}");
        for _ in 0..20 {
            assert!(output.write(Class::Event, b"event\n").unwrap().is_none(), "told once");
        }
        assert!(output.write(Class::Alert, b"alert\n").unwrap().is_none());
        output.target.room = 1_000;
        let notice = output.retry(seconds(0)).unwrap().unwrap();
        let counters = output.counters();
        assert_eq!((counters.alerts, counters.alerts_dropped), (1, 0));
        assert_eq!(counters.events + counters.events_dropped, 21);
        assert!(counters.events_dropped > 0);
        assert!(notice.to_string().contains(&format!("{} events", counters.events_dropped)), "{notice}");
        assert!(output.target.text().ends_with("alert\n"));
    }

    #[test]
    fn pauses_grow_to_a_bound() {
        let mut output = Output::new(Disk::with_room(0), 1_000);
        output.write(Class::Event, b"line\n").unwrap();
        let mut attempts = 0;
        for second in 0..600 {
            let before = output.counters().failures;
            output.retry(seconds(second)).unwrap();
            attempts += output.counters().failures - before;
        }
        // 0, 1, 2, 3, 5, 9, 17, 33 s, then every 30 s.
        assert!((20..=28).contains(&attempts), "{attempts}");
    }

    #[test]
    fn a_gone_reader_is_the_end() {
        let disk = Disk { error: io::ErrorKind::BrokenPipe, ..Disk::with_room(0) };
        let mut output = Output::new(disk, 1_000);
        assert_eq!(output.write(Class::Event, b"line\n").unwrap_err(), Closed("the test"));
    }

    #[test]
    fn what_cannot_be_written_at_the_end_is_told() {
        let mut output = Output::new(Disk::with_room(7), 1_000);
        output.write(Class::Event, b"line\nline\nline\n").unwrap();
        let notice = output.finish().unwrap().unwrap();
        assert!(matches!(notice, Notice::GivenUp { lines: 2, .. }), "{notice:?}");
    }
}
