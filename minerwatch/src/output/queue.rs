//! The queue in front of an output. The event loop fills it without waiting, and the thread of the output empties it.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::{Batch, Class, Counters, backlog::Backlog};

/// Capacity of a queue, in bytes.
pub const CAPACITY: usize = 8 << 20;

/// A queue of batches, the counters of its output, and the requests to the output.
#[derive(Debug)]
pub struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    backlog: Backlog,
    /// Lines and alerts of the batches that the output is delivering.
    taken: (u64, u64),
    counters: Counters,
    reopen: bool,
    closing: bool,
    /// [`Queue::wake`] was called since the output last waited.
    woken: bool,
}

impl State {
    fn release(&mut self, class: Class, count: u64) {
        self.taken.0 = self.taken.0.saturating_sub(count);
        if class == Class::Alert {
            self.taken.1 = self.taken.1.saturating_sub(count);
        }
    }
}

/// The next task of an output.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Deliver this batch, and then call [`Queue::delivered`], [`Queue::moved`] or [`Queue::put_back`] for its lines.
    Batch(Batch),
    /// Open the destination again by its name.
    Reopen,
    /// There was no batch in time, or [`Queue::wake`] was called.
    Idle,
    /// The daemon ends. There are no more batches.
    Closed,
}

/// The order in which an output takes its batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// As they came.
    AsTheyCame,
    /// Alerts before events.
    AlertsFirst,
}

