use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::*;
use crate::output::{
    Class,
    http::testing::{
        Answer, Load, Received, Server, alert, deliver_through_faults, documents, event, id, open, repeats,
        settings,
    },
};

type Arrived = Arc<Mutex<BTreeMap<String, u64>>>;

/// A server that counts the documents of each request, whatever its body is like.
fn server() -> (Server, Arrived) {
    let arrived = Arrived::default();
    let counts = Arc::clone(&arrived);
    let server = Server::start(move |request: &Received| {
        let all: Vec<Value> = serde_json::Deserializer::from_slice(&request.body)
            .into_iter::<Value>()
            .map(Result::unwrap)
            .flat_map(|value| match value {
                Value::Array(values) => values,
                value => vec![value],
            })
            .collect();
        if all.iter().any(|document| document["poison"] == true) {
            return Answer::new(422, "poison");
        }
        let mut arrived = counts.lock().unwrap();
        for document in &all {
            *arrived.entry(id(document)).or_default() += 1;
        }
        Answer::new(200, "thank you")
    });
    (server, arrived)
}

#[test]
fn everything_arrives_in_each_form() {
    for (body, load, content_type) in [
        ("array", Load { alerts: 500, events: 100_000 }, "application/json"),
        ("lines", Load { alerts: 100, events: 20_000 }, "application/x-ndjson"),
        ("one", Load { alerts: 100, events: 500 }, "application/json"),
    ] {
        let (server, arrived) = server();
        let settings: WebhookSettings = settings(&format!(
            "name = 'x'\nevents = 'all'\nmax_batch_kib = 512\nbody = '{body}'\nmethod = 'PUT'\nurl = '{}/in?k=v'",
            server.url()
        ));
        deliver_through_faults(&server, &settings, load);
        // What a server processed without an answer is sent again. HTTP knows no ids.
        let again = repeats(&arrived.lock().unwrap(), load);
        // Two requests were processed without an answer.
        let most = 2 * (512 << 10) / event(0).len() as u64;
        assert!(again <= most, "{body}: {again}");
        assert_eq!(server.faults_left(), 0, "{body}");
        let received = server.received();
        let wrong = received.iter().find(|request| {
            (request.method.as_str(), request.path.as_str()) != ("PUT", "/in?k=v")
                || request.header("content-type") != Some(content_type)
        });
        assert!(wrong.is_none(), "{wrong:?}");
    }
}

#[test]
fn one_by_one_a_refused_document_is_named() {
    let (server, arrived) = server();
    let settings: WebhookSettings = settings(&format!("name = 'x'\nbody = 'one'\nurl = '{}'", server.url()));
    let poison = r#"{"poison":true}"#.to_owned();
    let delivery = open(&settings).send(&documents(Class::Alert, [alert(1), poison, alert(2)])).unwrap();
    let refused: Vec<usize> = delivery.refused.iter().map(|refusal| refusal.index).collect();
    assert_eq!((refused, delivery.later.len()), (vec![1], 0));
    assert_eq!(arrived.lock().unwrap().len(), 2);
    server.add_faults([crate::output::http::testing::Fault::Closes]);
    let delivery = open(&settings).send(&documents(Class::Alert, [alert(3), alert(4), alert(5)]));
    let left = delivery.map(|delivery| delivery.later);
    assert!(left.is_err() || left == Ok(vec![0, 1, 2]) || left == Ok(vec![1, 2]), "{left:?}");
}

#[test]
fn documents_may_be_ocsf() {
    let server = Server::start(|request| {
        let all: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
        let classes: Vec<u64> = all.iter().filter_map(|it| it["class_uid"].as_u64()).collect();
        Answer::new(if classes.len() == 2 { 200 } else { 400 }, format!("{classes:?}"))
    });
    let settings: WebhookSettings =
        settings(&format!("name = 'x'\nformat = 'ocsf'\nurl = '{}'", server.url()));
    let all = documents(Class::Event, [alert(1), event(1)]);
    assert_eq!(open(&settings).send(&all), Ok(Delivery::complete("")));
}
