//! Checks the signals and the worst verdict of each recorded story, whatever the details of its alerts.

use std::{collections::BTreeSet, fs};

use minerwatch::detect::catalogue;
use minerwatch_tests::{Scratch, agent::at};
use serde_json::Value;

use super::{path, recordings, replay, verdicts};

/// A recording: its file name without the extension, its worst verdict, and all signals in its alerts.
struct Story {
    name: &'static str,
    worst: Option<&'static str>,
    signals: &'static [&'static str],
}

const fn attack(name: &'static str, worst: &'static str, signals: &'static [&'static str]) -> Story {
    Story { name, worst: Some(worst), signals }
}

/// Returns a harmless story, whose worst verdict is `noted` if it has signals.
const fn benign(name: &'static str, noted: &'static [&'static str]) -> Story {
    Story { name, worst: if noted.is_empty() { None } else { Some("noted") }, signals: noted }
}

#[rustfmt::skip]
const STORIES: &[Story] = &[
    attack("dns-tunnel", "noted", &["B12", "B2", "T1"]),
    attack("dropper", "suspected", &["B2", "B7", "N9", "T1"]),
    attack("encrypted-miner", "suspected", &["B2", "N5", "N6", "N9", "T1"]),
    attack("ethereum-miner", "mining", &["N1", "N4"]),
    attack("exploited-service", "suspected", &["B1", "B2", "B7", "N9", "T1"]),
    attack("fileless-worker", "suspected", &["B3", "B4", "N9"]),
    attack("gated-worker", "suspected", &["B2", "C7", "N4", "N9", "T1"]),
    attack("hides-from-top", "noted", &["B2", "C11", "T1"]),
    attack("io-uring-miner", "mining", &["N1", "N2", "N4"]),
    attack("light-miner", "noted", &["B2", "C13", "T1"]),
    attack("limited-worker", "noted", &["B2", "C5", "N9", "T1"]),
    attack("miner-behind-a-proxy", "mining", &["N1"]),
    attack("miner-command-line", "mining", &["B9", "N4"]),
    attack("mining-proxy", "mining", &["N1", "N2", "N4", "N8"]),
    attack("pool-by-name", "noted", &["N11", "N3", "N6"]),
    attack("regular-worker", "suspected", &["B2", "C5", "C6", "T1"]),
    attack("renamed-worker", "mining", &["C1"]),
    attack("rootkit", "suspected", &["B2", "B3", "B6", "B7", "N9", "T1"]),
    attack("solo-miner", "noted", &["N7"]),
    attack("stop-and-go", "noted", &["B2", "C10", "N9", "T1"]),
    attack("stratum-login", "mining", &["N1", "N2"]),
    attack("stratum-miner", "mining", &["B2", "N1", "N2", "N4", "N9", "T1"]),
    attack("stratum-v2-miner", "noted", &["B2", "N10", "N9", "T1"]),
    attack("throttled-worker", "mining", &["B2", "B4", "C1", "T1"]),
    attack("tuned-host", "noted", &["C2", "C3", "C4"]),
    // Without a user's list, this recording has no signals.
    benign("listed-hosts-and-files", &[]),

    benign("administrator", &["B7", "T1"]),
    benign("backup", &[]),
    benign("checksum-speed", &[]),
    benign("ci-job", &["B2", "N9", "T1"]),
    benign("compiler-build", &[]),
    benign("database", &[]),
    benign("database-tuning", &[]),
    benign("health-checks", &["B1", "N9"]),
    benign("login-service", &[]),
    benign("message-broker", &[]),
    benign("name-lookups", &[]),
    benign("package-install", &[]),
    benign("pool-website", &[]),
    benign("remote-session", &[]),
    benign("self-update", &[]),
];

/// Signals that no recording shows, each with the reason.
const NOT_RECORDED: &[(&str, &str)] = &[
    ("C8", "it takes a day; `load_pattern.rs` makes one up"),
    ("C9", "it takes five minutes without a break, and `limited-worker` was recorded on a busy machine"),
    ("C9Q", "it takes five minutes without a break, and `limited-worker` was recorded on a busy machine"),
    ("C9H", "one process would have to keep the whole host busy for five minutes"),
    ("C9J", "it takes six hours"),
    ("C12", "it takes a graphics processor"),
    ("I1", "it takes a list of the user's own"),
    ("I2", "it takes a list of the user's own"),
    ("N4F", "it takes a database of countries"),
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

#[test]
fn each_story_shows_its_signals_and_its_verdict() {
    let mut wrong = Vec::new();
    for Story { name, worst, signals } in STORIES {
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
