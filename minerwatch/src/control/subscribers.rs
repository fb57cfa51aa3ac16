//! The readers of the live stream. Sending a line never waits for a reader.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU32, AtomicU64, Ordering},
};

use bytes::Bytes;
use tokio::sync::mpsc;

use super::{counters::ControlCounters, request::TailRequest};
use crate::model::{EventKind, KindSet};

/// Maximum number of concurrent streams.
const MAX_SUBSCRIBERS: usize = 16;
/// Capacity of the queue of a reader, in lines.
const QUEUE: usize = 4096;
/// Capacity of the queue of a reader, in bytes. Readers of the same line share its memory.
const QUEUE_BYTES: u64 = 4 << 20;
/// The bit of [`Subscribers::wanted`] for alerts, above the bits of the event kinds.
const ALERTS: u32 = 1 << 31;

/// All readers of the live stream.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    /// The lines that at least one reader wants: a bit for each event kind, and [`ALERTS`].
    wanted: AtomicU32,
    streams: Mutex<Streams>,
}

#[derive(Debug, Default)]
struct Streams {
    open: Vec<Stream>,
    closed: bool,
    lines: u64,
    lost: u64,
}

#[derive(Debug)]
struct Stream {
    request: TailRequest,
    sender: mpsc::Sender<Bytes>,
    state: Arc<StreamState>,
}

/// State that both ends of a stream share.
#[derive(Debug, Default)]
struct StreamState {
    /// Bytes in the queue.
    waiting: AtomicU64,
    /// Lines lost since the last report to the reader.
    lost: AtomicU64,
}

/// The reader's end of a stream.
#[derive(Debug)]
pub(super) struct Subscription {
    receiver: mpsc::Receiver<Bytes>,
    state: Arc<StreamState>,
}

/// An item of a stream: a line, or a gap.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// Number of lines that are missing at this point.
    Lost(u64),
    Line(Bytes),
}

