//! Plays whole connections, with the times of their messages.

use std::time::Duration;

use super::CONNECTIONS;
use crate::{
    dissect::testing::usual_hello,
    model::{BootTime, Direction, EventBody, Flow, FlowUpdate, PayloadSample, ProcessKey, Protocol, Verdict},
    testing::{Host, findings, verdict},
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
fn play(host: &mut Host, client: ProcessKey, mut messages: Vec<Message>) {
    messages.sort_by(|one, other| one.0.total_cmp(&other.0));
    let flow = Flow {
        protocol: Protocol::Tcp,
        source: "10.0.0.2:40000".parse().unwrap(),
        destination: PEER.parse().unwrap(),
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
