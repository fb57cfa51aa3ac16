use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    model::{BootTime, Event, EventBody, Exec, Exit, ProcessKey, Subject},
    testing::samples,
};

fn header() -> Header {
    Header::new("web-1", "5e0b6d2a", WallClock { boot: 1_795_384_800_123_456_789 }, 4)
}

fn recorded(events: &[Event]) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), &header()).unwrap();
    for event in events {
        writer.write(event).unwrap();
    }
    assert_eq!(writer.events(), events.len() as u64);
    writer.finish().unwrap()
}

fn sample_events() -> Vec<Event> {
    samples::events().into_iter().map(|(_, event)| event).collect()
}

#[test]
fn every_kind_of_event_is_read_back_unchanged() {
    let events = sample_events();
    let bytes = recorded(&events);
    let reader = Reader::new(bytes.as_slice()).unwrap();
    assert_eq!(reader.header(), &header());
    let read: Result<Vec<Event>, _> = reader.collect();
    assert_eq!(read.unwrap(), events);
}

/// Detects changes of the file format, because every later version must read the recordings of today.
#[test]
fn the_format_is_stable() {
    insta::assert_snapshot!(
        String::from_utf8(recorded(&sample_events())).unwrap().replace(env!("CARGO_PKG_VERSION"), "VERSION")
    );
}

#[test]
fn a_recording_cut_anywhere_gives_the_events_before_the_cut_and_an_error() {
    let events = sample_events();
    let bytes = recorded(&events);
    let first = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for end in first..bytes.len() {
        let cut = &bytes[..end];
        let whole = cut.split(|byte| *byte == b'\n').count() - 2;
        let line_begins = cut.iter().rposition(|byte| *byte == b'\n').unwrap() + 1;
        let items: Vec<_> = Reader::new(cut).unwrap().collect();
        let good = items.iter().take_while(|item| item.is_ok()).count();
        // Only the newline is missing, so the event is complete.
        if bytes[end] == b'\n' {
            assert_eq!((good, items.len()), (whole + 1, whole + 1));
            continue;
        }
        assert_eq!(good, whole, "cut at {end}");
        if line_begins == end {
            assert_eq!(items.len(), whole);
        } else {
            let [Err(ReadError::CutOff { line, bytes })] = &items[whole..] else { panic!("{items:?}") };
            assert_eq!((*line, *bytes), (whole as u64 + 2, end - line_begins));
        }
    }
}

#[test]
fn lines_after_a_bad_one_are_read() {
    let events = sample_events();
    let text = String::from_utf8(recorded(&events[..2])).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let long = "x".repeat(2 << 20);
    lines.insert(2, "{\"kind\":\"from-a-later-version\"}");
    lines.insert(3, "");
    lines.insert(4, &long);
    let items: Vec<_> = Reader::new(lines.join("\n").as_bytes()).unwrap().collect();
    assert!(matches!(
        items.as_slice(),
        [Ok(_), Err(ReadError::Line { line: 3, .. }), Err(ReadError::TooLong { line: 5 }), Ok(_)]
    ));
}

#[test]
fn unknown_fields_are_ignored() {
    let events = &sample_events()[..1];
    let text = String::from_utf8(recorded(events)).unwrap();
    let text = text
        .replace("{\"minerwatch_recording\":1,", "{\"new\":{\"a\":[1]},\"minerwatch_recording\":1,")
        .replace("{\"time\":", "{\"later\":[{}],\"time\":")
        .replace("\"name\":\"bash\"", "\"name\":\"bash\",\"more\":true");
    assert_eq!(text.matches("later").count() + text.matches("more").count(), 2);
    let read: Result<Vec<Event>, _> = Reader::new(text.as_bytes()).unwrap().collect();
    assert_eq!(read.unwrap(), events);
}

