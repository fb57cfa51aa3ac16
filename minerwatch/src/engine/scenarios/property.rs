//! Any sequence of events keeps the engine within its bounds, and the same sequence always gives the same alerts.

use proptest::prelude::*;

use crate::{
    engine::{Engine, EngineSettings},
    model::{Alert, BootTime, Event, EventBody, Exit, ProcessKey, Verdict},
    testing::{Host, alerts_over_time, feed, pass_time, seconds},
};

/// One random action. Processes, programs, files and peers are indexes.
#[derive(Clone, Debug)]
pub(super) enum Action {
    Fork(usize),
    Exec(usize, usize),
    Connect(usize, usize),
    Create(usize, usize),
    Chmod(usize, usize),
    Rename(usize, usize, usize),
    Exchange(usize, usize, usize),
    Delete(usize, usize),
    Burn(usize),
    Enter(usize, usize),
    Exit(usize),
    Wait(u64),
}

const PROGRAMS: [(&str, &[&str]); 9] = [
    ("/usr/bin/dash", &["sh", "/tmp/b"]),
    ("/usr/bin/bash", &["-bash"]),
    ("/usr/bin/curl", &["curl", "x"]),
    ("/usr/bin/redis-server", &["redis-server"]),
    ("/usr/bin/dpkg", &["dpkg"]),
    ("/tmp/a", &["[kworker/0:0]", "-o", "10.0.0.5:3333", "-a", "rx/0"]),
    ("/tmp/b", &["b"]),
    ("/memfd:x (deleted)", &["x"]),
    ("", &[]),
];
const FILES: [&str; 8] =
    ["/tmp/a", "/tmp/b", "/etc/cron.d/x", "/root/.bashrc", "/etc/ld.so.preload", "/usr/bin/curl", "/x", ""];
const PEERS: [&str; 4] = ["10.0.0.5:3333", "10.0.0.6:443", "127.0.0.1:3333", "[2001:db8::1]:5555"];

pub(super) fn action() -> impl Strategy<Value = Action> {
    let who = 0..16_usize;
    prop_oneof![
        4 => who.clone().prop_map(Action::Fork),
        4 => (who.clone(), 0..PROGRAMS.len()).prop_map(|(who, what)| Action::Exec(who, what)),
        3 => (who.clone(), 0..PEERS.len()).prop_map(|(who, what)| Action::Connect(who, what)),
        3 => (who.clone(), 0..FILES.len()).prop_map(|(who, what)| Action::Create(who, what)),
        1 => (who.clone(), 0..FILES.len()).prop_map(|(who, what)| Action::Chmod(who, what)),
        1 => (who.clone(), 0..FILES.len(), 0..FILES.len()).prop_map(|(who, one, two)| Action::Rename(who, one, two)),
        1 => (who.clone(), 0..FILES.len(), 0..FILES.len()).prop_map(|(who, one, two)| Action::Exchange(who, one, two)),
        1 => (who.clone(), 0..FILES.len()).prop_map(|(who, what)| Action::Delete(who, what)),
        1 => who.clone().prop_map(Action::Burn),
        1 => (who.clone(), 0..3_usize).prop_map(|(who, what)| Action::Enter(who, what)),
        2 => who.prop_map(Action::Exit),
        1 => (0..100_000_u64).prop_map(Action::Wait),
    ]
}

pub(super) fn host_after(actions: &[Action]) -> Host {
    let mut host = Host::new();
    let mut processes: Vec<ProcessKey> = vec![host.boot("/sbin/init", &["init"])];
    for action in actions {
        let who = |number: usize| processes[number % processes.len()];
        match *action {
            Action::Fork(parent) => {
                let child = host.fork(who(parent));
                processes.push(child);
            }
            Action::Exec(key, program) => {
                let (path, arguments) = PROGRAMS[program];
                host.exec(who(key), who(key + 1), path, path, arguments);
            }
            Action::Connect(key, peer) => host.connect(who(key), PEERS[peer]),
            Action::Create(key, file) => host.create(who(key), FILES[file], 0o755),
            Action::Chmod(key, file) => host.chmod(who(key), FILES[file], 0o755),
            Action::Rename(key, from, to) => host.rename(who(key), FILES[from], FILES[to]),
            Action::Exchange(key, one, other) => host.exchange(who(key), FILES[one], FILES[other]),
            Action::Delete(key, file) => host.delete(who(key), FILES[file]),
            Action::Burn(key) => host.burn(who(key), 2.0, 61),
            Action::Enter(key, container) => host.enter(who(key), &format!("c{container}")),
            Action::Exit(key) => host.exit(who(key)),
            Action::Wait(span) => host.wait(seconds(span)),
        }
    }
    host
}

const SMALL: EngineSettings = EngineSettings {
    min_verdict: Verdict::Noted,
    processors: 2,
    max_processes: 12,
    max_incidents: 3,
    max_dead: 4,
    dead_memory: seconds(60),
    quiet: seconds(600),
    quiet_persistent: seconds(6_000),
    watch: seconds(20_000),
    confirms: true,
    load: crate::detect::LoadThresholds::DEFAULT,
    accounts: crate::model::AccountHasher::without_key(),
    clock: None,
    without: Vec::new(),
};

