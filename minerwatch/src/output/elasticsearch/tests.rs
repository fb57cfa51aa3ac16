use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::Value;

use super::*;
use crate::output::http::testing::{
    Answer, Fault, Load, Received, Run, Server, Tls, alert, documents, event, open, settings,
};

/// What the server has stored: stream and id, and how often an id came again.
#[derive(Default)]
struct Store {
    documents: BTreeMap<(String, String), Value>,
    repeats: u64,
}

/// A server that creates documents as the bulk API does. Every seventh request finds a full queue for every third
/// document.
fn server(tls: Option<Tls>, limit: usize, token: Option<&'static str>) -> (Server, Arc<Mutex<Store>>) {
    let store: Arc<Mutex<Store>> = Arc::default();
    let shared = Arc::clone(&store);
    let mut requests = 0_u64;
    let server = Server::start_with(tls, move |request: &Received| {
        requests += 1;
        if let Some(token) = token
            && request.header("authorization") != Some(token)
        {
            let body = r#"{"error":{"type":"security_exception","reason":"invalid ApiKey"},"status":401}"#;
            return Answer::new(401, body);
        }
        if request.body.len() > limit {
            return Answer::new(413, "");
        }
        let (stream, rest) = request.path.trim_start_matches('/').split_once('/').unwrap();
        assert_eq!(rest, "_bulk?filter_path=errors,error,items.*.status,items.*.error");
        assert_eq!(request.header("content-type"), Some("application/x-ndjson"));
        let is_full = requests.is_multiple_of(7);
        let mut items = String::new();
        let mut lines = request.text().lines();
        let mut number = 0;
        let mut store = shared.lock().unwrap();
        while let (Some(action), Some(document)) = (lines.next(), lines.next()) {
            number += 1;
            let action: Value = serde_json::from_str(action).unwrap();
            let id = action["create"]["_id"].as_str().unwrap().to_owned();
            let document: Value = serde_json::from_str(document).unwrap();
            let item = if is_full && number % 3 == 0 {
                r#"{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"full"}}"#
            } else if document["poison"] == true {
                r#"{"status":400,"error":{"type":"document_parsing_exception","reason":"[1:2] no"}}"#
            } else if store.documents.insert((stream.to_owned(), id), document).is_some() {
                store.repeats += 1;
                r#"{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"exists"}}"#
            } else {
                r#"{"status":201}"#
            };
            let comma = if number == 1 { "" } else { "," };
            write!(items, r#"{comma}{{"create":{item}}}"#).unwrap();
        }
        Answer::new(200, format!(r#"{{"errors":{is_full},"items":[{items}]}}"#)).chunked()
    });
    (server, store)
}

fn check(store: &Store, load: Load) {
    let of = |stream: &str| store.documents.keys().filter(|(known, _)| known == stream).count() as u64;
    assert_eq!(of("logs-minerwatch.alerts-default"), load.alerts);
    assert_eq!(of("logs-minerwatch.events-default"), load.events);
    let alerts = store.documents.keys().filter(|(_, id)| id.starts_with("alert-")).count() as u64;
    assert_eq!(alerts, load.alerts, "the id of an alert is its event.id");
}

#[test]
fn everything_arrives_and_is_stored_once_whatever_happens() {
    let load = Load { alerts: 500, events: 100_000 };
    let (server, store) = server(None, 300_000, None);
    server.add_faults([
        Fault::Forgets,
        Fault::Answers(Answer::new(429, "slow down").with("Retry-After", "1")),
        Fault::BreaksOff,
        Fault::Closes,
        Fault::IsSlow(Duration::from_millis(300)),
        Fault::Answers(Answer::new(503, "")),
        Fault::Forgets,
        Fault::Answers(Answer::new(502, "<html>bad gateway</html>")),
        Fault::BreaksOff,
    ]);
    let directory = tempfile::tempdir().unwrap();
    let settings: ElasticsearchSettings =
        settings(&format!("name = 'soc'\nevents = 'all'\nurl = '{}'", server.url()));
    let run = Run::start(&settings, directory.path());
    run.send(load);
    run.delivered(load);
    run.end();
    assert_eq!(server.faults_left(), 0);
    let store = store.lock().unwrap();
    check(&store, load);
    assert!(store.repeats > 0, "some requests were processed twice, and stored once");
    let received = server.received();
    assert!(received.iter().all(|request| request.header("content-encoding") == Some("gzip")));
}

#[test]
fn a_poison_document_is_named_with_the_words_of_the_server() {
    let (server, store) = server(None, usize::MAX, None);
    let settings: ElasticsearchSettings = settings(&format!("name = 'soc'\nurl = '{}'", server.url()));
    let poison = r#"{"poison":true}"#.to_owned();
    let delivery = open(&settings).send(&documents(Class::Alert, [alert(1), poison, alert(2)])).unwrap();
    let reason = "400 document_parsing_exception: [1:2] no".to_owned();
    assert_eq!(delivery.refused, [crate::output::Refusal { index: 1, reason }]);
    assert!(delivery.later.is_empty());
    assert_eq!(store.lock().unwrap().documents.len(), 2);
}

#[test]
fn over_tls_with_certificates_of_both_sides_and_a_key_that_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name).display().to_string();
    let tls = Tls::with_client_certificates(directory.path());
    let (server, store) = server(Some(tls), usize::MAX, Some("ApiKey bmV3"));
    std::fs::write(path("key"), "b2xk\n").unwrap();
    let plain = format!("name = 'soc'\nurl = '{}'\napi_key_file = '{}'\n", server.url(), path("key"));
    let one = documents(Class::Alert, [alert(1)]);

    let error = open(&settings::<ElasticsearchSettings>(&plain)).send(&one).unwrap_err();
    assert!(matches!(&error, SendError::Unreachable(_) | SendError::Denied(_)), "unknown authority: {error}");
    let with_ca = format!("{plain}ca_file = '{}'\n", path("ca.pem"));
    let error = open(&settings::<ElasticsearchSettings>(&with_ca)).send(&one).unwrap_err();
    assert!(matches!(&error, SendError::Unreachable(_)), "no client certificate: {error}");

    let both = format!(
        "{with_ca}client_certificate_file = '{}'\nclient_key_file = '{}'\n",
        path("client.pem"),
        path("client.key")
    );
    let settings: ElasticsearchSettings = settings(&both);
    let load = Load { alerts: 20, events: 1_000 };
    let run = Run::start(&settings, directory.path());
    run.send(load);
    crate::output::http::testing::until("it is denied", || run.queue.counters().failing);
    let words = run.queue.counters().last_error.unwrap();
    assert!(words.ends_with("answers 401 Unauthorized: security_exception: invalid ApiKey"), "{words}");
    std::fs::write(path("key"), "bmV3\n").unwrap();
    run.delivered(load);
    run.end();
    check(&store.lock().unwrap(), load);
    assert!(!format!("{settings:?} {:?}", open(&settings)).contains("bmV3"));
}

#[test]
fn documents_without_an_id_get_one_from_their_content() {
    let all = documents(Class::Event, [event(1), event(1), event(2)]);
    let text = String::from_utf8(body(&all)).unwrap();
    let actions: Vec<&str> = text.lines().step_by(2).collect();
    assert_eq!(actions[0], actions[1]);
    assert_ne!(actions[0], actions[2]);
    assert_eq!(actions[0].len(), r#"{"create":{"_id":""}}"#.len() + 32);
    assert_eq!(id(&Bytes::from(alert(7))), "alert-7");
}

#[test]
fn credentials_are_not_sent_in_the_clear_and_names_are_checked() {
    let read = |toml: &str| {
        toml::from_str::<ElasticsearchSettings>(&format!("name = 'soc'\n{toml}"))
            .map_err(|error| error.message().to_owned())
            .and_then(|settings| settings.check_keys().map_err(|(key, message)| format!("{key}: {message}")))
    };
    for good in [
        "url = 'http://siem.example:9200'",
        "url = 'https://siem.example:9200'\napi_key_file = '/etc/key'",
        "url = 'http://localhost:9200'\nuser = 'u'\npassword_env = 'P'",
    ] {
        assert_eq!(read(good), Ok(()), "{good}");
    }
    for (bad, message) in [
        ("url = 'http://siem.example'\napi_key_file = '/k'", "url: an API key is sent over https only"),
        ("url = 'http://siem.example'\ntoken_env = 'T'", "url: credentials are sent over https only"),
        (
            "url = 'http://siem.example'\nheaders_file = '/h'",
            "headers_file: header fields are sent over https",
        ),
        ("url = 'http://siem.example'\nca_file = '/c'", "url: http:// has no certificates"),
        ("url = 'https://siem.example'\nuser = 'u'", "user: user and password_file"),
        ("url = 'https://h'\ntoken_env = 'T'\napi_key_env = 'K'", "user: a request has one credential"),
        ("url = 'https://h'\nclient_key_file = '/k'", "client_certificate_file: client_certificate_file and"),
        ("url = 'https://h'\nalerts_stream = 'Logs'", "`Logs` is not a name"),
        ("url = 'https://h'\nalerts_stream = '../x/y'", "is not a name"),
        ("url = 'https://h'\nproxy = 'http://u:p@proxy'", "a password of a proxy belongs"),
        ("url = 'https://h'\nproxy = 'ftp://proxy'", "a proxy is http://"),
    ] {
        let error = read(bad).expect_err(bad);
        assert!(error.contains(message), "{bad}: {error}");
    }
}

#[test]
fn the_host_and_the_files_that_it_needs_are_known() {
    let of = |toml: &str| {
        settings::<ElasticsearchSettings>(&format!(
            "name = 'soc'\nurl = 'https://siem.example:9200/es'\n{toml}"
        ))
        .needs_keys()
    };
    let plain = of("");
    assert_eq!((plain.hosts, plain.reads), (vec!["siem.example".to_owned()], Vec::new()));
    let full =
        of("proxy = 'http://proxy.example:3128'\nca_file = '/ca'\nheaders_file = '/h'\napi_key_file = '/k'");
    assert_eq!(full.hosts, ["proxy.example"], "the proxy connects to the server");
    let keys: Vec<&str> = full.reads.iter().map(|(key, _)| *key).collect();
    assert_eq!(keys, ["ca_file", "headers_file", "api_key_file"]);
}
