//! Names of pools and lists of the user's own, on real connections; nothing is resolved by the agent.

use std::fs;

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    namespace::Pair,
};
use rustix::process::Signal;
use serde_json::Value;

use crate::{SOON, alone, configuration};

/// A server of DNS that gives every name the same address, and ends any connection to port 9000 in a second.
const SERVER: &str = "
import socket, sys, threading, time
address = socket.inet_aton(sys.argv[1])
def dns():
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind(('0.0.0.0', 53))
    while True:
        query, peer = s.recvfrom(512)
        end = query.index(b'\\0', 12) + 5
        answer = b'\\xc0\\x0c\\0\\x01\\0\\x01\\0\\0\\0\\x3c\\0\\x04' + address
        s.sendto(query[:2] + b'\\x81\\x80\\0\\x01\\0\\x01\\0\\0\\0\\0' + query[12:end] + answer, peer)
threading.Thread(target=dns, daemon=True).start()
pool = socket.create_server(('0.0.0.0', 9000))
while True:
    connection, _ = pool.accept()
    threading.Timer(1, connection.close).start()
";

/// Asks for a name as a resolver library does, and connects to what it gets.
const CLIENT: &str = "
import socket, sys
server, name = sys.argv[1:]
labels = b''.join(bytes([len(label)]) + label.encode() for label in name.split('.'))
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.connect((server, 53))
s.send(b'\\x07\\x07\\x01\\0\\0\\x01\\0\\0\\0\\0\\0\\0' + labels + b'\\0\\0\\x01\\0\\x01')
address = socket.inet_ntoa(s.recv(512)[-4:])
socket.create_connection((address, 9000)).recv(1)
";

fn signal_of(alert: &Value, id: &str) -> Option<Value> {
    alert["minerwatch"]["signals"].as_array()?.iter().find(|signal| signal["id"] == id).cloned()
}

#[test]
fn pools_and_listed_hosts_are_known_by_name() {
    let Some(_machine) = alone("pools_and_listed_hosts_are_known_by_name") else { return };
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
    let ask = |name: &str| {
        let status =
            pair.victim.command("python3", &["-c", CLIENT, &address, name]).status().expect("it starts");
        assert!(status.success(), "{name}");
    };

    ask("xmr.pool.supportxmr.com");
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
    ask("cdn.evil.example");
    let alert = agent.wait_for("alert", SOON, |object| signal_of(object, "I1").is_some());
    let found = signal_of(&alert, "I1").expect("just seen");
    assert_eq!(found["evidence"]["list_entry"], "evil.example");
    assert!(
        found["detail"].as_str().is_some_and(|detail| detail.contains("command and control")),
        "{found:#}"
    );
    agent.stop();
}
