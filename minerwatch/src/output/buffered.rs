//! An output that writes lines immediately, and keeps them in memory while they cannot be written.

use std::{fmt, io, time::Duration};

use super::{Class, Closed, Counters, Notice, Output, backlog::Backlog};
use crate::model::BootTime;

/// Capacity of the backlog of an output, in bytes.
pub(super) const BACKLOG: usize = 8 << 20;

/// First and longest delay of the exponential backoff between two retries.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A destination to which bytes can be written.
pub(super) trait Target: fmt::Debug + Send {
    /// The name in messages and metrics.
    fn name(&self) -> &str;

    /// Prepares to write `length` bytes: opens a closed target, and rotates a full file. Returns the description of a
    /// problem that does not prevent the write, if there is one.
    fn prepare(&mut self, _length: usize) -> io::Result<Option<String>> {
        Ok(None)
    }

    /// Writes as many bytes as one call can write, and returns their number.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize>;

    /// Reopens the target; see [`Output::reopen`].
    fn reopen(&mut self) -> anyhow::Result<()> {
        Ok(())
    }

    /// Removes the last `length` bytes, so that no partial line remains. Returns `false` if that is impossible. The
    /// rest of the line is then the next thing to write.
    fn take_back(&mut self, _length: usize) -> bool {
        false
    }

    /// Syncs the written data to the disk.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Returns whether the output ends when its reader closes the pipe. A FIFO in place of a file may get another
    /// reader, so a file output does not end.
    fn ends_with_its_reader(&self) -> bool {
        false
    }
}

/// A target, with a backlog of waiting lines.
#[derive(Debug)]
pub(super) struct Buffered<T> {
    pub(super) target: T,
    backlog: Backlog,
    capacity: usize,
    /// The rest of a partially written line.
    torn: Option<(Class, Vec<u8>)>,
    counters: Counters,
    /// The counters at the time when the target began to fail.
    before: Counters,
    /// A problem that did not prevent a write and has not been reported yet.
    problem: Option<String>,
    pause: Duration,
    next_attempt: Option<BootTime>,
}

impl<T: Target> Buffered<T> {
    /// Creates an output with an empty backlog of `capacity` bytes.
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

    fn recovered(&mut self) -> Notice {
        self.counters.failing = false;
        self.pause = FIRST_PAUSE;
        self.next_attempt = None;
        Notice::Recovered {
            output: self.target.name().to_owned(),
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
        Ok(Some(Notice::Failing { output: self.target.name().to_owned(), error, capacity: self.capacity }))
    }

    fn closed(&self, error: &io::Error) -> Option<Closed> {
        let is_end = error.kind() == io::ErrorKind::BrokenPipe && self.target.ends_with_its_reader();
        is_end.then(|| Closed(self.target.name().to_owned()))
    }

    /// Writes all waiting lines.
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

    /// Writes lines immediately. On failure, returns the error and the number of bytes at the end of `lines` that still
    /// have to be written. These bytes are whole lines: the rest of a partially written line is already in `torn`.
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

impl<T: Target> Output for Buffered<T> {
    fn name(&self) -> &str {
        self.target.name()
    }

    fn write(&mut self, class: Class, lines: &[u8]) -> Result<Option<Notice>, Closed> {
        if self.counters.failing {
            self.keep(class, lines);
            return Ok(None);
        }
        match self.put(class, lines) {
            Ok(()) => Ok(self
                .problem
                .take()
                .map(|problem| Notice::Degraded { output: self.target.name().to_owned(), problem })),
            Err((error, rest)) => {
                if rest > 0 {
                    self.keep(class, lines.get(lines.len() - rest..).unwrap_or_default());
                }
                self.failed(error)
            }
        }
    }

    fn retry(&mut self, now: BootTime) -> Result<Option<Notice>, Closed> {
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

    fn reopen(&mut self) -> anyhow::Result<()> {
        self.target.reopen()
    }

    fn finish(&mut self) -> Result<Option<Notice>, Closed> {
        let outcome = self.drain().and_then(|()| self.target.sync());
        let lines = self.counters().waiting;
        match outcome {
            Ok(()) if self.counters.failing => Ok(Some(self.recovered())),
            Ok(()) => Ok(None),
            Err(error) => match self.closed(&error) {
                Some(closed) => Err(closed),
                None => Ok(Some(Notice::GivenUp { output: self.target.name().to_owned(), lines, error })),
            },
        }
    }

    fn counters(&self) -> Counters {
        Counters {
            waiting: self.backlog.len() as u64 + u64::from(self.torn.is_some()),
            waiting_bytes: self.backlog.bytes() as u64,
            ..self.counters
        }
    }
}

/// Writes until all bytes are written or an error occurs. Returns the number of written bytes in both cases.
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
