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
    Asker, Decision, DecisionOutcome, Question,
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
/// The signature of an answer by openssl.
const OPENSSL: &str = "v1=467223d23f0e7f34ec64d0a80a3bdc79243d793b18b7667bb8886066627b194d";

/// A server that answers questions, and the asker.
struct Desk {
    directory: TempDir,
    server: Server,
    asked: Arc<Mutex<Vec<Value>>>,
}

impl Desk {
    /// A server whose answer to the question with this number of earlier questions is `answer`: the body, and who signs.
    fn new(answer: impl Fn(&Value, usize) -> (Value, &'static str) + Send + 'static) -> Self {
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("secret"), format!("{SECRET}\n")).expect("a file");
        let (known, files) = (Arc::clone(&asked), directory.path().to_owned());
        let server = Server::start(move |received| {
            let secret = secret_of(&files, SECRET);
            let signature = received.header(HEADER).expect("each question is signed");
            assert!(is_signed(&secret, Kind::Question, &received.body, signature));
            let question: Value = serde_json::from_slice(&received.body).expect("JSON");
            let mut known = known.lock().expect("no panic");
            let (body, signer) = answer(&question, known.len());
            known.push(question);
            let body = serde_json::to_vec(&body).expect("JSON");
            let signature = match signer {
                "nobody" => return Answer::new(200, body),
                "the question" => signature.to_owned(),
                signer => sign(&secret_of(&files, signer), Kind::Answer, &body).expect("a signature"),
            };
            Answer::new(200, body).with(HEADER, &signature)
        });
        Self { directory, server, asked }
    }

    fn settings(&self) -> ApprovalSettings {
        ApprovalSettings {
            url: Some(self.server.url().try_into().expect("a URL")),
            secret_file: Some(self.directory.path().join("secret")),
            ..ApprovalSettings::default()
        }
    }

    /// Asks, and returns the decisions after the first, until one ends the question.
    fn decide(&self, timeout: Duration) -> DecisionOutcome {
        decide(&self.settings(), timeout)
    }
}

fn secret_of(directory: &std::path::Path, text: &str) -> Secret {
    let path: PathBuf = directory.join(format!("key-{}", text.len()));
    fs::write(&path, text).expect("a file");
    SecretSource::File(path).read().expect("a secret")
}

fn question(number: u64, timeout: Duration) -> Question {
    let incident = "4340-7760d-4727c34e36e".parse().expect("an id");
    let stages = [Stage::Freeze, Stage::Stop];
    let alert = br#"{"message":"it mines"}"#;
    Question::new(number, incident, &stages, alert, timeout, OffsetDateTime::UNIX_EPOCH).expect("a question")
}

fn decide(settings: &ApprovalSettings, timeout: Duration) -> DecisionOutcome {
    let (sender, decisions) = mpsc::channel();
    let asker = Asker::start(settings, move |decision| sender.send(decision).is_ok()).expect("it starts");
    asker.ask(question(7, timeout)).expect("it has room");
    let next = || decisions.recv_timeout(PATIENCE).expect("a decision");
    assert_eq!(next(), Decision { number: 7, outcome: DecisionOutcome::Asked });
    let Decision { number: 7, outcome } = next() else { panic!("another question") };
    outcome
}

fn answer(question: &Value, decision: &str) -> Value {
    json!({"request": question["request"], "decision": decision, "by": "alice\n", "reason": "busy\u{7}"})
}

#[test]
fn a_signed_answer_decides() {
    let desk = Desk::new(|question, _| (answer(question, "approve"), SECRET));
    assert_eq!(desk.decide(PATIENCE), DecisionOutcome::Approved { by: "alice".to_owned() });
    let asked = desk.asked.lock().expect("no panic");
    let [question] = asked.as_slice() else { panic!("{asked:?}") };
    assert_eq!(question["incident"], "4340-7760d-4727c34e36e");
    assert_eq!(question["stages"], json!(["freeze", "stop"]));
    assert_eq!(question["expires"], "1970-01-01T00:00:20Z");
    assert_eq!(question["alert"]["message"], "it mines");

    let desk = Desk::new(|question, _| (answer(question, "deny"), SECRET));
    let denied = DecisionOutcome::Denied { by: "alice".to_owned(), reason: "busy".to_owned() };
    assert_eq!(desk.decide(PATIENCE), denied);
}

