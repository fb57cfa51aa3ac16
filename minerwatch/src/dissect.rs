//! Parses a payload once, between decode and engine, into typed facts ([`crate::model::AppData`]). Everything after this
//! stage reads those facts and never the bytes.
//!
//! The parsers read untrusted bytes: they do not panic, and they never allocate what a message merely claims. A payload
//! that none of them understands allocates nothing.

mod dns;
mod http;
pub mod mining;
mod streams;
pub mod tls;
mod tunnel;

#[cfg(test)]
pub(crate) mod testing;

use crate::model::{Event, EventBody, Payload, ProcessKey, Protocol};
use streams::Streams;

/// The dissect stage. It remembers unfinished messages, so it has to see every event in order.
#[derive(Debug, Default)]
pub struct Dissector {
    streams: Streams,
}

impl Dissector {
    /// Fills in what the payload of an event says.
    pub fn dissect(&mut self, event: &mut Event) {
        let process = event.subject.key;
        match &mut event.body {
            EventBody::Payload(payload) => self.payload(process, payload),
            EventBody::Close(close) => self.streams.close(process, &close.flow),
            EventBody::Exit(_) => self.streams.exit(process),
            _ => {}
        }
    }

    /// Connections whose unfinished messages made room for others.
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
            self.streams.read(process, payload);
        }
    }
}

#[cfg(test)]
mod tests;