impl Subscribers {
    /// Opens a stream. Returns `None` if there are too many streams, or if the daemon is ending.
    pub(super) fn subscribe(&self, request: TailRequest) -> Option<Subscription> {
        let mut streams = self.lock();
        streams.open.retain(|stream| !stream.sender.is_closed());
        if streams.closed || streams.open.len() >= MAX_SUBSCRIBERS {
            return None;
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        let state = Arc::new(StreamState::default());
        streams.open.push(Stream { request, sender, state: Arc::clone(&state) });
        self.recount(&streams);
        Some(Subscription { receiver, state })
    }

    /// Removes the streams whose readers have gone.
    pub(super) fn sweep(&self) {
        let mut streams = self.lock();
        streams.open.retain(|stream| !stream.sender.is_closed());
        self.recount(&streams);
    }

    /// Closes every stream. Readers still receive the queued lines.
    pub(super) fn close(&self) {
        let mut streams = self.lock();
        streams.closed = true;
        streams.open.clear();
        self.recount(&streams);
    }

    pub(super) fn wants(&self, kind: Option<EventKind>, pid: u32) -> bool {
        self.wanted.load(Ordering::Relaxed) & bit(kind) != 0
            && self.lock().open.iter().any(|stream| stream.request.wants(kind, pid))
    }

    /// Sends a line to the readers that want it. The line is copied once, if anybody wants it.
    pub(super) fn publish(&self, line: &[u8], kind: Option<EventKind>, pid: u32) {
        if self.wanted.load(Ordering::Relaxed) & bit(kind) == 0 {
            return;
        }
        let mut streams = self.lock();
        let (mut lines, mut lost) = (0, 0);
        let mut copy = None;
        for Stream { request, sender, state } in &streams.open {
            if !request.wants(kind, pid) {
                continue;
            }
            let size = line.len() as u64;
            let fits = state.waiting.load(Ordering::Relaxed) + size <= QUEUE_BYTES;
            state.waiting.fetch_add(size, Ordering::Relaxed);
            let copy = copy.get_or_insert_with(|| Bytes::copy_from_slice(line));
            if fits && sender.try_send(copy.clone()).is_ok() {
                lines += 1;
            } else {
                state.waiting.fetch_sub(size, Ordering::Relaxed);
                state.lost.fetch_add(1, Ordering::Relaxed);
                lost += 1;
            }
        }
        streams.lines += lines;
        streams.lost += lost;
    }

    pub(super) fn counters(&self) -> ControlCounters {
        let streams = self.lock();
        let open = streams.open.iter().filter(|stream| !stream.sender.is_closed()).count();
        ControlCounters { subscribers: open as u64, lines: streams.lines, lost: streams.lost }
    }

    fn recount(&self, streams: &Streams) {
        let wanted = streams.open.iter().fold(0, |wanted, Stream { request, .. }| {
            let kinds = if request.alerts { KindSet::NONE } else { request.kinds };
            wanted | ALERTS | kinds.bits()
        });
        self.wanted.store(wanted, Ordering::Relaxed);
    }

    fn lock(&self) -> MutexGuard<'_, Streams> {
        // No code panics while it changes the streams, so they are consistent even after a panic.
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bit(kind: Option<EventKind>) -> u32 {
    kind.map_or(ALERTS, |kind| KindSet::NONE.with(kind).bits())
}

impl Subscription {
    /// Waits for the next line, or returns the number of lines that are missing before it. Returns `None` when the
    /// daemon ends.
    pub(super) async fn next(&mut self) -> Option<Delivery> {
        // The queued lines are older than the lost ones, so they come first.
        if self.receiver.is_empty() {
            let lost = self.state.lost.swap(0, Ordering::Relaxed);
            if lost > 0 {
                return Some(Delivery::Lost(lost));
            }
        }
        let line = self.receiver.recv().await?;
        self.state.waiting.fetch_sub(line.len() as u64, Ordering::Relaxed);
        Some(Delivery::Line(line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXEC: Option<EventKind> = Some(EventKind::Exec);

    fn line() -> Bytes {
        Bytes::from_static(b"{}\n")
    }

    #[test]
    fn without_readers_nothing_is_wanted() {
        let subscribers = Subscribers::default();
        assert!(!subscribers.wants(EXEC, 1) && !subscribers.wants(None, 1));
        let alerts = TailRequest { alerts: true, ..TailRequest::default() };
        let subscription = subscribers.subscribe(alerts);
        assert!(!subscribers.wants(EXEC, 1) && subscribers.wants(None, 1));
        drop(subscription);
        subscribers.sweep();
        assert!(!subscribers.wants(None, 1));
    }

    #[tokio::test]
    async fn a_slow_reader_loses_whole_lines_and_is_told() {
        let subscribers = Subscribers::default();
        let mut slow = subscribers.subscribe(TailRequest::default()).expect("room");
        for _ in 0..QUEUE + 3 {
            subscribers.publish(&line(), EXEC, 1);
        }
        for _ in 0..QUEUE {
            assert_eq!(slow.next().await, Some(Delivery::Line(line())));
        }
        assert_eq!(slow.next().await, Some(Delivery::Lost(3)));
        subscribers.publish(&line(), EXEC, 1);
        assert_eq!(slow.next().await, Some(Delivery::Line(line())));
        let counters = subscribers.counters();
        assert_eq!((counters.subscribers, counters.lines, counters.lost), (1, QUEUE as u64 + 1, 3));
    }

    #[test]
    fn long_lines_are_bounded_by_bytes() {
        let subscribers = Subscribers::default();
        let _slow = subscribers.subscribe(TailRequest::default()).expect("room");
        let long = Bytes::from(vec![b'x'; 1 << 20]);
        for _ in 0..10 {
            subscribers.publish(&long, EXEC, 1);
        }
        assert_eq!((subscribers.counters().lines, subscribers.counters().lost), (4, 6));
    }

    #[tokio::test]
    async fn the_end_comes_after_the_queued_lines() {
        let subscribers = Subscribers::default();
        let mut reader = subscribers.subscribe(TailRequest::default()).expect("room");
        subscribers.publish(&line(), EXEC, 1);
        subscribers.close();
        assert_eq!(reader.next().await, Some(Delivery::Line(line())));
        assert_eq!(reader.next().await, None);
        assert!(subscribers.subscribe(TailRequest::default()).is_none());
    }

    #[test]
    fn the_number_of_readers_is_bounded() {
        let subscribers = Subscribers::default();
        let mut open: Vec<_> =
            (0..MAX_SUBSCRIBERS).filter_map(|_| subscribers.subscribe(TailRequest::default())).collect();
        assert_eq!(open.len(), MAX_SUBSCRIBERS);
        assert!(subscribers.subscribe(TailRequest::default()).is_none());
        open.pop();
        assert!(subscribers.subscribe(TailRequest::default()).is_some());
    }
}
