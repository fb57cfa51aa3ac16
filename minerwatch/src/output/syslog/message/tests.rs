use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    ecs::read::text,
    output::syslog::OCSF_LEAST,
    testing::{each_recorded, each_sample},
};

fn writer(format: MessageFormat) -> Writer {
    Writer { facility: Facility::Local0, format, is_local: false, max_bytes: 8_096, process: 42 }
}

/// A message of RFC 5424, read by the grammar of the RFC.
#[derive(Debug)]
struct Parsed {
    priority: u32,
    time: String,
    host: String,
    program: String,
    process: String,
    kind: String,
    parameters: Vec<(String, String)>,
    content: String,
}

fn parse(message: &str) -> Option<Parsed> {
    let (priority, rest) = message.strip_prefix('<')?.split_once('>')?;
    let mut parts = rest.strip_prefix("1 ")?.splitn(6, ' ');
    let mut token = |most: usize| {
        let token = parts.next()?;
        let fits = (1..=most).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
        fits.then(|| token.to_owned())
    };
    let (time, host, program) = (token(32)?, token(255)?, token(48)?);
    let (process, kind) = (token(128)?, token(32)?);
    let rest = parts.next()?;
    let (parameters, content) = match rest.strip_prefix("- ") {
        Some(content) => (Vec::new(), content),
        None => element(rest.strip_prefix("[minerwatch@32473")?)?,
    };
    Some(Parsed {
        priority: priority.parse().ok().filter(|priority| *priority < 192)?,
        time,
        host,
        program,
        process,
        kind,
        parameters,
        content: content.to_owned(),
    })
}

/// Reads the parameters of an element, and what follows.
fn element(mut rest: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut parameters = Vec::new();
    while let Some(parameter) = rest.strip_prefix(' ') {
        let (name, value) = parameter.split_once("=\"")?;
        let mut text = String::new();
        let mut characters = value.char_indices();
        loop {
            match characters.next()? {
                (_, '\\') => text.push(characters.next().filter(|(_, it)| "\"\\]".contains(*it))?.1),
                (end, '"') => {
                    rest = value.get(end + 1..)?;
                    break;
                }
                (_, ']') => return None,
                (_, other) => text.push(other),
            }
        }
        parameters.push((name.to_owned(), text));
    }
    Some((parameters, rest.strip_prefix("] ")?))
}

fn alert() -> Value {
    json!({
        "@timestamp": "2026-11-28T20:22:55.052517999Z",
        "event": {"id": "0123", "kind": "alert", "action": "incident-opened", "severity": 95},
        "host": {"name": "demo"},
        "minerwatch": {"incident": {"id": "1-2-3"}, "verdict": "mining"},
    })
}

#[test]
fn an_alert_has_its_header() {
    let line = alert().to_string();
    let message = writer(MessageFormat::Ecs).message(line.as_bytes()).unwrap();
    assert_eq!(
        message,
        format!(
            "<130>1 2026-11-28T20:22:55.052517Z demo minerwatch 42 incident-opened \
             [minerwatch@32473 id=\"0123\" incident=\"1-2-3\"] {line}"
        )
    );
}

#[test]
fn the_daemon_of_the_host_gets_the_short_header() {
    let local = Writer { is_local: true, facility: Facility::AuthPriv, ..writer(MessageFormat::Ecs) };
    assert_eq!(local.message(b"{}").unwrap(), "<86>minerwatch[42]: {}");
}

#[test]
fn what_is_unknown_is_left_out() {
    let message = writer(MessageFormat::Ecs).message(b"{\"a\":1}").unwrap();
    assert_eq!(message, "<134>1 - - minerwatch 42 - - {\"a\":1}");
    let message = writer(MessageFormat::Ecs).message(b"{\"@timestamp\":\"yesterday\"}").unwrap();
    assert!(message.starts_with("<134>1 - -"), "{message}");
}

#[test]
fn the_severity_follows_from_the_verdict() {
    for (severity, kind, expected) in [
        (100, "alert", 2),
        (90, "alert", 2),
        (75, "alert", 3),
        (40, "alert", 4),
        (39, "alert", 5),
        (0, "event", 6),
    ] {
        let document = json!({"event": {"severity": severity, "kind": kind}});
        let head: Head = serde_json::from_value(document).unwrap();
        assert_eq!(head.severity(), expected, "{severity} {kind}");
    }
}

#[test]
fn a_line_that_is_no_json_is_refused() {
    assert!(writer(MessageFormat::Ecs).message(b"alert 1").unwrap_err().contains("not an object"));
}

