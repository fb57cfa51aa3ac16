//! N6: a TLS client hello with neither a server name (SNI) nor a protocol (ALPN), as miners send it. The detector then
//! requests the options of the client's socket as further evidence.

use std::time::Duration;

use super::leaves_host;
use crate::{
    bounded::BoundedMap,
    detect::{Declaration, DetectionContext, Detector, Finding, Findings, SignalInfo, SignalKind},
    model::{
        BootTime, EventBody, EventType, Keepalive, Payload, ProcessKey, Request, SignalClass, SocketOptions,
    },
};

/// The signal. It is never enough alone, because clients that reach a message broker or a database by its address look
/// the same.
pub const TLS_WITHOUT_SNI: SignalInfo = SignalInfo {
    id: "N6",
    class: SignalClass::Network,
    weight: 15,
    full_weight: 25,
    kind: SignalKind::Hint,
    name: "TLS without a name",
    description: "A program opened TLS to another host and named neither the host nor a protocol to speak, as miners do by default. It weighs more if the socket has the options of a miner's socket. Other programs that know their peer by its address do the same.",
    catches: "Encrypted connections to a bare address, as miners open them by default.",
    techniques: &["T1573"],
};

/// The keepalive settings of XMRig and its relatives, set through libuv (`uv_tcp_keepalive` with a delay of 60 s; libuv
/// itself chooses one probe per second, ten at most). These miners also set `TCP_NODELAY`.
const MINER: Keepalive = Keepalive { idle_s: 60, interval_s: 1, probes: 10 };

/// Maximum number of processes whose last request for socket options is remembered.
const PROCESSES: usize = 1_024;
/// Minimum time between two requests for socket options of one process.
const REQUEST_INTERVAL: Duration = Duration::from_secs(60);

/// The declaration of the detector.
pub(in crate::detect) static DETECTOR: Declaration = Declaration {
    signals: &[TLS_WITHOUT_SNI],
    wants: &[EventType::Payload, EventType::SocketOptions],
    evictions: None,
    create: |_| Box::new(TlsWithoutSni { requested: BoundedMap::new(PROCESSES) }),
};

#[derive(Debug)]
struct TlsWithoutSni {
    /// When the socket options of a process were last requested.
    requested: BoundedMap<ProcessKey, BootTime>,
}

impl Detector for TlsWithoutSni {
    fn inspect(&mut self, context: &DetectionContext<'_>, findings: &mut Findings) {
        match &context.event.body {
            EventBody::Payload(payload) => self.inspect_hello(context, payload, findings),
            EventBody::SocketOptions(options) => findings.add(matches_xmrig_sockopts(context, options)),
            _ => {}
        }
    }
}

impl TlsWithoutSni {
    fn inspect_hello(&mut self, context: &DetectionContext<'_>, payload: &Payload, findings: &mut Findings) {
        let Some(hello) = payload.app.tls.as_deref() else { return };
        let destination = payload.flow.destination;
        let names_nothing = hello.whole && !hello.names_host && !hello.offers_protocols;
        if !(names_nothing && leaves_host(destination)) {
            return;
        }
        if self.is_request_due(context) {
            let owner = context.event.subject.clone();
            findings.request(Request::SocketOptions { owner, flow: payload.flow });
        }
        let detail = format!("opened TLS to {destination} without naming a host or a protocol");
        let finding = Finding::new(TLS_WITHOUT_SNI, context, detail).value("destination", destination);
        findings.push(match &hello.ja4 {
            Some(fingerprint) => finding.value("ja4", fingerprint),
            None => finding,
        });
    }

    fn is_request_due(&mut self, context: &DetectionContext<'_>) -> bool {
        let now = context.at();
        let last = self.requested.get_mut(&context.key());
        let is_due = last.is_none_or(|last| now.since(*last) >= REQUEST_INTERVAL);
        if is_due {
            self.requested.insert(context.key(), now);
        }
        is_due
    }
}

