use std::time::Duration;

use crate::{
    dissect::testing::levin,
    model::{ControlRegister, ProcessKey, Rounding, RoundingCounts, Verdict},
    testing::{Host, alerts, findings, seconds},
};

const NONE: [u64; 4] = [0; 4];

fn rounding(register: ControlRegister, flushing: [u64; 4], plain: [u64; 4]) -> Rounding {
    let counts = |[nearest, down, up, zero]: [u64; 4]| RoundingCounts { nearest, down, up, zero };
    Rounding { register, flushing: counts(flushing), plain: counts(plain) }
}

fn mxcsr(flushing: [u64; 4], plain: [u64; 4]) -> Rounding {
    rounding(ControlRegister::Mxcsr, flushing, plain)
}

fn fpcr(plain: [u64; 4]) -> Rounding {
    rounding(ControlRegister::Fpcr, NONE, plain)
}

fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let worker = host.spawn(init, "/usr/bin/worker", &["worker"]);
    (host, worker)
}

/// Lets a process work: the first looks come a second before the others.
fn work(host: &mut Host, worker: ProcessKey, rounding: Rounding) {
    let first = |counts: RoundingCounts| RoundingCounts {
        nearest: counts.nearest.min(1),
        down: counts.down.min(1),
        up: counts.up.min(1),
        zero: counts.zero.min(1),
    };
    let (flushing, plain) = (first(rounding.flushing), first(rounding.plain));
    host.sample_rounding(worker, Rounding { flushing, plain, ..rounding });
    host.wait(seconds(1));
    host.sample_rounding(worker, rounding);
}

fn weights(host: &Host) -> Vec<u8> {
    findings(host).into_iter().filter(|(id, _)| *id == "C1").map(|(_, weight)| weight).collect()
}

#[test]
fn the_looks_of_a_window_are_judged_together() {
    // Each array counts the looks in the modes nearest, down, up and toward zero.
    let cases = [
        ("RandomX at full speed, as measured", mxcsr([732, 519, 499, 488], NONE), Some(100)),
        ("RandomX after a few looks", mxcsr([8, 5, 6, 5], [3, 0, 0, 0]), Some(100)),
        ("RandomX at one twentieth of the time", mxcsr([400, 6, 5, 6], [300, 0, 0, 0]), Some(100)),
        ("too few looks", mxcsr([5, 4, 5, 4], NONE), None),
        ("interval arithmetic", mxcsr(NONE, [10, 400, 410, 0]), None),
        ("interval arithmetic that flushes", mxcsr([10, 400, 410, 0], NONE), None),
        ("the same, and sometimes a conversion", mxcsr([10, 400, 410, 30], NONE), None),
        ("-ffast-math", mxcsr([5_000, 0, 0, 0], NONE), None),
        ("-ffast-math that rounds up for good", mxcsr([5, 0, 5_000, 0], NONE), None),
        ("a mode set once", mxcsr(NONE, [200, 0, 0, 5_000]), None),
        ("a mathematical library under test", mxcsr(NONE, [300, 280, 290, 310]), Some(50)),
        ("the same, briefly", mxcsr(NONE, [30, 14, 13, 15]), None),
        ("a just-in-time compiler", mxcsr([20, 0, 0, 0], [9_000, 0, 0, 2]), None),
        ("RandomX on arm64", fpcr([60, 21, 20, 22]), Some(100)),
        ("interval arithmetic on arm64", fpcr([60, 800, 810, 0]), None),
        ("the largest counters there are", mxcsr([u64::MAX; 4], [u64::MAX; 4]), Some(100)),
    ];
    for (name, rounding, expected) in cases {
        let (mut host, worker) = host();
        work(&mut host, worker, rounding);
        assert_eq!(weights(&host).first().copied(), expected, "{name}");
    }
}

#[test]
fn the_full_form_decides_alone() {
    let (mut host, worker) = host();
    work(&mut host, worker, mxcsr([10, 7, 8, 6], NONE));
    let alerts = alerts(&host);
    assert_eq!(alerts.first().map(|alert| alert.verdict), Some(Verdict::Mining));
    assert_eq!(alerts.len(), 1);
}

fn meet(host: &mut Host, node: ProcessKey, peers: u8) {
    for peer in 1..=peers {
        host.receive(node, &format!("198.5{peer}.100.7:18080"), levin(1001));
    }
}

