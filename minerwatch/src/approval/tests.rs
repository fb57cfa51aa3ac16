use std::{
    fs,
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use time::OffsetDateTime;

use super::{
    ApprovalClient, ApprovalRequest, Decision, DecisionOutcome,
    pending::Pending,
    settings::ApprovalSettings,
    signature::{HEADER, Kind, is_signed, sign},
};
use crate::{
    credentials::{Secret, SecretSource},
    model::Stage,
    output::testing::{Answer, Server},
};

const SECRET: &str = "a secret of some length";
const PATIENCE: Duration = Duration::from_secs(20);
/// The signature of a response by openssl.
const OPENSSL: &str = "v1=2c17df7053f71626898cd2782f2af39d192f5466d79447d0c16b6c549fa1e884";

/// A server that decides about requests.
struct Desk {
    directory: TempDir,
    server: Server,
    received: Arc<Mutex<Vec<Value>>>,
}

impl Desk {
    /// A server that sends what `respond` returns for a request and the number of earlier ones: the body, and who signs.
    fn new(respond: impl Fn(&Value, usize) -> (Value, &'static str) + Send + 'static) -> Self {
        let requests: Arc<Mutex<Vec<Value>>> = Arc::default();
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("secret"), format!("{SECRET}\n")).expect("a file");
        let (known, files) = (Arc::clone(&requests), directory.path().to_owned());
        let server = Server::start(move |received| {
            let secret = secret_of(&files, SECRET);
            let signature = received.header(HEADER).expect("each request is signed");
            assert!(is_signed(&secret, Kind::Request, &received.body, signature));
            let request: Value = serde_json::from_slice(&received.body).expect("JSON");
            let mut known = known.lock().expect("no panic");
            let (body, signer) = respond(&request, known.len());
            known.push(request);
            let body = serde_json::to_vec(&body).expect("JSON");
            let signature = match signer {
                "nobody" => return Answer::new(200, body),
                "the request" => signature.to_owned(),
                signer => sign(&secret_of(&files, signer), Kind::Response, &body).expect("a signature"),
            };
            Answer::new(200, body).with(HEADER, &signature)
        });
        Self { directory, server, received: requests }
    }

    fn settings(&self) -> ApprovalSettings {
        ApprovalSettings {
            url: Some(self.server.url().try_into().expect("a URL")),
            secret_file: Some(self.directory.path().join("secret")),
            ..ApprovalSettings::default()
        }
    }

    /// Submits a request, and returns the decision.
    fn decide(&self, timeout: Duration) -> DecisionOutcome {
        decide(&self.settings(), timeout)
    }
}

fn secret_of(directory: &std::path::Path, text: &str) -> Secret {
    let path: PathBuf = directory.join(format!("key-{}", text.len()));
    fs::write(&path, text).expect("a file");
    SecretSource::File(path).read().expect("a secret")
}

fn request(number: u64, timeout: Duration) -> ApprovalRequest {
    let incident = "4340-7760d-4727c34e36e".parse().expect("an id");
    let stages = [Stage::Freeze, Stage::Stop];
    let alert = br#"{"message":"it mines"}"#;
    ApprovalRequest::new(number, incident, &stages, alert, timeout, OffsetDateTime::UNIX_EPOCH)
        .expect("a request")
}

fn decide(settings: &ApprovalSettings, timeout: Duration) -> DecisionOutcome {
    let (sender, decisions) = mpsc::channel();
    let client =
        ApprovalClient::start(settings, move |decision| sender.send(decision).is_ok()).expect("it starts");
    client.submit(request(7, timeout)).expect("it has room");
    let next = || decisions.recv_timeout(PATIENCE).expect("a decision");
    assert_eq!(next(), Decision { number: 7, outcome: DecisionOutcome::Pending });
    let Decision { number: 7, outcome } = next() else { panic!("another request") };
    outcome
}

fn response(request: &Value, decision: &str) -> Value {
    json!({"id": request["id"], "decision": decision, "by": "alice\n", "reason": "busy\u{7}"})
}

#[test]
fn a_signed_response_decides() {
    let desk = Desk::new(|request, _| (response(request, "approve"), SECRET));
    assert_eq!(desk.decide(PATIENCE), DecisionOutcome::Approved { by: "alice".to_owned() });
    let received = desk.received.lock().expect("no panic");
    let [request] = received.as_slice() else { panic!("{received:?}") };
    assert_eq!(request["incident"], "4340-7760d-4727c34e36e");
    assert_eq!(request["stages"], json!(["freeze", "stop"]));
    assert_eq!(request["expires"], "1970-01-01T00:00:20Z");
    assert_eq!(request["alert"]["message"], "it mines");

    let desk = Desk::new(|request, _| (response(request, "deny"), SECRET));
    let denied = DecisionOutcome::Denied { by: "alice".to_owned(), reason: "busy".to_owned() };
    assert_eq!(desk.decide(PATIENCE), denied);
}

#[test]
fn a_request_is_repeated_until_somebody_decides() {
    let desk = Desk::new(|request, earlier| {
        (response(request, if earlier < 2 { "pending" } else { "approve" }), SECRET)
    });
    assert_eq!(desk.decide(PATIENCE), DecisionOutcome::Approved { by: "alice".to_owned() });
    let received = desk.received.lock().expect("no panic");
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| request["id"] == received[0]["id"]), "one request");
}

