use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use super::{
    wire::{Any, KeyValue, LogRecord, LogsRequest, PartialSuccess, Response, Status},
    *,
};
use crate::output::{
    Class,
    http::testing::{
        Answer, Load, Received, Server, alert, deliver_through_faults, documents, event, id, open, repeats,
        settings,
    },
};

fn attribute<'a>(attributes: &'a [KeyValue], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|pair| pair.key == name)?;
    match found.value.as_ref()?.value.as_ref()? {
        Any::Text(text) => Some(text),
        Any::Integer(_) => None,
    }
}

fn document(record: &LogRecord) -> Value {
    serde_json::from_str(attribute(&record.attributes, "minerwatch.document").unwrap()).unwrap()
}

/// A receiver that rejects records with "poison", without saying which ones.
fn server() -> (Server, Arc<Mutex<BTreeMap<String, u64>>>) {
    let arrived: Arc<Mutex<BTreeMap<String, u64>>> = Arc::default();
    let counts = Arc::clone(&arrived);
    let server = Server::start(move |request: &Received| {
        assert_eq!(request.path, "/v1/logs");
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        let request = LogsRequest::decode(request.body.as_slice()).unwrap();
        let mut rejected_log_records = 0;
        for group in &request.resource_logs {
            let resource = group.resource.clone().unwrap();
            assert_eq!(attribute(&resource.attributes, "service.name"), Some("minerwatch"));
            for record in group.scope_logs.iter().flat_map(|scope| &scope.log_records) {
                let document = document(record);
                if document["poison"] == true {
                    rejected_log_records += 1;
                    continue;
                }
                assert_eq!(attribute(&resource.attributes, "host.name"), Some("node-1"));
                *counts.lock().unwrap().entry(id(&document)).or_default() += 1;
            }
        }
        let partial_success = (rejected_log_records > 0)
            .then(|| PartialSuccess { rejected_log_records, error_message: "bad\nrecord".to_owned() });
        Answer::new(200, Response { partial_success }.encode_to_vec())
    });
    (server, arrived)
}

#[test]
fn everything_arrives() {
    let load = Load { alerts: 500, events: 100_000 };
    let (server, arrived) = server();
    let settings: OtlpSettings = settings(&format!("name = 'x'\nevents = 'all'\nurl = '{}'", server.url()));
    deliver_through_faults(&server, &settings, load);
    assert_eq!(server.faults_left(), 0);
    let again = repeats(&arrived.lock().unwrap(), load);
    assert!(again < load.events / 5, "the protocol has no ids, but most arrives once: {again}");
}

#[test]
fn rejected_records_are_refused_with_the_words_of_the_receiver() {
    let (server, arrived) = server();
    let settings: OtlpSettings = settings(&format!("name = 'x'\nurl = '{}'", server.url()));
    let mut destination = open(&settings);
    let poison = r#"{"poison":true}"#.to_owned();
    let error = destination.send(&documents(Class::Alert, [alert(1), poison])).unwrap_err();
    let words = format!("{}: the receiver rejects records: 1 of 2 (bad record)", server.url());
    assert_eq!(error, SendError::Refused(words));
    assert_eq!(destination.send(&documents(Class::Alert, [alert(2)])), Ok(Delivery::complete("")));
    assert_eq!(arrived.lock().unwrap().len(), 2);
    let status = Status { code: 8, message: "too many logs".to_owned() }.encode_to_vec();
    server.add_faults([crate::output::http::testing::Fault::Answers(Answer::new(429, status))]);
    let mut send = || destination.send(&documents(Class::Alert, [alert(3)]));
    let error = send().and_then(|_| send()).unwrap_err();
    assert!(matches!(&error, SendError::Busy { words, .. } if words.ends_with(": too many logs")), "{error}");
}

#[test]
fn a_record_has_the_fields_that_a_receiver_looks_for() {
    let request = record::request(&documents(Class::Alert, [alert(1)]));
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!((record.severity_number, record.severity_text.as_str()), (21, "critical"));
    assert_eq!(record.time_unix_nano, 1_795_950_001_000_000_000);
    assert_eq!(record.event_name, "minerwatch.incident-updated");
    assert_eq!(record.body.as_ref().unwrap().value, Some(Any::Text("'/tmp/.x' mines".to_owned())));
    assert_eq!(attribute(&record.attributes, "event.id"), Some("alert-1"));
    assert_eq!(attribute(&record.attributes, "minerwatch.incident.id"), Some("incident-0"));
    let request = record::request(&documents(Class::Event, [event(1)]));
    let record = &request.resource_logs[0].scope_logs[0].log_records[0];
    assert_eq!(record.severity_number, 9);
    // Number 1, fixed64: the first bytes of a record are its time.
    assert_eq!(record.encode_to_vec().first(), Some(&0x09));
}