impl Queue {
    /// Creates an empty queue with a capacity in bytes.
    pub fn new(capacity: usize) -> Self {
        let state = State {
            backlog: Backlog::new(capacity),
            taken: (0, 0),
            counters: Counters::default(),
            reopen: false,
            closing: false,
            woken: false,
        };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Adds a batch. Never waits for the output. Lines for which there is no space are dropped and counted.
    pub fn push(&self, batch: Batch) {
        let mut state = self.lock();
        let State { backlog, counters, .. } = &mut *state;
        backlog.push(batch, |dropped| counters.dropped(dropped.class, dropped.count));
        drop(state);
        self.changed.notify_all();
    }

    /// Waits at most `timeout` for the next batch or request.
    pub fn next(&self, order: Order, timeout: Duration) -> Next {
        self.wait(timeout, |state| {
            if std::mem::take(&mut state.reopen) {
                return Some(Next::Reopen);
            }
            let batch = match order {
                Order::AsTheyCame => state.backlog.pop(),
                Order::AlertsFirst => state.backlog.pop_alerts().or_else(|| state.backlog.pop()),
            };
            if let Some(batch) = batch {
                let alerts = if batch.class == Class::Alert { batch.count } else { 0 };
                state.taken.0 += batch.count;
                state.taken.1 += alerts;
                return Some(Next::Batch(batch));
            }
            if state.closing {
                return Some(Next::Closed);
            }
            std::mem::take(&mut state.woken).then_some(Next::Idle)
        })
        .unwrap_or(Next::Idle)
    }

    /// Waits for `timeout`. Returns earlier if the queue is closed, or if the destination is to be opened again. Returns
    /// whether the queue is closed.
    pub fn pause(&self, timeout: Duration) -> bool {
        self.wait(timeout, |state| (state.closing || state.reopen).then_some(state.closing)).unwrap_or(false)
    }

    fn wait<T>(&self, timeout: Duration, mut ready: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let end = Instant::now().checked_add(timeout);
        let mut state = self.lock();
        loop {
            if let Some(value) = ready(&mut state) {
                return Some(value);
            }
            let left = end.map_or(timeout, |end| end.saturating_duration_since(Instant::now()));
            if left.is_zero() {
                return None;
            }
            let woken = self.changed.wait_timeout(state, left);
            (state, _) = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Counts lines of a taken batch as delivered.
    pub fn delivered(&self, class: Class, count: u64) {
        let mut state = self.lock();
        state.release(class, count);
        state.counters.written(class, count);
        drop(state);
        if class == Class::Alert {
            self.changed.notify_all();
        }
    }

    /// Waits until no alert is waiting or being delivered, but at most for `timeout`.
    pub fn wait_for_alerts(&self, timeout: Duration) {
        self.wait(timeout, |state| (state.backlog.alerts() + state.taken.1 == 0).then_some(()));
    }

    /// Notes that lines of a taken batch are in the spool or in the dead-letter file now.
    pub fn moved(&self, class: Class, count: u64) {
        self.lock().release(class, count);
    }

    /// Puts the rest of a taken batch back in front of the others.
    pub fn put_back(&self, batch: Batch) {
        let mut state = self.lock();
        state.release(batch.class, batch.count);
        state.backlog.put_back(batch);
    }

    /// Size of the waiting batches, without those that were taken, in bytes.
    pub fn bytes(&self) -> usize {
        self.lock().backlog.bytes()
    }

    /// Changes the counters.
    pub fn count(&self, change: impl FnOnce(&mut Counters)) {
        change(&mut self.lock().counters);
    }

    /// Wakes the output, for example after an alert was added to the spool.
    pub fn wake(&self) {
        self.lock().woken = true;
        self.changed.notify_all();
    }

    /// Asks the output to open its destination again.
    pub fn reopen(&self) {
        self.lock().reopen = true;
        self.changed.notify_all();
    }

    /// Closes the queue. The output ends after the waiting lines.
    pub fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    /// Returns whether the queue is closed.
    pub fn is_closing(&self) -> bool {
        self.lock().closing
    }

    /// Number of alerts that are waiting or being delivered.
    pub fn alerts(&self) -> u64 {
        let state = self.lock();
        state.backlog.alerts() + state.taken.1
    }

    /// Returns the counters.
    pub fn counters(&self) -> Counters {
        let state = self.lock();
        Counters {
            waiting: state.counters.waiting + state.backlog.lines() + state.taken.0,
            waiting_bytes: state.backlog.bytes() as u64,
            ..state.counters.clone()
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // No code panics while it changes the state, so it is consistent even after a panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, thread};

    use super::*;

    const SOON: Duration = Duration::from_millis(1);
    const LATE: Duration = Duration::from_secs(20);

    fn event() -> Batch {
        Batch::new(Class::Event, "event\n")
    }

    fn alert() -> Batch {
        Batch::new(Class::Alert, "alert\n")
    }

    #[test]
    fn batches_come_in_the_order_that_the_output_wants() {
        let queue = Queue::new(CAPACITY);
        queue.push(event());
        queue.push(alert());
        assert_eq!(queue.next(Order::AlertsFirst, SOON), Next::Batch(alert()));
        assert_eq!((queue.alerts(), queue.counters().waiting), (1, 2), "a taken batch still waits");
        queue.put_back(alert());
        assert_eq!(queue.next(Order::AsTheyCame, SOON), Next::Batch(alert()));
        queue.delivered(Class::Alert, 1);
        assert_eq!(queue.next(Order::AsTheyCame, SOON), Next::Batch(event()));
        queue.delivered(Class::Event, 1);
        assert_eq!(queue.next(Order::AsTheyCame, SOON), Next::Idle);
        let counters = queue.counters();
        assert_eq!((counters.events, counters.alerts, counters.waiting), (1, 1, 0));
    }

    #[test]
    fn dropped_lines_are_counted_by_class() {
        let queue = Queue::new(1_000);
        for _ in 0..100 {
            queue.push(event());
        }
        queue.push(alert());
        let counters = queue.counters();
        assert!(counters.events_dropped > 50 && counters.alerts_dropped == 0, "{counters:?}");
        assert_eq!(counters.events_dropped + counters.waiting, 101);
    }

    #[test]
    fn batches_and_requests_wake_the_output() {
        let queue = Arc::new(Queue::new(CAPACITY));
        let waits = |queue: &Arc<Queue>| {
            let queue = Arc::clone(queue);
            thread::spawn(move || queue.next(Order::AsTheyCame, LATE))
        };
        let start = Instant::now();
        let waiting = waits(&queue);
        queue.push(event());
        assert_eq!(waiting.join().unwrap(), Next::Batch(event()));
        let waiting = waits(&queue);
        queue.wake();
        assert_eq!(waiting.join().unwrap(), Next::Idle);
        let waiting = waits(&queue);
        queue.reopen();
        assert_eq!(waiting.join().unwrap(), Next::Reopen);
        let waiting = waits(&queue);
        queue.close();
        assert_eq!(waiting.join().unwrap(), Next::Closed);
        assert!(queue.pause(LATE), "it is closing");
        assert!(start.elapsed() < LATE);
    }

    #[test]
    fn waiting_batches_come_before_the_end() {
        let queue = Queue::new(CAPACITY);
        queue.push(event());
        queue.close();
        assert_eq!(queue.next(Order::AsTheyCame, SOON), Next::Batch(event()));
        assert_eq!(queue.next(Order::AsTheyCame, SOON), Next::Closed);
    }
}
