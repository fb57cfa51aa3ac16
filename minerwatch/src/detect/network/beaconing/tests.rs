//! Plays whole connections, with the times of their messages.

use std::time::Duration;

use super::{CONNECTIONS, reconnects::CLIENTS};
use crate::{
    dissect::testing::usual_hello,
    model::{BootTime, Direction, EventBody, Flow, FlowUpdate, PayloadSample, ProcessKey, Protocol, Verdict},
    testing::{Host, findings, seconds, verdict},
};

const PEER: &str = "192.0.2.9:443";
const MINUTE: f64 = 60.0;

/// The time of a message in seconds, its direction, and its length in bytes.
type Message = (f64, Direction, u16);

fn sent(at: f64, length: u16) -> Message {
    (at, Direction::Sent, length)
}

fn received(at: f64, length: u16) -> Message {
    (at, Direction::Received, length)
}

/// Returns a question and its answer 40 milliseconds later.
fn asked(at: f64, question: u16, answer: u16) -> [Message; 2] {
    [sent(at, question), received(at + 0.04, answer)]
}

/// Returns the messages of the handshake and the login.
fn handshake() -> Vec<Message> {
    vec![
        sent(0.0, 517),
        received(0.05, 1_400),
        sent(0.06, 64),
        sent(0.07, 590),
        received(0.1, 498),
        sent(0.2, 24),
        received(0.3, 90),
    ]
}

/// Returns random times in seconds, `mean` apart on average; the same in every run.
fn at_random(mean: f64, minutes: f64) -> impl Iterator<Item = f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut at = 5.0;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (state >> 40) as f64 / f64::from(1 << 24);
        at -= mean * (1.0 - share).ln();
        (at < minutes * MINUTE).then_some(at)
    })
}

/// Returns times in seconds, always `period` apart.
fn by_clock(period: f64, minutes: f64) -> impl Iterator<Item = f64> {
    (1..).map(move |count| f64::from(count) * period).take_while(move |at| *at < minutes * MINUTE)
}

fn miner(minutes: f64, block: f64) -> Vec<Message> {
    let shares = at_random(20.0, minutes).zip([231, 229, 230, 232].into_iter().cycle());
    let mut messages: Vec<Message> = shares.flat_map(|(at, length)| asked(at, length, 85)).collect();
    messages.extend(by_clock(block, minutes).map(|at| received(at + 0.7, 398)));
    messages.extend(handshake());
    messages
}

/// Passes a connection to a host as the kernel side does: in updates of 16 messages.
fn play(host: &mut Host, client: ProcessKey, messages: Vec<Message>) {
    play_with(host, client, PEER, messages);
}

fn play_with(host: &mut Host, client: ProcessKey, peer: &str, mut messages: Vec<Message>) {
    messages.sort_by(|one, other| one.0.total_cmp(&other.0));
    let flow = Flow {
        protocol: Protocol::Tcp,
        source: "10.0.0.2:40000".parse().unwrap(),
        destination: peer.parse().unwrap(),
        opened: host.now(),
    };
    let first = host.now();
    let (mut bytes, mut payloads) = ([0_u64; 2], [0_u32; 2]);
    for record in messages.chunks(16) {
        let samples: Box<[PayloadSample]> = record
            .iter()
            .map(|(at, direction, length)| PayloadSample {
                at: u32::try_from(Duration::from_secs_f64(*at).as_millis()).unwrap(),
                direction: *direction,
                length: *length,
            })
            .collect();
        for sample in &samples {
            bytes[sample.direction as usize] += u64::from(sample.length);
            payloads[sample.direction as usize] += 1;
        }
        let time = first.plus(Duration::from_secs_f64(record[record.len() - 1].0));
        host.wait(Duration::from_nanos(time.0.saturating_sub(host.now().0)));
        let update = FlowUpdate {
            flow,
            accepted: false,
            interval: false,
            first: BootTime(first.0),
            bytes: bytes.into(),
            payloads: payloads.into(),
            samples,
        };
        host.happen(client, EventBody::FlowUpdate(Box::new(update)));
    }
}

