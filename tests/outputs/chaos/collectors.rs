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
    /// Whether the output sends no events.
    only_alerts: bool,
}

impl Receiver for Double {
    fn section(&self, scratch: &Scratch) -> String {
        let token = scratch.join("token");
        fs::write(&token, "secret\n").expect("a file can be written");
        let Self { server, kind, keys, .. } = self;
        let url = server.url();
        let keys = keys.replace("TOKEN", &format!("\"{token}\""));
        // The URL of Slack is a secret, so it is in a file.
        let url = if *kind == "slack" {
            fs::write(&token, format!("{url}/services/x\n")).expect("a file can be written");
            format!("url_file = \"{token}\"")
        } else {
            format!("url = \"{url}\"")
        };
        format!("[[sink.{kind}]]\nname = \"double\"\n{url}\ntimeout_s = 5\n{keys}")
    }

    fn faults(&self) -> Vec<Fault> {
        use Fault::{Away, BreaksOff, Busy, Denied, Forgets, Killed, Partly, Slow, TooLarge};
        let mut faults = vec![Killed, Slow, Busy, Denied, Partly, BreaksOff, Away, Forgets];
        // Requests with only a few alerts are never too large.
        faults.extend((!self.only_alerts).then_some(TooLarge));
        faults
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

/// Sends alerts and events, some of which the server refuses for ever.
fn every_alert_arrives(test: &str, kind: &'static str, dialect: Dialect, keys: &'static str) {
    let server = Server::start(Collector::new(dialect));
    let mut double = Double { server, kind, keys, only_alerts: false };
    let plan = Plan::of_this_run();
    let seen = run(test, &mut double, plan);
    double.server.look(|collector| assert!(collector.errors().is_empty(), "{:?}", collector.errors()));
    check_alerts(&double, plan);
    assert_eq!(seen.events_dropped, 0);
    assert!(seen.dead_letters > 0, "{seen:?}");
}

/// Sends alerts to a server that notifies people.
fn every_notice_arrives(test: &str, kind: &'static str, dialect: Dialect, keys: &'static str) {
    let server = Server::start(Collector::new(dialect));
    let mut double = Double { server, kind, keys, only_alerts: true };
    let mut plan = Plan::of_this_run();
    plan.load.events = 0;
    let seen = run(test, &mut double, plan);
    double.server.look(|collector| assert!(collector.errors().is_empty(), "{:?}", collector.errors()));
    check_alerts(&double, plan);
    assert_eq!(seen.dead_letters, 0, "{seen:?}");
}

#[test]
fn every_alert_arrives_at_a_webhook() {
    let keys = "token_file = TOKEN\nbody = \"lines\"\n";
    every_alert_arrives("every_alert_arrives_at_a_webhook", "webhook", Dialect::Lines, keys);
}

#[test]
fn every_alert_arrives_in_splunk() {
    every_alert_arrives("every_alert_arrives_in_splunk", "splunk", Dialect::Splunk, "token_file = TOKEN\n");
}

#[test]
fn every_alert_arrives_in_loki() {
    every_alert_arrives("every_alert_arrives_in_loki", "loki", Dialect::Loki, "token_file = TOKEN\n");
}

#[test]
fn every_alert_arrives_at_a_collector_of_opentelemetry() {
    let test = "every_alert_arrives_at_a_collector_of_opentelemetry";
    every_alert_arrives(test, "otlp", Dialect::Otlp, "token_file = TOKEN\n");
}

#[test]
fn every_alert_arrives_in_slack() {
    every_notice_arrives("every_alert_arrives_in_slack", "slack", Dialect::Slack, "max_per_minute = 600\n");
}

#[test]
fn every_alert_arrives_at_pagerduty() {
    let keys = "routing_key_file = TOKEN\nmax_per_minute = 600\n";
    every_notice_arrives("every_alert_arrives_at_pagerduty", "pagerduty", Dialect::PagerDuty, keys);
}

#[test]
fn every_alert_arrives_at_an_alertmanager() {
    let test = "every_alert_arrives_at_an_alertmanager";
    every_notice_arrives(test, "alertmanager", Dialect::Alertmanager, "token_file = TOKEN\n");
}
