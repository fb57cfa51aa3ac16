use std::{
    path::Path,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::*;
use crate::output::{
    Class,
    http::testing::{Answer, Fault, Load, Received, Run, Server, alert, documents, open, settings},
};

fn server() -> (Server, Arc<Mutex<Vec<String>>>) {
    let texts: Arc<Mutex<Vec<String>>> = Arc::default();
    let kept = Arc::clone(&texts);
    let server = Server::start(move |request: &Received| {
        assert_eq!(request.path, "/services/T0/B0/hunter2");
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        kept.lock().unwrap().push(body["text"].as_str().unwrap().to_owned());
        Answer::new(200, "ok")
    });
    (server, texts)
}

fn configured(server: &Server, directory: &Path, most: u64) -> SlackSettings {
    let url = directory.join("url");
    std::fs::write(&url, format!("{}/services/T0/B0/hunter2\n", server.url())).unwrap();
    settings(&format!("name = 'x'\nmax_per_minute = {most}\nurl_file = '{}'", url.display()))
}

#[test]
fn alerts_of_an_incident_share_a_message_and_none_is_left_out() {
    let load = Load { alerts: 500, events: 0 };
    let (server, texts) = server();
    server.add_faults([
        Fault::Closes,
        Fault::Answers(Answer::new(429, "rate_limited").with("Retry-After", "1")),
        Fault::Answers(Answer::new(500, "rollup_error")),
    ]);
    let directory = tempfile::tempdir().unwrap();
    let run = Run::start(&configured(&server, directory.path(), 600), directory.path());
    run.send(load);
    run.delivered(load);
    run.end();
    assert_eq!(server.faults_left(), 0);
    let texts = texts.lock().unwrap();
    for incident in 0..100 {
        let name = format!("Incident: incident-{incident}\n");
        assert!(texts.iter().any(|text| text.contains(&name)), "{incident}");
    }
    assert!(texts.len() < 400, "they are grouped: {}", texts.len());
}

#[test]
fn more_incidents_than_messages_share_the_last_one() {
    let (server, texts) = server();
    let directory = tempfile::tempdir().unwrap();
    let mut destination = open(&configured(&server, directory.path(), 3));
    let many = documents(Class::Alert, (0..100).map(alert));
    assert_eq!(destination.send(&many), Ok(Delivery::complete("ok")));
    let texts = texts.lock().unwrap().clone();
    assert_eq!(texts.len(), 3);
    assert!(texts[0].ends_with("stands for 4 earlier alerts of this incident."), "{}", texts[0]);
    assert!(texts[2].starts_with("*90 more alerts about 18 incidents*"), "{}", texts[2]);
    assert!(texts[2].contains("• and 8 more: incident-12, "), "{}", texts[2]);
    let error = destination.send(&documents(Class::Alert, [alert(600)])).unwrap_err();
    assert!(matches!(&error, SendError::Busy { after: Some(_), words } if words.starts_with("3 messages")));
}

#[test]
fn the_url_is_secret() {
    let (server, _texts) = server();
    let directory = tempfile::tempdir().unwrap();
    let settings = configured(&server, directory.path(), 600);
    let needs = settings.needs_keys();
    assert_eq!((needs.hosts, needs.reads.len()), (vec!["127.0.0.1".to_owned()], 1));
    let mut destination = open(&settings);
    assert!(!format!("{settings:?} {destination:?}").contains("hunter2"));
    for (content, part) in [
        ("https://hooks.example:bad/hunter2", "names no host, or no port"),
        ("http://hooks.example/hunter2", "must be https"),
        ("http://127.0.0.1:1/hunter2", "http://127.0.0.1:1: "),
        ("", "is empty"),
    ] {
        std::fs::write(directory.path().join("url"), content).unwrap();
        let error = destination.send(&documents(Class::Alert, [alert(0)])).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("hunter2"), "{content}: {error}");
    }
}

#[test]
fn only_alerts_are_sent() {
    let check = |toml: &str| settings::<SlackSettings>(&format!("name = 'x'\n{toml}")).check_keys();
    assert_eq!(check("url_env = 'U'"), Ok(()));
    assert_eq!(check("").unwrap_err().0, "url_file");
    assert_eq!(check("url_env = 'U'\nevents = 'all'").unwrap_err().0, "events");
    assert_eq!(check("url_env = 'U'\nagent_events = true").unwrap_err().0, "agent_events");
    let settings: SlackSettings = settings("name = 'x'\nurl_env = 'U'");
    assert!(!crate::output::OutputSettings::filter(&settings).agent_events);
}
