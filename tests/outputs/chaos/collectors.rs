//! Doubles of servers that take documents over HTTP without looking at their ids.

use std::{collections::BTreeMap, fs};

use minerwatch_tests::{
    Scratch,
    receiver::{Collector, Dialect, Fault, Server},
};

use super::{Plan, Receiver, check_alerts, run};

/// A double and the section of its output.
struct Double {
    server: Server<Collector>,
    kind: &'static str,
    keys: &'static str,
}

impl Receiver for Double {
    fn section(&self, scratch: &Scratch) -> String {
        let token = scratch.join("token");
        fs::write(&token, "secret\n").expect("a file can be written");
        let Self { server, kind, keys } = self;
        let url = server.url();
        format!(
            "[[sink.{kind}]]\nname = \"double\"\nurl = \"{url}\"\ntoken_file = \"{token}\"\ntimeout_s = 5\n{keys}"
        )
    }

    fn faults(&self) -> Vec<Fault> {
        use Fault::{Away, BreaksOff, Busy, Denied, Forgets, Killed, Partly, Slow, TooLarge};
        vec![Killed, Slow, Busy, Denied, Partly, BreaksOff, Away, Forgets, TooLarge]
    }

    fn set_fault(&mut self, fault: Option<Fault>, _: &Scratch) {
        self.server.set_fault(fault);
    }

    fn taken(&self) -> u64 {
        self.server.answered()
    }

    fn failed(&self) -> Option<u64> {
        Some(self.server.failed())
    }

    fn alerts(&self) -> BTreeMap<String, u64> {
        self.server.look(|collector| collector.alerts().clone())
    }

    fn summary(&self) -> String {
        self.server.look(|collector| {
            let again = |all: &BTreeMap<String, u64>| all.values().map(|times| times - 1).sum::<u64>();
            let (alerts, events) = (collector.alerts(), collector.events());
            format!(
                "{} alerts and {} events, again: {} and {}",
                alerts.len(),
                events.len(),
                again(alerts),
                again(events)
            )
        })
    }
}

fn every_alert_arrives(test: &str, kind: &'static str, dialect: Dialect, keys: &'static str) {
    let mut double = Double { server: Server::start(Collector::new(dialect)), kind, keys };
    let plan = Plan::of_this_run();
    let seen = run(test, &mut double, plan);
    double.server.look(|collector| assert!(collector.errors().is_empty(), "{:?}", collector.errors()));
    check_alerts(&double, plan);
    assert_eq!(seen.events_dropped, 0);
    assert!(seen.dead_letters > 0, "{seen:?}");
}

#[test]
fn every_alert_arrives_at_a_webhook() {
    every_alert_arrives("every_alert_arrives_at_a_webhook", "webhook", Dialect::Lines, "body = \"lines\"\n");
}

#[test]
fn every_alert_arrives_in_splunk() {
    every_alert_arrives("every_alert_arrives_in_splunk", "splunk", Dialect::Splunk, "");
}

#[test]
fn every_alert_arrives_in_loki() {
    every_alert_arrives("every_alert_arrives_in_loki", "loki", Dialect::Loki, "");
}
