//! Tests signal C8 over a whole day: the shape of the load distinguishes throttled and nightly miners from work that
//! follows the hours of people.

use std::{f64::consts::PI, fs};

use minerwatch_tests::{Scratch, agent::at, day};
use serde_json::Value;

use super::replay;

/// Replays 26 hours of a program that uses `share` of a processor in each minute. Returns all alerts, and whether one
/// of them has signal C8.
fn told(share: impl Fn(u64) -> f64) -> (Vec<Value>, bool) {
    let scratch = Scratch::new();
    let path = scratch.join("day.jsonl");
    fs::write(&path, day::recording(26 * 60, share)).expect("it can be written");
    let output = replay(&["--json", &path]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains(" 0 damaged lines"), "{said}");
    assert_eq!(output.status.code(), Some(0), "nothing of it is more than noted: {said}");
    let text = String::from_utf8(output.stdout).expect("text");
    let alerts: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let is_tidal = |alert: &Value| {
        let signals = at(alert, "minerwatch.signals").as_array().into_iter().flatten();
        signals.into_iter().any(|signal| signal["id"] == "C8")
    };
    let tidal = alerts.iter().any(is_tidal);
    (alerts, tidal)
}

#[test]
fn an_even_load_and_one_by_the_clock_are_noted_after_a_day() {
    let at_night = |minute: u64| if minute / 60 % 24 < 12 { 0.6 } else { 0.0 };
    for (name, (alerts, tidal)) in [("throttled", told(|_| 0.3)), ("nights only", told(at_night))] {
        assert!(tidal, "{name}: {alerts:#?}");
        let opened = &alerts[0];
        assert_eq!(at(opened, "minerwatch.verdict"), "noted", "{name}: {opened:#}");
        // The recording begins at 06:26:57 on the 25th.
        let time = at(opened, "@timestamp").as_str().expect("a time");
        assert!(time > "2026-11-26T06:26", "{name}: {time}");
    }
}

#[test]
fn what_follows_people_is_not() {
    // The load stays too low for the other signals of load.
    let human = |minute: u64| 0.35 - 0.3 * (minute as f64 / 60.0 * PI / 12.0).cos();
    let jobs =
        |minute: u64| if (minute / 37).is_multiple_of(3) { 0.3 + (minute % 11) as f64 / 30.0 } else { 0.2 };
    for (name, (alerts, tidal)) in
        [("a day", told(human)), ("jobs", told(jobs)), ("too little", told(|_| 0.2))]
    {
        assert!(!tidal && alerts.is_empty(), "{name}: {alerts:#?}");
    }
}
