//! Tests with a parser of CEF.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{MAX_BYTES, message};
use crate::testing;

/// A message as a SIEM reads it.
#[derive(Debug)]
struct Parsed {
    header: Vec<String>,
    extension: BTreeMap<String, String>,
}

fn parse(line: &str) -> Parsed {
    assert!(!line.contains(char::is_control), "{line:?}");
    assert!(line.len() <= MAX_BYTES, "{} bytes", line.len());
    let mut header = vec![String::new()];
    let mut letters = line.strip_prefix("CEF:").expect("CEF").chars();
    while header.len() < 8 {
        match letters.next().expect("a header of eight parts") {
            '|' => header.push(String::new()),
            '\\' => {
                let escaped = letters.next().expect("an escaped character");
                assert!(['|', '\\'].contains(&escaped), "{escaped} needs no escape");
                header.last_mut().unwrap().push(escaped);
            }
            letter => header.last_mut().unwrap().push(letter),
        }
    }
    header.pop();
    Parsed { header, extension: parse_extension(letters.as_str()) }
}

/// Splits before each word that an unescaped equals sign follows.
fn parse_extension(text: &str) -> BTreeMap<String, String> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut value = String::new();
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => value.push(match letters.next().expect("an escaped character") {
                'n' => '\n',
                'r' => '\r',
                // Private characters stand for escaped ones until the value is complete.
                '=' => '\u{e000}',
                '\\' => '\\',
                other => panic!("{other} needs no escape"),
            }),
            '=' => {
                let (before, key) = match value.rsplit_once(' ') {
                    Some((before, key)) => (before.to_owned(), key.to_owned()),
                    None => (String::new(), value.clone()),
                };
                assert!(
                    key.chars().all(char::is_alphanumeric) && !key.is_empty(),
                    "{key:?} is no key: {text}"
                );
                if let Some((_, last)) = pairs.last_mut() {
                    *last = before;
                }
                pairs.push((key, String::new()));
                value.clear();
            }
            letter => value.push(letter),
        }
    }
    if let Some((_, last)) = pairs.last_mut() {
        *last = value;
    }
    let count = pairs.len();
    let map: BTreeMap<String, String> =
        pairs.into_iter().map(|(key, value)| (key, value.replace('\u{e000}', "="))).collect();
    assert_eq!(map.len(), count, "a key is there twice: {text}");
    map
}

fn sample(action: &str) -> Value {
    let samples = crate::ecs::tests::objects();
    samples.into_iter().find(|ecs| ecs["event"]["action"] == action).expect("a sample")
}

/// The format is a contract: review every difference.
#[test]
fn messages_are_as_in_their_snapshot() {
    let lines =
        testing::samples::lines().into_iter().map(|(_, line)| message(&serde_json::from_str(&line).unwrap()));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"));
}

#[test]
fn an_alert_has_the_keys_that_a_siem_knows() {
    let Parsed { header, extension } = parse(&message(&sample("incident-opened")));
    assert_eq!(
        header,
        ["0", "minerwatch", "minerwatch", "0.1.0", "incident-opened", "file written, then run", "7"]
    );
    for (key, value) in [
        ("rt", "1795389246001"),
        ("externalId", "a7aa1787b9179f546f06c4a8e5d7fe98"),
        ("msg", "'x' was downloaded, run and made to come back"),
        ("cs1Label", "verdict"),
        ("cs1", "suspected"),
        ("cs2", "125c-6c7f0-40b244a4b00"),
        ("cs3", "B2 C5 Z9"),
        ("cn1", "44"),
        ("cn1Label", "score"),
        ("dvchost", "web-1"),
        ("sproc", "x"),
        ("spid", "4713"),
        ("suser", "root"),
        ("cs4", "curl -o /tmp/x 'http://10.0.0.1:8000/x y'"),
        ("dst", "203.0.113.9"),
        ("dpt", "443"),
        ("dhost", "pool.example"),
        ("fname", "curl"),
        ("filePath", "/usr/bin/curl"),
        ("cat", "intrusion_detection/malware"),
    ] {
        assert_eq!(extension.get(key).map(String::as_str), Some(value), "{key}");
    }
}

#[test]
fn events_tell_what_they_are_about() {
    for (action, expected) in [
        ("connect", &["src", "dst", "dpt", "proto", "outcome"][..]),
        ("close", &["in", "out", "start"]),
        ("device-open", &["outcome", "reason"]),
        ("dns", &["destinationDnsDomain"]),
        ("file-rename", &["fname", "filePath", "oldFilePath"]),
        ("exec", &["sproc", "spid", "fileHash", "cs4"]),
    ] {
        let Parsed { header, extension } = parse(&message(&sample(action)));
        assert_eq!((header[4].as_str(), header[6].as_str()), (action, "1"));
        for key in expected {
            assert!(extension.contains_key(*key), "{action} has no {key}: {extension:?}");
        }
    }
}

