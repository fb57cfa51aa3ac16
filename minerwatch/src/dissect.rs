//! Parses a payload once, between decode and engine, into typed facts ([`crate::model::AppData`]). Everybody behind it
//! reads facts and no bytes.

use crate::{
    detect::network::{dns, tls},
    model::{Event, EventBody},
};

/// The dissect stage.
#[derive(Debug, Default)]
pub struct Dissector {}

impl Dissector {
    /// Fills in what the payload of an event says.
    pub fn dissect(&mut self, event: &mut Event) {
        let EventBody::Payload(payload) = &mut event.body else { return };
        payload.app.dns = dns::message_in(payload).map(Box::new);
        payload.app.tls = tls::facts(payload).map(Box::new);
    }
}
