//! Suspects with the verdict `mining` reach the response at once, independent of the budgets of alerts.

use std::sync::Arc;

use crate::{
    engine::{Engine, EngineSettings},
    except::{Exception, ExceptionSet},
    model::{Alert, Effect, ProcessKey, Verdict, WallClock, Wanted},
    testing::{Host, seconds},
};

/// A host, and the engine whose effects are for a response.
struct Response {
    host: Host,
    engine: Engine,
    cron: ProcessKey,
    fed: usize,
    alerts: usize,
}

impl Response {
    fn new() -> Self {
        let mut host = Host::new();
        let init = host.boot("/usr/lib/systemd/systemd", &["systemd"]);
        let cron = host.spawn(init, "/usr/sbin/cron", &["cron", "-f"]);
        let engine =
            Engine::new(EngineSettings { processors: 2, confirms: true, ..EngineSettings::default() });
        Self { host, engine, cron, fed: 0, alerts: 0 }
    }

    /// Passes the new events to the engine. Returns the pids of each confirmation.
    fn confirmed(&mut self) -> Vec<Vec<u32>> {
        let mut effects = Vec::new();
        for event in &self.host.events()[self.fed..] {
            self.engine.ingest(event, Wanted::No, &mut effects);
        }
        self.fed = self.host.events().len();
        self.take(effects)
    }

    /// Lets time pass without an event.
    fn later(&mut self, milliseconds: u64) -> Vec<Vec<u32>> {
        self.host.wait(std::time::Duration::from_millis(milliseconds));
        let mut effects = Vec::new();
        self.engine.tick(self.host.now(), &mut effects);
        self.take(effects)
    }

    fn take(&mut self, effects: Vec<Effect>) -> Vec<Vec<u32>> {
        let mut confirmed = Vec::new();
        for effect in effects {
            match effect {
                Effect::Confirmed(alert) => confirmed.push(pids(&alert)),
                Effect::Alert(_) => self.alerts += 1,
                Effect::Observed(_) | Effect::Request(_) => {}
            }
        }
        confirmed
    }

    fn start(&mut self, program: &str) -> ProcessKey {
        let shell = self.host.spawn(self.cron, "/usr/bin/dash", &["sh", "-c", "x"]);
        self.host.spawn(shell, program, &[program])
    }

    fn mine(&mut self, program: &str) -> ProcessKey {
        let miner = self.start(program);
        self.host.connect(miner, "203.0.113.5:443");
        let login = r#"{"id":1,"jsonrpc":"2.0","method":"login","params":{"login":"48edfHu7V9Z84YzzMa6fUueoELZ9ZRXq9VetWzYGzKt52XU5xvqgzYnDK9URnRoJMk1j8nLwEVsaSWJ4fhdUyZijBGUicoD","pass":"x","agent":"XMRig/6.21"}}"#;
        self.host.send(miner, "203.0.113.5:443", format!("{login}\n"));
        miner
    }
}

fn pids(alert: &Alert) -> Vec<u32> {
    assert!(alert.suspects.iter().all(|suspect| suspect.verdict == Some(Verdict::Mining)));
    alert.suspects.iter().map(|suspect| suspect.process.key.pid).collect()
}

#[test]
fn each_process_of_a_miner_is_confirmed_once() {
    let mut response = Response::new();
    let first = response.mine("/var/tmp/.x/helper");
    assert_eq!(response.confirmed(), [[first.pid]]);
    assert_eq!(response.alerts, 1);
    assert_eq!(response.later(60_000), Vec::<Vec<u32>>::new());

    // A second copy beside the first, which may be frozen, is no reason for an alert.
    let second = response.start("/var/tmp/.x/helper");
    assert_eq!(response.confirmed(), [[second.pid]]);
    let other = response.start("/usr/bin/sleep");
    response.host.connect(other, "203.0.113.9:443");
    assert_eq!(response.confirmed(), Vec::<Vec<u32>>::new(), "another program is not");
}

#[test]
fn a_miner_that_comes_back_all_the_time_is_confirmed_each_time() {
    let mut response = Response::new();
    let mut miner = response.mine("/var/tmp/.x/helper");
    response.confirmed();
    for _ in 0..100 {
        response.host.exit(miner);
        response.later(60_000);
        miner = response.start("/var/tmp/.x/helper");
        assert_eq!(response.confirmed(), [[miner.pid]]);
    }
    assert!(response.alerts < 60, "alerts have a pause: {}", response.alerts);
}

#[test]
fn starts_in_a_loop_are_confirmed_together() {
    let mut response = Response::new();
    response.mine("/var/tmp/.x/helper");
    response.confirmed();
    let begin = response.host.now();
    let mut confirmations = 0;
    for _ in 0..500 {
        response.start("/var/tmp/.x/helper");
        confirmations += response.confirmed().len() + response.later(2).len();
    }
    let tenths = usize::try_from(response.host.now().since(begin).as_millis() / 100).expect("a number");
    assert!(
        (tenths / 2..=tenths + 1).contains(&confirmations),
        "{confirmations} in {tenths} tenths of a second"
    );
    let last = response.start("/var/tmp/.x/helper");
    let mut confirmed = response.confirmed();
    confirmed.extend(response.later(100));
    assert_eq!(confirmed.last(), Some(&vec![last.pid]), "the last one follows");
    assert_eq!(response.later(100), Vec::<Vec<u32>>::new());
}

#[test]
fn more_miners_than_an_alert_lists_are_all_confirmed() {
    let mut response = Response::new();
    let mut miners: Vec<u32> =
        (0..50).map(|number| response.mine(&format!("/var/tmp/.x/helper{number}")).pid).collect();
    let mut confirmed: Vec<u32> = response.confirmed().concat();
    for _ in 0..50 {
        confirmed.extend(response.later(100).concat());
    }
    confirmed.sort_unstable();
    miners.sort_unstable();
    assert_eq!(confirmed, miners);
}

#[test]
fn what_an_exception_hides_and_what_is_only_suspected_is_not_confirmed() {
    let mut response = Response::new();
    let exceptions = ["id = 'own'", "id = 'own-wire'\nsignal = ['N1']"].map(|text| -> Exception {
        toml::from_str(&format!("{text}\nreason = 'test'\npath = '/opt/ours/helper'")).expect("an exception")
    });
    response.engine.set_exceptions(Arc::new(ExceptionSet::new(exceptions.into())), WallClock { boot: 0 });
    response.mine("/opt/ours/helper");
    assert_eq!(response.confirmed(), Vec::<Vec<u32>>::new());
    let shell = response.host.spawn(response.cron, "/usr/bin/dash", &["sh", "-c", "x"]);
    response.host.create(shell, "/etc/cron.d/x", 0o644);
    response.host.create(shell, "/etc/ld.so.preload", 0o644);
    assert_eq!(response.confirmed(), Vec::<Vec<u32>>::new());
    response.host.wait(seconds(5));
    assert_eq!(response.later(1_000), Vec::<Vec<u32>>::new());
    let theirs = response.mine("/var/tmp/.x/helper");
    assert_eq!(response.confirmed(), [[theirs.pid]]);
}