/// Checks the requested socket options for the full form: the options of a miner's socket.
fn matches_xmrig_sockopts(context: &DetectionContext<'_>, options: &SocketOptions) -> Option<Finding> {
    let keepalive = options.keepalive.filter(|times| options.no_delay && *times == MINER)?;
    let destination = options.flow.destination;
    let Keepalive { idle_s, interval_s, probes } = keepalive;
    let detail = format!(
        "opened TLS to {destination} without naming a host or a protocol, on a socket with the options of a miner's: keepalive \
         after {idle_s} s of silence, {probes} probes, one in {interval_s} s, and small messages sent at once"
    );
    Some(
        Finding::new(TLS_WITHOUT_SNI, context, detail)
            .full()
            .value("destination", destination)
            .value("keepalive_idle_s", idle_s)
            .value("keepalive_interval_s", interval_s)
            .value("keepalive_probes", probes)
            .value("no_delay", options.no_delay),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dissect::testing::{anonymous_hello, hello, named, protocols},
        model::{Flow, Protocol},
        testing::{Host, findings, requests, seconds, verdict},
    };

    const PEER: &str = "192.0.2.9:443";

    fn client() -> (Host, ProcessKey) {
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        (host, client)
    }

    fn options(keepalive: Option<Keepalive>, no_delay: bool) -> EventBody {
        let flow = Flow {
            protocol: Protocol::Tcp,
            source: "10.0.0.2:40000".parse().unwrap(),
            destination: PEER.parse().unwrap(),
            opened: BootTime(1),
        };
        EventBody::SocketOptions(SocketOptions { flow, keepalive, no_delay })
    }

    #[test]
    fn only_a_whole_hello_without_any_name_to_another_host_counts() {
        let anonymous = anonymous_hello();
        let cut_off = anonymous[..anonymous.len() - 6].to_vec();
        for (name, destination, bytes, expected) in [
            ("names nothing", PEER, anonymous.clone(), &[("N6", 15)][..]),
            ("to this host", "127.0.0.1:443", anonymous, &[]),
            ("cut off", PEER, cut_off, &[]),
            ("names a host", PEER, hello(&[0x1301], &[named("www.example")]), &[]),
            ("names a protocol", PEER, hello(&[0x1301], &[protocols(&["mqtt"])]), &[]),
        ] {
            let (mut host, client) = client();
            host.send(client, destination, bytes);
            assert_eq!((&*findings(&host), verdict(&host)), (expected, None), "{name}");
        }
    }

    /// Plays half an hour of TLS to brokers that the client knows by address, also on a port that pools prefer.
    #[test]
    fn a_client_of_a_broker_gets_no_verdict() {
        let (mut host, client) = client();
        let anonymous = hello(&[0x1301, 0x1302], &[(10, vec![0; 4]), (13, vec![0, 2, 4, 3])]);
        for _ in 0..30 {
            for broker in ["192.0.2.9:8883", "192.0.2.10:4444"] {
                host.connect(client, broker);
                host.send(client, broker, &anonymous);
                host.receive(client, broker, b"\x16\x03\x03\0\x05\x02\0\0\x01\0");
                host.send(client, broker, b"\x17\x03\x03\0\x40encrypted");
            }
            host.wait(seconds(60));
        }
        assert_eq!(verdict(&host), None);
        assert!(findings(&host).iter().all(|(id, _)| matches!(*id, "N4" | "N6")), "{:?}", findings(&host));
    }

    #[test]
    fn the_socket_options_of_a_miner_weigh_more_and_give_no_verdict() {
        let usual = Keepalive { idle_s: 7_200, interval_s: 75, probes: 9 };
        let libuv = Keepalive { idle_s: 1, ..MINER };
        for (keepalive, no_delay, expected) in [
            (Some(MINER), true, &[("N6", 15), ("N6", 25)][..]),
            (None, true, &[("N6", 15)]),
            (Some(MINER), false, &[("N6", 15)]),
            (Some(usual), true, &[("N6", 15)]),
            (Some(libuv), true, &[("N6", 15)]),
        ] {
            let (mut host, client) = client();
            host.send(client, PEER, anonymous_hello());
            host.happen(client, options(keepalive, no_delay));
            assert_eq!((&*findings(&host), verdict(&host)), (expected, None), "{keepalive:?} {no_delay}");
        }
    }

    #[test]
    fn socket_options_are_asked_for_once_a_minute() {
        let (mut host, client) = client();
        for (pause, expected) in [(0, 1), (1, 1), (60, 2)] {
            host.wait(seconds(pause));
            host.send(client, PEER, anonymous_hello());
            host.send(client, PEER, anonymous_hello());
            let asked = requests(&host);
            let count =
                asked.iter().filter(|request| matches!(request, Request::SocketOptions { .. })).count();
            assert_eq!(count, expected, "after {pause} s");
        }
    }
}
