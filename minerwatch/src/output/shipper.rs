//! A network output: sends the lines of its queue and its spool to a destination.
//!
//! Alerts are written to the spool before they are sent. Events come from the queue, and go to the spool only while they
//! cannot be delivered. A line is removed from the spool after its delivery. If minerwatch is killed in between, the line
//! is sent again.

mod bisect;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tracing::{info, warn};

use self::bisect::{Outcome, deliver};
use super::{
    Batch, Class, Destination, Document, End, Next, Order, Output, Queue, Refusal, SendError, ShippingKeys,
    Spool,
    backoff::Backoff,
    dead_letters::DeadLetters,
    spool::{SpoolLimits, Spooled},
};

/// Time without lines after which the thread drops lines in the spool that are too old.
const IDLE: Duration = Duration::from_secs(30);

/// Time after which the spool is read again, if it could not be read.
const RETRY: Duration = Duration::from_secs(2);

/// Time for which events are collected into one request.
const LINGER: Duration = Duration::from_millis(250);

/// While the destination fails, the queue is emptied into the spool this often.
const SPILL: Duration = Duration::from_millis(500);

/// Size of the queue above which it is emptied into the spool, in bytes.
const SPILL_ABOVE: usize = super::queue::CAPACITY / 4;

/// Number of attempts that a destination which has accepted nothing yet may refuse completely. They suggest a wrong path or
/// index. Afterwards, refused documents go to the dead letters.
const DOUBTS: u32 = 6;

/// Longest pause that a server may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Smallest size of a request after a server called larger ones too large, in bytes.
const SMALLEST_BATCH: usize = 16 << 10;

/// A destination with its spool.
#[derive(Debug)]
pub struct Shipper {
    name: String,
    destination: Box<dyn Destination>,
    spool: Arc<Spool>,
    dead_letters: DeadLetters,
    max_batch: usize,
    backoff: Backoff,
    failing: bool,
    /// Whether the destination has accepted anything since the start.
    has_accepted: bool,
    /// Number of attempts that the destination refused completely, before it accepted anything.
    doubts: u32,
}

impl Shipper {
    /// Opens the spool below the state directory. `name` has the kind of the output and its own name (`syslog soc`).
    pub fn open(name: String, keys: &ShippingKeys, destination: Box<dyn Destination>, state: &Path) -> Self {
        let limits = SpoolLimits {
            bytes: keys.spool_max_mib << 20,
            age: Duration::from_secs(keys.spool_max_hours.saturating_mul(3_600)),
        };
        let spool = Spool::open(name.clone(), file(state, &name, "redb"), limits);
        let max_batch = usize::try_from(keys.max_batch_kib << 10).unwrap_or(usize::MAX);
        Self {
            dead_letters: DeadLetters::new(file(state, &name, "dead-letters.jsonl")),
            name,
            destination,
            spool: Arc::new(spool),
            max_batch,
            backoff: Backoff::new(),
            failing: false,
            has_accepted: false,
            doubts: 0,
        }
    }

    /// Sends the next lines, or waits for some.
    fn step(&mut self, queue: &Queue) {
        // If the destination is too slow, events wait on the disk.
        if queue.bytes() > SPILL_ABOVE {
            self.spill(queue);
        }
        for class in [Class::Alert, Class::Event] {
            // Alerts that could not be written to the spool are sent before events.
            if class == Class::Event && queue.alerts() > 0 {
                break;
            }
            let spooled = self.spool.oldest(class, self.max_batch).unwrap_or_default();
            if !spooled.is_empty() {
                return self.send_spooled(class, &spooled, queue);
            }
        }
        // The spool may have lines that cannot be read now.
        let wait = if self.spool.is_empty() { IDLE } else { RETRY };
        match queue.next(Order::AlertsFirst, wait) {
            Next::Batch(batch) => {
                let batches = self.collect(batch, queue);
                self.send_queued(&batches, queue);
            }
            Next::Idle | Next::Reopen => self.spool.expire(),
            Next::Closed => {}
        }
    }

