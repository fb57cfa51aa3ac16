//! Whole connections, played in their own time.

use std::time::Duration;

use super::super::tls::hello_for_tests;
use crate::{
    detect::tuning,
    engine::testing::{Host, findings, verdict},
    model::{BootTime, Direction, EventBody, Flow, FlowUpdate, PayloadSample, ProcessKey, Protocol, Verdict},
};

const PEER: &str = "192.0.2.9:443";
const MINUTE: f64 = 60.0;

/// A payload of so many bytes that went so at that second.
type AppData = (f64, Direction, u16);

fn sent(at: f64, length: u16) -> AppData {
    (at, Direction::Sent, length)
}

fn received(at: f64, length: u16) -> AppData {
    (at, Direction::Received, length)
}

/// A question and its answer, a few milliseconds later.
fn asked(at: f64, question: u16, answer: u16) -> [AppData; 2] {
    [sent(at, question), received(at + 0.04, answer)]
}

/// Greeting and login, in crumbs.
fn greeting() -> Vec<AppData> {
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

/// Seconds at which chance makes something happen, on average so many apart: the same ones in every run.
fn by_chance(mean: f64, minutes: f64) -> impl Iterator<Item = f64> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut at = 5.0;
    std::iter::from_fn(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let share = (state >> 40) as f64 / f64::from(1 << 24);
        at -= mean * (1.0 - share).ln();
        (at < minutes * MINUTE).then_some(at)
    })
}

/// At every so many seconds.
fn by_clock(period: f64, minutes: f64) -> impl Iterator<Item = f64> {
    (1..).map(move |count| f64::from(count) * period).take_while(move |at| *at < minutes * MINUTE)
}

fn miner(minutes: f64, block: f64) -> Vec<AppData> {
    let shares = by_chance(20.0, minutes).zip([231, 229, 230, 232].into_iter().cycle());
    let mut said: Vec<AppData> = shares.flat_map(|(at, length)| asked(at, length, 85)).collect();
    said.extend(by_clock(block, minutes).map(|at| received(at + 0.7, 398)));
    said.extend(greeting());
    said
}

/// Hands a conversation to a host as the kernel side would: in records of so many payloads.
fn play(host: &mut Host, client: ProcessKey, mut said: Vec<AppData>) {
    said.sort_by(|one, other| one.0.total_cmp(&other.0));
    let flow = Flow {
        protocol: Protocol::Tcp,
        source: "10.0.0.2:40000".parse().unwrap(),
        destination: PEER.parse().unwrap(),
        opened: host.now(),
    };
    let first = host.now();
    let (mut bytes, mut payloads) = ([0_u64; 2], [0_u32; 2]);
    for record in said.chunks(16) {
        let samples: Box<[PayloadSample]> = record
            .iter()
            .map(|(at, direction, length)| PayloadSample {
                at: u32::try_from(Duration::from_secs_f64(*at).as_millis()).unwrap(),
                direction: *direction,
                length: *length,
            })
            .collect();
        for beat in &samples {
            bytes[beat.direction as usize] += u64::from(beat.length);
            payloads[beat.direction as usize] += 1;
        }
        let time = first.plus(Duration::from_secs_f64(record[record.len() - 1].0));
        host.wait(Duration::from_nanos(time.0.saturating_sub(host.now().0)));
        let course = FlowUpdate {
            flow,
            accepted: false,
            interval: false,
            first: BootTime(first.0),
            bytes: bytes.into(),
            payloads: payloads.into(),
            samples,
        };
        host.happen(client, EventBody::FlowUpdate(Box::new(course)));
    }
}

fn after(said: Vec<AppData>) -> (Vec<(&'static str, u8)>, Option<Verdict>) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    host.connect(client, PEER);
    host.send(client, PEER, hello_for_tests());
    play(&mut host, client, said);
    (findings(&host), verdict(&host))
}

#[test]
fn a_miner_is_known_by_its_rhythm_and_that_alone_pages_nobody() {
    let (found, verdict) = after(miner(12.0, 120.0));
    assert_eq!(found, [("N5", 30)]);
    assert_eq!(verdict, None);
}

#[test]
fn what_keeps_the_connection_alive_is_no_disturbance() {
    let mut said = miner(15.0, 120.0);
    said.extend(by_clock(97.0, 15.0).flat_map(|at| asked(at, 124, 93)));
    assert!(after(said).0.contains(&("N5", 30)));
}

#[test]
fn it_takes_minutes_and_new_work() {
    assert_eq!(after(miner(4.9, 60.0)).0, [], "too short");
    assert_eq!(after(miner(12.0, 100_000.0)).0, [], "nothing comes unasked");
}

#[test]
fn it_is_told_again_only_for_new_shares() {
    let (found, _) = after(miner(60.0, 120.0));
    assert!(found.len() > 1 && found.len() < 25, "{found:?}");
}

#[test]
fn others_are_left_in_peace() {
    let every = |period: f64, question: u16, answer: u16| -> Vec<AppData> {
        by_clock(period, 30.0).flat_map(|at| asked(at, question, answer)).collect()
    };
    let news = |mean: f64, length: u16| by_chance(mean, 30.0).map(move |at| received(at + 2.5, length));
    let cases: [(&str, Vec<AppData>); 6] = [
        ("a sensor that reports by the clock to a broker", {
            let mut said = every(10.0, 180, 60);
            said.extend(news(60.0, 300));
            said
        }),
        ("a broker's client with nothing to say", {
            let mut said = every(60.0, 100, 100);
            said.extend(news(20.0, 700));
            said
        }),
        ("a chat", {
            let lengths = [120, 310, 95, 204, 150, 480, 133, 260, 175, 99].into_iter().cycle();
            let mut said: Vec<AppData> =
                by_chance(20.0, 30.0).zip(lengths).flat_map(|(at, length)| asked(at, length, 80)).collect();
            said.extend(news(25.0, 240));
            said
        }),
        ("a ticker", news(1.0, 220).collect()),
        ("a program that asks for the same page again and again", every(15.0, 420, 3_000)),
        ("shares in bulk", {
            let mut said: Vec<AppData> = by_chance(0.5, 30.0).flat_map(|at| asked(at, 230, 85)).collect();
            said.extend(news(30.0, 398));
            said
        }),
    ];
    for (name, mut said) in cases {
        said.extend(greeting());
        assert_eq!(after(said).0, [], "{name}");
    }
}

#[test]
fn only_so_many_are_remembered() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let client = host.spawn(init, "/usr/bin/client", &["client"]);
    host.send(client, PEER, hello_for_tests());
    for peer in 0..tuning::BEACONING_FLOWS {
        host.send(client, &format!("198.51.100.1:{}", 1_024 + peer), hello_for_tests());
    }
    play(&mut host, client, miner(12.0, 120.0));
    assert!(!findings(&host).iter().any(|(id, _)| *id == "N5"), "the first was forgotten for the others");
}
