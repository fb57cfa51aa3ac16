use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use super::*;
use crate::output::http::testing::{
    Answer, Load, Received, Run, Server, alert, deliver_through_faults, documents, event, id, open, settings,
};

/// What the server has: lines by stream and time, as Loki keeps them. A line that is there already is dropped.
#[derive(Default)]
struct Store {
    streams: BTreeMap<String, BTreeSet<(u64, String)>>,
    ids: BTreeMap<String, u64>,
}

fn server() -> (Server, Arc<Mutex<Store>>) {
    let store: Arc<Mutex<Store>> = Arc::default();
    let shared = Arc::clone(&store);
    let server = Server::start(move |request: &Received| {
        assert_eq!(
            (request.path.as_str(), request.header("x-scope-orgid")),
            ("/loki/api/v1/push", Some("t1"))
        );
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let mut store = shared.lock().unwrap();
        let mut too_old = 0;
        for stream in body["streams"].as_array().unwrap() {
            assert_eq!(stream["stream"].as_object().unwrap().len(), 4, "few labels");
            let mut last = 0;
            for value in stream["values"].as_array().unwrap() {
                let time: u64 = value[0].as_str().unwrap().parse().unwrap();
                assert!(time >= last, "in order");
                last = time;
                let line = value[1].as_str().unwrap();
                let document: Value = serde_json::from_str(line).unwrap();
                if document["poison"] == true {
                    too_old += 1;
                    continue;
                }
                if id(&document).starts_with("alert") {
                    assert_eq!(value[2]["event_id"], document["event"]["id"]);
                    assert_eq!(value[2]["verdict"], "mining");
                }
                let known = store.streams.entry(stream["stream"].to_string()).or_default();
                if known.insert((time, line.to_owned())) {
                    *store.ids.entry(id(&document)).or_default() += 1;
                }
            }
        }
        match too_old {
            0 => Answer::new(204, ""),
            _ => Answer::new(400, "entry for stream '{}' has timestamp too old: entry too far behind"),
        }
    });
    (server, store)
}

fn configured(server: &Server) -> LokiSettings {
    settings(&format!("name = 'x'\nevents = 'all'\ntenant = 't1'\nurl = '{}'", server.url()))
}

#[test]
fn everything_arrives_once() {
    let load = Load { alerts: 500, events: 100_000 };
    let (server, store) = server();
    deliver_through_faults(&server, &configured(&server), load);
    assert_eq!(server.faults_left(), 0);
    let store = store.lock().unwrap();
    assert_eq!(crate::output::http::testing::repeats(&store.ids, load), 0);
    let streams: Vec<&String> = store.streams.keys().collect();
    assert_eq!(
        streams,
        [
            r#"{"host":"node-1","job":"minerwatch","kind":"alert","level":"critical"}"#,
            r#"{"host":"node-1","job":"minerwatch","kind":"event","level":"info"}"#,
        ]
    );
}

#[test]
fn a_line_that_is_too_old_is_refused_and_the_others_arrive() {
    let (server, store) = server();
    let directory = tempfile::tempdir().unwrap();
    let run = Run::start(&configured(&server), directory.path());
    run.send(Load { alerts: 1, events: 0 });
    run.delivered(Load { alerts: 1, events: 0 });
    let lines = [event(1), r#"{"poison":true}"#.to_owned(), event(2)].join("\n") + "\n";
    run.queue.push(crate::output::Batch::new(Class::Event, lines));
    crate::output::http::testing::until("the refusal", || {
        let counters = run.queue.counters();
        (counters.refused, counters.events) == (1, 2)
    });
    run.end();
    let letters = std::fs::read_to_string(directory.path().join("spool/loki-x.dead-letters.jsonl")).unwrap();
    assert!(letters.contains("entry too far behind") && letters.lines().count() == 1, "{letters}");
    assert_eq!(store.lock().unwrap().ids.len(), 3);
}

#[test]
fn metadata_can_be_left_out() {
    let all = documents(Class::Alert, [alert(1)]);
    let value =
        |has| serde_json::from_slice::<Value>(&body(&all, has)).unwrap()["streams"][0]["values"][0].clone();
    assert_eq!(value(false).as_array().unwrap().len(), 2);
    assert_eq!(value(true)[2]["incident"], "incident-0");
    let server = Server::start(|_| Answer::new(400, "structured metadata is not allowed"));
    let error = open(&configured(&server)).send(&all).unwrap_err();
    assert!(matches!(&error, SendError::Refused(words) if words.ends_with("is not allowed")), "{error}");
}
