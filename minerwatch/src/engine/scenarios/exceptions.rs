//! What exceptions hide, and what they do not.

use std::sync::Arc;

use crate::{
    engine::{Engine, EngineSettings},
    except::{Exception, ExceptionSet},
    model::{
        Alert, BootTime, ControlRegister, EventBody, HashedFile, ProcessKey, Rounding, RoundingCounts,
        Verdict, WallClock,
    },
    testing::{Host, feed, pass_time, seconds},
};

/// 2026-11-28T00:00:00Z, when the host booted.
const BOOT: WallClock = WallClock { boot: 1_795_824_000_000_000_000 };
const HASH: &str = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

/// Returns exceptions, the first with the id `e0`.
fn set(texts: &[&str]) -> Arc<ExceptionSet> {
    let one = |(index, text): (usize, &&str)| -> Exception {
        let text = format!("id = 'e{index}'\nreason = 'test'\n{text}");
        toml::from_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"))
    };
    Arc::new(ExceptionSet::new(texts.iter().enumerate().map(one).collect()))
}

fn engine(texts: &[&str]) -> Engine {
    let settings =
        EngineSettings { processors: 2, min_verdict: Verdict::Suspected, ..EngineSettings::default() };
    let mut engine = Engine::new(settings);
    engine.set_exceptions(set(texts), BOOT);
    engine
}

/// Runs an engine with exceptions over a host, up to ten seconds after the last event.
fn run(engine: &mut Engine, host: &Host) -> Vec<Alert> {
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(engine, event, &mut alerts);
    }
    for second in 1..=10 {
        pass_time(engine, host.now().plus(seconds(second)), &mut alerts);
    }
    alerts
}

fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    (host, init)
}