fn run(events: &[Event], settings: &EngineSettings) -> (Engine, Vec<Alert>) {
    let mut engine = Engine::new(settings.clone());
    let mut alerts = Vec::new();
    for (number, event) in events.iter().enumerate() {
        feed(&mut engine, event, &mut alerts);
        let _ = engine.observation(event);
        if number % 7 == 0 {
            pass_time(&mut engine, event.time, &mut alerts);
        }
        let counters = engine.counters();
        assert!(counters.processes <= settings.max_processes as u64);
        assert!(counters.incidents <= settings.max_incidents as u64);
        assert_eq!(counters.events, number as u64 + 1);
    }
    (engine, alerts)
}

/// A process that logs in to a pool: after how many seconds, which user's, which of eight parents', which of sixteen
/// programs it runs, which of four pools, and whether it ends soon.
type Miner = (u64, u32, usize, usize, u8, bool);

fn miner() -> impl Strategy<Value = Miner> {
    (0..12_u64, 0..3_u32, 0..8_usize, 0..16_usize, 0..4_u8, any::<bool>())
}

/// Returns a host on which the miners start one after the other, and each with the time of its login.
fn host_with(miners: &[Miner]) -> (Host, Vec<(ProcessKey, BootTime)>) {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let service = host.spawn(init, "/usr/bin/java", &["java"]);
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    let script = host.spawn(init, "/usr/bin/dash", &["sh", "/srv/x.sh"]);
    let parents = [init, service, cron, script, init, service, cron, script];
    let mut found = Vec::new();
    for &(delay, user, parent, program, pool, ends) in miners {
        host.wait(seconds(delay));
        let path = format!("/opt/p{program}");
        let key = host.fork(parents[parent]);
        host.become_user(key, user);
        host.exec(key, parents[parent], &path, &path, &[&path]);
        let peer = format!("203.0.113.{pool}:3333");
        host.connect(key, &peer);
        host.send(
            key,
            &peer,
            "{\"id\":1,\"method\":\"login\",\"params\":{\"login\":\"48\",\"pass\":\"x\",\"agent\":\"XMRig/6\"}}\n",
        );
        found.push((key, host.now()));
        if ends {
            host.exit(key);
        }
    }
    (host, found)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    #[test]
    fn every_process_with_a_conclusive_signal_is_named_within_a_minute(
        miners in prop::collection::vec(miner(), 1..40),
    ) {
        let (host, miners) = host_with(&miners);
        let alerts = alerts_over_time(&host, EngineSettings::default());
        for (key, at) in miners {
            // A program is one suspect. A process that is back is named as soon as it starts, before it logs in.
            let path = host.program_of(key);
            let names = |alert: &&Alert| {
                alert.suspects.iter().any(|suspect| {
                    let is_this = suspect.process.key == key || alert.time >= at;
                    is_this
                        && *suspect.process.executable.path == *path
                        && suspect.verdict == Some(Verdict::Mining)
                })
            };
            let told = alerts.iter().find(names).map(|alert| alert.time.since(at));
            prop_assert!(told.is_some_and(|delay| delay <= seconds(61)), "{} ({path}): {:?}", key, told);
        }
        prop_assert!(alerts.len() <= 200, "{} alerts", alerts.len());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn the_same_events_give_the_same_alerts_within_bounds(
        actions in prop::collection::vec(action(), 0..120),
        swaps in prop::collection::vec((0..200_usize, 1..6_usize), 0..12),
        drops in prop::collection::vec(0..200_usize, 0..6),
    ) {
        let mut events = host_after(&actions).events().to_vec();
        // Some events arrive out of order, and some are lost.
        for (at, by) in swaps {
            if at + by < events.len() {
                events.swap(at, at + by);
            }
        }
        for at in drops {
            if at < events.len() {
                events.remove(at);
            }
        }
        let (_, alerts) = run(&events, &SMALL);
        let (_, again) = run(&events, &SMALL);
        prop_assert_eq!(&alerts, &again);
        for alert in &alerts {
            prop_assert!(!alert.signals.is_empty());
            prop_assert!(alert.signals.is_sorted_by(|one, other| one.weight >= other.weight));
            prop_assert!(alert.chain.is_sorted_by_key(|edge| edge.at));
            prop_assert!(alert.chain.len() <= 64);
        }
    }

    #[test]
    fn all_state_is_released_after_all_processes_have_ended(actions in prop::collection::vec(action(), 0..120)) {
        let host = host_after(&actions);
        let (mut engine, mut alerts) = run(host.events(), &EngineSettings::default());
        let mut end = host.now();
        for event in host.events() {
            end = end.plus(seconds(1));
            feed(
                &mut engine,
                &Event {
                    time: end,
                    subject: event.subject.clone(),
                    body: EventBody::Exit(Exit { code: None, signal: Some(9), on_cpu: 0 }),
                },
                &mut alerts,
            );
        }
        // Park timeout, dead memory and quiet time all pass.
        for step in 1..=40_u64 {
            pass_time(&mut engine, BootTime(end.0).plus(seconds(step * 3_600)), &mut alerts);
        }
        let counters = engine.counters();
        prop_assert_eq!((counters.processes, counters.parked, counters.incidents), (0, 0, 0));
    }
}
