//! Pool names and lists of the user, on real connections. The agent itself sends no DNS queries.

use std::fs;

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    namespace::Pair,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, configuration, machine};

/// A DNS server that resolves every name to the same address. A server on port 9000 closes connections after a second.
const SERVER: &str = "
import socket, sys, threading, time
address = socket.inet_aton(sys.argv[1])
def answer_to(query):
    end = query.index(b'\\0', 12) + 5
    answer = b'\\xc0\\x0c\\0\\x01\\0\\x01\\0\\0\\0\\x3c\\0\\x04' + address
    return query[:2] + b'\\x81\\x80\\0\\x01\\0\\x01\\0\\0\\0\\0' + query[12:end] + answer
def udp():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('0.0.0.0', 53))
    while True:
        query, peer = s.recvfrom(512)
        if b'slow' in query:
            time.sleep(0.3)
        s.sendto(answer_to(query), peer)
def tcp():
    s = socket.create_server(('0.0.0.0', 53))
    while True:
        connection, _ = s.accept()
        length = int.from_bytes(connection.recv(2, socket.MSG_WAITALL), 'big')
        answer = answer_to(connection.recv(length, socket.MSG_WAITALL))
        connection.sendall(len(answer).to_bytes(2, 'big') + answer)
        connection.close()
for serve in (udp, tcp):
    threading.Thread(target=serve, daemon=True).start()
pool = socket.create_server(('0.0.0.0', 9000))
while True:
    connection, _ = pool.accept()
    threading.Timer(1, connection.close).start()
";

/// Resolves a name as a resolver library does, and connects to port 9000 of the address.
const CLIENT: &str = "
import socket, sys
server, name, transport = sys.argv[1:]
labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
query = b'\\x07\\x07\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + labels + b'\\0\\0\\x01\\0\\x01'
if transport == 'tcp':
    s = socket.create_connection((server, 53))
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # The length by itself, as some resolvers send it.
    s.send(len(query).to_bytes(2, 'big'))
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((server, 53))
s.send(query)
address = socket.inet_ntoa(s.recv(512)[-4:])
socket.create_connection((address, 9000)).recv(1)
";

/// Asks over a socket that talks to other peers by turns before the answer comes.
const BUSY_CLIENT: &str = "
import socket, sys
server = sys.argv[1]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(2)
answer = b''
while not answer:
    s.sendto(b'\\x08\\x08\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0\\x04slow\\x07example\\0\\0\\x01\\0\\x01', (server, 53))
    for port in [7001, 7002] * 20 + [7003]:
        s.sendto(b'x', (server, port))
    try:
        answer = s.recv(512)
    except OSError:
        # The server may not be ready.
        pass
assert answer.endswith(socket.inet_aton(server))
";

fn signal_of(alert: &Value, id: &str) -> Option<Value> {
    alert["minerwatch"]["signals"].as_array()?.iter().find(|signal| signal["id"] == id).cloned()
}

#[test]
fn pools_and_listed_hosts_are_known_by_name() {
    let Some(_machine) = machine("pools_and_listed_hosts_are_known_by_name") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(41);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(9000, "python3", &["-c", SERVER, &address]);
    let list = scratch.join("own.txt");
    fs::write(&list, "other.example\n").expect("a list can be written");
    let path = configuration(
        &scratch,
        &format!(
            "[sink.stdout]\nevents = [\"connect\", \"payload\"]\n[detection]\nmin_verdict = \"noted\"\n[intel]\nthreats = [\"{list}\"]\n"
        ),
    );
    let agent = Agent::start(["run", "--config", &path]);
    let ask = |name: &str, transport: &str| {
        let arguments = ["-c", CLIENT, &address, name, transport];
        let status = pair.victim.command("python3", &arguments).status().expect("it starts");
        assert!(status.success(), "{name}");
    };

    ask("xmr.pool.supportxmr.com", "udp");
    let alert = agent.wait_for("alert", SOON, |object| signal_of(object, "N3").is_some());
    let found = signal_of(&alert, "N3").expect("just seen");
    assert_eq!(found["weight"], 60, "{found:#}");
    assert_eq!(found["evidence"]["list_entry"], "supportxmr.com");
    agent.wait_for("connection with its name", SOON, |object| {
        at(object, "event.action") == "connect"
            && at(object, "destination.domain") == "xmr.pool.supportxmr.com"
            && at(object, "destination.port") == 9000
    });

    let answer = agent.wait_for("answer", SOON, |object| at(object, "event.action") == "dns");
    assert_eq!(at(&answer, "dns.question.name"), "xmr.pool.supportxmr.com");
    assert_eq!(at(&answer, "dns.response_code"), "NOERROR");
    assert_eq!(*at(&answer, "dns.resolved_ip"), serde_json::json!([address]));
    assert_eq!(answer["dns"]["answers"][0]["ttl"], 60);

    fs::write(&list, "evil.example # command and control\n").expect("a list can be written");
    agent.signal(Signal::HUP);
    assert!(agent.says("the configuration was read again", SOON), "{:?}", agent.messages());
    ask("cdn.evil.example", "tcp");
    let answer = agent.wait_for("answer over TCP", SOON, |object| {
        at(object, "event.action") == "dns" && at(object, "network.transport") == "tcp"
    });
    assert_eq!(at(&answer, "dns.question.name"), "cdn.evil.example");
    assert_eq!(*at(&answer, "dns.resolved_ip"), serde_json::json!([address]));
    let alert = agent.wait_for("alert", SOON, |object| signal_of(object, "I1").is_some());
    let found = signal_of(&alert, "I1").expect("just seen");
    assert_eq!(found["evidence"]["list_entry"], "evil.example");
    assert!(
        found["detail"].as_str().is_some_and(|detail| detail.contains("command and control")),
        "{found:#}"
    );
    agent.stop();
}

