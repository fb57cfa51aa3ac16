//! Checks the signals, the worst verdict and the suspects of each recorded story, whatever the details of its alerts.

use std::{collections::BTreeSet, fs};

use minerwatch::detect::catalogue;
use minerwatch_tests::{
    Scratch,
    agent::at,
    stories::{STORIES, Story, recordings},
};
use serde_json::Value;

use super::{path, replay, verdicts};

/// Signals that no recording shows, each with the reason.
const NOT_RECORDED: &[(&str, &str)] = &[
    ("C8", "it takes a day; `load_pattern.rs` makes one up"),
    ("C9", "it takes five minutes without a break, and `limited-worker` was recorded on a busy machine"),
    ("C9Q", "it takes five minutes without a break, and `limited-worker` was recorded on a busy machine"),
    ("C9H", "one process would have to keep the whole host busy for five minutes"),
    ("C9J", "it takes six hours"),
    ("C12", "it takes a graphics processor"),
    ("C14", "it is a hint, which needs a stronger signal of the same process"),
    ("C1N", "it takes a node of Monero with peers"),
    ("B5", "it takes a mount over a process of the host, or a rootkit"),
    ("B8L", "the unit tests have its cases"),
    ("B8T", "the unit tests have its cases"),
    ("B10", "no recording has the settings of a busy program"),
    ("B11", "the unit tests have its cases"),
    ("B11S", "it takes fifty hosts"),
    ("B11N", "it is a hint, which needs a stronger signal of the same process"),
    ("B13", "it takes a container that sees the files of its host"),
    ("B14", "it would load a module into the kernel of the machine"),
    ("B15", "the live tests have it"),
    ("B16", "the live tests have it"),
    ("I1", "it takes a list of the user's own"),
    ("I2", "it takes a list of the user's own"),
    ("N4F", "it takes a database of countries"),
    ("N5P", "it is a hint, which needs a stronger signal of the same process"),
    ("N11", "it is a hint, which needs a stronger signal of the same process"),
];

/// Returns the ids of all signals in some alerts.
fn signals_of(alerts: &str) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    for line in alerts.lines() {
        let alert: Value = serde_json::from_str(line).expect("every line is JSON");
        let found = at(&alert, "minerwatch.signals").as_array().into_iter().flatten();
        ids.extend(found.filter_map(|signal| signal["id"].as_str().map(str::to_owned)));
    }
    ids
}

/// Returns the names of all suspects in some alerts.
fn suspects_of(alerts: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in alerts.lines() {
        let alert: Value = serde_json::from_str(line).expect("every line is JSON");
        let suspects = at(&alert, "minerwatch.suspects").as_array().into_iter().flatten();
        names.extend(suspects.filter_map(|suspect| suspect["process"]["name"].as_str().map(str::to_owned)));
    }
    names
}

#[test]
fn each_story_shows_its_signals_and_its_verdict() {
    let mut wrong = Vec::new();
    for Story { name, worst, signals, named, .. } in STORIES {
        let recording = recordings().join(name).with_extension("jsonl");
        let output = replay(&["--json", path(&recording)]);
        let alerts = String::from_utf8(output.stdout).expect("text");
        let (verdicts, shown) = (verdicts(&alerts), signals_of(&alerts));
        let rank =
            |verdict: &&str| ["noted", "suspected", "mining"].iter().position(|known| known == verdict);
        let found = verdicts.iter().map(String::as_str).max_by_key(rank);
        let expected: BTreeSet<String> = signals.iter().map(ToString::to_string).collect();
        if found != *worst || shown != expected {
            wrong.push(format!("{name}: {found:?} by {shown:?}"));
        }
        let suspects = suspects_of(&alerts);
        if named.iter().any(|process| !suspects.contains(*process)) {
            wrong.push(format!("{name}: the suspects are {suspects:?}, and should contain {named:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_recording_is_in_the_table() {
    let known: BTreeSet<String> = STORIES.iter().map(|story| story.name.to_owned()).collect();
    let entries = fs::read_dir(recordings()).expect("the recordings are in the tree").flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let stories = names.filter_map(|name| name.strip_suffix(".jsonl").map(str::to_owned));
    let recorded: BTreeSet<String> = stories.filter(|story| !story.contains('.')).collect();
    assert_eq!(recorded, known);
}

#[test]
fn every_signal_has_a_story_or_a_reason() {
    let told: BTreeSet<&str> = STORIES.iter().flat_map(|story| story.signals).copied().collect();
    for signal in catalogue() {
        let reason = NOT_RECORDED.iter().find(|(id, _)| *id == signal.id);
        match (told.contains(signal.id), reason) {
            (true, None) | (false, Some(_)) => {}
            (true, Some(_)) => panic!("{} has a story, so that it needs no reason", signal.id),
            (false, None) => panic!("no story shows {} ({})", signal.id, signal.name),
        }
    }
}

/// A recording contains no lists, so the test adds a user's list with `--config`.
#[test]
fn a_list_of_the_users_own_finds_its_program_and_its_host() {
    let scratch = Scratch::new();
    let recording = recordings().join("listed-hosts-and-files.jsonl");
    let text = fs::read_to_string(&recording).expect("it is in the tree");
    let events = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON"));
    let hashes: Vec<Value> = events.filter(|event| event["kind"] == "hashed-file").collect();
    let program =
        hashes.last().and_then(|event| event["body"]["sha256"].as_str()).expect("its program was hashed");
    let (list, configuration) = (scratch.join("list.txt"), scratch.join("minerwatch.toml"));
    fs::write(&list, format!("203.0.113.20 # command and control\n{program} # a collector\n"))
        .expect("it can be written");
    fs::write(&configuration, format!("[intel]\nthreats = [\"{list}\"]\n")).expect("it can be written");
    let output = replay(&["--json", "--config", &configuration, path(&recording)]);
    let alerts = String::from_utf8(output.stdout).expect("text");
    assert_eq!(signals_of(&alerts), BTreeSet::from(["I1".to_owned(), "I2".to_owned()]));
}

/// Recordings must not reveal the machine that made them.
#[test]
fn recordings_are_neutral() {
    for Story { name, .. } in STORIES {
        let recording = recordings().join(name).with_extension("jsonl");
        let text = fs::read_to_string(&recording).expect("it is in the tree");
        let (header, events) = text.split_once('\n').expect("lines");
        let header: Value = serde_json::from_str(header).expect("JSON");
        assert_eq!(header["host"], "demo", "{name}");
        assert_eq!(header["boot_id"], "00000000-0000-4000-8000-000000000001", "{name}");
        assert!(events.lines().all(|line| !line.contains("target/debug")), "{name}");
        let times: Vec<u64> = events
            .lines()
            .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["time"].as_u64().expect("a time"))
            .collect();
        assert!(times.is_sorted(), "{name}: its events are in order of time");
        assert!(text.len() <= 200_000, "{name}: {} bytes", text.len());
    }
}
