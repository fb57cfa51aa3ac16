//! Runs `minerwatch except` as a user runs it, on recordings and in a directory of its own. Needs no root.

use std::{fs, process::Command};

use minerwatch_tests::{Scratch, executable};
use serde_json::Value;

use super::{path, recordings, replay, verdicts};

/// A socket at which no daemon listens.
const NO_DAEMON: &str = "/nonexistent/control.sock";

struct Answer {
    code: Option<i32>,
    out: String,
    said: String,
}

fn except(arguments: &[&str]) -> Answer {
    let mut command = Command::new(executable("minerwatch"));
    let output = command
        .env_remove("SUDO_USER")
        .env("LOGNAME", "ada")
        .arg("except")
        .args(arguments)
        .args(["--socket", NO_DAEMON])
        .output()
        .expect("it starts");
    Answer {
        code: output.status.code(),
        out: String::from_utf8(output.stdout).expect("text"),
        said: String::from_utf8(output.stderr).expect("text"),
    }
}

/// A directory with a configuration, and the file of exceptions beside it.
struct Place {
    _scratch: Scratch,
    config: String,
    file: String,
}

fn place(config: &str) -> Place {
    let scratch = Scratch::new();
    let (path, file) = (scratch.join("m.toml"), scratch.join("m.exceptions.toml"));
    fs::write(&path, config).expect("it can be written");
    Place { _scratch: scratch, config: path, file }
}

fn list(place: &Place) -> Value {
    let answer = except(&["list", "--json", "--config", &place.config]);
    assert_eq!(answer.code, Some(0), "{}", answer.said);
    serde_json::from_str(&answer.out).expect("JSON")
}

/// Adds an exception for a training job. Its keys are the same each time, so its id is the same too.
fn add_training(place: &Place, reason: &str) -> Answer {
    let keys =
        ["--path", "/opt/ml/*/train", "--user", "ml", "--signal", "C9,N4", "--peer", "10.0.0.0/8:3333"];
    let rest = ["--reason", reason, "--config", &place.config];
    except(&[["add"].as_slice(), &keys, &rest].concat())
}

#[test]
fn an_exception_is_added_listed_and_removed() {
    let place = place("");
    assert_eq!(list(&place)["list"], Value::Array(Vec::new()));
    let answer = add_training(&place, "our \"own\" training");
    assert_eq!(answer.code, Some(0), "{}", answer.said);
    assert!(answer.out.contains("no daemon was asked"), "{}", answer.out);
    let answer = except(&[
        "add",
        "--user",
        "ci",
        "--id",
        "load-tests",
        "--expires",
        "14d",
        "--reason",
        "load tests",
        "--by",
        "grace",
        "--config",
        &place.config,
    ]);
    assert_eq!(answer.code, Some(0), "{}", answer.said);

    let listed = list(&place);
    let own = &listed["list"][0];
    assert_eq!((&own["path"], &own["user"]), (&"/opt/ml/*/train".into(), &"ml".into()));
    assert_eq!(own["signal"], serde_json::json!(["C9", "N4"]));
    assert_eq!((&own["added_by"], &own["reason"]), (&"ada".into(), &"our \"own\" training".into()));
    assert_eq!((&own["expired"], &own["hidden"]), (&false.into(), &Value::Null));
    assert_eq!((&listed["active"], &listed["expired"]), (&2.into(), &0.into()));
    assert_eq!(listed["file"], Value::from(place.file.as_str()));
    let text = except(&["list", "--config", &place.config]).out;
    for words in ["load-tests  user=ci", "in 89 days", "by grace", "2 exceptions, 0 expired"] {
        assert!(
            text.contains(words) || (words == "in 89 days" && text.contains("in 90 days")),
            "{words}: {text}"
        );
    }

    let id = own["id"].as_str().expect("an id");
    let again = add_training(&place, "again");
    assert_eq!(again.code, Some(2));
    assert!(again.said.contains(&format!("the exception {id} is there already")), "{}", again.said);

    let answer = except(&["remove", id, "--config", &place.config]);
    assert_eq!(answer.code, Some(0), "{}", answer.said);
    let left = list(&place);
    assert_eq!(left["list"].as_array().map(Vec::len), Some(1));
    let answer = except(&["remove", id, "--config", &place.config]);
    assert_eq!(answer.code, Some(1));
    assert!(answer.said.contains("minerwatch except list"), "{}", answer.said);
}

#[test]
fn comments_stay() {
    let place = place("");
    fs::write(&place.file, "# agreed with Ada\n\n[[except]]\nid = 'a' # first\nuser = 'ml'\nreason = 'x'\n")
        .expect("it can be written");
    let add = ["add", "--user", "ci", "--id", "b", "--reason", "y", "--config", &place.config];
    assert_eq!(except(&add).code, Some(0));
    let text = fs::read_to_string(&place.file).expect("it is there");
    assert!(text.starts_with("# agreed with Ada\n\n[[except]]\nid = 'a' # first\n"), "{text}");
    assert_eq!(except(&["remove", "a", "--config", &place.config]).code, Some(0));
    let text = fs::read_to_string(&place.file).expect("it is there");
    assert!(
        text.starts_with("# agreed with Ada\n") && !text.contains("'a'") && text.contains("\"b\""),
        "{text}"
    );
}

