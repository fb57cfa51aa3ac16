//! N6: a client of TLS that names neither the host it wants nor a protocol, as miners do. What its socket is set up for
//! says more, and is looked at for these alone.

use super::{
    leaves_host,
    tls::{ClientHello, extension, ja4},
};
use crate::{
    bounded::BoundedMap,
    detect::{DetectionContext, Finding, signals, tuning},
    model::{BootTime, Flow, Keepalive, Payload, ProcessKey, SocketOptions, Subject},
};

/// What XMRig and its relatives ask the kernel for, through libuv (`uv_tcp_keepalive` with a delay of 60 s; libuv's own
/// choice is a question a second, ten at the most). They also send their messages at once.
const MINER: Keepalive = Keepalive { idle_s: 60, interval_s: 1, probes: 10 };

/// The clients that name nothing.
#[derive(Debug)]
pub struct TlsWithoutSni {
    /// When the socket of a process was last asked for.
    asked: BoundedMap<ProcessKey, BootTime>,
    /// Connections whose sockets should be looked at.
    waiting: Vec<(Subject, Flow)>,
}

impl Default for TlsWithoutSni {
    fn default() -> Self {
        Self { asked: BoundedMap::new(tuning::ANONYMOUS_CLIENTS), waiting: Vec::new() }
    }
}

impl TlsWithoutSni {
    /// Neither the name of a host nor a protocol, to another host. Of a message that was cut off nothing is said.
    pub fn greeted(
        &mut self,
        context: &DetectionContext<'_>,
        payload: &Payload,
        hello: &ClientHello<'_>,
    ) -> Option<Finding> {
        let destination = payload.flow.destination;
        let silent =
            !hello.extension_types().any(|kind| kind == extension::SERVER_NAME) && hello.protocols.is_none();
        if !(hello.whole && silent && leaves_host(destination)) {
            return None;
        }
        self.ask(context, payload.flow);
        let detail = format!("opened TLS to {destination} without naming a host or a protocol");
        let finding =
            Finding::new(signals::TLS_WITHOUT_SNI, context, detail).value("destination", destination);
        Some(match ja4(hello) {
            Some(fingerprint) => finding.with("ja4", &fingerprint),
            None => finding,
        })
    }

    fn ask(&mut self, context: &DetectionContext<'_>, flow: Flow) {
        let now = context.at();
        let never = || BootTime(0);
        let asked = self.asked.entry(&context.key(), never);
        let is_due = *asked == never() || now.since(*asked) >= tuning::ANONYMOUS_AGAIN;
        // A replay has nobody who looks.
        if is_due && self.waiting.len() < tuning::ANONYMOUS_WAITING {
            *asked = now;
            self.waiting.push((context.event.subject.clone(), flow));
        }
    }

    /// The connections whose sockets should be looked at, since the last call.
    pub fn take_waiting(&mut self) -> Vec<(Subject, Flow)> {
        std::mem::take(&mut self.waiting)
    }
}

/// N6 in full: the socket of such a connection is set up as a miner's.
pub fn matches_xmrig_sockopts(context: &DetectionContext<'_>, options: &SocketOptions) -> Option<Finding> {
    let keepalive = options.keepalive.filter(|times| options.no_delay && *times == MINER)?;
    let destination = options.flow.destination;
    let Keepalive { idle_s, interval_s, probes } = keepalive;
    let detail = format!(
        "opened TLS to {destination} without naming a host or a protocol, on a socket that is set up as a miner's: asked \
         after {idle_s} s of silence whether the peer is there, {probes} times, once in {interval_s} s, and messages are \
         sent at once"
    );
    Some(
        Finding::new(signals::TLS_WITHOUT_SNI, context, detail)
            .full()
            .value("destination", destination)
            .with("keepalive_idle_s", &idle_s)
            .with("keepalive_interval_s", &interval_s)
            .with("keepalive_probes", &probes)
            .with("no_delay", &options.no_delay),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        detect::network::tls::anonymous_hello,
        engine::testing::{Host, findings, requests, seconds, verdict},
        model::{EventBody, Protocol, Request},
    };

    const POOL: &str = "192.0.2.9:443";

    fn options(keepalive: Option<Keepalive>, no_delay: bool) -> EventBody {
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: "10.0.0.2:40000".parse().unwrap(),
            destination: POOL.parse().unwrap(),
            opened: BootTime(1),
        };
        EventBody::SocketOptions(SocketOptions { flow, keepalive, no_delay })
    }

    #[test]
    fn a_miner_s_socket_weighs_more_and_decides_nothing() {
        let after = |body: EventBody| {
            let mut host = Host::new();
            let init = host.boot("/sbin/init", &["init"]);
            let client = host.spawn(init, "/usr/bin/client", &["client"]);
            host.send(client, POOL, anonymous_hello());
            host.happen(client, body);
            assert_eq!(verdict(&host), None);
            findings(&host)
        };
        assert_eq!(after(options(Some(MINER), true)), [("N6", 15), ("N6", 25)]);
        let usual = Keepalive { idle_s: 7_200, interval_s: 75, probes: 9 };
        for (keepalive, no_delay) in [
            (None, true),
            (Some(MINER), false),
            (Some(usual), true),
            (Some(Keepalive { idle_s: 1, ..MINER }), true),
        ] {
            assert_eq!(after(options(keepalive, no_delay)), [("N6", 15)], "{keepalive:?} {no_delay}");
        }
    }

    #[test]
    fn a_process_s_sockets_are_asked_for_now_and_then() {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        let asks = |host: &Host| {
            let asks = |request: &Request| matches!(request, Request::SocketOptions { .. });
            requests(host).iter().filter(|request| asks(request)).count()
        };
        for (pause, expected) in [(0, 1), (1, 1), (60, 2)] {
            host.wait(seconds(pause));
            host.send(client, POOL, anonymous_hello());
            host.send(client, POOL, anonymous_hello());
            assert_eq!(asks(&host), expected, "after {pause} s");
        }
    }
}