#[test]
fn a_node_with_several_peers_is_no_miner() {
    let arithmetic = mxcsr([732, 519, 499, 488], NONE);
    for (peers, verdict) in [(0, Verdict::Mining), (2, Verdict::Mining), (3, Verdict::Noted)] {
        let (mut host, worker) = host();
        meet(&mut host, worker, peers);
        work(&mut host, worker, arithmetic);
        let verdicts = alerts(&host).iter().map(|alert| alert.verdict).max();
        assert_eq!(verdicts, Some(verdict), "{peers} peers");
    }
    let (mut host, worker) = host();
    meet(&mut host, worker, 1);
    meet(&mut host, worker, 1);
    meet(&mut host, worker, 1);
    work(&mut host, worker, arithmetic);
    assert_eq!(weights(&host), [100], "one peer three times");
}

#[test]
fn peers_that_cost_a_miner_nothing_do_not_make_it_a_node() {
    for peers in [
        ["127.0.0.2:18080", "127.0.0.3:18080", "[::1]:18080"],
        ["10.0.0.2:18080", "192.168.7.3:18080", "[fd00::7]:18080"],
        ["198.51.100.1:18080", "198.51.100.2:18080", "198.51.7.3:18080"],
    ] {
        let (mut host, worker) = host();
        for peer in peers {
            host.receive(worker, peer, levin(1001));
        }
        work(&mut host, worker, mxcsr([732, 519, 499, 488], NONE));
        assert_eq!(weights(&host), [100], "{peers:?}");
    }
}

#[test]
fn the_peers_of_a_node_do_not_excuse_its_child() {
    let (mut host, worker) = host();
    meet(&mut host, worker, 5);
    let miner = host.spawn(worker, "/usr/bin/miner", &["miner"]);
    work(&mut host, miner, mxcsr([732, 519, 499, 488], NONE));
    assert_eq!(alerts(&host).first().map(|alert| alert.verdict), Some(Verdict::Mining));
}

#[test]
fn without_the_flushing_it_does_not_decide_alone() {
    let (mut host, worker) = host();
    host.sample_rounding(worker, mxcsr(NONE, [300, 280, 290, 310]));
    assert!(alerts(&host).iter().all(|alert| alert.verdict < Verdict::Suspected));
}

#[test]
fn hours_of_other_work_do_not_hide_what_comes_after() {
    let (mut host, worker) = host();
    host.sample_rounding(worker, mxcsr([1_000_000, 0, 1, 0], [5_000_000, 0, 0, 0]));
    host.wait(seconds(4 * 3_600));
    host.sample_rounding(worker, mxcsr([1_000_010, 6, 7, 6], [5_000_000, 0, 0, 0]));
    assert_eq!(weights(&host), [50], "the look before is no part of this spell");
    host.wait(seconds(1));
    host.sample_rounding(worker, mxcsr([1_000_020, 12, 14, 12], [5_000_000, 0, 0, 0]));
    assert_eq!(weights(&host), [50, 100]);
}

#[test]
fn looks_that_are_too_far_apart_do_not_add_up() {
    let (mut host, worker) = host();
    for found in 1..=6 {
        host.sample_rounding(worker, mxcsr([100 * found, found, found, found], NONE));
        host.wait(seconds(1_000));
    }
    assert_eq!(weights(&host), [0_u8; 0], "one look of each mode in a quarter of an hour");
}

#[test]
fn a_process_that_goes_on_is_reported_once_a_minute() {
    let (mut host, worker) = host();
    for second in 1..=150 {
        host.sample_rounding(worker, mxcsr([10 * second, 10 * second, 10 * second, 10 * second], NONE));
        host.wait(seconds(1));
    }
    assert_eq!(weights(&host), [50, 100, 100, 100], "after a burst at first");
}

#[test]
fn counters_that_go_back_find_nothing() {
    let (mut host, worker) = host();
    host.sample_rounding(worker, mxcsr([10, 3, 3, 3], NONE));
    host.sample_rounding(worker, mxcsr([1, 1, 0, 0], NONE));
    assert_eq!(weights(&host), [0_u8; 0]);
}

mod undecided {
    use super::*;
    use crate::{model::Request, testing::requests};

    /// Returns the number of requests for close sampling.
    fn asked(host: &Host) -> usize {
        requests(host).iter().filter(|request| matches!(request, Request::SampleRounding { .. })).count()
    }