fn after(messages: Vec<Message>) -> (Vec<(&'static str, u8)>, Option<Verdict>) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    host.connect(client, PEER);
    host.send(client, PEER, usual_hello());
    play(&mut host, client, messages);
    (findings(&host), verdict(&host))
}

#[test]
fn a_miner_is_found_by_its_rhythm_without_a_verdict() {
    let (found, verdict) = after(miner(12.0, 120.0));
    assert_eq!(found, [("N5", 30)]);
    assert_eq!(verdict, None);
}

#[test]
fn keepalives_do_not_disturb_the_rhythm() {
    let mut messages = miner(15.0, 120.0);
    messages.extend(by_clock(97.0, 15.0).flat_map(|at| asked(at, 124, 93)));
    assert!(after(messages).0.contains(&("N5", 30)));
}

#[test]
fn a_finding_takes_minutes_and_new_work() {
    assert_eq!(after(miner(4.9, 60.0)).0, [], "too short");
    assert_eq!(after(miner(12.0, 100_000.0)).0, [], "nothing comes unasked");
}

#[test]
fn a_connection_is_found_again_only_for_new_shares() {
    let (found, _) = after(miner(60.0, 120.0));
    assert!(found.len() > 1 && found.len() < 25, "{found:?}");
}

#[test]
fn other_connections_are_no_finding() {
    let every = |period: f64, question: u16, answer: u16| -> Vec<Message> {
        by_clock(period, 30.0).flat_map(|at| asked(at, question, answer)).collect()
    };
    let unasked = |mean: f64, length: u16| at_random(mean, 30.0).map(move |at| received(at + 2.5, length));
    let cases: [(&str, Vec<Message>); 6] = [
        ("a sensor that reports by the clock to a broker", {
            let mut messages = every(10.0, 180, 60);
            messages.extend(unasked(60.0, 300));
            messages
        }),
        ("a broker's client with nothing to say", {
            let mut messages = every(60.0, 100, 100);
            messages.extend(unasked(20.0, 700));
            messages
        }),
        ("a chat", {
            let lengths = [120, 310, 95, 204, 150, 480, 133, 260, 175, 99].into_iter().cycle();
            let mut messages: Vec<Message> =
                at_random(20.0, 30.0).zip(lengths).flat_map(|(at, length)| asked(at, length, 80)).collect();
            messages.extend(unasked(25.0, 240));
            messages
        }),
        ("a ticker", unasked(1.0, 220).collect()),
        ("a program that asks for the same page again and again", every(15.0, 420, 3_000)),
        ("shares in bulk", {
            let mut messages: Vec<Message> = at_random(0.5, 30.0).flat_map(|at| asked(at, 230, 85)).collect();
            messages.extend(unasked(30.0, 398));
            messages
        }),
    ];
    for (name, mut messages) in cases {
        messages.extend(handshake());
        assert_eq!(after(messages).0, [], "{name}");
    }
}

#[test]
fn the_connections_remembered_are_bounded() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    host.send(client, PEER, usual_hello());
    for peer in 0..CONNECTIONS {
        host.send(client, &format!("198.51.100.1:{}", 1_024 + peer), usual_hello());
    }
    play(&mut host, client, miner(12.0, 120.0));
    assert!(!findings(&host).iter().any(|(id, _)| *id == "N5"), "the first was forgotten for the others");
}

/// Plays connections of one client, one after the other, with a pause of some seconds between them.
fn reconnecting(host: &mut Host, client: ProcessKey, pause: u64, connections: Vec<Vec<Message>>) {
    for mut messages in connections {
        messages.extend(handshake());
        host.connect(client, PEER);
        host.send(client, PEER, usual_hello());
        play(host, client, messages);
        host.disconnect(client, PEER);
        host.wait(seconds(pause));
    }
}

fn after_connections(pause: u64, connections: Vec<Vec<Message>>) -> Vec<(&'static str, u8)> {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    reconnecting(&mut host, client, pause, connections);
    findings(&host)
}

/// Returns a miner's messages of two minutes, without a handshake.
fn two_minutes() -> Vec<Message> {
    let shares = at_random(20.0, 2.0).zip([231, 229, 230].into_iter().cycle());
    let mut messages: Vec<Message> = shares.flat_map(|(at, length)| asked(at, length, 85)).collect();
    messages.extend(by_clock(31.0, 2.0).map(|at| received(at + 0.7, 398)));
    messages
}

#[test]
fn a_miner_that_reconnects_goes_on() {
    let found = after_connections(1, vec![two_minutes(); 6]);
    assert!(found.contains(&("N5", 30)), "{found:?}");
    assert_eq!(after_connections(1, vec![two_minutes(); 2]), [], "not long enough");
    assert_eq!(after_connections(601, vec![two_minutes(); 6]), [], "another story each time");
}

#[test]
fn a_program_that_restarts_is_the_same_client() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    for _ in 0..6 {
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        reconnecting(&mut host, client, 1, vec![two_minutes()]);
        host.exit(client);
    }
    assert!(findings(&host).contains(&("N5", 30)));
}

