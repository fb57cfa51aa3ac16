//! TLS client hellos of real clients. No server answers them, because the client hello is enough.

use std::{process::Command, thread, time::Duration};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    executable,
    namespace::Pair,
    native::Worker,
};
use serde_json::Value;

use crate::{SOON, configuration, machine, start_agent};

/// Accepts every connection on port 443, reads one message and closes the connection.
const DEAF: &str = "
import socket
s = socket.create_server(('0.0.0.0', 443))
while True:
    connection, _ = s.accept()
    connection.recv(65536)
    connection.close()
";

/// A Python client that sends no server name (SNI), like a miner with default settings.
const UNNAMED: &str = "
import socket, ssl, sys
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
try:
    context.wrap_socket(socket.create_connection((sys.argv[1], 443)))
except OSError:
    pass
";

fn signal_of(alert: &Value, id: &str) -> Option<Value> {
    alert["minerwatch"]["signals"].as_array()?.iter().find(|signal| signal["id"] == id).cloned()
}

#[test]
fn tls_clients_are_identified_by_their_hello() {
    let Some(_machine) = machine("tls_clients_are_identified_by_their_hello") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(53);
    let address = pair.server.address.clone();
    let _server = pair.server.serve(443, "/usr/bin/python3", &["-c", DEAF]);
    let path = configuration(
        &scratch,
        "[sink.stdout]\nevents = [\"payload\", \"close\"]\n[detection]\nmin_verdict = \"noted\"\n",
    );
    let agent = Agent::start(["run", "--config", &path]);
    let run = |program: &str, arguments: &[&str]| {
        let mut child = pair.victim.command(program, arguments);
        // The clients fail, because no server answers.
        child.output().unwrap_or_else(|error| panic!("{program}: {error}"));
    };
    let tls = |what: &str, name: &str| {
        agent.wait_for(what, SOON, |object| {
            at(object, "event.action") == "tls" && at(object, "tls.client.server_name") == name
        })
    };

    let resolve = format!("files.example:443:{address}");
    run("curl", &["-sk", "--max-time", "5", "--resolve", &resolve, "https://Files.example/"]);
    let hello = tls("hello of curl", "files.example");
    assert_eq!(at(&hello, "process.name"), "curl");
    assert_eq!(at(&hello, "destination.domain"), "files.example");
    assert_eq!(hello["minerwatch"]["tls"]["protocols"][0], "h2", "{hello:#}");
    let fingerprint = at(&hello, "tls.client.ja4").as_str().map(str::to_owned);
    assert!(fingerprint.is_some_and(|text| text.starts_with("t13d") && text.len() == 36), "{hello:#}");
    agent.wait_for("end of the connection with its name", SOON, |object| {
        at(object, "event.action") == "close" && at(object, "destination.domain") == "files.example"
    });

    run("/usr/bin/python3", &["-c", UNNAMED, &address]);
    let unnamed = agent.wait_for("hello of Python", SOON, |object| {
        at(object, "event.action") == "tls" && at(object, "tls.client.server_name").is_null()
    });
    assert!(at(&unnamed, "tls.client.ja4").as_str().is_some_and(|text| text.starts_with("t13i")));
    assert!(unnamed["minerwatch"]["tls"].is_null(), "{unnamed:#}");

    // A client that does not offer HTTP sends the server name (SNI) of a pool.
    let peer = format!("{address}:443");
    run("openssl", &["s_client", "-servername", "xmr.pool.supportxmr.com", "-connect", &peer]);
    let alert = agent.wait_for("alert", SOON, |object| signal_of(object, "N3").is_some());
    assert_eq!(at(&alert, "minerwatch.verdict"), "noted", "never more by its name alone");
    let found = signal_of(&alert, "N3").expect("just seen");
    assert_eq!((&found["weight"], &found["evidence"]["list_entry"]), (&60.into(), &"supportxmr.com".into()));
    tls("hello of openssl", "xmr.pool.supportxmr.com");
    agent.stop();
}

/// Accepts every connection and sends nothing.
const SILENT: &str = "
import socket
s = socket.create_server(('0.0.0.0', 443))
held = []
while True:
    held.append(s.accept())
";

/// Sends a TLS client hello without a server name (SNI), and sets the socket options of XMRig: before the hello, a
/// second after it, or never.
const SET_UP: &str = "
import socket, ssl, sys, time
address, when = sys.argv[1:]
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
hello = ssl.MemoryBIO()
try:
    context.wrap_bio(ssl.MemoryBIO(), hello).do_handshake()
except ssl.SSLWantReadError:
    pass
peer = socket.create_connection((address, 443))
def set_up():
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (socket.TCP_KEEPIDLE, 60), (socket.TCP_KEEPINTVL, 1), (socket.TCP_KEEPCNT, 10), (socket.TCP_NODELAY, 1):
        peer.setsockopt(socket.IPPROTO_TCP, option, value)
if when == 'before':
    set_up()
peer.sendall(hello.read())
if when == 'after':
    time.sleep(1)
    set_up()
time.sleep(60)
";

#[test]
fn xmrigs_socket_options_are_recognised() {
    let Some(_machine) = machine("xmrigs_socket_options_are_recognised") else { return };
    let pair = Pair::new(56);
    let _server = pair.server.serve(443, "/usr/bin/python3", &["-c", SILENT]);
    let figures = [
        ("keepalive_idle_s", "60"),
        ("keepalive_interval_s", "1"),
        ("keepalive_probes", "10"),
        ("no_delay", "true"),
    ];
    // Each client has an agent of its own. All run the same program, so they would be one suspect with one signal.
    for (when, weight) in [("never", 15), ("before", 25), ("after", 25)] {
        let scratch = Scratch::new();
        let agent = start_agent(&scratch, "[sink.stdout]\nevents = [\"payload\"]\n");
        // A hint alone opens no incident. Under the name of a kernel thread, the client has one.
        let disguised = "exec -a '[kworker/0:1]' /usr/bin/python3 \"$@\"";
        let (host, address) = (&pair.victim.name, &pair.server.address);
        let program = ["netns", "exec", host, "bash", "-c", disguised, "x", "-c", SET_UP, address, when];
        let client = Worker::start_by_login("ip", &program);
        // Wait for the client hello and for both inspections of the socket.
        thread::sleep(Duration::from_secs(7));
        let all = tls_without_sni(&scratch);
        let signals: Vec<&Value> = all.iter().filter(|signal| signal["pid"] == client.pid()).collect();
        let [signal] = signals[..] else { panic!("{when}: {signals:#?}") };
        assert_eq!(signal["weight"], weight, "{when}");
        for (name, value) in figures {
            let figure =
                signal["figures"].as_array().into_iter().flatten().find(|figure| figure["name"] == name);
            let expected = (weight == 25).then_some(value);
            assert_eq!(figure.and_then(|figure| figure["value"].as_str()), expected, "{when}: {signal:#}");
        }
        drop(client);
        agent.stop();
    }
}

/// Asks the daemon for all N6 signals, including those of incidents that raise no alert.
fn tls_without_sni(scratch: &Scratch) -> Vec<Value> {
    let output = Command::new(executable("minerwatch"))
        .args(["explain", "--all", "--json", "--socket", &scratch.join("control.sock")])
        .output()
        .expect("it starts");
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let incident = |line: &str| -> Value { serde_json::from_str(line).expect("JSON") };
    let signals = lines
        .lines()
        .map(incident)
        .flat_map(|incident| incident["signals"].as_array().cloned().unwrap_or_default());
    signals.filter(|signal| signal["id"] == "N6").collect()
}
