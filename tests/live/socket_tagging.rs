//! Sockets that the daemon itself inspects: sockets that were connected before the daemon started, and the sockets on
//! which a process serves clients while it also speaks to a pool.

use std::{
    io::{Read as _, Write as _},
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{Scratch, agent::at, namespace::Pair, native::Worker};
use serde_json::Value;

use crate::{SOON, lost, machine, of_minute, refusals::WALLET, start_agent};

/// A pool that answers every message like an accepted share.
const POOL: &str = r#"
import socket, threading
def serve(peer):
    while peer.recv(4096):
        peer.sendall(b'{"id":1,"jsonrpc":"2.0","error":null,"result":{"status":"OK"}}\n')
listener = socket.create_server(('0.0.0.0', 443))
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"#;

/// Connects, waits until standard input has a line or ends, and then submits a share.
const LATE: &str = r#"
import socket, sys
peer = socket.create_connection((sys.argv[1], 443))
print(flush=True)
sys.stdin.readline()
peer.sendall(b'{"id":5,"jsonrpc":"2.0","method":"submit","params":{"id":"x","job_id":"7","nonce":"d0030040","result":"' + b'ab' * 32 + b'"}}\n')
peer.recv(100)
"#;

/// Logs in to the pool as a miner, and then serves miners as a pool does. With a third argument, the kernel accepts a
/// connection when its first payload arrives.
const RELAY: &str = r#"
import socket, sys
upstream = socket.create_connection((sys.argv[1], 443))
upstream.sendall(b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"' + sys.argv[2].encode() + b'","pass":"x","agent":"relay/1"}}\n')
upstream.recv(4096)
listener = socket.create_server(('0.0.0.0', 443))
if len(sys.argv) > 3:
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 5)
while True:
    inner, _ = listener.accept()
    inner.recv(4096)
    inner.sendall(b'{"jsonrpc":"2.0","method":"job","params":{"blob":"' + b'101080e5f4b706' + b'0e' * 69 + b'","job_id":"1","target":"b88d0600"}}\n')
    inner.close()
"#;

const MINER: &str = r#"
import socket, sys
try:
    relay = socket.create_connection((sys.argv[1], 443))
except ConnectionRefusedError:
    sys.exit()
relay.sendall(b'{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"' + sys.argv[2].encode() + b'","pass":"x","agent":"miner/1"}}\n')
relay.recv(4096)
"#;

const NOTED: &str = "[detection]\nmin_verdict = \"noted\"\n";

fn signal_of(alert: &Value, pid: u32, id: &str) -> Option<Value> {
    let signals = at(alert, "minerwatch.signals").as_array()?;
    signals.iter().find(|signal| signal["id"] == id && signal["process"]["pid"] == pid).cloned()
}

#[test]
fn mining_on_a_connection_older_than_the_agent_is_found() {
    let Some(_machine) = machine("mining_on_a_connection_older_than_the_agent_is_found") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(53);
    let _pool = pair.server.serve(443, "python3", &["-c", POOL]);
    let mut command = pair.victim.command("python3", &["-c", LATE, &pair.server.address]);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a client starts");
    client.stdout.as_mut().expect("piped").read_exact(&mut [0]).expect("it connects");
    let agent = start_agent(&scratch, NOTED);
    // The client submits the share when its standard input ends.
    drop(client.stdin.take());
    let alert = agent.wait_for("submit", SOON, |object| signal_of(object, client.id(), "N1").is_some());
    assert_eq!(at(&alert, "minerwatch.verdict"), "mining");
    client.wait().expect("a client ends");
    agent.stop();
}

#[test]
fn a_mining_relay_is_found() {
    let Some(_machine) = machine("a_mining_relay_is_found") else { return };
    relay_is_found(54, &[]);
}

#[test]
fn a_mining_relay_with_deferred_connections_is_found() {
    let Some(_machine) = machine("a_mining_relay_with_deferred_connections_is_found") else { return };
    relay_is_found(92, &["deferred"]);
}

