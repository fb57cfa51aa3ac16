//! Short connections at the highest rate of this host, alone and during a bulk transfer. Each connection must be
//! reported or counted as lost.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{self, Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    executable,
    notes::note,
};
use serde_json::Value;

use crate::{configuration, daemon, dropped_in, lost_in, machine_for_long, simulator, start_agent};

/// Number of short connections of each client: alone, and during a bulk transfer.
const CONNECTIONS: [u64; 2] = [10_000, 1_000];
const CLIENTS: usize = 3;

const EVENTS: &str = "[sink.stdout]\nevents = [\"connect\", \"close\"]\n";

/// Starts a server that closes each connection at once. Returns its port.
fn door() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    port
}

/// Runs one client per port at the same time. Returns the number of connections per second.
fn crowd(doors: &[u16], count: u64) -> f64 {
    let start = Instant::now();
    let clients: Vec<Child> = doors
        .iter()
        .map(|port| {
            let peer = format!("127.0.0.1:{port}");
            let arguments = ["reconnect", &peer, &count.to_string()];
            Command::new(simulator()).args(arguments).spawn().expect("the simulator starts")
        })
        .collect();
    for mut client in clients {
        assert!(client.wait().expect("our child").success());
    }
    count as f64 * doors.len() as f64 / start.elapsed().as_secs_f64()
}

/// Starts a bulk transfer that runs until `stop` is set. The thread returns the port and the number of bytes sent.
fn flood(stop: Arc<AtomicBool>) -> thread::JoinHandle<(u16, u64)> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a connection");
        let mut buffer = vec![0; 1 << 16];
        while peer.read(&mut buffer).is_ok_and(|length| length > 0) {}
    });
    thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("the other end listens");
        let piece = vec![0; 1 << 16];
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) {
            stream.write_all(&piece).expect("the other end reads");
            sent += 1 << 16;
        }
        (port, sent)
    })
}

#[test]
fn bursts_of_short_connections_are_reported_or_counted_as_lost() {
    let Some(_machine) = machine_for_long("bursts_of_short_connections_are_reported_or_counted_as_lost")
    else {
        return;
    };
    let scratch = Scratch::new();
    let agent = start_agent(&scratch, EVENTS);
    let doors: Vec<u16> = (0..CLIENTS).map(|_| door()).collect();
    let alone = crowd(&doors, CONNECTIONS[0]);
    let stop = Arc::new(AtomicBool::new(false));
    let flood = flood(Arc::clone(&stop));
    let beside = crowd(&doors, CONNECTIONS[1]);
    stop.store(true, Ordering::Relaxed);
    let (flooded, sent) = flood.join().expect("it sends");
    thread::sleep(Duration::from_secs(2));
    let daemon = daemon(&scratch);
    let (lost, dropped) = (lost_in(&daemon), dropped_in(&daemon));
    let objects = agent.stop();

    note(&format!("{alone:.0} connections a second, {beside:.0} beside {} MiB", sent >> 20));
    let lost_of = |kind: &str| lost.get(kind).copied().unwrap_or(0);
    let of = |action: &'static str, port: u16| {
        objects.iter().filter(move |object| {
            at(object, "event.action") == action
                && at(object, "destination.port") == port
                // A connection that is not answered at once has an earlier event without a result.
                && at(object, "event.outcome") != "unknown"
        })
    };
    for action in ["connect", "close"] {
        let ports = doors.iter().chain([&flooded]);
        let seen: u64 = ports.map(|port| u64::try_from(of(action, *port).count()).expect("a count")).sum();
        let missing = CLIENTS as u64 * CONNECTIONS.iter().sum::<u64>() + 1 - seen;
        assert!(
            missing <= lost_of(action) + lost_of("passed-over") + dropped,
            "{missing} {action}: {lost:?}"
        );
    }
    // The close event of the bulk transfer may be among the lost events.
    for close in of("close", flooded) {
        assert_eq!(at(close, "source.bytes"), sent, "{close:#}");
        assert_eq!(at(close, "process.pid"), process::id(), "{close:#}");
    }
}

/// Number of connections in the long burst.
const LONG: u64 = 400_000;
/// Time limit of the long burst, in seconds. A fast host needs half of it.
const LONG_SECONDS: u64 = 40;

/// Counts of events about connections to the ports of the test.
#[derive(Debug, Default)]
struct Told {
    connects: AtomicU64,
    closes: AtomicU64,
}

