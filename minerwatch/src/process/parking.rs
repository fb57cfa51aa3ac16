//! Events that came before their process: kept until it is known, or until it is clear that it never
//! will be.

use std::{collections::VecDeque, time::Duration};

use rustc_hash::FxHashMap;

use crate::model::{BootTime, Event, ProcessKey};

#[derive(Debug)]
struct Waiting {
    since: BootTime,
    events: Vec<Event>,
}

/// Parked events, by the process they wait for.
#[derive(Debug)]
pub struct Parking {
    capacity: usize,
    park_timeout: Duration,
    waiting: FxHashMap<ProcessKey, Waiting>,
    /// Processes in the order in which their first event was parked. One that came in the meantime stays
    /// here until its turn.
    order: VecDeque<(BootTime, ProcessKey)>,
    parked: usize,
    given_up: u64,
}

impl Parking {
    /// Room for so many events, each kept for so long.
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

    /// How many events are parked.
    pub fn len(&self) -> usize {
        self.parked
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.parked == 0
    }

    /// How many events were given up because their process never came or there was no room to wait.
    pub fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Parks an event. `now` is when it came in, which may be later than its own time.
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

    /// Takes out what waited for a process that is known now, oldest first.
    pub fn release(&mut self, key: ProcessKey) -> Option<Vec<Event>> {
        if self.parked == 0 {
            return None;
        }
        let waiting = self.waiting.remove(&key)?;
        self.parked -= waiting.events.len();
        Some(waiting.events)
    }

    /// Takes out what waited for the process whose time is over, or which must make room.
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