#[test]
fn a_question_is_repeated_until_somebody_decides() {
    let desk = Desk::new(|question, earlier| {
        (answer(question, if earlier < 2 { "wait" } else { "approve" }), SECRET)
    });
    assert_eq!(desk.decide(PATIENCE), DecisionOutcome::Approved { by: "alice".to_owned() });
    let asked = desk.asked.lock().expect("no panic");
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|question| question["request"] == asked[0]["request"]), "one question");
}

/// What an answer is, its body, who signs it, and the problem that it is.
type Case = (&'static str, fn(&Value) -> Value, &'static str, &'static str);

#[test]
fn what_is_not_a_signed_approval_of_this_question_approves_nothing() {
    let cases: [Case; 7] = [
        ("unsigned", |question| answer(question, "approve"), "nobody", "no signature"),
        ("another secret", |question| answer(question, "approve"), "another secret, longer", "is wrong"),
        ("the signature of the question", |question| answer(question, "approve"), "the question", "is wrong"),
        (
            "another question",
            |_| json!({"request": "0b8f4f0e", "decision": "approve"}),
            SECRET,
            "another question",
        ),
        ("another word", |question| answer(question, "yes"), SECRET, "not what it should be"),
        ("no word", |question| json!({"request": question["request"]}), SECRET, "not what it should be"),
        ("no object", |_| json!("approve"), SECRET, "not what it should be"),
    ];
    for (case, body, signer, problem) in cases {
        let desk = Desk::new(move |question, _| (body(question), signer));
        let DecisionOutcome::Expired { problem: Some(seen) } = desk.decide(Duration::from_secs(1)) else {
            panic!("{case}: it does not expire");
        };
        assert!(seen.contains(problem), "{case}: {seen}");
        assert!(!desk.asked.lock().expect("no panic").is_empty(), "{case}");
    }
}

#[test]
fn a_server_that_cannot_be_reached_approves_nothing() {
    let desk = Desk::new(|question, _| (answer(question, "approve"), SECRET));
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
fn nobody_is_asked_without_room() {
    let mut pending = Pending::new(1);
    let now = Instant::now();
    let asked = pending.add(question(1, PATIENCE), now);
    assert_eq!(asked, Decision { number: 1, outcome: DecisionOutcome::Asked });
    let full = pending.add(question(2, PATIENCE), now);
    assert!(matches!(full.outcome, DecisionOutcome::Expired { problem: Some(_) }), "{full:?}");

    // A slow server does not keep a question from its end.
    assert_eq!(pending.ask_due(now, PATIENCE, |_| Ok(None)), []);
    assert_eq!(pending.ask_due(now, PATIENCE, |_| panic!("it is not due")), []);
    let ended = pending.ask_due(now + PATIENCE, PATIENCE, |_| panic!("it has ended"));
    assert_eq!(ended, [Decision { number: 1, outcome: DecisionOutcome::Expired { problem: None } }]);
    assert_eq!(pending.next_due(), None);
}

#[test]
fn a_signature_is_hmac_sha256_of_kind_and_body() {
    let directory = tempfile::tempdir().expect("a directory");
    let secret = secret_of(directory.path(), SECRET);
    let value = sign(&secret, Kind::Answer, b"{}").expect("a signature");
    // printf 'answer\n{}' | openssl dgst -sha256 -hmac 'a secret of some length'
    assert_eq!(value, OPENSSL);
    assert!(is_signed(&secret, Kind::Answer, b"{}", &format!(" {value} ")));
    for wrong in ["", "v1=", "v1=00", &value[..66], &value.replace("v1", "v2"), &format!("{value}0")] {
        assert!(!is_signed(&secret, Kind::Answer, b"{}", wrong), "{wrong}");
    }
    assert!(!is_signed(&secret, Kind::Question, b"{}", &value));
    assert!(!is_signed(&secret, Kind::Answer, b"{ }", &value));
    assert!(!is_signed(&secret, Kind::Answer, b"{}", &format!("v1={}", "é".repeat(32))));
}
