use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use super::*;
use crate::output::{
    Class,
    http::testing::{Answer, Fault, Load, Received, Run, Server, alert, documents, open, settings},
};

/// Keys and actions, in order.
type Events = Arc<Mutex<Vec<(String, String)>>>;

/// A server that keeps the actions by key.
fn server() -> (Server, Events) {
    let events = Events::default();
    let kept = Arc::clone(&events);
    let server = Server::start(move |request: &Received| {
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let action = body["event_action"].as_str().unwrap();
        if body["routing_key"] != "secret" {
            return Answer::new(400, r#"{"status":"invalid event","errors":["Invalid routing key"]}"#);
        }
        if action == "trigger" {
            assert_eq!(body["payload"]["severity"], "critical");
            assert_eq!(body["payload"]["source"], "node-1");
            assert!(body["payload"]["summary"].as_str().unwrap().starts_with("Mining on node-1"));
        }
        let key = body["dedup_key"].as_str().unwrap();
        kept.lock().unwrap().push((key.to_owned(), action.to_owned()));
        Answer::new(202, format!(r#"{{"status":"success","dedup_key":"{key}"}}"#))
    });
    (server, events)
}

fn configured(server: &Server, directory: &Path, most: u64) -> PagerDutySettings {
    let key = directory.join("key");
    std::fs::write(&key, "secret\n").unwrap();
    settings(&format!(
        "name = 'x'\nurl = '{}/v2/enqueue'\nmax_per_minute = {most}\nrouting_key_file = '{}'",
        server.url(),
        key.display()
    ))
}

#[test]
fn every_incident_is_triggered_and_resolved() {
    let load = Load { alerts: 500, events: 0 };
    let (server, events) = server();
    server.add_faults([
        Fault::Closes,
        Fault::Answers(Answer::new(429, "").with("Retry-After", "1")),
        Fault::Forgets,
    ]);
    let directory = tempfile::tempdir().unwrap();
    let run = Run::start(&configured(&server, directory.path(), 600), directory.path());
    run.send(load);
    run.delivered(load);
    run.end();
    let events = events.lock().unwrap();
    for incident in 0..100 {
        let key = format!("incident-{incident}");
        let actions: Vec<&str> =
            events.iter().filter(|(known, _)| *known == key).map(|(_, action)| action.as_str()).collect();
        assert!(actions.contains(&"trigger"), "{key}: {actions:?}");
        assert_eq!(actions.last(), Some(&"resolve"), "{key}: {actions:?}");
    }
}

#[test]
fn what_exceeds_the_limit_waits() {
    let (server, events) = server();
    let directory = tempfile::tempdir().unwrap();
    let mut destination = open(&configured(&server, directory.path(), 4));
    let delivery = destination.send(&documents(Class::Alert, (0..20).map(alert))).unwrap();
    assert_eq!(delivery.later, (10..20).collect::<Vec<_>>());
    assert!(delivery.words.contains("max_per_minute"), "{}", delivery.words);
    let keys: Vec<(String, String)> = events.lock().unwrap().clone();
    let of = |key: &str, action: &str| (key.to_owned(), action.to_owned());
    assert_eq!(
        keys,
        [
            of("incident-0", "trigger"),
            of("incident-0", "resolve"),
            of("incident-1", "trigger"),
            of("incident-1", "resolve"),
        ]
    );
    let error = destination.send(&documents(Class::Alert, [alert(20)])).unwrap_err();
    assert!(matches!(error, SendError::Busy { after: Some(_), .. }));
}

#[test]
fn an_incident_with_more_changes_than_the_limit_is_delivered_in_parts() {
    let (server, events) = server();
    let directory = tempfile::tempdir().unwrap();
    let mut destination = open(&configured(&server, directory.path(), 1));
    let delivery = destination.send(&documents(Class::Alert, (0..5).map(alert))).unwrap();
    assert_eq!(delivery.later, [4], "the end of the incident waits for the next minute");
    assert_eq!(events.lock().unwrap().len(), 1);
}

#[test]
fn the_key_is_required_and_stays_secret() {
    let (server, _events) = server();
    let directory = tempfile::tempdir().unwrap();
    let configured = configured(&server, directory.path(), 60);
    std::fs::write(directory.path().join("key"), "hunter2").unwrap();
    let error = open(&configured).send(&documents(Class::Alert, [alert(0)])).unwrap_err();
    let SendError::Denied(reason) = error else { panic!("{error}") };
    assert!(reason.contains("Invalid routing key") && !reason.contains("hunter2"), "{reason}");
    let check = |toml: &str| settings::<PagerDutySettings>(&format!("name = 'x'\n{toml}")).check_keys();
    assert_eq!(check("routing_key_env = 'K'"), Ok(()));
    assert_eq!(check("").unwrap_err().0, "routing_key_file");
    assert_eq!(check("routing_key_env = 'K'\nurl = 'http://h/'").unwrap_err().0, "url");
}
