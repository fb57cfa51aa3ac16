use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::*;
use crate::output::{
    Class,
    http::testing::{Answer, Load, Received, Server, deliver_through_faults, documents, open, settings},
};

type Alerts = Arc<Mutex<BTreeMap<String, Value>>>;

/// A server that keeps alerts by their labels, as an Alertmanager does.
fn server() -> (Server, Alerts) {
    let alerts = Alerts::default();
    let kept = Arc::clone(&alerts);
    let server = Server::start(move |request: &Received| {
        assert_eq!(request.path, "/api/v2/alerts");
        // A real one cannot read a compressed body.
        assert_eq!(request.header("content-encoding"), None);
        let body: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
        for alert in body {
            let time = |name: &str| OffsetDateTime::parse(alert[name].as_str().unwrap(), &Rfc3339).unwrap();
            if time("endsAt") < time("startsAt") {
                return Answer::new(400, "\"start time must be before end time\"");
            }
            kept.lock().unwrap().insert(alert["labels"].to_string(), alert);
        }
        Answer::new(200, "")
    });
    (server, alerts)
}

fn is_firing(alert: &Value) -> bool {
    OffsetDateTime::parse(alert["endsAt"].as_str().unwrap(), &Rfc3339).unwrap() > OffsetDateTime::now_utc()
}

fn configured(server: &Server) -> AlertmanagerSettings {
    settings(&format!("name = 'x'\nurl = '{}'", server.url()))
}

/// Returns an alert of the incident `i` that happened some hours ago.
fn state(action: &str, verdict: &str, hours: i64) -> String {
    let time = shown(OffsetDateTime::now_utc() - time::Duration::hours(hours));
    json!({
        "@timestamp": time,
        "event": {"kind": "alert", "action": action},
        "minerwatch": {"incident": {"id": "i"}, "verdict": verdict},
        "host": {"name": "node-1"},
    })
    .to_string()
}

#[test]
fn every_incident_arrives_with_few_labels() {
    // The last incident stays open.
    let load = Load { alerts: 498, events: 0 };
    let (server, alerts) = server();
    deliver_through_faults(&server, &configured(&server), load);
    let alerts = alerts.lock().unwrap();
    assert_eq!(alerts.len(), 100);
    let open: Vec<&Value> = alerts.values().filter(|alert| is_firing(alert)).collect();
    // The recorded times may lie in the future of the clock of this host.
    let last: Vec<&&Value> =
        open.iter().filter(|alert| alert["labels"]["incident"] == "incident-99").collect();
    assert_eq!(last.len(), 1);
    assert_eq!(last[0]["labels"].as_object().unwrap().len(), 5);
    assert!(last[0]["annotations"]["summary"].as_str().unwrap().starts_with("Mining on node-1"));
}

#[test]
fn an_alert_with_earlier_labels_is_resolved() {
    let (server, alerts) = server();
    let mut destination = open(&configured(&server));
    let mut send = |states: Vec<String>| destination.send(&documents(Class::Alert, states)).unwrap();
    let firing = || -> Vec<String> {
        let alerts = alerts.lock().unwrap();
        let verdicts = alerts.values().filter(|alert| is_firing(alert));
        verdicts.map(|alert| alert["labels"]["verdict"].as_str().unwrap().to_owned()).collect()
    };
    send(vec![state("incident-opened", "suspected", 3)]);
    assert_eq!(firing(), ["suspected"]);
    send(vec![state("incident-updated", "mining", 2)]);
    assert_eq!(firing(), ["mining"]);
    send(vec![state("incident-updated", "mining", 2), state("incident-closed", "mining", 1)]);
    assert!(firing().is_empty());
    assert_eq!(alerts.lock().unwrap().len(), 2);
}

#[test]
fn the_end_of_a_degraded_sensor_has_the_labels_of_its_start() {
    let (server, alerts) = server();
    let mut destination = open(&configured(&server));
    for action in ["sensor-degraded", "sensor-restored"] {
        let time = shown(OffsetDateTime::now_utc() - time::Duration::hours(1));
        let alert =
            json!({"@timestamp": time, "event": {"kind": "alert", "action": action}, "host": {"name": "n"}});
        destination.send(&documents(Class::Alert, [alert.to_string()])).unwrap();
    }
    let alerts = alerts.lock().unwrap();
    assert_eq!((alerts.len(), alerts.values().filter(|alert| is_firing(alert)).count()), (1, 0));
}
