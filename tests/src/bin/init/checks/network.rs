//! Checks connections: their addresses, bytes and times.

use minerwatch_tests::agent::at;
use serde_json::{Value, json};

use super::{Check, DATAGRAM, Field, Observed, Outcome, SENT};
use crate::sequence::{ANSWER, CLOSED_PORT, EARLIER, EARLIER_PORT, TCP_PORT, UDP_PORT};

impl Observed {
    pub(super) fn tcp(&self, family: &str, address: &str) -> [Check; 4] {
        let event = |action: &str, port: u16| connection(action, "tcp", address, port);
        let connect = [
            ("event.outcome", json!("success")),
            ("network.type", json!(family)),
            ("source.ip", json!(address)),
            ("process.executable", json!("/usr/bin/simulator")),
        ];
        let counts = [("source.bytes", json!(SENT)), ("destination.bytes", json!(ANSWER))];
        let refused = [("event.outcome", json!("failure")), ("error.code", json!("ECONNREFUSED"))];
        let name = |what: &str| format!("tcp-{what}-{family}");
        [
            self.expect(&name("connect"), &["tcp"], &event("connect", TCP_PORT), &connect),
            self.expect(&name("close"), &["tcp"], &event("close", TCP_PORT), &counts),
            self.tcp_times(family, address),
            self.expect(&name("refused"), &["tcp"], &event("connect", CLOSED_PORT), &refused),
        ]
    }

    /// Checks that the times in a close event are in order. All times have the same format, so comparing the text is
    /// enough.
    fn tcp_times(&self, family: &str, address: &str) -> Check {
        let fields = [
            "event.start",
            "minerwatch.network.first_payload",
            "minerwatch.network.last_payload",
            "@timestamp",
        ];
        let close = connection("close", "tcp", address, TCP_PORT);
        let of_close: Vec<Vec<&str>> = self
            .find(&close)
            .map(|close| fields.iter().filter_map(|field| at(close, field).as_str()).collect())
            .collect();
        let good = !of_close.is_empty()
            && of_close.iter().all(|times| times.len() == fields.len() && times.is_sorted());
        let has_state = !self.find(&[]).any(|event| !at(event, "minerwatch.lost.socket").is_null());
        Check {
            name: format!("tcp-times-{family}"),
            outcome: match (self.is_available("tcp") && self.is_available("payload") && has_state, good) {
                (false, _) => Outcome::Unavailable,
                (true, true) => Outcome::Ok,
                (true, false) => Outcome::Failed,
            },
            detail: format!("{of_close:?}, state at sockets: {has_state}"),
        }
    }

    /// Checks the close event of a connection that was open before the daemon started.
    pub(super) fn earlier(&self) -> Check {
        let close = connection("close", "tcp", "127.0.0.1", EARLIER_PORT);
        let counts = [
            ("process.pid", json!(1)),
            ("source.bytes", json!(2 * EARLIER)),
            ("destination.bytes", json!(0)),
            ("minerwatch.network.first_payload", Value::Null),
        ];
        self.expect("tcp-earlier", &["tcp"], &close, &counts)
    }

    /// Checks the events of two sockets that send a datagram each: one socket is connected, the other is not.
    pub(super) fn udp(&self, family: &str, address: &str) -> [Check; 2] {
        let count = |action: &str, extra: &[Field]| {
            let mut wanted = connection(action, "udp", address, UDP_PORT).to_vec();
            wanted.extend_from_slice(extra);
            self.find(&wanted).count()
        };
        let both = |name: &str, found: usize, what: &str| Check {
            name: format!("udp-{name}-{family}"),
            outcome: match (self.is_available("udp"), found) {
                (false, _) => Outcome::Unavailable,
                (true, 2) => Outcome::Ok,
                (true, _) => Outcome::Failed,
            },
            detail: format!("{found} of 2 sockets {what}"),
        };
        // Without the data source `payload`, bytes are not counted, and the event must not contain a number.
        let (bytes, what) = if self.is_available("payload") {
            (json!(DATAGRAM), "with their bytes")
        } else {
            (Value::Null, "without a count")
        };
        [
            both("connect", count("connect", &[("network.type", json!(family))]), "reported"),
            both("close", count("close", &[("source.bytes", bytes)]), what),
        ]
    }
}

/// Returns the fields that identify an event of a connection.
pub(super) fn connection(action: &str, transport: &str, address: &str, port: u16) -> [Field; 4] {
    [
        ("event.action", json!(action)),
        ("network.transport", json!(transport)),
        ("destination.ip", json!(address)),
        ("destination.port", json!(port)),
    ]
}
