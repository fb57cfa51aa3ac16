//! N8: a mining proxy: a process that serves miners and is a client of a pool.

use std::net::{IpAddr, SocketAddr};

use rustc_hash::FxHashSet;

use super::{
    mining_message::{Heard, MiningPeer},
    solo_mining::is_solo,
};
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{Account, EventBody, EventType, MiningSide, Payload, ProcessKey, Request, SignalClass},
};

/// The signal. It is conclusive, like the messages of a miner.
pub const RELAY: SignalInfo = SignalInfo {
    id: "N8",
    class: SignalClass::Network,
    weight: 95,
    full_weight: 95,
    kind: SignalKind::Mining,
    name: "Passes mining on",
    description: "One process speaks a mining protocol on connections that it accepted and on one that it opened: a proxy for miners inside the network.",
    catches: "A proxy inside the network that hides many miners behind one connection.",
    techniques: &["T1090", "T1496.001"],
};

/// Maximum number of tracked processes that speak to a pool or serve miners.
const PROCESSES: usize = 1_024;
/// Maximum number of connections on which one side contradicted who opened them.
const CONTESTED: usize = 1_024;
/// Maximum number of served hosts that are counted per process.
const MAX_MINERS: usize = 1_000;
/// A relay is reported again when the number of served hosts has grown by this factor.
const REPORT_GROWTH: usize = 10;

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[RELAY],
    wants: &[EventType::Payload, EventType::Exit],
    evictions: Some("conversations_evicted"),
    create: |_| {
        Box::new(MiningRelay { processes: BoundedMap::new(PROCESSES), contested: BoundedMap::new(CONTESTED) })
    },
};

/// The mining connections of one process.
#[derive(Debug, Default)]
struct Relay {
    /// The pool that the process spoke to last.
    pool: Option<SocketAddr>,
    /// The miner that the process served last.
    miner: Option<SocketAddr>,
    /// The hosts of the miners that the process serves.
    miners: FxHashSet<IpAddr>,
    /// The account that the process mines for.
    account: Option<Account>,
    /// Number of served hosts at the last report.
    reported: usize,
}

#[derive(Debug)]
struct MiningRelay {
    processes: BoundedMap<ProcessKey, Relay>,
    /// The side that was heard first on a connection whose words contradict who opened it.
    contested: BoundedMap<(ProcessKey, SocketAddr, SocketAddr), FirstHeard>,
}

/// What was heard on a connection whose words contradict who opened it.
#[derive(Clone, Copy, Debug)]
struct FirstHeard {
    side: MiningSide,
    /// Whether the other side has agreed.
    is_settled: bool,
}

impl Detector for MiningRelay {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        let payload = match &context.event.body {
            EventBody::Payload(payload) => payload,
            EventBody::Exit(_) => {
                self.processes.remove(&context.key());
                return;
            }
            _ => return,
        };
        let destination = payload.flow.destination;
        let Some(Heard { message, peer, .. }) = self.hear(context, payload) else { return };
        if peer == MiningPeer::Pool && !is_solo(message) {
            let relay = self.processes.entry(&context.key(), Relay::default);
            if let Some(account) = &message.account {
                relay.account = Some(account.clone());
            }
            if relay.pool.replace(destination).is_none() {
                findings.request(Request::WatchListeners(context.event.subject.clone()));
            }
            findings.add(relay.report(context));
        } else if peer == MiningPeer::Miner {
            let relay = self.processes.entry(&context.key(), Relay::default);
            relay.miner = Some(destination);
            if relay.miners.len() < MAX_MINERS {
                relay.miners.insert(destination.ip());
            }
            findings.add(relay.report(context));
        }
    }

    fn evicted(&self) -> u64 {
        self.processes.evicted() + self.contested.evicted()
    }
}

impl MiningRelay {
    /// Returns the sure message in a payload. If it contradicts who opened the connection, the other side must have agreed.
    fn hear<'a>(&mut self, context: &DetectionContext<'_>, payload: &'a Payload) -> Option<Heard<'a>> {
        let heard = Heard::in_payload(payload).filter(|heard| heard.message.sure)?;
        if !heard.is_contested {
            return Some(heard);
        }
        let key = (context.key(), payload.flow.source, payload.flow.destination);
        let side = heard.message.side;
        let first = self.contested.entry(&key, || FirstHeard { side, is_settled: false });
        first.is_settled |= first.side != side;
        first.is_settled.then_some(heard)
    }
}