fn relay_is_found(subnet: u8, more: &[&str]) {
    let scratch = Scratch::new();
    let pair = Pair::new(subnet);
    let _pool = pair.server.serve(443, "python3", &["-c", POOL]);
    let agent = start_agent(&scratch, NOTED);
    let arguments = [&["-c", RELAY, &pair.server.address, WALLET], more].concat();
    let relay = Worker::start_command(pair.victim.command("python3", &arguments));
    let is_of = |id: &'static str| {
        let pid = relay.pid();
        move |object: &Value| signal_of(object, pid, id).is_some()
    };
    agent.wait_for("login of the relay", SOON, is_of("N1"));
    // The miners mine for another account, so that they are another incident.
    let others_wallet = WALLET.replace('A', "B");
    // Miners connect again and again. The daemon does not see those that connect before it has inspected the sockets of
    // the relay.
    let until = Instant::now() + SOON;
    while Instant::now() < until && !agent.objects().iter().any(is_of("N8")) {
        pair.server
            .command("python3", &["-c", MINER, &pair.victim.address, &others_wallet])
            .status()
            .expect("a miner starts");
        thread::sleep(Duration::from_millis(100));
    }
    let alert = agent.wait_for("both sides", SOON, is_of("N8"));
    assert_eq!(at(&alert, "minerwatch.verdict"), "mining");
    let signal = signal_of(&alert, relay.pid(), "N8").expect("just seen");
    let client = signal["evidence"]["client"].as_str().expect("who is served");
    assert!(client.starts_with(&pair.server.address), "{signal:#}");
    drop(relay);
    agent.stop();
}

/// Connects by TCP and UDP and sends some bytes by TCP. After the next line on standard input, the client sends bytes
/// on each socket and closes both.
const ENDS: &str = r"
import socket, sys, time
peer = socket.create_connection((sys.argv[1], 443))
datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
datagrams.connect((sys.argv[1], 5353))
peer.sendall(b'x' * 1000)
peer.recv(100)
print(flush=True)
sys.stdin.readline()
peer.sendall(b'y' * 234)
peer.recv(100)
datagrams.send(b'z' * 77)
peer.close()
datagrams.close()
print(flush=True)
sys.stdin.readline()
";

const MICROSECOND: u64 = 1_000;

#[test]
fn the_end_of_a_connection_older_than_the_agent_is_reported() {
    let Some(_machine) = machine("the_end_of_a_connection_older_than_the_agent_is_reported") else { return };
    let scratch = Scratch::new();
    let pair = Pair::new(55);
    let _pool = pair.server.serve(443, "python3", &["-c", POOL]);
    let mut command = pair.victim.command("python3", &["-c", ENDS, &pair.server.address]);
    let mut client = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("a client starts");
    let mut input = client.stdin.take().expect("piped");
    let mut output = client.stdout.take().expect("piped");
    output.read_exact(&mut [0]).expect("it connects");
    let events = "[sink.stdout]\nevents = [\"snapshot\", \"close\"]\n";
    // Two agents start and stop before the one under test, so that the sockets already have a cookie.
    for _ in 0..2 {
        start_agent(&scratch, events).stop();
    }
    let agent = start_agent(&scratch, events);
    let of = |action: &'static str, transport: &'static str| {
        let pid = client.id();
        agent.wait_for(action, SOON, move |object| {
            at(object, "event.action") == action
                && at(object, "process.pid") == pid
                && at(object, "network.transport") == transport
        })
    };
    let running = [of("connection-running", "tcp"), of("connection-running", "udp")];
    writeln!(input).expect("it listens");
    output.read_exact(&mut [0]).expect("it closes");
    let closed = [of("close", "tcp"), of("close", "udp")];
    for (running, closed) in running.iter().zip(&closed) {
        // Both fields name the same moment, but the wall clock was read again between the two events.
        let moments = [at(running, "@timestamp"), at(closed, "event.start")].map(of_minute);
        assert!(moments[0].abs_diff(moments[1]) < MICROSECOND, "{moments:?}: {closed:#}");
        for field in ["process.entity_id", "source.ip", "source.port", "destination.ip", "destination.port"] {
            assert!(
                at(closed, field) == at(running, field) && !at(closed, field).is_null(),
                "{field}: {closed:#}"
            );
        }
    }
    // TCP counts all bytes since the connection was opened, UDP only the bytes since the agent started.
    assert_eq!(at(&closed[0], "source.bytes"), 1234, "{:#}", closed[0]);
    assert_eq!(at(&closed[0], "destination.bytes"), 126, "{:#}", closed[0]);
    assert!(at(&closed[0], "minerwatch.network.namespace").as_u64().is_some_and(|inode| inode > 0));
    assert_eq!(at(&closed[1], "source.bytes"), 77, "{:#}", closed[1]);
    drop(input);
    client.wait().expect("a client ends");
    assert!(lost(&scratch).values().all(|count| *count == 0));
    agent.stop();
}
