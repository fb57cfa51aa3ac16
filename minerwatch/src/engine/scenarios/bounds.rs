//! The engine's state stays within its limits, and evictions are counted.

use crate::{
    engine::{Engine, EngineSettings},
    model::{AlertAction, EventBody, Observation},
    testing::{Host, feed, pass_time, seconds},
};

#[test]
fn churn_leaves_nothing_behind() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "loop.sh"]);
    for _ in 0..20_000 {
        let short = host.spawn(shell, "/usr/bin/true", &["true"]);
        host.exit(short);
    }
    let mut engine = Engine::new(EngineSettings { max_dead: 1_000, ..EngineSettings::default() });
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
        assert!(engine.counters().processes <= 1_003);
    }
    let counters = engine.counters();
    assert_eq!(counters.events, 60_003);
    assert_eq!(counters.processes_evicted, 0);
    assert_eq!(counters.processes + counters.dead_forgotten_early, 20_002);
    pass_time(&mut engine, host.now().plus(seconds(61)), &mut alerts);
    assert_eq!(engine.counters().processes, 2);
    assert!(alerts.is_empty());
}

#[test]
fn a_full_table_forgets_the_oldest_and_counts_it() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    for _ in 0..500 {
        host.spawn(init, "/usr/bin/sleep", &["sleep", "1"]);
    }
    let mut engine = Engine::new(EngineSettings { max_processes: 100, ..EngineSettings::default() });
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
        assert!(engine.counters().processes <= 100);
    }
    let counters = engine.counters();
    assert_eq!(counters.processes + counters.processes_evicted, 501);
    let last = host.events().last().unwrap();
    let Observation { process, parent, .. } = engine.observation(last);
    assert_eq!(process.unwrap().name.as_ref(), "sleep");
    assert_eq!(parent.unwrap().name.as_ref(), "init", "a parent with children is not evicted first");
}

#[test]
fn too_many_incidents_close_the_one_with_the_lowest_score() {
    let host = Host::with_droppers(40);
    let mut engine = Engine::new(EngineSettings { max_incidents: 8, ..EngineSettings::default() });
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
        assert!(engine.counters().incidents <= 8);
    }
    let count = |action| alerts.iter().filter(|alert| alert.action == action).count();
    assert_eq!(count(AlertAction::IncidentOpened), 40);
    assert_eq!(count(AlertAction::IncidentClosed), 32);
    assert_eq!(engine.counters().incidents_evicted, 32);
}

#[test]
fn an_event_before_its_fork_waits_for_it() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "x.sh"]);
    host.create(shell, "/tmp/x", 0o755);
    let dropped = host.spawn(shell, "/tmp/x", &["x"]);
    host.connect(dropped, "10.0.0.5:443");
    let mut events = host.events().to_vec();
    // The connection overtakes the fork and the exec of its process.
    let count = events.len();
    events.swap(count - 3, count - 1);
    let mut engine = Engine::new(EngineSettings::default());
    let mut alerts = Vec::new();
    for (number, event) in events.iter().enumerate() {
        feed(&mut engine, event, &mut alerts);
        if number == count - 3 {
            assert_eq!(engine.counters().parked, 1);
            assert!(engine.observation(event).process.is_none());
        }
    }
    assert_eq!(engine.counters().parked, 0);
    assert_eq!(engine.counters().parked_lost, 0);
    let Observation { process, parent, .. } = engine.observation(&events[count - 1]);
    assert_eq!((process.unwrap().key, parent.unwrap().key), (dropped, shell));
}

