//! Parses each payload once, between decode and engine, into typed fields ([`crate::model::AppData`]). Later stages
//! read these fields and never the bytes.
//!
//! The parsers read untrusted bytes: they do not panic, and they never allocate by a length that a message claims. A
//! payload that is neither DNS nor the beginning of a known message causes no allocation.

mod dns;
mod framing;
mod http;
mod levin;
pub mod mining;
mod streams;
pub mod tls;
mod tunnel;

#[cfg(test)]
pub(crate) mod testing;

use crate::model::{AccountHasher, Event, EventBody, Payload, ProcessKey, Protocol};
use streams::Streams;

/// The dissect stage. The stage keeps unfinished messages, so it must see every event in order.
#[derive(Debug)]
pub struct Dissector {
    streams: Streams,
}

impl Default for Dissector {
    fn default() -> Self {
        Self::new(AccountHasher::default())
    }
}

impl Dissector {
    /// Creates a stage that hashes accounts with the key of `accounts`.
    pub fn new(accounts: AccountHasher) -> Self {
        Self { streams: Streams::new(accounts) }
    }

    /// Parses the payload of an event and stores the result in the event. Drops the state of a connection or a process
    /// that ended.
    pub fn dissect(&mut self, event: &mut Event) {
        let process = event.subject.key;
        match &mut event.body {
            EventBody::Payload(payload) => self.payload(process, payload),
            EventBody::Close(close) => self.streams.close(process, &close.flow),
            EventBody::Exit(_) => self.streams.exit(process),
            _ => {}
        }
    }

    /// Number of connections whose unfinished messages were evicted.
    pub fn evicted(&self) -> u64 {
        self.streams.evicted()
    }

    fn payload(&mut self, process: ProcessKey, payload: &mut Payload) {
        if payload.is_length_only() {
            return;
        }
        payload.app.dns = dns::message_in(payload).map(Box::new);
        payload.app.tls = tls::hello_in(payload).map(Box::new);
        if payload.flow.protocol == Protocol::Tcp {
            payload.app.levin = levin::is_message(&payload.bytes.0);
            self.streams.read(process, payload);
        }
    }
}

#[cfg(test)]
mod tests;