#[test]
fn every_sample_and_every_recorded_object_can_be_parsed() {
    testing::each_sample(|_, ecs| drop(parse(&message(ecs))));
    testing::each_recorded(|_, ecs| drop(parse(&message(ecs))));
}

/// Returns the keys in the documentation's table.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../docs/formats.md");
    let table = page.lines().skip_while(|line| *line != "| Key | Field |").skip(2);
    let keys = table.take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    keys.flat_map(|cell| cell.split(',')).map(|key| key.trim().replace('`', "")).collect()
}

#[test]
fn the_keys_are_the_documented_ones() {
    let mut seen = BTreeSet::new();
    testing::each_sample(|_, ecs| seen.extend(parse(&message(ecs)).extension.into_keys()));
    assert_eq!(seen, documented());
}

#[test]
fn anything_gives_a_message() {
    for ecs in [Value::Null, json!([]), json!({"event": 3}), json!({"event": {"severity": -9}})] {
        assert_eq!(parse(&message(&ecs)).header.len(), 7);
    }
}

/// Fills every text of an object.
fn fill(value: &mut Value, text: &str) {
    match value {
        Value::String(old) => text.clone_into(old),
        Value::Array(items) => items.iter_mut().for_each(|item| fill(item, text)),
        Value::Object(members) => members.values_mut().for_each(|member| fill(member, text)),
        _ => {}
    }
}

/// No text is so long that another key has no room.
#[test]
fn long_texts_are_cut_and_every_key_stays() {
    let mut ecs = sample("incident-opened");
    ecs["source"] = json!({"ip": "x", "port": 1, "bytes": 1});
    ecs["network"] = json!({"transport": "x", "direction": "x"});
    ecs["file"] = json!({"path": "x", "inode": "x"});
    ecs["dns"] = json!({"question": {"name": "x"}});
    ecs["event"]["outcome"] = "x".into();
    ecs["minerwatch"]["file"] = json!({"old_path": "x"});
    let keys: Vec<String> = parse(&message(&ecs)).extension.into_keys().collect();
    for text in ["=".repeat(20_000), "ä\\".repeat(9_000), "\u{1f980}\n".repeat(5_000), "x ".repeat(9_000)] {
        fill(&mut ecs, &text);
        let cut = parse(&message(&ecs));
        let without_time: Vec<_> = keys.iter().filter(|key| *key != "rt").collect();
        assert_eq!(cut.extension.keys().collect::<Vec<_>>(), without_time);
        assert!(cut.extension["msg"].ends_with('…'), "{:?}", cut.extension["msg"]);
    }
}

/// Returns what a reader gets instead of a text.
fn readable(text: &str) -> String {
    let plain = |letter: char| {
        let is_break = letter.is_control() && !['\n', '\r'].contains(&letter);
        if is_break || ['\u{2028}', '\u{2029}'].contains(&letter) { ' ' } else { letter }
    };
    text.trim().chars().map(plain).collect()
}

proptest! {
    #[test]
    fn hostile_texts_survive_the_way(text in hostile(), other in hostile()) {
        let ecs = json!({
            "message": text, "rule": {"name": text}, "agent": {"version": other},
            "process": {"name": other, "command_line": text}, "minerwatch": {"verdict": other},
        });
        let Parsed { header, extension } = parse(&message(&ecs));
        let told = |key: &str| extension.get(key).cloned().unwrap_or_default();
        for (key, value) in [("msg", &text), ("cs4", &text), ("sproc", &other), ("cs1", &other)] {
            prop_assert_eq!(told(key), readable(value));
        }
        let name = if text.is_empty() { "event".to_owned() } else { text.chars().map(in_header).collect() };
        prop_assert_eq!(&header[5], &name);
    }
}

fn in_header(letter: char) -> char {
    if letter.is_control() || ['\u{2028}', '\u{2029}'].contains(&letter) { ' ' } else { letter }
}

/// Short texts with many characters that mean something in CEF.
fn hostile() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec![
                "|",
                "=",
                "\\",
                "\n",
                "\r",
                "\0",
                " ",
                "msg=",
                "\\n",
                "CEF:0|",
                "\u{1b}[2J",
                "\u{2028}",
                "é"
            ])
            .prop_map(str::to_owned),
            "[^\u{e000}]{0,3}",
        ],
        0..12,
    )
    .prop_map(|parts| parts.concat())
}
