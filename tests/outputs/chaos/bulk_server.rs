//! A real server with the bulk API.

use std::{collections::BTreeMap, time::Duration};

use minerwatch_tests::{Scratch, receiver::Fault};
use serde_json::Value;

use super::{Plan, Receiver, check_alerts, run};
use crate::noida::{Noida, PORT};

/// Pattern of the data stream for alerts, and of that for events.
const ALERTS: &str = "logs-minerwatch.alerts-default";
const EVENTS: &str = "logs-minerwatch.events-default";

impl Receiver for Noida {
    fn wrapper(&self) -> Vec<String> {
        Noida::wrapper(self).to_vec()
    }

    fn section(&self, _: &Scratch) -> String {
        format!("[[sink.elasticsearch]]\nname = \"real\"\nurl = \"http://127.0.0.1:{PORT}\"\ntimeout_s = 3\n")
    }

    fn faults(&self) -> Vec<Fault> {
        vec![Fault::Killed, Fault::Slow, Fault::Away, Fault::Slow]
    }

    fn set_fault(&mut self, fault: Option<Fault>, _: &Scratch) {
        match fault {
            // Longer than the time limit of a request.
            Some(Fault::Slow) => self.freeze(Duration::from_secs(4)),
            Some(_) => self.stop(),
            None if self.runs() => {}
            None => self.resume(),
        }
    }

    fn taken(&self) -> u64 {
        count(self, ALERTS) + count(self, EVENTS)
    }

    fn failed(&self) -> Option<u64> {
        None
    }

    fn alerts(&self) -> BTreeMap<String, u64> {
        let answer = self.get(&format!("{ALERTS}/_search?size=10000"));
        let hits = answer["hits"]["hits"].as_array().into_iter().flatten();
        let mut alerts = BTreeMap::new();
        for hit in hits {
            assert_eq!(hit["_id"], hit["_source"]["event"]["id"]);
            *alerts.entry(hit["_id"].as_str().expect("an id").to_owned()).or_default() += 1;
        }
        alerts
    }

    fn summary(&self) -> String {
        format!("{} alerts and {} events", count(self, ALERTS), count(self, EVENTS))
    }
}

/// Number of documents. A server that is away has none.
fn count(server: &Noida, index: &str) -> u64 {
    let is_count = |answer: &Value| answer["count"].as_u64();
    is_count(&server.get(&format!("{index}/_count"))).unwrap_or(0)
}

#[test]
fn every_alert_arrives_once_in_a_real_bulk_server() {
    let test = "every_alert_arrives_once_in_a_real_bulk_server";
    let Some(mut server) = Noida::start(test) else { return };
    let plan = Plan::of_this_run();
    let seen = run(test, &mut server, plan);
    assert_eq!(check_alerts(&server, plan), 0, "an id arrives once");
    assert_eq!((seen.events_dropped, seen.dead_letters), (0, 0));
}
