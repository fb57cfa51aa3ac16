use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use super::*;
use crate::output::http::testing::{
    Answer, Load, Received, Server, alert, deliver_through_faults, documents, id, open, repeats, settings,
};

type Arrived = Arc<Mutex<BTreeMap<String, u64>>>;

/// A collector. With acknowledgements, a request is indexed at the second question.
fn server(has_acknowledgements: bool) -> (Server, Arrived) {
    let arrived = Arrived::default();
    let counts = Arc::clone(&arrived);
    let mut asked: BTreeMap<u64, u64> = BTreeMap::new();
    let mut next_ack = 0;
    let server = Server::start(move |request: &Received| {
        if request.header("authorization") != Some("Splunk secret") {
            return Answer::new(403, r#"{"text":"Invalid token","code":4}"#);
        }
        let channel = request.header("x-splunk-request-channel").unwrap_or_default().to_owned();
        assert_eq!(channel.len(), 36);
        if request.path.starts_with("/services/collector/ack") {
            assert!(request.path.ends_with(&format!("?channel={channel}")));
            let question: Value = serde_json::from_slice(&request.body).unwrap();
            let id = question["acks"][0].as_u64().unwrap();
            let count = asked.entry(id).or_default();
            *count += 1;
            return Answer::new(200, format!(r#"{{"acks":{{"{id}":{}}}}}"#, *count > 1));
        }
        assert_eq!(request.path, "/services/collector/event");
        let all = serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>();
        let all: Vec<Value> = all.map(Result::unwrap).collect();
        if let Some(bad) = all.iter().position(|envelope| envelope["event"]["poison"] == true) {
            let body = format!(r#"{{"text":"Invalid data format","code":6,"invalid-event-number":{bad}}}"#);
            return Answer::new(400, body);
        }
        let mut arrived = counts.lock().unwrap();
        for envelope in &all {
            assert_eq!(
                (envelope["host"].as_str(), envelope["index"].as_str()),
                (Some("node-1"), Some("soc"))
            );
            assert_eq!(envelope["sourcetype"], "minerwatch");
            assert!(envelope["time"].as_f64().unwrap() > 1.7e9);
            *arrived.entry(id(&envelope["event"])).or_default() += 1;
        }
        if !has_acknowledgements {
            return Answer::new(200, r#"{"text":"Success","code":0}"#);
        }
        next_ack += 1;
        Answer::new(200, format!(r#"{{"text":"Success","code":0,"ackId":{next_ack}}}"#))
    });
    (server, arrived)
}

fn configured(server: &Server, directory: &std::path::Path) -> SplunkSettings {
    let token = directory.join("token");
    std::fs::write(&token, "secret\n").unwrap();
    settings(&format!(
        "name = 'x'\nmax_batch_kib = 256\nindex = 'soc'\nevents = 'all'\nurl = '{}'\ntoken_file = '{}'",
        server.url(),
        token.display()
    ))
}

#[test]
fn everything_arrives_with_and_without_acknowledgements() {
    for (has, load) in
        [(true, Load { alerts: 500, events: 100_000 }), (false, Load { alerts: 100, events: 50_000 })]
    {
        let (server, arrived) = server(has);
        let directory = tempfile::tempdir().unwrap();
        let settings = configured(&server, directory.path());
        deliver_through_faults(&server, &settings, load);
        assert_eq!(server.faults_left(), 0);
        let again = repeats(&arrived.lock().unwrap(), load);
        assert!(again < load.events / 5, "the collector knows no ids, but most arrives once: {again}");
    }
}

#[test]
fn an_invalid_event_is_refused_alone_and_a_wrong_token_is_told() {
    let (server, arrived) = server(true);
    let directory = tempfile::tempdir().unwrap();
    let settings = configured(&server, directory.path());
    let poison = r#"{"poison":true}"#.to_owned();
    let mixed = documents(Class::Alert, [poison.clone(), alert(1), alert(2), poison, alert(3)]);
    let delivery = open(&settings).send(&mixed).unwrap();
    let refused: Vec<usize> = delivery.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!((refused, delivery.later.len()), (vec![0, 3], 0));
    assert_eq!(delivery.refused[0].reason.split(": ").last(), Some("Invalid data format (code 6)"));
    assert_eq!(arrived.lock().unwrap().len(), 3);

    std::fs::write(directory.path().join("token"), "wrong").unwrap();
    let error = open(&settings).send(&mixed).unwrap_err();
    assert!(
        matches!(&error, SendError::Denied(words) if words.ends_with("Invalid token (code 4)")),
        "{error}"
    );
    assert!(!error.to_string().contains("wrong"));
}

#[test]
fn a_token_is_required_and_not_sent_in_the_clear() {
    let check = |toml: &str| settings::<SplunkSettings>(&format!("name = 'x'\n{toml}")).check_keys();
    assert_eq!(check("url = 'https://h:8088'\ntoken_env = 'T'"), Ok(()));
    assert_eq!(check("url = 'https://h:8088'").unwrap_err().0, "token_file");
    assert_eq!(check("url = 'http://h:8088'\ntoken_env = 'T'").unwrap_err().0, "url");
}

#[test]
fn the_format_is_that_of_the_event_in_the_envelope() {
    let keys = "name = 'x'\nurl = 'https://splunk.example'\ntoken_env = 'TOKEN'\nformat = 'ocsf'";
    let splunk = settings::<SplunkSettings>(keys).sender();
    let mut body = Vec::new();
    let [document] = documents(Class::Alert, [alert(1)]).try_into().unwrap();
    splunk.wrap(&document, &mut body);
    let envelope: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&envelope["event"]["class_uid"], &envelope["source"]),
        (&json!(2004), &json!("minerwatch:alerts"))
    );
}
