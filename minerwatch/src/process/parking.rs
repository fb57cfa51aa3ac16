//! Events that wait for information about their process. Each event waits until the information arrives or the wait
//! times out.

use std::{collections::VecDeque, time::Duration};

use rustc_hash::FxHashMap;

use crate::model::{BootTime, Event, ProcessKey};

/// The parked events of one process.
#[derive(Debug)]
struct Waiting {
    since: BootTime,
    events: Vec<Event>,
}

/// The parked events by process.
#[derive(Debug)]
pub struct Parking {
    capacity: usize,
    park_timeout: Duration,
    waiting: FxHashMap<ProcessKey, Waiting>,
    /// Processes in the order in which their first event was parked. A process whose events were released stays in the
    /// queue until its entry reaches the front or the queue is compacted.
    order: VecDeque<(BootTime, ProcessKey)>,
    parked: usize,
    given_up: u64,
}

impl Parking {
    /// Creates an empty queue for at most `capacity` events, each for at most `park_timeout`.
    pub fn new(capacity: usize, park_timeout: Duration) -> Self {
        Self {
            capacity,
            park_timeout,
            waiting: FxHashMap::default(),
            order: VecDeque::new(),
            parked: 0,
            given_up: 0,
        }
    }

    /// The number of parked events.
    pub fn len(&self) -> usize {
        self.parked
    }

    /// Whether no event is parked.
    pub fn is_empty(&self) -> bool {
        self.parked == 0
    }

    /// The number of events that timed out or were evicted.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Parks an event. `now` is the arrival time, which may be later than the event's own time.
    pub fn park(&mut self, event: &Event, now: BootTime) {
        let key = event.subject.key;
        let waiting = self.waiting.entry(key).or_insert_with(|| {
            self.order.push_back((now, key));
            Waiting { since: now, events: Vec::new() }
        });
        waiting.events.push(event.clone());
        self.parked += 1;
        if self.order.len() > self.capacity.saturating_mul(2).max(64) {
            self.order
                .retain(|(since, key)| self.waiting.get(key).is_some_and(|waiting| waiting.since == *since));
        }
    }

    /// Removes and returns the events of a process, oldest first.
    pub fn release(&mut self, key: ProcessKey) -> Option<Vec<Event>> {
        if self.parked == 0 {
            return None;
        }
        let waiting = self.waiting.remove(&key)?;
        self.parked -= waiting.events.len();
        Some(waiting.events)
    }

    /// Removes and returns the events of one process that has timed out, or that is evicted because the capacity is
    /// exceeded. Returns `None` if there is no such process.
    pub fn give_up(&mut self, now: BootTime) -> Option<Vec<Event>> {
        while let Some(&(since, key)) = self.order.front() {
            if self.parked <= self.capacity && now.since(since) < self.park_timeout {
                return None;
            }
            self.order.pop_front();
            if self.waiting.get(&key).is_some_and(|waiting| waiting.since == since) {
                let events = self.release(key)?;
                self.given_up += events.len() as u64;
                return Some(events);
            }
        }
        None
    }
}