/// Checks a message of a document, and returns its content.
fn checked(document: &Value, writer: &Writer) -> String {
    let message = writer.message(document.to_string().as_bytes()).unwrap();
    assert!(message.len() <= writer.max_bytes, "{} bytes", message.len());
    let parsed = parse(&message).unwrap_or_else(|| panic!("not RFC 5424: {message}"));
    let text = |name| text(document, name);
    assert_eq!(parsed.program, "minerwatch");
    assert_eq!(parsed.process, "42");
    assert_eq!(parsed.priority / 8, 16);
    assert_eq!(parsed.kind, text("event.action").unwrap_or("-"));
    assert_eq!(parsed.host, text("host.name").unwrap_or("-"));
    assert!(parsed.time.len() == 27, "{}", parsed.time);
    let ids = [("id", "event.id"), ("incident", "minerwatch.incident.id")];
    let ids: Vec<(String, String)> =
        ids.iter().filter_map(|(name, field)| Some((name.to_string(), text(field)?.to_owned()))).collect();
    assert_eq!(parsed.parameters, ids);
    parsed.content
}

#[test]
fn every_event_and_alert_becomes_a_message_in_every_format() {
    let mut seen = 0_usize;
    let mut check = |name: &str, document: &Value| {
        // Recordings hold many similar events.
        seen += 1;
        if document["event"]["kind"] != "alert" && !seen.is_multiple_of(16) {
            return;
        }
        for max_bytes in [1_024, OCSF_LEAST, 8_192] {
            let within = |format| Writer { max_bytes, ..writer(format) };
            let content = checked(document, &within(MessageFormat::Ecs));
            let object: Value = serde_json::from_str(&content).expect("JSON");
            assert_eq!(object["event"]["id"], document["event"]["id"], "{name}");
            assert!(content.is_ascii());
            let content = checked(document, &within(MessageFormat::Cef));
            assert!(content.starts_with("CEF:0|"), "{content}");
            if max_bytes < OCSF_LEAST {
                continue;
            }
            let content = checked(document, &within(MessageFormat::Ocsf));
            assert!(serde_json::from_str::<Value>(&content).expect("JSON")["class_uid"].is_u64());
        }
    };
    each_sample(&mut check);
    each_recorded(&mut check);
}

fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("]".to_owned()),
        Just("[".to_owned()),
        Just(" ".to_owned()),
        Just("\n".to_owned()),
        Just("\u{7f}".to_owned()),
        Just("\u{feff}".to_owned()),
        Just("\u{202e}".to_owned()),
        Just("雪".to_owned()),
        Just("😀".to_owned()),
        Just("<13>1 - - - - - -".to_owned()),
        Just("\0".to_owned()),
        any::<char>().prop_map(String::from),
        "[ -~]{0,40}",
    ];
    prop::collection::vec(piece, 0..200).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn hostile_values_break_no_message(
        host in hostile(), action in hostile(), id in hostile(), incident in hostile(), message in hostile(),
        time in prop_oneof![hostile(), Just("2026-11-28T20:22:55.9+01:00".to_owned())], format in 0_usize..3,
    ) {
        let format = [MessageFormat::Ecs, MessageFormat::Ocsf, MessageFormat::Cef][format];
        let document = json!({
            "@timestamp": time, "event": {"id": id, "action": action, "kind": "alert"}, "host": {"name": host},
            "message": message, "minerwatch": {"incident": {"id": incident}},
        });
        let Ok(written) = writer(format).message(document.to_string().as_bytes()) else {
            // Only huge names do not fit.
            prop_assert!(document.to_string().len() > 1_024);
            return Ok(());
        };
        prop_assert!(written.len() <= 8_192);
        prop_assert!(!written.chars().any(char::is_control), "{written:?}");
        let parsed = parse(&written);
        prop_assert!(parsed.is_some(), "{written}");
        let parsed = parsed.unwrap();
        prop_assert!(parsed.time == "-" || parsed.time == "2026-11-28T19:22:55.900000Z", "{}", parsed.time);
        for (name, value) in &parsed.parameters {
            let whole: String = if name == "id" { &id } else { &incident }.chars()
                .map(|it| if it.is_control() { ' ' } else { it }).collect();
            prop_assert!(whole.starts_with(value.as_str()), "{name}");
        }
        if format == MessageFormat::Ecs {
            let object: Value = serde_json::from_str(&parsed.content).unwrap();
            prop_assert!(object["minerwatch"]["cut"].is_object() || object == document);
        }
    }
}
