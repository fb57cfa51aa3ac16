//! Replays recordings with `minerwatch replay`, as a user runs it, and checks the alerts. Needs no root.
//!
//! For each `tests/recordings/NAME.jsonl`, the file `NAME.alerts.jsonl` contains the expected alerts. After a change
//! that alters alerts on purpose, run the tests with `MINERWATCH_BLESS=1` and review the difference.

mod configuration;
mod exceptions;
mod load_pattern;
mod picture;
mod stories;
mod streams;

use std::{
    env, fs,
    io::Write as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use minerwatch_tests::{Scratch, agent::at, executable, stories::recordings};
use serde_json::Value;

const BLESS: &str = "MINERWATCH_BLESS";

fn replay(arguments: &[&str]) -> Output {
    Command::new(executable("minerwatch")).arg("replay").args(arguments).output().expect("it starts")
}

fn path(file: &Path) -> &str {
    file.to_str().expect("the tree has plain names")
}

fn verdicts(alerts: &str) -> Vec<String> {
    let alert = |line: &str| serde_json::from_str::<Value>(line).expect("every line is JSON");
    let verdict = |alert: Value| at(&alert, "minerwatch.verdict").as_str().map(str::to_owned);
    alerts.lines().filter_map(|line| verdict(alert(line))).collect()
}

/// The comparison is stable: no alert contains the program version, and the host name comes from the recording.
#[test]
fn every_recording_gives_the_alerts_beside_it() {
    let mut seen = 0;
    let mut different = Vec::new();
    for entry in fs::read_dir(recordings()).expect("the recordings are in the tree").flatten() {
        let recording = entry.path();
        let Some(name) = recording.file_name().and_then(|name| name.to_str()) else { continue };
        let story = name.strip_suffix(".jsonl").filter(|story| !story.contains(".alerts"));
        if story.is_none() {
            continue;
        }
        seen += 1;
        let output = replay(&["--json", path(&recording)]);
        let alerts = String::from_utf8(output.stdout).expect("text");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("0 damaged lines"), "{name}: {said}");
        let is_high = verdicts(&alerts).iter().any(|verdict| verdict != "noted");
        assert_eq!(output.status.code(), Some(if is_high { 10 } else { 0 }), "{name}: {said}");
        let golden = recording.with_extension("alerts.jsonl");
        if env::var_os(BLESS).is_some() {
            fs::write(&golden, &alerts).expect("it can be written");
        } else if fs::read_to_string(&golden).ok().as_ref() != Some(&alerts) {
            different.push(format!("{name} gives:\n{alerts}"));
        }
    }
    assert!(seen >= 20, "only {seen} recordings");
    assert!(different.is_empty(), "set {BLESS}=1 if it is meant:\n{}", different.join("\n"));
}

#[test]
fn a_recording_cut_off_in_mid_line_gives_what_came_before() {
    let scratch = Scratch::new();
    let whole = fs::read(recordings().join("dropper.jsonl")).expect("in the tree");
    let cut = scratch.join("cut.jsonl");
    fs::write(&cut, &whole[..whole.len() - 25]).expect("it can be written");
    let output = replay(&["--json", &cut]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(10), "{said}");
    assert!(said.contains("1 damaged line"), "{said}");
    assert!(verdicts(&String::from_utf8_lossy(&output.stdout)).contains(&"suspected".to_owned()));
}