impl Told {
    /// Counts a line. Returns whether the line is about something else. There are too many lines to parse them as JSON.
    fn take(&self, line: &str, doors: &[String]) -> bool {
        let is_digit = |next: char| next.is_ascii_digit();
        let is_of =
            |door: &String| line.split_once(door).is_some_and(|(_, rest)| !rest.starts_with(is_digit));
        if !doors.iter().any(is_of) {
            return true;
        }
        // A connection that is not answered at once has an earlier event without a result.
        if line.contains(r#""action":"connect""#) && !line.contains(r#""outcome":"unknown""#) {
            self.connects.fetch_add(1, Ordering::Relaxed);
        } else if line.contains(r#""action":"close""#) {
            self.closes.fetch_add(1, Ordering::Relaxed);
        }
        false
    }
}

/// Runs one client per port at the same time. Returns the number of connections and the time in seconds.
fn long_crowd(doors: &[u16]) -> (u64, f64) {
    let start = Instant::now();
    let count = LONG / doors.len() as u64;
    let clients: Vec<Child> = doors
        .iter()
        .map(|port| {
            let peer = format!("127.0.0.1:{port}");
            let arguments = ["reconnect", &peer, &count.to_string(), &LONG_SECONDS.to_string()];
            let mut command = Command::new(simulator());
            command.args(arguments).stdout(Stdio::piped()).spawn().expect("the simulator starts")
        })
        .collect();
    let made = clients.into_iter().map(|client| {
        let output = client.wait_with_output().expect("our child");
        assert!(output.status.success());
        String::from_utf8_lossy(&output.stdout).trim().parse::<u64>().expect("a count")
    });
    (made.sum(), start.elapsed().as_secs_f64())
}

#[test]
fn a_long_burst_beside_a_bulk_transfer_loses_nothing_uncounted() {
    let Some(_machine) = machine_for_long("a_long_burst_beside_a_bulk_transfer_loses_nothing_uncounted")
    else {
        return;
    };
    let scratch = Scratch::new();
    let doors: Vec<u16> = (0..CLIENTS).map(|_| door()).collect();
    let told = Arc::new(Told::default());
    let ours: Vec<String> =
        doors.iter().map(|port| format!(r#""destination":{{"ip":"127.0.0.1","port":{port}"#)).collect();
    let mut command = Command::new(executable("minerwatch"));
    command.args(["run", "--config", &configuration(&scratch, EVENTS)]);
    let reader = Arc::clone(&told);
    let agent = Agent::start_keeping(command, move |line| reader.take(line, &ours));

    let stop = Arc::new(AtomicBool::new(false));
    let flood = flood(Arc::clone(&stop));
    let (made, seconds) = long_crowd(&doors);
    stop.store(true, Ordering::Relaxed);
    let (flooded, sent) = flood.join().expect("it sends");
    thread::sleep(Duration::from_secs(5));
    let daemon = daemon(&scratch);
    let objects = agent.stop();

    let lost = lost_in(&daemon);
    let lost_of = |kind: &str| lost.get(kind).copied().unwrap_or(0);
    let (connects, closes) = (told.connects.load(Ordering::Relaxed), told.closes.load(Ordering::Relaxed));
    let dropped = dropped_in(&daemon);
    note(&format!(
        "{made} connections in {seconds:.1} s, {:.0} a second, beside {:.0} MiB a second; told of {connects} connects and \
         {closes} closes, {dropped} lines dropped; lost: {lost:?}",
        made as f64 / seconds,
        (sent >> 20) as f64 / seconds
    ));
    for (action, seen) in [("connect", connects), ("close", closes)] {
        assert!(seen <= made, "{seen} {action} of {made}");
        let counted = lost_of(action) + lost_of("flow-table") + lost_of("passed-over") + dropped;
        assert!(
            made - seen <= counted,
            "{} {action} are missing, {counted} are counted: {lost:?}",
            made - seen
        );
    }
    let is_of_flood =
        |object: &&Value| at(object, "event.action") == "close" && at(object, "destination.port") == flooded;
    let of_flood: Vec<&Value> = objects.iter().filter(is_of_flood).collect();
    let [end] = of_flood[..] else { panic!("{of_flood:#?}") };
    assert_eq!(at(end, "source.bytes"), sent, "{end:#}");
}