impl Relay {
    /// Returns a finding if the process is on both sides and serves many more hosts than at the last report.
    fn report(&mut self, context: &DetectionContext<'_>) -> Option<Finding> {
        let (pool, miner) = self.pool.zip(self.miner)?;
        let hosts = self.miners.len();
        if hosts < self.reported.saturating_mul(REPORT_GROWTH).max(1) {
            return None;
        }
        self.reported = hosts;
        let others = match hosts {
            1 => String::new(),
            count => format!(" and {} other hosts", count - 1),
        };
        let detail = format!("passes mining on: serves {miner}{others} and speaks to {pool}");
        let finding = Finding::new(RELAY, context, detail)
            .value("destination", pool)
            .value("client", miner)
            .value("clients", hosts)
            .mining_for(self.account.as_ref());
        Some(finding.conclusive())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Direction,
        testing::{Host, TcpPayload, findings, requests},
    };

    const POOL: &str = "10.0.0.9:443";
    const SUBSCRIBE: &[u8] = br#"{"id":1,"method":"mining.subscribe","params":["x/1"]}"#;
    const NOTIFY: &[u8] = br#"{"id":null,"method":"mining.notify","params":["bf","4d16"]}"#;

    fn process() -> (Host, ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let process = host.spawn(init, "/usr/bin/proxy", &["proxy"]);
        (host, process)
    }

    /// Lets a miner on the host 10.0.1.`last` connect to the process and receive work.
    fn serve(host: &mut Host, process: ProcessKey, last: u32) {
        let peer = format!("10.0.1.{last}:40000");
        for (direction, bytes) in [(Direction::Received, SUBSCRIBE), (Direction::Sent, NOTIFY)] {
            host.payload(process, TcpPayload { peer: &peer, direction, accepted: true, bytes });
        }
    }

    #[test]
    fn only_a_process_on_both_sides_is_a_relay() {
        let (mut host, pool) = process();
        serve(&mut host, pool, 1);
        assert_eq!(findings(&host), [], "a pool does not mine");
        host.send(pool, POOL, SUBSCRIBE);
        assert_eq!(findings(&host), [("N1", 100), ("N8", 95)]);
    }

    #[test]
    fn a_miner_is_known_by_its_words_if_the_kernel_does_not_know_who_connected() {
        let says = |dialogue: &[(Direction, &[u8])]| {
            let (mut host, process) = process();
            host.send(process, POOL, SUBSCRIBE);
            for (direction, bytes) in dialogue {
                let peer = "10.0.1.1:40000";
                host.payload(process, TcpPayload { peer, direction: *direction, accepted: false, bytes });
            }
            findings(&host)
        };
        let (asks, answers) = ((Direction::Received, SUBSCRIBE), (Direction::Sent, NOTIFY));
        assert_eq!(says(&[asks, answers]), [("N1", 100), ("N8", 95)]);
        assert_eq!(says(&[asks, asks]), [("N1", 100)], "a reader of a log");
        assert_eq!(says(&[answers, answers]), [("N1", 100)], "a writer of a log");
    }

    #[test]
    fn a_relay_is_reported_again_when_many_more_hosts_come() {
        let (mut host, relay) = process();
        host.send(relay, POOL, SUBSCRIBE);
        (0..30).for_each(|_| serve(&mut host, relay, 1));
        assert_eq!(findings(&host), [("N1", 100), ("N8", 95)], "one host, however often");
        (2..=30).for_each(|last| serve(&mut host, relay, last));
        assert_eq!(findings(&host), [("N1", 100), ("N8", 95), ("N8", 95)]);
    }

    #[test]
    fn what_a_client_of_a_pool_serves_is_watched_from_then_on() {
        let (mut host, relay) = process();
        let watches = |host: &Host| {
            let is_watch = |request: &&Request| matches!(request, Request::WatchListeners(_));
            requests(host).iter().filter(is_watch).count()
        };
        serve(&mut host, relay, 1);
        assert_eq!(watches(&host), 0);
        (0..3).for_each(|_| host.send(relay, POOL, SUBSCRIBE));
        assert_eq!(watches(&host), 1);
    }
}