#[test]
fn what_is_no_recording_is_refused_with_its_name() {
    let scratch = Scratch::new();
    let other = scratch.join("notes.txt");
    fs::write(&other, "these are notes\n").expect("it can be written");
    for (arguments, words) in
        [(&[other.as_str()][..], "notes.txt"), (&["/nonexistent/recording"], "/nonexistent/recording")]
    {
        let output = replay(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(words), "{said}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_reader_that_leaves_ends_it_well() {
    let recording = recordings().join("dropper.jsonl");
    let mut child = Command::new(executable("minerwatch"))
        .args(["replay", "--json", "--events", path(&recording)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("our child");
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn it_reads_standard_input() {
    let recording = fs::read(recordings().join("renamed-worker.jsonl")).expect("in the tree");
    let mut child = Command::new(executable("minerwatch"))
        .args(["replay", "--json", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    child.stdin.take().expect("piped").write_all(&recording).expect("it reads");
    let output = child.wait_with_output().expect("our child");
    assert_eq!(output.status.code(), Some(10));
    assert!(verdicts(&String::from_utf8_lossy(&output.stdout)).contains(&"mining".to_owned()));
}

#[test]
fn a_wrong_key_is_named_with_file_and_line() {
    let scratch = Scratch::new();
    let configuration = scratch.join("minerwatch.toml");
    fs::write(&configuration, "[detection]\nmin_verdict = \"noted\"\n\n[sink.stdout]\nevnets = \"all\"\n")
        .expect("it can be written");
    let output = Command::new(executable("minerwatch"))
        .args(["run", "--config", &configuration])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{said}");
    for words in ["minerwatch.toml:5", "evnets", "events"] {
        assert!(said.contains(words), "{words}: {said}");
    }
}

fn intel(arguments: &[&str]) -> (Option<i32>, String) {
    let output =
        Command::new(executable("minerwatch")).arg("intel").args(arguments).output().expect("it starts");
    (output.status.code(), String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn lists_are_checked_before_they_serve() {
    let scratch = Scratch::new();
    let (good, bad, allow) = (scratch.join("good.txt"), scratch.join("bad.json"), scratch.join("allow.csv"));
    fs::write(&good, "pool.example # a pool\n192.0.2.1:3333\nnonsense%\n").expect("write");
    fs::write(&bad, "[\"pool.example\",").expect("write");
    fs::write(&allow, "domain,comment\neu.pool.example,ours\n").expect("write");

    let (code, text) = intel(&["check", &good]);
    assert_eq!(code, Some(0));
    assert!(text.contains("text  1 name, 1 port\n  left out: no indicator: 1\n"), "{text}");
    assert!(text.contains(&format!("{good}:3: 'nonsense%' is not a name")), "{text}");
    assert!(text.ends_with("1 list: 2 entries watched for, 0 allowed, 0 KiB of memory\n"), "{text}");
    assert_eq!(intel(&["check", &good, "--strict"]).0, Some(2));
    let (code, text) = intel(&["check", &good, &bad]);
    assert_eq!(code, Some(2));
    assert!(text.contains("WRONG: line 1: is not JSON: EOF"), "{text}");
    assert_eq!(intel(&["check", "/nowhere"]).0, Some(2));
    assert_eq!(intel(&["check"]).0, Some(0), "what comes with the program");
    let (_, json) = intel(&["check", &good, "--json"]);
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(lines[0]["entries"]["endpoints"], 1);
    assert_eq!(lines[0]["skipped"]["no indicator"], 1);
    assert_eq!(lines[1]["watched"], 2);

    let (code, text) = intel(&["lookup", "x.pool.example", "--list", &good, "--allow", &allow]);
    assert_eq!(
        (code, text),
        (Some(10), format!("x.pool.example is listed (threats): pool.example at {good}:1 (a pool)\n"))
    );
    let (code, json) = intel(&["lookup", "eu.pool.example", "--list", &good, "--allow", &allow, "--json"]);
    assert_eq!(code, Some(0), "allowed");
    let answer: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!((&answer["result"], &answer["note"]), (&"allowed".into(), &"ours".into()));
    assert_eq!(answer["otherwise"]["entry"], "pool.example");
    let (code, text) = intel(&["lookup", "192.0.2.1", "--list", &good]);
    assert_eq!((code, text.as_str()), (Some(0), "192.0.2.1 is on no list\n"));
    assert_eq!(
        intel(&["lookup", "192.0.2.1", "--list", &good, "--list", &bad]).0,
        Some(2),
        "one cannot be read"
    );
    assert_eq!(
        intel(&["lookup", "192.0.2.1:3333", "--list", &good, "--list", &bad]).0,
        Some(10),
        "listed by the other"
    );
    assert_eq!(intel(&["lookup", "nonsense%"]).0, Some(2));
    assert_eq!(intel(&["lookup", "192.0.2.0/24"]).0, Some(2));
}