    /// Collects more events for [`LINGER`], so that a request has many. An alert does not wait.
    fn collect(&self, first: Batch, queue: &Queue) -> Vec<Batch> {
        let class = first.class;
        let mut bytes = first.bytes();
        let mut batches = vec![first];
        let end = std::time::Instant::now() + LINGER;
        while class == Class::Event && bytes < self.max_batch && self.spool.is_empty() {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match queue.next(Order::AlertsFirst, left) {
                Next::Batch(batch) if batch.class == class => {
                    bytes += batch.bytes();
                    batches.push(batch);
                }
                Next::Batch(batch) => {
                    queue.put_back(batch);
                    break;
                }
                Next::Idle | Next::Reopen | Next::Closed => break,
            }
        }
        batches
    }

    fn send_spooled(&mut self, class: Class, spooled: &[Spooled], queue: &Queue) {
        let documents = documents(spooled.iter().map(|spooled| &spooled.batch));
        let Sent { delivered, undelivered, error, .. } = self.send(&documents, queue);
        let mut undelivered = undelivered.into_iter().peekable();
        let mut end = 0;
        let settled: Vec<(u64, Option<Batch>)> = spooled
            .iter()
            .filter_map(|Spooled { key, batch }| {
                end += usize::try_from(batch.count).unwrap_or(usize::MAX);
                let of_batch = std::iter::from_fn(|| undelivered.next_if(|index| *index < end));
                let rest = Batch::of(class, of_batch.filter_map(|index| documents.get(index)));
                (rest.count < batch.count).then(|| (*key, (rest.count > 0).then_some(rest)))
            })
            .collect();
        // After a failure, nothing is read from the spool until the lines are removed.
        let _ = self.spool.settle(class, settled);
        queue.count(|counters| counters.written(class, delivered));
        self.conclude(error, queue);
    }

    fn send_queued(&mut self, batches: &[Batch], queue: &Queue) {
        let Some(class) = batches.first().map(|batch| batch.class) else { return };
        let documents = documents(batches.iter());
        let Sent { delivered, refused, undelivered, error } = self.send(&documents, queue);
        queue.moved(class, refused);
        queue.delivered(class, delivered);
        let rest = Batch::of(class, undelivered.iter().filter_map(|index| documents.get(*index)));
        if rest.count > 0 {
            queue.put_back(rest);
        }
        self.conclude(error, queue);
    }

    /// Sends documents, and writes refused ones to the dead-letter file.
    fn send(&mut self, documents: &[Document], queue: &Queue) -> Sent {
        let Outcome { waiting: mut undelivered, refused, mut error, .. } = self.deliver(documents);
        let refuses_all = !refused.is_empty() && refused.len() + undelivered.len() == documents.len();
        let count = if refuses_all && !self.has_accepted && self.doubts < DOUBTS {
            // A wrong path or index is more likely than wrong documents, so they are tried again.
            self.doubts += 1;
            undelivered.extend(refused.iter().map(|refusal| refusal.index));
            undelivered.sort_unstable();
            error = error
                .or_else(|| refused.into_iter().next().map(|refusal| SendError::Refused(refusal.reason)));
            0
        } else {
            self.bury(documents, &refused, queue);
            refused.len() as u64
        };
        let delivered = (documents.len() - undelivered.len()) as u64 - count;
        Sent { delivered, refused: count, undelivered, error }
    }

    fn deliver(&mut self, documents: &[Document]) -> Outcome {
        let outcome = deliver(&mut *self.destination, documents);
        if matches!(outcome.error, Some(SendError::TooLarge(_))) || outcome.was_too_large(documents.len()) {
            self.max_batch = (self.max_batch / 2).max(SMALLEST_BATCH);
        }
        if outcome.accepted(documents.len()) > 0 {
            self.has_accepted = true;
        }
        outcome
    }

    /// Writes refused documents to the dead-letter file.
    fn bury(&self, documents: &[Document], refused: &[Refusal], queue: &Queue) {
        let Some(first) = refused.first() else { return };
        let count = refused.len() as u64;
        match self.dead_letters.add(documents, refused) {
            Ok(()) => warn!(
                "{}: the server refuses documents for ever: {count} ({}). They are kept in {}",
                self.name,
                first.reason,
                self.dead_letters.path(),
            ),
            Err(error) => warn!(
                "{}: the server refuses documents for ever: {count} ({}). They are lost, because {} cannot be written: \
                 {error}",
                self.name,
                first.reason,
                self.dead_letters.path(),
            ),
        }
        queue.count(|counters| counters.refused += count);
    }

