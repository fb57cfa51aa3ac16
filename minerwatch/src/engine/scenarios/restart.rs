//! The incidents go on after a restart: the same ids, no second opening, and an end for what ended meanwhile.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rustc_hash::FxHashSet;

use super::property::{action, host_after};
use crate::{
    engine::{Engine, EngineSettings},
    incident::IncidentState,
    model::{
        Alert, AlertAction, AlertReason, BootTime, Effect, Event, EventBody, IncidentId, Namespaces,
        ProcessKey, RunningProcess, Subject, Verdict,
    },
    testing::{Host, feed, pass_time, seconds},
};

const MONERO: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
/// No state in these tests is larger.
const LARGE: usize = 64 << 20;

fn encoded(engine: &Engine) -> Vec<u8> {
    let mut json = Vec::new();
    assert_eq!(engine.encode_incidents(LARGE, &mut json).left_out, 0);
    json
}

fn decoded(json: &[u8]) -> IncidentState {
    serde_json::from_slice(json).expect("what was encoded can be decoded")
}

/// What `/proc` shows of the processes that an engine knows and that still run.
fn snapshot(engine: &Engine, now: BootTime) -> Vec<Event> {
    let mut living: Vec<_> = engine.table.iter().filter(|process| process.is_alive()).collect();
    living.sort_by_key(|process| (process.key().start_ticks, process.key().pid));
    living
        .into_iter()
        .map(|process| {
            let view = &process.view;
            let running = RunningProcess {
                parent: process.parent,
                executable: view.executable.clone(),
                name: view.name.clone(),
                arguments: view.arguments.clone(),
                directory: view.directory.clone(),
                credentials: view.credentials.clone(),
                namespaces: Namespaces { network: process.network, ..Namespaces::default() },
                session: 0,
                kernel_thread: false,
            };
            Event {
                time: now,
                subject: Subject::of(view),
                body: EventBody::RunningProcess(Box::new(running)),
            }
        })
        .collect()
}

/// Starts another engine with the stored incidents on a host that shows `running`.
fn start(
    settings: &EngineSettings,
    json: &[u8],
    running: &[Event],
    now: BootTime,
    alerts: &mut Vec<Alert>,
) -> Engine {
    let mut engine = Engine::new(settings.clone());
    let living: FxHashSet<ProcessKey> = running.iter().map(|event| event.subject.key).collect();
    let mut effects = Vec::new();
    engine.restore_incidents(decoded(json), |key| living.contains(&key), now, &mut effects);
    for event in running {
        feed(&mut engine, event, alerts);
    }
    engine.reconcile_incidents(now, &mut effects);
    alerts.extend(effects.into_iter().filter_map(|effect| match effect {
        Effect::Alert(alert) => Some(*alert),
        Effect::Observed(_) | Effect::Request(_) | Effect::Confirmed(_) => None,
    }));
    engine
}

fn run(host: &Host) -> (Engine, Vec<Alert>) {
    let mut engine = Engine::new(EngineSettings::default());
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
    }
    (engine, alerts)
}

/// Like [`run`], for long enough that all news are told.
fn run_on(host: &Host) -> (Engine, Vec<Alert>) {
    let (mut engine, mut alerts) = run(host);
    pass_time(&mut engine, host.now().plus(seconds(5)), &mut alerts);
    (engine, alerts)
}

fn told(alerts: &[Alert]) -> Vec<(IncidentId, AlertAction, AlertReason)> {
    alerts.iter().map(|alert| (alert.incident, alert.action, alert.reason)).collect()
}

/// A host with a login shell that starts a miner.
fn mining() -> (Host, ProcessKey, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
    let login = host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
    let miner = mine(&mut host, login);
    (host, login, miner)
}

fn mine(host: &mut Host, login: ProcessKey) -> ProcessKey {
    let words = ["helper", "-o", "pool.example:443", "-u", MONERO, "--tls"];
    let miner = host.spawn(login, "/usr/local/bin/helper", &words);
    host.connect(miner, "10.0.0.5:443");
    miner
}

#[test]
fn an_incident_goes_on_and_says_so_once() {
    let (host, ..) = mining();
    // The connection is news that no alert has told yet.
    let (before, alerts) = run(&host);
    assert_eq!(alerts.first().map(|alert| alert.action), Some(AlertAction::IncidentOpened));
    let number = alerts.last().unwrap().number;
    let id = alerts[0].incident;
    let now = host.now().plus(seconds(100));
    let mut later = Vec::new();
    let mut engine =
        start(&EngineSettings::default(), &encoded(&before), &snapshot(&before, now), now, &mut later);
    assert_eq!(told(&later), [(id, AlertAction::IncidentUpdated, AlertReason::Resumed)]);
    assert_eq!(later[0].number, number + 1);
    assert!(later[0].suspects[0].alive);
    assert_eq!(engine.counters().incidents_restored, 1);
    for step in 1..200 {
        pass_time(&mut engine, now.plus(seconds(step)), &mut later);
    }
    assert_eq!(later.len(), 1, "{:?}", told(&later));
}