/// Starts a program of user 33 that shows the arithmetic of RandomX, which is conclusive.
fn miner(host: &mut Host, parent: ProcessKey, path: &str) -> ProcessKey {
    let miner = host.fork(parent);
    host.become_user(miner, 33);
    host.exec(miner, parent, path, path, &[path]);
    let plain = RoundingCounts::default();
    for (pause, samples) in [(0, 1), (1, 500)] {
        host.wait(seconds(pause));
        let flushing = RoundingCounts { nearest: samples, down: samples, up: samples, zero: samples };
        host.sample_rounding(miner, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
    }
    miner
}

/// Starts a suspected program of user 33: it hides behind the name of a kernel thread, and burns.
fn suspect(host: &mut Host, parent: ProcessKey, path: &str) -> ProcessKey {
    let suspect = host.fork(parent);
    host.become_user(suspect, 33);
    host.create(suspect, path, 0o755);
    host.exec(suspect, parent, path, path, &["xmrig", "-o", "pool.example:3333", "--donate-level", "1"]);
    host.connect(suspect, "192.0.2.7:3333");
    host.burn(suspect, 1.9, 400);
    suspect
}

fn hidden(engine: &Engine) -> (u64, Vec<(String, u64)>) {
    let hidden = engine.hidden_alerts();
    (hidden.all, hidden.by_exception.clone().into_iter().collect())
}

fn counts(all: u64, by: &[(&str, u64)]) -> (u64, Vec<(String, u64)>) {
    (all, by.iter().map(|(id, count)| ((*id).to_owned(), *count)).collect())
}

/// Returns the path of the program that each alert is about.
fn subjects(alerts: &[Alert]) -> Vec<&str> {
    alerts.iter().map(|alert| &*alert.suspect.executable.path).collect()
}

#[test]
fn a_conclusive_signal_is_alerted_unless_it_is_named() {
    let (mut host, init) = host();
    miner(&mut host, init, "/opt/ml/train");
    let without = run(&mut engine(&[]), &host);
    assert_eq!(without.first().map(|alert| alert.verdict), Some(Verdict::Mining));
    let path = "path = '/opt/ml/train'\nuser = '33'";
    let mut whole = engine(&[path]);
    let alerts = run(&mut whole, &host);
    assert_eq!(alerts.first().map(|alert| alert.verdict), Some(Verdict::Mining), "not named");
    assert_eq!(hidden(&whole), counts(0, &[]));

    let mut named = engine(&[path, &format!("{path}\nsignal = ['C1']")]);
    assert_eq!(run(&mut named, &host), []);
    assert_eq!(hidden(&named), counts(1, &[("e0", 1), ("e1", 1)]));
    let mut alone = engine(&[&format!("{path}\nsignal = ['C1']")]);
    assert_eq!(run(&mut alone, &host), []);
    let mut other = engine(&[path, &format!("{path}\nsignal = ['N1']")]);
    assert_eq!(run(&mut other, &host).len(), without.len());
}

#[test]
fn a_suspect_that_matches_all_keys_is_hidden() {
    let (mut host, init) = host();
    suspect(&mut host, init, "/opt/ml/train");
    let without = run(&mut engine(&[]), &host);
    assert!(!without.is_empty());
    for (text, is_hidden) in [
        ("path = '/opt/*/train'\nuser = '33'", true),
        ("path = '/opt/*/train'\nuser = 'www-data'", true),
        ("path = '/opt/*/train'\nuser = 'root'", false),
        ("path = '/opt/train'\nuser = '33'", false),
        ("user = '33'\nexpires = '2027-01-01'", true),
        ("user = '33'\nexpires = '2026-11-28'", false),
        ("user = '33'\nunit = 'train.service'", false),
    ] {
        let mut engine = engine(&[text]);
        assert_eq!(run(&mut engine, &host).is_empty(), is_hidden, "{text}");
        assert_eq!(hidden(&engine).0 > 0, is_hidden, "{text}");
    }
}

#[test]
fn the_state_says_who_hides_what() {
    let (mut host, init) = host();
    suspect(&mut host, init, "/opt/ml/train");
    let mut engine = engine(&["user = '33'"]);
    assert_eq!(run(&mut engine, &host), []);
    let states = engine.incidents(None);
    let [(state, verdict)] = states.as_slice() else { panic!("one incident: {}", states.len()) };
    assert!(*verdict >= Some(Verdict::Suspected) && state.excepted.incident);
    let [own] = state.excepted.suspects.as_slice() else { panic!("one suspect") };
    assert!(own.hidden);
    assert_eq!(own.exceptions, [Arc::from("e0")]);
}

#[test]
fn another_suspect_of_the_incident_is_alerted() {
    let (mut host, init) = host();
    let script = host.spawn_script(init, "/usr/bin/dash", "/root/install.sh");
    suspect(&mut host, script, "/opt/ml/train");
    miner(&mut host, script, "/tmp/other");
    let both = run(&mut engine(&[]), &host);
    assert!(subjects(&both).contains(&"/opt/ml/train"), "{:?}", subjects(&both));
    let mut engine = engine(&["path = '/opt/ml/train'\nuser = '33'"]);
    let alerts = run(&mut engine, &host);
    assert!(!alerts.is_empty() && subjects(&alerts).iter().all(|path| *path == "/tmp/other"));
    for alert in &alerts {
        let listed = alert.suspects.iter().map(|suspect| &*suspect.process.executable.path);
        assert_eq!(listed.collect::<Vec<_>>(), ["/tmp/other"]);
        assert!(alert.excepted.suspects.iter().all(|own| own.hidden && &*own.name == "train"));
        assert!(!alert.excepted.incident);
    }
    assert!(hidden(&engine).0 >= 1);
}

#[test]
fn another_user_of_the_program_is_not_hidden() {
    let (mut host, init) = host();
    suspect(&mut host, init, "/opt/ml/train");
    let other = host.fork(init);
    host.become_user(other, 1_000);
    host.exec(other, init, "/opt/ml/train", "/opt/ml/train", &["xmrig", "-o", "pool.example:3333"]);
    host.burn(other, 0.9, 400);
    let alerts = run(&mut engine(&["path = '/opt/ml/train'\nuser = '33'"]), &host);
    assert!(!alerts.is_empty());
}

#[test]
fn what_was_hidden_is_alerted_when_the_exception_is_gone() {
    let (mut host, init) = host();
    suspect(&mut host, init, "/opt/ml/train");
    let mut own = engine(&["user = '33'"]);
    assert_eq!(run(&mut own, &host), []);
    own.set_exceptions(set(&[]), BOOT);
    let mut alerts = Vec::new();
    pass_time(&mut own, host.now().plus(seconds(11)), &mut alerts);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].number, 1);

    let mut expiring = engine(&["user = '33'\nexpires = '2026-11-28T02:00:00Z'"]);
    assert_eq!(run(&mut expiring, &host), []);
    pass_time(&mut expiring, BootTime(7_199_000_000_000), &mut alerts);
    assert_eq!(alerts.len(), 1);
    pass_time(&mut expiring, BootTime(7_200_000_000_000), &mut alerts);
    assert_eq!(alerts.len(), 2, "it expired two hours after the boot");
}

