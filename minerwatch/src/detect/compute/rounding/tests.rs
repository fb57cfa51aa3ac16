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
        host.sample_rounding(worker, rounding);
        assert_eq!(weights(&host).first().copied(), expected, "{name}");
    }
}

#[test]
fn the_full_form_decides_alone() {
    let (mut host, worker) = host();
    host.sample_rounding(worker, mxcsr([10, 7, 8, 6], NONE));
    let alerts = alerts(&host);
    assert_eq!(alerts.first().map(|alert| alert.verdict), Some(Verdict::Mining));
    assert_eq!(alerts.len(), 1);
}

fn meet(host: &mut Host, node: ProcessKey, peers: u8) {
    for peer in 1..=peers {
        host.receive(node, &format!("198.51.100.{peer}:18080"), levin(1001));
    }
}

#[test]
fn a_node_with_several_peers_is_no_miner() {
    let arithmetic = mxcsr([732, 519, 499, 488], NONE);
    for (peers, verdict) in [(0, Verdict::Mining), (2, Verdict::Mining), (3, Verdict::Noted)] {
        let (mut host, worker) = host();
        meet(&mut host, worker, peers);
        host.sample_rounding(worker, arithmetic);
        let verdicts = alerts(&host).iter().map(|alert| alert.verdict).max();
        assert_eq!(verdicts, Some(verdict), "{peers} peers");
    }
    let (mut host, worker) = host();
    meet(&mut host, worker, 1);
    meet(&mut host, worker, 1);
    meet(&mut host, worker, 1);
    host.sample_rounding(worker, arithmetic);
    assert_eq!(weights(&host), [100], "one peer three times");
}

#[test]
fn the_peers_of_a_node_do_not_excuse_its_child() {
    let (mut host, worker) = host();
    meet(&mut host, worker, 5);
    let miner = host.spawn(worker, "/usr/bin/miner", &["miner"]);
    host.sample_rounding(miner, mxcsr([732, 519, 499, 488], NONE));
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
    assert_eq!(weights(&host), [100]);
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
    assert_eq!(weights(&host), [100, 100, 100]);
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
    let (mut host, parent) = self::host();
    for number in 0..8 {
        host.wait(seconds(1));
        let program = format!("/usr/bin/worker{number}");
        let worker = host.spawn(parent, &program, &["worker"]);
        host.sample_rounding(worker, mxcsr([2, 1, 1, 1], NONE));
    }
    assert_eq!(weights(&host), Vec::<u8>::new(), "different programs");
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