#[test]
fn a_damaged_file_stays_as_it_is() {
    let place = place("");
    for (text, words) in [
        ("[[except]]\nuser = 'ml'\nreason = 'x'\n[[except]\n", "m.exceptions.toml:4"),
        ("[[except]]\nusr = 'ml'\nreason = 'x'\n", "m.exceptions.toml:2: except.usr: there is no such key"),
        ("[[except]]\npath = '/x'\nreason = 'x'\n", "m.exceptions.toml:2: except.path: a path alone"),
    ] {
        fs::write(&place.file, text).expect("it can be written");
        for arguments in [
            &["add", "--user", "ci", "--reason", "y", "--config", &place.config][..],
            &["remove", "a", "--config", &place.config],
            &["list", "--config", &place.config],
        ] {
            let answer = except(arguments);
            assert_eq!(answer.code, Some(2), "{arguments:?}: {}", answer.said);
            assert!(answer.said.contains(words), "{arguments:?}: {}", answer.said);
        }
        assert_eq!(fs::read_to_string(&place.file).expect("it is there"), text);
    }
}

#[test]
fn wrong_input_is_named() {
    let place = place("");
    for (arguments, words) in [
        (&["--path", "/opt/x"][..], "--path: a path alone"),
        (&["--user", "root"], "--user: everything that root runs"),
        (&["--user", "ml", "--signal", "Q1"], "--signal: there is no signal `Q1`"),
        (&["--user", "ml", "--peer", "a b"], "--peer: `a b` is not a peer"),
        (&["--user", "ml", "--expires", "2001-01-01"], "--expires: 2001-01-01 is over already"),
        (&["--sha256", "abc"], "--sha256: `abc` is not a SHA-256"),
        (&["--path", "x", "--user", "ml"], "except.path: `x` is not an absolute path"),
        (&["--user", "ml", "--id", "A B"], "except.id: `A B` is not an id"),
        (&[], "matches everything"),
    ] {
        let all = [&["add", "--reason", "x", "--config", &place.config], arguments].concat();
        let answer = except(&all);
        assert_eq!(answer.code, Some(2), "{arguments:?}: {}", answer.said);
        assert!(answer.said.contains(words), "{words}: {}", answer.said);
    }
    assert!(!fs::exists(&place.file).expect("it can be asked"), "nothing was written");
    fs::write(&place.config, "[detection]\n\n[[detection.except]]\nuser = 'ml'\nreason = 'x'\n\n[[detection.except]]\nreason = 'x'\nexpires = 'soon'\n")
        .expect("it can be written");
    let answer = except(&["list", "--config", &place.config]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.said.contains("m.toml:9: detection.except.expires: `soon`"), "{}", answer.said);
}

/// Returns the last alert of a recording, and the options of an exception for its program and user.
fn subject(recording: &str) -> (Value, Vec<String>) {
    let output = replay(&["--json", recording]);
    let alerts = String::from_utf8(output.stdout).expect("text");
    let alert: Value = serde_json::from_str(alerts.lines().last().expect("an alert")).expect("JSON");
    let text = |pointer: &str| alert.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
    let options =
        vec!["--path".to_owned(), text("/process/executable"), "--user".to_owned(), text("/process/user/id")];
    (alert, options)
}

#[test]
fn a_recording_shows_what_would_be_hidden() {
    let place = place("[detection]\nmin_verdict = 'noted'\n");
    for (name, signal, is_hidden) in [
        ("dropper", None, true),
        // The arithmetic of RandomX is conclusive.
        ("renamed-worker", None, false),
        ("renamed-worker", Some("C1"), true),
        ("renamed-worker", Some("N1"), false),
    ] {
        let recording = recordings().join(name).with_extension("jsonl");
        let recording = path(&recording);
        let (alert, options) = subject(recording);
        let mut options: Vec<&str> = options.iter().map(String::as_str).collect();
        options.extend(signal.map(|_| "--signal"));
        options.extend(signal);
        let tried = except(&[&["test", recording, "--json"], &options[..]].concat());
        // A worker is noted before it has worked for a second.
        let last: Value = serde_json::from_str(tried.out.lines().last().expect("an alert")).expect("JSON");
        assert_eq!(last["hidden"], is_hidden, "{name} {signal:?}: {}", tried.out);
        assert_eq!(last["incident"], alert["minerwatch"]["incident"]["id"]);
        assert_eq!(tried.code, Some(if tried.out.contains("\"hidden\":true") { 10 } else { 0 }), "{name}");
        if !is_hidden && signal.is_none() {
            assert!(last["why_not"].as_str().is_some_and(|why| why.contains("C1 is conclusive")), "{last}");
        }

        // The same in a file of alerts.
        let alerts = format!("{}.alerts.json", place.config);
        fs::write(&alerts, format!("{alert}\nnot an alert\n")).expect("it can be written");
        let tried = except(&[&["test", &alerts, "--json"], &options[..]].concat());
        let judged: Value = serde_json::from_str(&tried.out).expect("one line");
        assert_eq!(judged["hidden"], is_hidden, "{name} {signal:?}: {}", tried.out);

        // The same with a configuration, in a replay.
        let add = [&["add", "--reason", "x", "--config", &place.config], &options[..]].concat();
        let added = except(&add);
        assert_eq!(added.code, Some(0), "{}", added.said);
        let output = replay(&["--json", "--config", &place.config, recording]);
        let replayed = String::from_utf8(output.stdout).expect("text");
        let is_sent = replayed.lines().any(|line| {
            let sent: Value = serde_json::from_str(line).expect("JSON");
            sent["minerwatch"]["incident"] == alert["minerwatch"]["incident"]
                && sent["process"]["entity_id"] == alert["process"]["entity_id"]
        });
        assert_eq!(is_sent, !is_hidden, "{name} {signal:?}: {:?}", verdicts(&replayed));
        let tried = except(&["test", recording, "--config", &place.config]);
        let is_last_sent = tried.out.rfind("\nsent ") > tried.out.rfind("\nhidden ");
        assert_eq!(is_last_sent || tried.out.starts_with("sent"), !is_hidden, "{}", tried.out);
        fs::remove_file(&place.file).expect("it is there");
    }
}