#[test]
fn a_miner_that_ended_meanwhile_is_not_alive_and_its_incident_is_closed() {
    let (mut host, _, miner) = mining();
    let (before, alerts) = run_on(&host);
    let json = encoded(&before);
    host.wait(seconds(100));
    host.exit(miner);
    let (after, _) = run(&host);
    let mut later = Vec::new();
    let running = snapshot(&after, host.now());
    let mut engine = start(&EngineSettings::default(), &json, &running, host.now(), &mut later);
    assert!(later.is_empty(), "{:?}", told(&later));
    let (state, verdict) = &engine.incidents(None)[0];
    assert_eq!((state.incident, *verdict), (alerts[0].incident, Some(Verdict::Mining)));
    assert!(!state.suspects[0].alive);
    // The login shell is a stranger to the incident: only the miner was a member of its tree.
    pass_time(&mut engine, host.now().plus(seconds(3_700)), &mut later);
    assert_eq!(told(&later), [(alerts[0].incident, AlertAction::IncidentClosed, AlertReason::Ended)]);

    // A daemon that was away for longer than the quiet time closes it at once.
    let mut later = Vec::new();
    let now = host.now().plus(seconds(8_000));
    let engine = start(&EngineSettings::default(), &json, &snapshot(&after, now), now, &mut later);
    assert_eq!(told(&later), [(alerts[0].incident, AlertAction::IncidentClosed, AlertReason::Ended)]);
    assert_eq!(engine.counters().incidents, 0);
}

#[test]
fn a_miner_that_came_back_meanwhile_is_the_same_suspect() {
    let (mut host, login, miner) = mining();
    let (before, alerts) = run(&host);
    let json = encoded(&before);
    host.exit(miner);
    host.wait(seconds(100));
    mine(&mut host, login);
    let (after, _) = run(&host);
    let mut later = Vec::new();
    let running = snapshot(&after, host.now());
    start(&EngineSettings::default(), &json, &running, host.now(), &mut later);
    assert_eq!(told(&later), [(alerts[0].incident, AlertAction::IncidentUpdated, AlertReason::Returned)]);
    assert_eq!((later[0].suspects.len(), later[0].suspects[0].returns), (1, 1));
}

#[test]
fn incidents_of_another_boot_are_closed() {
    let (host, ..) = mining();
    let (before, alerts) = run(&host);
    let mut engine = Engine::new(EngineSettings::default());
    let mut effects = Vec::new();
    let now = host.now().plus(seconds(10));
    engine.end_incidents(decoded(&encoded(&before)), now, BootTime(1), &mut effects);
    let [Effect::Alert(alert)] = effects.as_slice() else { panic!("{effects:?}") };
    assert_eq!(
        (alert.incident, alert.action, alert.reason, alert.time),
        (alerts[0].incident, AlertAction::IncidentClosed, AlertReason::Ended, now)
    );
    assert!(!alert.suspects[0].alive);
    assert_eq!(engine.counters().incidents, 0);
}

fn forty_users() -> Host {
    let mut host = Host::with_droppers(40);
    let init = host.events().first().expect("init starts first").subject.key;
    mine(&mut host, init);
    host
}

#[test]
fn what_does_not_fit_is_the_least_important() {
    let (engine, _) = run(&forty_users());
    let mut json = b"in front".to_vec();
    let all = engine.encode_incidents(LARGE, &mut json);
    assert_eq!((all.stored, all.left_out), (41, 0));
    let limit = json.len() / 2;
    json.clear();
    let half = engine.encode_incidents(limit, &mut json);
    assert!(half.stored > 10 && half.left_out > 10 && half.stored + half.left_out == 41, "{half:?}");
    assert!(json.len() <= limit + 4);
    let mut other = Engine::new(EngineSettings::default());
    other.restore_incidents(decoded(&json), |_| true, BootTime(0), &mut Vec::new());
    assert!(other.incidents(None).iter().any(|(_, verdict)| *verdict == Some(Verdict::Mining)));
    json.clear();
    assert_eq!(engine.encode_incidents(10, &mut json).left_out, 41);
    assert!(decoded(&json).is_empty(), "even then it is JSON");
}