    #[test]
    fn the_first_odd_look_asks_for_samples_and_later_ones_ask_less_often() {
        let (mut host, worker) = host();
        for second in 1..=100 {
            host.sample_rounding(worker, mxcsr([10, 0, second, 0], NONE));
            host.wait(seconds(1));
        }
        assert_eq!(asked(&host), 3, "at 0, 30 and 80 seconds");
    }

    #[test]
    fn interval_arithmetic_is_not_sampled() {
        let (mut host, worker) = host();
        host.sample_rounding(worker, mxcsr([10, 0, 0, 0], [1, 100, 100, 0]));
        assert_eq!(asked(&host), 0);
    }
}

#[test]
fn long_even_work_without_the_flushing_decides() {
    let run = |step: [u64; 4], seconds_between: u64, reports: u64| {
        let (mut host, worker) = host();
        for number in 1..=reports {
            host.wait(seconds(seconds_between));
            host.sample_rounding(worker, mxcsr(NONE, step.map(|looks| looks * number)));
        }
        weights(&host).into_iter().max()
    };
    assert_eq!(run([60, 50, 51, 49], 10, 40), Some(100), "for six minutes");
    assert_eq!(run([60, 50, 51, 49], 1, 100), Some(50), "for less than five minutes");
    assert_eq!(run([6, 5, 5, 5], 10, 40), Some(50), "too few looks");
    assert_eq!(run([60, 70, 51, 30], 10, 40), Some(50), "not evenly");
}

#[test]
fn a_burst_that_ends_is_noted() {
    let (mut host, worker) = host();
    for (milliseconds, looks) in [(0, 2), (200, 9), (500, 20), (290, 40)] {
        host.wait(Duration::from_millis(milliseconds));
        host.sample_rounding(worker, mxcsr([looks; 4], NONE));
    }
    host.exit(worker);
    assert_eq!(weights(&host), [50], "once, for 0.99 s");
    let verdicts = |host: &Host| alerts(host).iter().map(|alert| alert.verdict).max();
    assert_eq!(verdicts(&host), Some(Verdict::Noted));

    let (mut host, worker) = self::host();
    for derivation in 1..=5 {
        host.sample_rounding(worker, mxcsr([30 * derivation; 4], NONE));
        host.wait(seconds(120));
    }
    assert_eq!(weights(&host), [50; 5], "a key every two minutes");
    assert_eq!(verdicts(&host), Some(Verdict::Noted));

    let (mut host, worker) = self::host();
    host.sample_rounding(worker, mxcsr([30; 4], NONE));
    host.wait(seconds(50));
    host.sample_rounding(worker, mxcsr([30, 30, 31, 30], NONE));
    assert_eq!(weights(&host), [50, 100], "a slow worker");

    let (mut host, worker) = self::host();
    host.sample_rounding(worker, fpcr([60, 21, 20, 22]));
    assert_eq!(weights(&host), [50], "on arm64");
}

#[test]
fn a_burst_is_no_witness_beside_the_memory_of_a_wallet() {
    use crate::model::{EventBody, Mapping, MappingClass};
    let (mut host, worker) = host();
    for (class, size, count) in [(MappingClass::Cache, 1 << 28, 1), (MappingClass::Code, 256 << 10, 2)] {
        host.happen(worker, EventBody::Mapping(Mapping { class, size, count, huge: false }));
    }
    host.sample_rounding(worker, mxcsr([30; 4], NONE));
    let verdicts = |host: &Host| alerts(host).iter().map(|alert| alert.verdict).max();
    assert_eq!(verdicts(&host), Some(Verdict::Noted));
    host.wait(seconds(1));
    host.sample_rounding(worker, mxcsr([90; 4], NONE));
    assert_eq!(verdicts(&host), Some(Verdict::Mining), "it goes on");
}

#[test]
fn a_burst_is_sampled_closely() {
    let (mut host, worker) = host();
    host.sample_rounding(worker, mxcsr([30; 4], NONE));
    let asked = crate::testing::requests(&host);
    assert!(asked.iter().any(|request| matches!(request, crate::model::Request::SampleRounding { .. })));
}

#[test]
fn arithmetic_and_memory_are_two_witnesses() {
    for (class, size, count) in [
        (crate::model::MappingClass::Dataset, 2_181_038_080, 1),
        (crate::model::MappingClass::Scratchpad, 2 << 20, 4),
    ] {
        let (mut host, worker) = host();
        let mapping = crate::model::Mapping { class, size, count, huge: true };
        host.happen(worker, crate::model::EventBody::Mapping(mapping));
        host.sample_rounding(worker, mxcsr(NONE, [300, 280, 290, 310]));
        assert_eq!(alerts(&host).iter().map(|alert| alert.verdict).max(), Some(Verdict::Mining), "{class:?}");
    }
}