/// The name of a response, its body, who signs it, and the problem that it is.
type Case = (&'static str, fn(&Value) -> Value, &'static str, &'static str);

#[test]
fn what_is_not_a_signed_approval_of_this_request_approves_nothing() {
    let cases: [Case; 7] = [
        ("unsigned", |request| response(request, "approve"), "nobody", "no signature"),
        ("another secret", |request| response(request, "approve"), "another secret, longer", "is wrong"),
        ("the signature of the request", |request| response(request, "approve"), "the request", "is wrong"),
        ("another request", |_| json!({"id": "0b8f4f0e", "decision": "approve"}), SECRET, "another request"),
        ("another word", |request| response(request, "yes"), SECRET, "not what it should be"),
        ("no word", |request| json!({"id": request["id"]}), SECRET, "not what it should be"),
        ("no object", |_| json!("approve"), SECRET, "not what it should be"),
    ];
    for (case, body, signer, problem) in cases {
        let desk = Desk::new(move |request, _| (body(request), signer));
        let DecisionOutcome::Expired { problem: Some(seen) } = desk.decide(Duration::from_secs(1)) else {
            panic!("{case}: it does not expire");
        };
        assert!(seen.contains(problem), "{case}: {seen}");
        assert!(!desk.received.lock().expect("no panic").is_empty(), "{case}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_approves_nothing() {
    let desk = Desk::new(|request, _| (response(request, "approve"), SECRET));
    let mut settings = desk.settings();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    settings.url = Some(format!("http://{address}").try_into().expect("a URL"));
    let outcome = decide(&settings, Duration::from_secs(1));
    assert!(matches!(outcome, DecisionOutcome::Expired { problem: Some(_) }), "{outcome:?}");

    // A secret that can be guessed is not used.
    fs::write(desk.directory.path().join("secret"), "short").expect("a file");
    let outcome = decide(&desk.settings(), Duration::from_secs(1));
    let DecisionOutcome::Expired { problem: Some(problem) } = outcome else { panic!("{outcome:?}") };
    assert!(problem.contains("shorter than 16"), "{problem}");
}

#[test]
fn a_request_without_room_is_dropped() {
    let mut pending = Pending::new(1);
    let now = Instant::now();
    let added = pending.add(request(1, PATIENCE), now);
    assert_eq!(added, Decision { number: 1, outcome: DecisionOutcome::Pending });
    let full = pending.add(request(2, PATIENCE), now);
    assert!(matches!(full.outcome, DecisionOutcome::Expired { problem: Some(_) }), "{full:?}");

    // Also a request that no server responds to expires.
    assert_eq!(pending.post_due(now, PATIENCE, |_| Ok(None)), []);
    assert_eq!(pending.post_due(now, PATIENCE, |_| panic!("it is not due")), []);
    let ended = pending.post_due(now + PATIENCE, PATIENCE, |_| panic!("it has ended"));
    assert_eq!(ended, [Decision { number: 1, outcome: DecisionOutcome::Expired { problem: None } }]);
    assert_eq!(pending.next_due(), None);
}

#[test]
fn a_signature_is_hmac_sha256_of_kind_and_body() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = secret_of(directory.path(), SECRET);
    let value = sign(&secret, Kind::Response, b"{}").expect("a signature");
    // printf 'response\n{}' | openssl dgst -sha256 -hmac 'a secret of some length'
    assert_eq!(value, OPENSSL);
    assert!(is_signed(&secret, Kind::Response, b"{}", &format!(" {value} ")));
    for wrong in ["", "v1=", "v1=00", &value[..66], &value.replace("v1", "v2"), &format!("{value}0")] {
        assert!(!is_signed(&secret, Kind::Response, b"{}", wrong), "{wrong}");
    }
    assert!(!is_signed(&secret, Kind::Request, b"{}", &value));
    assert!(!is_signed(&secret, Kind::Response, b"{ }", &value));
    assert!(!is_signed(&secret, Kind::Response, b"{}", &format!("v1={}", "é".repeat(32))));
}
