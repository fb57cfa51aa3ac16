//! N7: calls to a node that a solo miner makes, or frequent requests for the node's block height.
//!
//! Explorers and monitors read templates and heights, too. Only a miner names the account for the reward, fetches work with
//! `getwork`, or submits a block, and without such a call it earns nothing. So these calls have all points, and the calls of
//! both kinds of clients have fewer: even with a load beside them, they raise no alert.

use std::{net::SocketAddr, time::Duration};

use super::mining_message::{Heard, MiningPeer, finding};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{
        BootTime, EventBody, EventType, MiningMessage, MiningProtocol, Payload, ProcessKey, SignalClass,
        Threshold,
    },
};

/// The signal. It is not conclusive, because pools ask nodes for work as well. The weak form is for calls that clients without
/// a miner make, too. With the strongest load (20 points), it stays below an alert.
pub const SOLO_MINING: SignalInfo = SignalInfo {
    id: "N7",
    class: SignalClass::Network,
    weight: 40,
    full_weight: 60,
    kind: SignalKind::Mining,
    name: "Asks a node for work",
    description: "The process calls a cryptocurrency node as a solo miner does: for work with the account of the reward, or to submit blocks. In the weak form, it asks for what explorers read, too: a template without an account, or the height every second.",
    catches: "Miners that work against a node of their own and never contact a pool.",
    techniques: &["T1496.001"],
};

/// Maximum number of reported connections that are remembered.
const CONNECTIONS: usize = 4_096;
/// Maximum number of tracked processes that ask a node for its height.
const PROCESSES: usize = 1_024;
/// Minimum number of requests for the height within [`HEIGHT_WINDOW`]. XMRig asks every second.
const MIN_HEIGHT_REQUESTS: u32 = 30;
/// Length of the window in which height requests are counted.
const HEIGHT_WINDOW: Duration = Duration::from_secs(60);

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[SOLO_MINING],
    wants: &[EventType::Payload, EventType::Exit],
    evictions: Some("conversations_evicted"),
    create: |_| {
        Box::new(SoloMining { reported: BoundedMap::new(CONNECTIONS), heights: BoundedMap::new(PROCESSES) })
    },
};

/// Whether a message is part of solo mining, which needs no pool.
pub(super) fn is_solo(message: &MiningMessage) -> bool {
    matches!(message.protocol, MiningProtocol::Solo | MiningProtocol::ZmqMining)
}

/// Whether a client that does not mine may make this call: a template that names no account. Explorers and monitors of
/// mempools show what the next block would contain.
fn may_only_read(message: &MiningMessage) -> bool {
    const TEMPLATES: [&str; 2] = ["getblocktemplate", "get_block_template"];
    message.protocol == MiningProtocol::Solo
        && TEMPLATES.contains(&message.method)
        && message.account.is_none()
}

/// The requests of one process for the height of a node.
#[derive(Debug)]
struct HeightRequests {
    since: BootTime,
    count: u32,
}

#[derive(Debug)]
struct SoloMining {
    /// Connections whose calls for work were reported, and whether in the full form. Each connection is reported once in
    /// each form.
    reported: BoundedMap<(ProcessKey, SocketAddr, SocketAddr), bool>,
    heights: BoundedMap<ProcessKey, HeightRequests>,
}

impl Detector for SoloMining {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Payload(payload) => {
                findings.add(self.inspect_call(context, payload));
                if let Some(method) = payload.app.asks_height {
                    findings.add(self.inspect_height_request(context, payload, method));
                }
            }
            EventBody::Exit(_) => {
                self.heights.remove(&context.key());
            }
            _ => {}
        }
    }

    fn evicted(&self) -> u64 {
        self.reported.evicted() + self.heights.evicted()
    }
}

impl SoloMining {
    fn inspect_call(&mut self, context: &DetectionContext<'_>, payload: &Payload) -> Option<Finding> {
        let Heard { message, peer, is_contested } = Heard::in_payload(payload)?;
        // A node's answers are not read, so nothing could settle who is the miner.
        if peer != MiningPeer::Pool || is_contested || !is_solo(message) {
            return None;
        }
        let destination = payload.flow.destination;
        let connection = (context.key(), payload.flow.source, destination);
        let is_full = !may_only_read(message);
        let known = self.reported.get(&connection).copied();
        if known.is_some_and(|known| known || !is_full) {
            return None;
        }
        self.reported.insert(connection, is_full);
        let found = finding(SOLO_MINING, context, message, destination);
        Some(if is_full { found.full() } else { found })
    }