#[test]
fn who_reconnects_by_the_clock_is_no_finding() {
    let session = |period: f64, question: u16, answer: u16| -> Vec<Message> {
        by_clock(period, 2.0).flat_map(|at| asked(at, question, answer)).collect()
    };
    let pushed = |mut messages: Vec<Message>| {
        messages.extend(by_clock(25.0, 2.0).map(|at| received(at + 3.1, 300)));
        messages
    };
    let cases = [
        ("a pool of kept connections", session(15.0, 420, 900)),
        ("a sensor at a broker", pushed(session(10.0, 180, 60))),
        ("a health check with news", pushed(session(30.0, 240, 120))),
        ("requests in pairs, but nothing unasked", {
            let mut messages = session(20.0, 240, 120);
            messages.extend(by_clock(20.0, 2.0).flat_map(|at| asked(at + 1.0, 240, 120)));
            messages
        }),
    ];
    for (name, messages) in cases {
        for pause in [1, 17, 100] {
            assert_eq!(after_connections(pause, vec![messages.clone(); 20]), [], "{name}, {pause} s");
        }
    }
}

#[test]
fn the_clients_that_may_reconnect_are_bounded() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    for _ in 0..6 {
        reconnecting(&mut host, client, 1, vec![two_minutes()]);
        for port in 0..CLIENTS {
            let peer = format!("198.51.100.1:{}", 1_024 + port);
            host.send(client, &peer, usual_hello());
            play_with(&mut host, client, &peer, vec![sent(0.0, 300); 5]);
            host.disconnect(client, &peer);
        }
    }
    assert!(!findings(&host).contains(&("N5", 30)), "the first was forgotten for the others");
}

/// Returns pushes of work twice a second, not quite even, and some shares.
fn pushed_miner(minutes: f64) -> Vec<Message> {
    let lengths = [391, 389, 392, 390].into_iter().cycle();
    let jitter = [0.0, 0.08, 0.03, -0.05, 0.11].into_iter().cycle();
    let pushes = by_clock(0.5, minutes).zip(lengths).zip(jitter);
    let mut messages: Vec<Message> =
        pushes.map(|((at, length), jitter)| received(at + jitter, length)).collect();
    messages.extend(at_random(25.0, minutes).map(|at| sent(at, 190)));
    messages.extend(handshake());
    messages
}

#[test]
fn even_pushes_are_a_hint_that_needs_more() {
    let (found, verdict) = after(pushed_miner(7.0));
    assert!(!found.is_empty() && found.iter().all(|found| *found == ("N5P", 15)), "{found:?}");
    assert_eq!(verdict, None);
    assert_eq!(after(pushed_miner(4.5)).0, [], "too short");
}

#[test]
fn even_pushes_go_on_after_a_reconnection() {
    let found = after_connections(1, vec![pushed_miner(2.0); 3]);
    assert_eq!(found, [("N5P", 15)]);
}

/// The neighbours of a pool that pushes work: whether they show the hint, and what they receive and send.
fn neighbours() -> Vec<(&'static str, bool, Vec<Message>)> {
    let minutes = 20.0;
    let of = |period: f64, lengths: &[u16]| -> Vec<Message> {
        let lengths = lengths.iter().copied().cycle();
        by_clock(period, minutes).zip(lengths).map(|(at, length)| received(at, length)).collect()
    };
    vec![
        ("trades of a market", false, at_random(0.4, minutes).map(|at| received(at, 240)).collect()),
        ("quotes of a market", false, of(1.0, &[210, 340, 180, 260, 410])),
        ("measurements from a broker", true, of(1.0, &[231, 233, 230])),
        ("heartbeats of a broker", false, of(1.0, &[42])),
        ("events of a web page", true, of(2.0, &[268, 270])),
        ("a screen", false, of(0.4, &[1_400, 220, 3_900, 640, 1_448, 180])),
        (
            "measurements to a server",
            false,
            by_clock(1.0, minutes).flat_map(|at| asked(at, 320, 180)).collect(),
        ),
        (
            "a page asked for again",
            false,
            by_clock(5.0, minutes).flat_map(|at| asked(at, 90, 3_000)).collect(),
        ),
        ("a video", false, of(0.5, &[4_000])),
    ]
}

#[test]
fn neighbours_of_a_pool_raise_no_alarm_under_load() {
    for (name, is_hint, mut messages) in neighbours() {
        messages.extend(handshake());
        let mut host = Host::new();
        let init = host.boot("/sbin/init", &["init"]);
        let client = host.spawn(init, "/usr/bin/client", &["client"]);
        host.connect(client, PEER);
        host.send(client, PEER, usual_hello());
        play(&mut host, client, messages);
        host.burn(client, 1.0, 400);
        let found = findings(&host);
        assert_eq!(found.iter().any(|(id, _)| *id == "N5P"), is_hint, "{name}: {found:?}");
        assert!(found.iter().any(|(id, _)| *id == "C5"), "{name}: {found:?}");
        assert_eq!(verdict(&host), None, "{name}");
    }
}
