//! As many short connections as this host can make, alone and beside one at full speed: each is told of, or counted as
//! lost.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{self, Child, Command},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
};
use serde_json::Value;

use crate::{alone, configuration, lost, simulator};

/// Short connections of each client, alone, and beside the one that takes what it gets of the processors.
const CONNECTIONS: [u64; 2] = [10_000, 1_000];
const CLIENTS: usize = 3;

const EVENTS: &str = "[sink.stdout]\nevents = [\"connect\", \"close\"]\n";

/// Takes connections and closes them.
fn door() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    thread::spawn(move || listener.incoming().for_each(drop));
    port
}

/// Clients of each door that all come at once; how many a second.
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

/// Sends until it is told to stop; how many bytes, and to which port.
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
fn short_connections_in_crowds_are_told_of() {
    let Some(_machine) = alone("short_connections_in_crowds_are_told_of") else { return };
    let scratch = Scratch::new();
    let agent = Agent::start(["run", "--config", &configuration(&scratch, EVENTS)]);
    let doors: Vec<u16> = (0..CLIENTS).map(|_| door()).collect();
    let alone = crowd(&doors, CONNECTIONS[0]);
    let stop = Arc::new(AtomicBool::new(false));
    let flood = flood(Arc::clone(&stop));
    let beside = crowd(&doors, CONNECTIONS[1]);
    stop.store(true, Ordering::Relaxed);
    let (flooded, sent) = flood.join().expect("it sends");
    thread::sleep(Duration::from_secs(2));
    let lost = lost(&scratch);
    let objects = agent.stop();

    println!("NOTE {alone:.0} connections a second, {beside:.0} beside {} MiB", sent >> 20);
    let lost_of = |kind: &str| lost.get(kind).copied().unwrap_or(0);
    let of = |action: &'static str, port: u16| {
        objects.iter().filter(move |object| {
            at(object, "event.action") == action
                && at(object, "destination.port") == port
                // One that had to wait for its answer is told of before, too.
                && at(object, "event.outcome") != "unknown"
        })
    };
    for action in ["connect", "close"] {
        let seen: u64 =
            doors.iter().map(|port| u64::try_from(of(action, *port).count()).expect("a count")).sum();
        let missing = CLIENTS as u64 * CONNECTIONS.iter().sum::<u64>() - seen;
        assert!(missing <= lost_of(action) + lost_of("passed-over"), "{missing} {action}: {lost:?}");
    }
    let closed: Vec<&Value> = of("close", flooded).collect();
    let [close] = closed[..] else { panic!("{closed:#?}") };
    assert_eq!(at(close, "source.bytes"), sent, "{close:#}");
    assert_eq!(at(close, "process.pid"), process::id(), "{close:#}");
}