#[test]
fn other_files_are_refused_with_the_reason() {
    let json_output = samples::lines().remove(0).1;
    for (content, expected) in [
        ("", "the file is empty"),
        ("#!/bin/sh\n", "this is no recording"),
        ("{\"a\":1}\n", "the field is missing"),
        ("{\"minerwatch_recording\":1}\n", "missing field"),
        ("{\"minerwatch_recording\":2,\"anything\":1}\n", "made by a newer minerwatch"),
        ("\u{0}\u{1}\n", "this is no recording"),
        (json_output.as_str(), "minerwatch's JSON output"),
    ] {
        let error = Reader::new(content.as_bytes()).unwrap_err().to_string();
        assert!(error.contains(expected), "{content:?}: {error}");
        assert!(error.contains("minerwatch record FILE") || error.contains("update it"), "{error}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut writer = Writer::new(full, &header()).unwrap();
    let error = writer.flush().unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
}

fn any_event() -> impl Strategy<Value = Event> {
    let text = || ".{0,30}".prop_map(|text| Arc::<str>::from(text.as_str()));
    let exec = (text(), text(), proptest::collection::vec(text(), 0..5), any::<(u32, u64, bool)>()).prop_map(
        |(path, name, arguments, (session, capabilities, cut))| {
            let mut exec = sample_exec();
            exec.executable.path = path.clone();
            exec.invoked = path;
            exec.name = name;
            exec.arguments = arguments.into();
            exec.arguments_cut = cut;
            exec.session = session;
            exec.capabilities_gained = capabilities;
            EventBody::Exec(Box::new(exec))
        },
    );
    let exit = any::<(Option<u8>, Option<u8>, u64)>()
        .prop_map(|(code, signal, on_cpu)| EventBody::Exit(Exit { code, signal, on_cpu }));
    let sample = proptest::sample::select(sample_events()).prop_map(|event| event.body);
    (any::<(u64, u32, u64, u32, u32, u32, u64)>(), prop_oneof![exec, exit, sample]).prop_map(
        |((time, pid, start, tid, uid, gid, cgroup), body)| Event {
            time: BootTime(time),
            subject: Subject {
                key: ProcessKey::from_ticks(pid, start),
                tid,
                uid,
                gid,
                cgroup,
                container: None,
            },
            body,
        },
    )
}

fn sample_exec() -> Exec {
    let exec = sample_events().into_iter().find_map(|event| match event.body {
        EventBody::Exec(exec) => Some(*exec),
        _ => None,
    });
    exec.unwrap()
}

proptest! {
    #[test]
    fn any_events_are_read_back_unchanged(events in proptest::collection::vec(any_event(), 0..10)) {
        let bytes = recorded(&events);
        let read: Result<Vec<Event>, _> = Reader::new(bytes.as_slice()).unwrap().collect();
        prop_assert_eq!(read.unwrap(), events);
    }

    #[test]
    fn any_bytes_give_errors_and_end(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(Reader::new(bytes.as_slice()).is_err());
        let mut with_header = recorded(&[]);
        with_header.extend_from_slice(&bytes);
        let items = Reader::new(with_header.as_slice()).unwrap().count();
        prop_assert!(items <= bytes.len() + 1);
    }

    #[test]
    fn damaged_bytes_never_panic(at in 0_usize..8_000, byte in any::<u8>()) {
        let mut bytes = recorded(&sample_events());
        if let Some(place) = bytes.get_mut(at) {
            *place = byte;
        }
        if let Ok(reader) = Reader::new(bytes.as_slice()) {
            prop_assert!(reader.count() <= sample_events().len() + 1);
        }
    }
}

#[test]
fn a_header_has_the_id_of_the_host_if_known() {
    let with_id = Header { host_id: Some("0f1e".to_owned()), ..header() };
    let bytes = Writer::new(Vec::new(), &with_id).unwrap().finish().unwrap();
    assert_eq!(Reader::new(bytes.as_slice()).unwrap().header(), &with_id);
    assert_eq!(Reader::new(recorded(&[]).as_slice()).unwrap().header().host_id, None);
}