#[test]
fn workers_that_change_their_process_are_found_by_their_program() {
    let (mut host, parent) = host();
    for _ in 0..8 {
        host.wait(seconds(1));
        let worker = host.spawn(parent, "/usr/bin/worker", &["worker"]);
        host.sample_rounding(worker, mxcsr([2, 1, 1, 1], NONE));
        host.exit(worker);
    }
    assert_eq!(weights(&host), [100]);
}

/// Starts a worker every second, each of another program. `before` acts on the path before the worker starts. Returns
/// what is found.
fn copies(directory: &str, looks: Rounding, before: fn(&mut Host, ProcessKey, &str)) -> Vec<u8> {
    let (mut host, parent) = host();
    for number in 0..8 {
        host.wait(seconds(1));
        let path = format!("{directory}{number}");
        before(&mut host, parent, &path);
        let worker = host.spawn(parent, &path, &["worker"]);
        host.sample_rounding(worker, looks);
        host.exit(worker);
    }
    weights(&host)
}

#[test]
fn workers_that_copy_themselves_are_found_by_their_tree() {
    let looks = mxcsr([2, 1, 1, 1], NONE);
    let write = |host: &mut Host, parent: ProcessKey, path: &str| host.create(parent, path, 0o755);
    assert_eq!(copies("/tmp/.worker", looks, |_, _, _| {}), [100], "in an odd place");
    assert_eq!(copies("/opt/worker", looks, write), [100], "just written");
    assert!(copies("/usr/lib/tests/case", looks, |_, _, _| {}).is_empty(), "a test runner of the system");
    assert!(copies("/opt/tests/case", mxcsr(NONE, [10; 4]), write).is_empty(), "tests of a library");
    assert!(copies("/opt/tests/case", fpcr([20, 10, 10, 10]), write).is_empty(), "the same on arm64");
}

#[test]
fn programs_of_different_trees_are_not_gathered() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    for number in 0..20 {
        host.wait(seconds(1));
        let worker = host.spawn(init, &format!("/tmp/program{number}"), &["program"]);
        host.sample_rounding(worker, mxcsr([2, 1, 1, 1], NONE));
    }
    assert!(weights(&host).is_empty());
}

#[test]
fn short_lived_workers_of_the_first_second_are_a_burst() {
    let (mut host, parent) = host();
    for _ in 0..8 {
        host.wait(Duration::from_millis(50));
        let worker = host.spawn(parent, "/usr/bin/worker", &["worker"]);
        host.sample_rounding(worker, mxcsr([4, 3, 3, 3], NONE));
        host.exit(worker);
    }
    assert!(weights(&host).is_empty(), "for half a second");
}

/// Starts workers one after the other. Each has these looks and ends.
fn workers(host: &mut Host, paths: [&str; 2], looks: &[[u64; 4]]) {
    let init = host.boot("/sbin/init", &["init"]);
    for (number, flushing) in looks.iter().enumerate() {
        let worker = host.spawn(init, paths[number % 2], &["worker"]);
        host.sample_rounding(worker, mxcsr(*flushing, NONE));
        host.exit(worker);
        host.wait(seconds(1));
    }
}

#[test]
fn looks_at_short_lived_workers_count_together() {
    const WORKER: [&str; 2] = ["/usr/bin/worker", "/usr/bin/worker"];
    let evenly = [[0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]].repeat(8);
    let mut host = Host::new();
    workers(&mut host, WORKER, &evenly);
    assert_eq!(weights(&host), [100], "RandomX in workers with one look each");

    let mut host = Host::new();
    workers(&mut host, WORKER, &[[0, 1, 0, 0], [0, 0, 1, 0]].repeat(20));
    assert!(weights(&host).is_empty(), "interval arithmetic");

    let mut host = Host::new();
    workers(&mut host, ["/usr/bin/one", "/usr/bin/other"], &evenly[..16]);
    assert!(weights(&host).is_empty(), "two programs, each with too few looks");

    let mut host = Host::new();
    let (first, second) = evenly.split_at(12);
    workers(&mut host, WORKER, first);
    host.wait(seconds(601));
    workers(&mut host, WORKER, &second[..9]);
    assert!(weights(&host).is_empty(), "too few looks in each window");
}