    fn inspect_height_request(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        method: &'static str,
    ) -> Option<Finding> {
        let now = context.at();
        let requests = self.heights.entry(&context.key(), || HeightRequests { since: now, count: 0 });
        if now.since(requests.since) > HEIGHT_WINDOW {
            *requests = HeightRequests { since: now, count: 0 };
        }
        requests.count += 1;
        if requests.count != MIN_HEIGHT_REQUESTS {
            return None;
        }
        let (destination, count) = (payload.flow.destination, requests.count);
        let detail = format!(
            "asked the node at {destination} for its height {count} times within {} seconds, as solo miners do",
            now.since(requests.since).as_secs()
        );
        Some(
            Finding::new(SOLO_MINING, context, detail)
                .value("destination", destination)
                .value("method", method)
                .measured("requests", count, Threshold::at_least(MIN_HEIGHT_REQUESTS)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Value,
        testing::{Host, evidence, findings, seconds},
    };

    const NODE: &str = "127.0.0.1:18081";

    fn client() -> (Host, ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        (host, client)
    }

    #[test]
    fn only_calls_about_work_count() {
        let head = "POST /json_rpc HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n";
        for (method, expected) in [
            ("getblocktemplate", &[("N7", 60)][..]),
            ("submitblock", &[("N7", 60)]),
            ("getblockcount", &[]),
            ("getblockchaininfo", &[]),
            ("get_info", &[]),
        ] {
            let body = format!(
                r#"{{"jsonrpc":"2.0","id":0,"method":"{method}","params":{{"wallet_address":"4"}}}}"#
            );
            let (mut host, client) = client();
            for _ in 0..3 {
                host.send(client, NODE, head);
                host.send(client, NODE, &body);
            }
            assert_eq!(findings(&host), expected, "{method}");
        }
    }

    /// Returns a host whose client sends `GET /METHOD` `count` times, with pauses in seconds.
    fn after_polling(method: &str, pause: u64, count: u32) -> Host {
        let (mut host, client) = client();
        for _ in 0..count {
            host.wait(seconds(pause));
            host.send(client, NODE, format!("GET /{method} HTTP/1.1\r\nHost: x\r\n\r\n"));
        }
        host
    }

    #[test]
    fn only_frequent_requests_for_the_height_count() {
        for (method, pause, count, expected) in [
            ("getheight", 1, MIN_HEIGHT_REQUESTS, &[("N7", 40)][..]),
            ("get_height", 1, MIN_HEIGHT_REQUESTS, &[("N7", 40)]),
            ("getheight", 1, MIN_HEIGHT_REQUESTS - 1, &[]),
            ("getheight", 5, MIN_HEIGHT_REQUESTS * 2, &[]),
            ("getinfo", 1, MIN_HEIGHT_REQUESTS * 4, &[]),
            ("get_info", 1, MIN_HEIGHT_REQUESTS * 4, &[]),
        ] {
            let host = after_polling(method, pause, count);
            assert_eq!(findings(&host), expected, "{count} requests for {method}, one in {pause} s");
        }
    }

    #[test]
    fn a_finding_shows_the_method_that_was_asked() {
        for method in ["getheight", "get_height"] {
            let host = after_polling(method, 1, MIN_HEIGHT_REQUESTS);
            assert_eq!(evidence(&host, "method"), [Value::from(method)]);
        }
    }

    #[test]
    fn a_request_in_two_segments_counts_once() {
        let (mut host, client) = client();
        for _ in 0..MIN_HEIGHT_REQUESTS - 1 {
            host.wait(seconds(1));
            host.send(client, NODE, "GET /getheight HTTP/1.1\r\nHo");
            host.send(client, NODE, "st: x\r\n\r\n");
        }
        assert_eq!(findings(&host), []);
        host.send(client, NODE, "GET /getheight HTTP/1.1\r\nHo");
        assert_eq!(findings(&host), [("N7", 40)]);
    }

    #[test]
    fn who_only_reads_templates_has_the_weak_form_until_it_acts_as_a_miner() {
        let head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\n";
        let template = r#"{"id":0,"method":"getblocktemplate","params":[{"rules":["segwit"]}]}"#;
        let (mut host, client) = client();
        for _ in 0..5 {
            host.wait(seconds(2));
            host.send(client, NODE, head);
            host.send(client, NODE, template);
        }
        assert_eq!(findings(&host), [("N7", 40)]);
        host.send(client, NODE, head);
        host.send(client, NODE, r#"{"id":0,"method":"submitblock","params":["0707e6bdfedc053"]}"#);
        assert_eq!(findings(&host), [("N7", 40), ("N7", 60)]);
    }
}