#[test]
fn only_something_new_counts_again() {
    let (mut host, init) = host();
    let program = suspect(&mut host, init, "/opt/ml/train");
    let mut own = engine(&["user = '33'"]);
    run(&mut own, &host);
    let (before, _) = hidden(&own);
    for _ in 0..20 {
        host.connect(program, "192.0.2.7:3333");
        host.burn(program, 1.9, 10);
    }
    let mut again = engine(&["user = '33'"]);
    run(&mut again, &host);
    assert_eq!(hidden(&again).0, before);
}

#[test]
fn an_alert_waits_for_the_hash_that_an_exception_names() {
    let hash = format!("sha256 = '{HASH}'");
    let (mut host, init) = host();
    let program = suspect(&mut host, init, "/opt/ml/train");
    let file = host.events().iter().rev().find_map(|event| match &event.body {
        EventBody::Exec(exec) => exec.executable.file,
        _ => None,
    });
    let mut never = engine(&[&hash]);
    assert!(!run(&mut never, &host).is_empty(), "without a hash the alert comes in the end");
    let hashed = HashedFile { file: file.expect("its file"), sha256: HASH.into() };
    host.happen(program, EventBody::HashedFile(hashed));
    let mut known = engine(&[&hash]);
    let alerts = run(&mut known, &host);
    let mut other = engine(&[&format!("sha256 = '{}'", "0".repeat(64))]);
    assert!(run(&mut other, &host).len() >= alerts.len());
    assert!(known.incidents(None)[0].0.excepted.incident, "from now on it is hidden");
}

#[test]
fn a_peer_must_be_the_only_one() {
    let (mut host, init) = host();
    let program = suspect(&mut host, init, "/opt/ml/train");
    let login = "{\"id\":1,\"jsonrpc\":\"2.0\",\"method\":\"login\",\"params\":{\"login\":\"x\",\"pass\":\"x\",\
                 \"agent\":\"XMRig/6.21.0\"}}\n";
    host.send(program, "192.0.2.7:3333", login);
    let named = "user = '33'\nsignal = ['N1', 'N2']\npeer = ['192.0.2.0/24:3333']";
    let whole = "user = '33'\npeer = ['192.0.2.0/24']";
    let without = run(&mut engine(&[]), &host);
    assert_eq!(without.last().map(|alert| alert.verdict), Some(Verdict::Mining));
    let mut own = engine(&[whole, named]);
    run(&mut own, &host);
    let state = &own.incidents(None)[0].0;
    assert!(state.excepted.incident, "{:?}", state.suspects[0].peers);
    host.send(program, "198.51.100.1:3333", login);
    let alerts = run(&mut engine(&[whole, named]), &host);
    assert_eq!(alerts.last().map(|alert| alert.verdict), Some(Verdict::Mining), "another peer");
}
