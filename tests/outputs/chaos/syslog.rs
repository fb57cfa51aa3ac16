//! A real rsyslog over TCP.

use std::{collections::BTreeMap, fs, time::Duration};

use minerwatch_tests::{Scratch, receiver::Fault};
use serde_json::Value;

use super::{Plan, Receiver, check_alerts, run};
use crate::rsyslog::{Listener, Rsyslog};

impl Receiver for Rsyslog {
    fn section(&self, _: &Scratch) -> String {
        format!("[[sink.syslog]]\nname = \"soc\"\nto = \"tcp://127.0.0.1:{}\"\ntimeout_s = 3\n", self.port)
    }

    fn faults(&self) -> Vec<Fault> {
        vec![Fault::Killed, Fault::Slow, Fault::Killed, Fault::Away, Fault::Slow]
    }

    fn set_fault(&mut self, fault: Option<Fault>, _: &Scratch) {
        match fault {
            Some(Fault::Slow) => self.freeze(Duration::from_secs(1)),
            Some(_) => self.kill(),
            None if self.runs() => {}
            None => self.start(),
        }
    }

    fn taken(&self) -> u64 {
        fs::metadata(self.scratch.join("messages")).map_or(0, |file| file.len())
    }

    fn failed(&self) -> Option<u64> {
        None
    }

    fn alerts(&self) -> BTreeMap<String, u64> {
        let mut alerts = BTreeMap::new();
        for line in self.lines() {
            // A message that a kill cut in the middle is no JSON, and counts as not arrived.
            let Ok(object) = serde_json::from_str::<Value>(&line) else { continue };
            if object["event"]["kind"] == "alert" {
                *alerts.entry(object["event"]["id"].as_str().expect("an id").to_owned()).or_default() += 1;
            }
        }
        alerts
    }

    fn summary(&self) -> String {
        let alerts = self.alerts();
        let repeats = alerts.values().sum::<u64>() - alerts.len() as u64;
        format!("{} alerts, {repeats} of them again, {} lines", alerts.len(), self.lines().len())
    }
}

#[test]
fn every_alert_arrives_in_rsyslog() {
    let test = "every_alert_arrives_in_rsyslog";
    let Some(mut rsyslog) = Rsyslog::new(test, Listener::Tcp, "%msg%") else { return };
    rsyslog.start();
    let plan = Plan::of_this_run();
    let seen = run(test, &mut rsyslog, plan);
    check_alerts(&rsyslog, plan);
    assert_eq!((seen.events_dropped, seen.dead_letters), (0, 0));
}