#[test]
fn incidents_beyond_a_smaller_limit_are_closed() {
    let host = forty_users();
    let (engine, _) = run(&host);
    let json = encoded(&engine);
    let settings = EngineSettings { max_incidents: 8, ..EngineSettings::default() };
    let mut alerts = Vec::new();
    let running = snapshot(&engine, host.now());
    let mut effects = Vec::new();
    let mut engine = Engine::new(settings.clone());
    engine.restore_incidents(decoded(&json), |_| true, host.now(), &mut effects);
    let closed = |effect: &Effect| {
        matches!(effect, Effect::Alert(alert)
            if alert.action == AlertAction::IncidentClosed && alert.reason == AlertReason::Evicted)
    };
    assert!(effects.len() == 33 && effects.iter().all(closed));
    let engine = start(&settings, &json, &running, host.now(), &mut alerts);
    assert!(engine.counters().incidents <= 8);
    assert!(engine.incidents(None).iter().any(|(_, verdict)| *verdict == Some(Verdict::Mining)));
}

/// Returns the states that survive.
fn states(engine: &Engine) -> BTreeMap<IncidentId, Alert> {
    let states = engine.incidents(None).into_iter().filter(|(_, verdict)| verdict.is_some());
    states.map(|(alert, _)| (alert.incident, alert)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn a_round_trip_through_json_changes_nothing(actions in prop::collection::vec(action(), 0..120)) {
        let host = host_after(&actions);
        let (mut engine, _) = run(&host);
        let before = states(&engine);
        let json = encoded(&engine);
        let limits = crate::incident::IncidentLimits::default();
        engine.incidents = crate::incident::Incidents::new(limits);
        let now = engine.now;
        engine.restore_incidents(decoded(&json), |_| true, now, &mut Vec::new());
        prop_assert_eq!(&states(&engine), &before);
        prop_assert_eq!(decoded(&encoded(&engine)).len(), before.len());
    }

    #[test]
    fn restarts_at_any_time_open_no_incident_twice(
        actions in prop::collection::vec(action(), 0..120),
        stops in prop::collection::btree_set(0..400_usize, 1..6),
    ) {
        let host = host_after(&actions);
        let settings = EngineSettings::default();
        let mut engine = Engine::new(settings.clone());
        let mut alerts = Vec::new();
        for (number, event) in host.events().iter().enumerate() {
            feed(&mut engine, event, &mut alerts);
            if stops.contains(&number) {
                let known = states(&engine);
                let before = alerts.len();
                let running = snapshot(&engine, event.time);
                engine = start(&settings, &encoded(&engine), &running, event.time, &mut alerts);
                for alert in &alerts[before..] {
                    prop_assert!(
                        alert.action != AlertAction::IncidentOpened
                            || !known.values().any(|state| state.suspects.iter().any(|suspect| {
                                suspect.alive && suspect.process.key == alert.suspect.key
                            })),
                        "a suspect was opened again"
                    );
                }
            }
        }
        let mut last: BTreeMap<IncidentId, (u64, AlertAction)> = BTreeMap::new();
        for alert in alerts.iter().filter(|alert| alert.action != AlertAction::AlertStorm) {
            let before = last.insert(alert.incident, (alert.number, alert.action));
            prop_assert_eq!(alert.number, before.map_or(0, |(number, _)| number) + 1);
            if alert.action == AlertAction::IncidentOpened {
                // A closed incident that is watched opens again when something of it returns.
                let again = matches!(before, Some((_, AlertAction::IncidentClosed)));
                let expected = before.is_none() || (again && alert.reason == AlertReason::Returned);
                prop_assert!(expected, "opened twice: {:?}", told(&alerts));
            }
        }
    }
}

/// With `--nocapture`, also prints how long the state takes to encode, to write and to read.
#[test]
fn the_state_of_a_thousand_incidents_fits() {
    let host = Host::with_droppers(1_000);
    let (engine, _) = run(&host);
    let mut json = Vec::new();
    for _ in 0..2 {
        json.clear();
        let start = std::time::Instant::now();
        let encoded = engine.encode_incidents(16 << 20, &mut json);
        let encoding = start.elapsed();
        let directory = tempfile::tempdir().unwrap();
        let start = std::time::Instant::now();
        std::fs::write(directory.path().join("x"), &json).unwrap();
        let writing = start.elapsed();
        let start = std::time::Instant::now();
        let count = decoded(&json).len();
        println!(
            "{} incidents ({} left out), {} bytes: encoded in {encoding:?}, written in {writing:?}, {count} read in {:?}",
            encoded.stored,
            encoded.left_out,
            json.len(),
            start.elapsed()
        );
        assert_eq!((encoded.stored, encoded.left_out, count), (1_000, 0, 1_000));
        assert!(json.len() < 16 << 20);
    }
}