#[test]
fn an_event_without_a_fork_is_processed_after_the_park_timeout() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let lost = host.spawn(init, "/usr/bin/x", &["x"]);
    host.connect(lost, "10.0.0.5:3333");
    host.create(lost, "/etc/ld.so.preload", 0o644);
    let mut events = host.events().to_vec();
    events.retain(|event| !matches!(event.body, EventBody::Fork(_) | EventBody::Exec(_)));
    let mut engine = Engine::new(EngineSettings::default());
    let mut alerts = Vec::new();
    for event in &events {
        feed(&mut engine, event, &mut alerts);
    }
    assert_eq!(engine.counters().parked, 2);
    assert!(alerts.is_empty());
    pass_time(&mut engine, host.now().plus(seconds(2)), &mut alerts);
    assert_eq!((engine.counters().parked, engine.counters().parked_lost), (0, 2));
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].suspect.key, lost);
    assert_eq!(alerts[0].score, 85, "B6, N4 and the chain they make");
}

#[test]
fn parked_events_are_bounded() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    for _ in 0..3_000 {
        let lost = host.fork(init);
        host.exit(lost);
    }
    let mut events = host.events().to_vec();
    events.retain(|event| !matches!(event.body, EventBody::Fork(_)));
    // All events arrive within the park timeout.
    for event in &mut events {
        event.time = host.events()[0].time;
    }
    let mut engine = Engine::new(EngineSettings::default());
    let mut alerts = Vec::new();
    for event in &events {
        feed(&mut engine, event, &mut alerts);
        assert!(engine.counters().parked <= 1_024);
    }
    assert_eq!(engine.counters().parked + engine.counters().parked_lost, 3_000);
}

/// Opens 10,000 incidents on a host with 100,000 processes. Prints the time and the memory, which `--nocapture` shows.
#[test]
fn many_incidents_stay_within_the_bounds() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    for number in 0..90_000 {
        host.spawn(init, "/usr/bin/sleep", &["sleep", &number.to_string()]);
    }
    for number in 0..10_000_u32 {
        let path = format!("/tmp/x{number}");
        let dropped = host.drop_and_run(cron, number, &path, &[&path, "-o", "10.0.0.5:3333", "-a", "rx/0"]);
        host.connect(dropped, &format!("10.{}.{}.9:3333", number / 200, number % 200));
    }
    let before = resident();
    let started = std::time::Instant::now();
    let limits =
        EngineSettings { max_incidents: 10_000, max_processes: 200_000, ..EngineSettings::default() };
    let mut engine = Engine::new(limits);
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
    }
    let fed = started.elapsed();
    let ticked = std::time::Instant::now();
    for second in 1..=100 {
        pass_time(&mut engine, host.now().plus(seconds(second)), &mut alerts);
    }
    let counters = engine.counters();
    println!(
        "{} events in {fed:?}, 100 ticks in {:?}, {} incidents, {} processes, {} alerts, {} MiB",
        host.events().len(),
        ticked.elapsed(),
        counters.incidents,
        counters.processes,
        alerts.len(),
        resident().saturating_sub(before) >> 20,
    );
    assert_eq!(counters.incidents, 10_000);
    assert!(counters.processes <= 200_000);
    assert!(alerts.len() <= 300, "{} alerts of 10,000 users", alerts.len());
}

/// Returns the resident memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").expect("procfs");
    pages.split(' ').nth(1).and_then(|pages| pages.parse::<usize>().ok()).expect("a number") * 4_096
}

/// Processes 1.6 million events. To measure the time, run:
/// `cargo test --release -p minerwatch --no-default-features -- --ignored throughput`.
#[test]
#[ignore = "a measurement, not a check"]
fn throughput() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/dash", &["sh", "loop.sh"]);
    for number in 0..30_000 {
        let short =
            host.spawn(shell, "/usr/bin/cc1", &["cc1", "-quiet", "-I", "/usr/include", "-o", "x.o", "x.c"]);
        host.create(short, &format!("/tmp/cc{}.s", number % 500), 0o600);
        host.create(short, "/root/app/x.o", 0o644);
        host.connect(short, "10.0.0.5:443");
        host.exit(short);
    }
    for _ in 0..9 {
        let mut engine = Engine::new(EngineSettings::default());
        let mut alerts = Vec::new();
        for event in host.events() {
            feed(&mut engine, event, &mut alerts);
        }
        assert_eq!(engine.counters().events, 180_003);
        assert!(alerts.is_empty());
    }
}
