//! N10: a connection that begins like Stratum V2 inside the Noise protocol. The messages are encrypted, so only the
//! lengths of the first messages count.

use std::net::SocketAddr;

use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{Direction, EventBody, EventType, Payload, ProcessKey, Protocol, SignalClass},
};

/// The signal. Lengths alone prove little, because other protocols may begin with 64 bytes too.
pub const NOISE_HANDSHAKE: SignalInfo = SignalInfo {
    id: "N10",
    class: SignalClass::Network,
    weight: 10,
    full_weight: 10,
    kind: SignalKind::Sign,
    name: "Connection that begins like Stratum V2",
    description: "The first messages of a connection have the sizes of the encrypted handshake of Stratum V2: 64 bytes, then 170 or 234.",
    catches: "Encrypted Stratum V2, of which no word can be read.",
    techniques: &["T1573"],
};

/// Maximum number of remembered connections whose first message had the length of a key.
const CONNECTIONS: usize = 4_096;
/// Length of the first message in bytes: a key (Stratum V2 specification, section 4.5.1).
const KEY_LENGTH: u32 = 64;
/// Length of the first answer in bytes, without and with the extension of its signature.
const ANSWER_LENGTHS: [u32; 2] = [170, 234];

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[NOISE_HANDSHAKE],
    wants: &[EventType::Payload],
    evictions: Some("conversations_evicted"),
    create: |_| Box::new(NoiseHandshake { key_sent: BoundedMap::new(CONNECTIONS) }),
};

#[derive(Debug)]
struct NoiseHandshake {
    /// Connections whose first message had the length of a key.
    key_sent: BoundedMap<(ProcessKey, SocketAddr, SocketAddr), ()>,
}

impl Detector for NoiseHandshake {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let EventBody::Payload(payload) = &context.event.body else { return };
        if !is_unread_beginning(payload) {
            return;
        }
        let destination = payload.flow.destination;
        let connection = (context.key(), payload.flow.source, destination);
        match payload.direction {
            Direction::Sent if payload.length == KEY_LENGTH => {
                self.key_sent.insert(connection, ());
            }
            Direction::Received if ANSWER_LENGTHS.contains(&payload.length) => {
                if self.key_sent.remove(&connection).is_some() {
                    let detail = format!(
                        "opened a connection to {destination} the way Stratum V2 does, by the sizes of its first messages"
                    );
                    findings.push(
                        Finding::new(NOISE_HANDSHAKE, context, detail).value("destination", destination),
                    );
                }
            }
            Direction::Sent | Direction::Received => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.key_sent.evicted()
    }
}

/// Whether a payload is the first of its direction on a TCP connection that this host opened, and only its length is
/// known. The kernel side does not capture a handshake, because its content is random.
fn is_unread_beginning(payload: &Payload) -> bool {
    payload.flow.protocol == Protocol::Tcp
        && payload.index == 0
        && !payload.accepted
        && payload.is_length_only()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{AppData, Bytes, Flow},
        testing::{Host, findings},
    };

    fn after(messages: &[(Direction, u32)], change: impl Fn(&mut Payload)) -> Vec<(&'static str, u8)> {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        for (direction, length) in messages {
            let flow = Flow {
                protocol: Protocol::Tcp,
                source: "10.0.0.2:40000".parse().unwrap(),
                destination: "10.0.0.9:3336".parse().unwrap(),
                opened: host.now(),
            };
            let mut payload = Payload {
                flow,
                direction: *direction,
                index: 0,
                length: *length,
                accepted: false,
                bytes: Bytes::default(),
                app: AppData::default(),
            };
            change(&mut payload);
            host.happen(client, EventBody::Payload(Box::new(payload)));
        }
        findings(&host)
    }

    #[test]
    fn only_the_sizes_of_the_handshake_count() {
        use Direction::{Received, Sent};
        for (messages, expected) in [
            (&[(Sent, 64), (Received, 170)][..], &[("N10", 10)][..]),
            (&[(Sent, 64), (Received, 234)], &[("N10", 10)]),
            (&[(Sent, 64), (Received, 64)], &[]),
            (&[(Sent, 63), (Received, 234)], &[]),
            (&[(Received, 64), (Sent, 234)], &[]),
            (&[(Received, 234)], &[]),
        ] {
            assert_eq!(after(messages, |_| {}), expected, "{messages:?}");
        }
        let handshake = [(Sent, 64), (Received, 234)];
        assert_eq!(after(&handshake, |payload| payload.accepted = true), []);
        assert_eq!(after(&handshake, |payload| payload.index = 1), []);
        assert_eq!(after(&handshake, |payload| payload.flow.protocol = Protocol::Udp), []);
        let with_content = |payload: &mut Payload| payload.bytes = Bytes([7; 16].into());
        assert_eq!(after(&handshake, with_content), []);
    }
}
