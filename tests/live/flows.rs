//! Long connections: their periodic flow events and their close event.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process, thread,
    time::Duration,
};

use minerwatch_tests::{Scratch, agent::at};

use crate::{machine, of_minute, start_agent};

/// Number of questions, each with an answer.
const ROUNDS: u64 = 20;
const QUESTION: [u8; 231] = [b'q'; 231];
const ANSWER: [u8; 85] = [b'a'; 85];
/// Pause after each answer.
const PAUSE: Duration = Duration::from_millis(200);

/// Interval of the flow events in nanoseconds, as configured.
const INTERVAL: u64 = 1_000_000_000;
/// Tolerance between two readings of the wall clock, in nanoseconds.
const MICROSECOND: u64 = 1_000;
/// Maximum length of a kernel timer tick, in nanoseconds.
const TICK: u64 = 10_000_000;
const EVENTS: &str = "[events]\nflow_interval_s = 1\n[sink.stdout]\nevents = [\"close\", \"flow\"]\n";

fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).expect("a few bytes")
}

#[test]
fn a_long_connection_has_flow_events() {
    let Some(_machine) = machine("a_long_connection_has_flow_events") else { return };
    let scratch = Scratch::new();
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback");
    let port = listener.local_addr().expect("bound").port();
    let server = thread::spawn(move || {
        let (mut peer, _) = listener.accept().expect("a connection");
        let mut question = QUESTION;
        while peer.read_exact(&mut question).is_ok() {
            peer.write_all(&ANSWER).expect("the client listens");
        }
    });
    let agent = start_agent(&scratch, EVENTS);
    let mut client = TcpStream::connect(("127.0.0.1", port)).expect("the server listens");
    for _ in 0..ROUNDS {
        client.write_all(&QUESTION).expect("the server listens");
        client.read_exact(&mut ANSWER.clone()).expect("it answers");
        thread::sleep(PAUSE);
    }
    drop(client);
    server.join().expect("it ends with the client");
    thread::sleep(Duration::from_millis(500));
    let objects = agent.stop();

    let of = |action: &'static str| {
        objects
            .iter()
            .filter(move |object| {
                at(object, "event.action") == action
                    && at(object, "destination.port") == port
                    && at(object, "process.pid") == process::id()
            })
            .collect::<Vec<_>>()
    };
    let told = of("flow");
    assert!(told.len() >= 2, "{told:#?}");
    let (mut before, mut since) = (0, 0);
    for flow in told {
        let sent = at(flow, "source.packets").as_u64().expect("a count");
        let received = at(flow, "destination.packets").as_u64().expect("a count");
        assert!(sent > before && sent.abs_diff(received) <= 1, "{flow:#}");
        assert_eq!(at(flow, "source.bytes"), sent * length(&QUESTION), "{flow:#}");
        assert_eq!(at(flow, "destination.bytes"), received * length(&ANSWER), "{flow:#}");
        let lasted = at(flow, "event.duration").as_u64().expect("nanoseconds");
        assert!(lasted >= since + INTERVAL, "two within an interval: {flow:#}");
        (before, since) = (sent, lasted);
    }
    let time = |object, which: &str| of_minute(at(object, &format!("minerwatch.network.{which}_payload")));
    let first = time(of("flow")[0], "first");
    for flow in of("flow") {
        assert_eq!(at(flow, "minerwatch.network.last_payload"), at(flow, "@timestamp"), "{flow:#}");
        assert!(time(flow, "first").abs_diff(first) < MICROSECOND, "{flow:#}");
    }
    let closed = of("close");
    let [close] = closed[..] else { panic!("{closed:#?}") };
    assert_eq!(at(close, "source.packets"), ROUNDS, "{close:#}");
    assert_eq!(at(close, "destination.packets"), ROUNDS, "{close:#}");
    assert_eq!(at(close, "network.bytes"), ROUNDS * (length(&QUESTION) + length(&ANSWER)), "{close:#}");
    assert!(time(close, "first").abs_diff(first) < MICROSECOND, "{close:#}");
    let minute = 60 * INTERVAL;
    let since = |from: u64, to: u64| (to + minute - from) % minute;
    let start = of_minute(at(close, "event.start"));
    assert!(since(start, first) < INTERVAL / 2, "connected and said: {close:#}");
    // The last answer came before the last pause.
    let silent = since(time(close, "last"), of_minute(at(close, "@timestamp")));
    let pause = u64::try_from(PAUSE.as_nanos()).expect("a short pause");
    assert!((pause - TICK..pause + INTERVAL / 2).contains(&silent), "{silent}: {close:#}");
}
