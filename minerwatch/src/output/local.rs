//! An output on this host: standard output or a file. Lines that cannot be written wait in the queue.

use std::{io, time::Duration};

use bytes::Bytes;
use tracing::{info, warn};

use super::{
    Batch, Counters, End, Next, Notice, Order, Output, Queue,
    backoff::Backoff,
    batch::count_lines,
    line_writer::{LineWriter, Target, Unwritten},
};

/// Time for which the thread waits for lines. Afterwards it waits again.
const IDLE: Duration = Duration::from_secs(3_600);

/// Writes the lines of a queue to a target.
#[derive(Debug)]
pub(super) struct Local<T> {
    writer: LineWriter<T>,
    backoff: Backoff,
    /// The counters when the target began to fail, or `None` while it works.
    before: Option<Counters>,
}

impl<T: Target> Local<T> {
    /// Creates an output.
    pub fn new(target: T) -> Self {
        Self { writer: LineWriter::new(target), backoff: Backoff::new(), before: None }
    }

    /// Writes a batch. Returns why the output ends, or `None` if it goes on.
    fn deliver(&mut self, batch: &Batch, queue: &Queue) -> Option<End> {
        match self.writer.write(&batch.lines) {
            Ok(problem) => {
                queue.delivered(batch.class, batch.count);
                self.recovered(queue);
                if let Some(problem) = problem {
                    warn!("{}", Notice::Degraded { output: self.name(), problem });
                }
                None
            }
            Err(Unwritten { error, rest }) => {
                let left = count_lines(&rest);
                queue.delivered(batch.class, batch.count - left);
                if left > 0 {
                    queue.put_back(Batch { class: batch.class, lines: rest, count: left });
                }
                self.failed(error, queue)
            }
        }
    }

    fn failed(&mut self, error: io::Error, queue: &Queue) -> Option<End> {
        if error.kind() == io::ErrorKind::BrokenPipe && self.writer.target.ends_with_its_reader() {
            return Some(End::ReaderGone);
        }
        if queue.is_closing() {
            let lines = queue.counters().waiting + u64::from(self.writer.is_torn());
            warn!("{}", Notice::GivenUp { output: self.name(), lines, error });
            return Some(End::Closed);
        }
        queue.count(|counters| {
            counters.failures += 1;
            counters.failing = true;
            counters.last_error = Some(error.to_string());
        });
        if self.before.is_none() {
            self.before = Some(queue.counters());
            warn!("{}", Notice::Failing { output: self.name(), error, capacity: super::queue::CAPACITY });
        }
        queue.pause(self.backoff.next());
        None
    }

    fn recovered(&mut self, queue: &Queue) {
        let Some(before) = self.before.take() else { return };
        self.backoff = Backoff::new();
        queue.count(|counters| counters.failing = false);
        let now = queue.counters();
        let notice = Notice::Recovered {
            output: self.name(),
            events_dropped: now.events_dropped - before.events_dropped,
            alerts_dropped: now.alerts_dropped - before.alerts_dropped,
        };
        warn!("{notice}");
    }

    fn name(&self) -> String {
        self.writer.target.name().to_owned()
    }
}

impl<T: Target> Output for Local<T> {
    fn run(mut self: Box<Self>, queue: &Queue) -> End {
        loop {
            let idle = if self.writer.is_torn() { Duration::ZERO } else { IDLE };
            let end = match queue.next(Order::AsTheyCame, idle) {
                Next::Batch(batch) => self.deliver(&batch, queue),
                Next::Reopen => {
                    if let Err(error) = self.writer.target.reopen() {
                        warn!("{error:#}; the open file stays in use");
                    }
                    None
                }
                // No batch is waiting, but the rest of a torn line is.
                Next::Idle | Next::Closed if self.writer.is_torn() => {
                    self.deliver(&Batch::new(super::Class::Event, Bytes::new()), queue)
                }
                Next::Idle => None,
                Next::Closed => match self.writer.target.sync() {
                    Ok(()) => Some(End::Closed),
                    Err(error) => self.failed(error, queue),
                },
            };
            if let Some(end) = end {
                if end == End::ReaderGone {
                    info!("the reader of {} is gone", self.name());
                }
                return end;
            }
        }
    }
}

#[cfg(test)]
mod tests;
