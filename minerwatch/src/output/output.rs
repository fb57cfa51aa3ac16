//! What every sink does with its lines: write them, or keep them until they can be written.

use std::{io, time::Duration};

use super::{backlog::Backlog, notice::Notice};
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
    /// A problem that did not keep it from writing, not told yet.
    problem: Option<String>,
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
            problem: None,
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
            Ok(()) => Ok(self
                .problem
                .take()
                .map(|problem| Notice::Degraded { sink: self.name().to_owned(), problem })),
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

    #[expect(clippy::unused_self, reason = "reads as a question to this output")]
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
            self.problem = self.target.prepare(line.len())?.or(self.problem.take());
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
    fn put(&mut self, class: Class, lines: &[u8]) -> Result<(), (io::Error, usize)> {
        let problem = self.target.prepare(lines.len()).map_err(|error| (error, lines.len()))?;
        self.problem = problem.or(self.problem.take());
        let (written, outcome) = write_all(&mut self.target, lines);
        let (done, rest) = lines.split_at(written.min(lines.len()));
        for _ in done.iter().filter(|byte| **byte == b'\n') {
            self.counters.written(class);
        }
        let Err(error) = outcome else { return Ok(()) };
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
mod tests;