    fn conclude(&mut self, error: Option<SendError>, queue: &Queue) {
        match error {
            Some(error) => self.failed(&error, queue),
            None if self.failing && self.has_accepted => {
                self.failing = false;
                self.backoff = Backoff::new();
                self.doubts = 0;
                queue.count(|counters| counters.failing = false);
                info!("{}: the server accepts lines again", self.name);
            }
            None => {}
        }
    }

    /// Notes a failure, and waits before the next attempt. Meanwhile, events move from the queue to the spool.
    fn failed(&mut self, error: &SendError, queue: &Queue) {
        queue.count(|counters| {
            counters.failures += 1;
            counters.failing = true;
            counters.last_error = Some(error.to_string());
        });
        if !std::mem::replace(&mut self.failing, true) {
            warn!(
                "{}: {error}. Alerts are kept on disk, and delivered when the server accepts them; {}",
                self.name,
                remedy(error)
            );
        }
        let asked = match error {
            SendError::Busy { after, .. } => *after,
            _ => None,
        };
        let mut left = asked.map_or_else(|| self.backoff.next(), |after| after.min(LONGEST_PAUSE));
        loop {
            self.spill(queue);
            let part = left.min(SPILL);
            if part.is_zero() || queue.pause(part) {
                return;
            }
            left -= part;
        }
    }

    /// Moves the events of the queue to the spool.
    fn spill(&self, queue: &Queue) {
        let mut batches = Vec::new();
        while let Next::Batch(batch) = queue.next(Order::AlertsFirst, Duration::ZERO) {
            batches.push(batch);
        }
        // The journal adds alerts to the spool. The alerts in the queue could not be added, so they stay there.
        let (alerts, events): (Vec<Batch>, Vec<Batch>) =
            batches.into_iter().partition(|batch| batch.class == Class::Alert);
        if self.spool.add_events(&events).is_ok() {
            queue.moved(Class::Event, events.iter().map(|batch| batch.count).sum());
        } else {
            events.into_iter().rev().for_each(|batch| queue.put_back(batch));
        }
        alerts.into_iter().rev().for_each(|batch| queue.put_back(batch));
    }
}

/// What became of documents.
struct Sent {
    /// Number of documents that the destination accepted.
    delivered: u64,
    /// Number of documents in the dead-letter file.
    refused: u64,
    /// Indices of the others, in order.
    undelivered: Vec<usize>,
    /// Why documents were not delivered.
    error: Option<SendError>,
}

impl Output for Shipper {
    fn run(mut self: Box<Self>, queue: &Queue) -> End {
        while !queue.is_closing() {
            self.step(queue);
        }
        self.spill(queue);
        // Try to deliver the remaining alerts before the end.
        while !self.failing
            && let Ok(spooled) = self.spool.oldest(Class::Alert, self.max_batch)
            && !spooled.is_empty()
        {
            self.send_spooled(Class::Alert, &spooled, queue);
        }
        End::Closed
    }

    fn spool(&self) -> Option<Arc<Spool>> {
        Some(Arc::clone(&self.spool))
    }
}

/// Returns the path of a file of an output: `spool/syslog-soc.redb`.
fn file(state: &Path, name: &str, ending: &str) -> PathBuf {
    state.join("spool").join(format!("{}.{ending}", name.replace(' ', "-")))
}

fn documents<'a>(batches: impl Iterator<Item = &'a Batch>) -> Vec<Document> {
    batches.flat_map(|batch| batch.each().map(|json| Document { class: batch.class, json })).collect()
}

fn remedy(error: &SendError) -> &'static str {
    match error {
        SendError::Unreachable(_) => "check its address and the network",
        SendError::Busy { .. } => "the server is overloaded",
        SendError::Denied(_) => "check the credentials of this output; they are read again at each attempt",
        SendError::TooLarge(_) => "lower max_batch_kib or the server's limit",
        SendError::Refused(_) => "check the address and the settings of this output",
    }
}

#[cfg(test)]
mod tests;