#[test]
fn a_socket_may_have_several_peers() {
    let Some(_machine) = machine("a_socket_may_have_several_peers") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(95);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(9000, "python3", &["-c", SERVER, &address]);
    let path = configuration(&scratch, "[sink.stdout]\nevents = [\"connect\", \"close\", \"payload\"]\n");
    let agent = Agent::start(["run", "--config", &path]);
    let status = pair.victim.command("python3", &["-c", BUSY_CLIENT, &address]).status().expect("it starts");
    assert!(status.success(), "the answer comes");
    let is_of = |object: &Value, action: &str| {
        at(object, "event.action") == action && at(object, "network.transport") == "udp"
    };
    let answer = agent.wait_for("answer", SOON, |object| is_of(object, "dns"));
    assert_eq!(at(&answer, "dns.question.name"), "slow.example");
    assert_eq!(*at(&answer, "destination.ip"), *address);
    assert_eq!(*at(&answer, "destination.port"), 53);
    agent.wait_for("end of the flow", SOON, |object| is_of(object, "close"));
    let objects = agent.stop();
    let peers =
        objects.iter().filter(|object| is_of(object, "connect") && *at(object, "destination.ip") == *address);
    let ports: Vec<u64> = peers.filter_map(|object| at(object, "destination.port").as_u64()).collect();
    assert_eq!(ports, [53, 7001, 7002, 7003], "each peer is told once");
}

/// A DNS forwarder. It listens on the DNS port and sends queries to the upstream server from another port.
const FORWARDER: &str = "
import socket, sys
upstream = sys.argv[1]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('0.0.0.0', 53))
door = socket.create_server(('0.0.0.0', 9053))
while True:
    query, peer = s.recvfrom(512)
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    u.connect((upstream, 53))
    u.send(query)
    s.sendto(u.recv(512), peer)
    u.close()
";

#[test]
fn a_dns_forwarder_is_not_blamed_for_its_clients() {
    let Some(_machine) = machine("a_dns_forwarder_is_not_blamed_for_its_clients") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(57);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(9000, "python3", &["-c", SERVER, &address]);
    let _forwarder = pair.victim.serve(9053, "python3", &["-c", FORWARDER, &address]);
    let path = configuration(
        &scratch,
        "[sink.stdout]\nevents = [\"payload\"]\n[detection]\nmin_verdict = \"noted\"\n",
    );
    let agent = Agent::start(["run", "--config", &path]);
    let arguments = ["-c", CLIENT, "127.0.0.1", "xmr.pool.supportxmr.com", "udp"];
    let status = pair.victim.command("python3", &arguments).status().expect("it starts");
    assert!(status.success());
    let alert = agent.wait_for("alert", SOON, |object| signal_of(object, "N3").is_some());
    let client = at(&alert, "process.pid").clone();
    let objects = agent.stop();
    let asked_by = |server: &str| {
        let answer = objects
            .iter()
            .find(|object| at(object, "event.action") == "dns" && at(object, "destination.ip") == server);
        at(answer.expect("an answer"), "process.pid").clone()
    };
    assert_eq!(asked_by("127.0.0.1"), client);
    let forwarder = asked_by(&address);
    assert_ne!(forwarder, client);
    let signals = objects.iter().filter_map(|object| at(object, "minerwatch.signals").as_array()).flatten();
    let of_forwarder: Vec<&Value> = signals.filter(|signal| signal["process"]["pid"] == forwarder).collect();
    assert!(of_forwarder.is_empty(), "{of_forwarder:#?}");
}
