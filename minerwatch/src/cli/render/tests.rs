use proptest::prelude::*;

use super::*;
use crate::testing::samples;

fn rendered(style: Style) -> String {
    let mut renderer = Renderer::new(style);
    let mut out = String::new();
    for (_, line) in samples::lines() {
        renderer.line(line.as_bytes(), &mut out);
    }
    out
}

#[test]
fn plain() {
    let out = rendered(Style::default());
    assert!(!out.contains('\x1b'));
    insta::assert_snapshot!(out);
}

#[test]
fn coloured() {
    let out = rendered(Style { color: true, width: None });
    insta::assert_snapshot!(out.replace('\x1b', "␛"));
    // Without the escape sequences, the coloured text equals the plain text.
    let mut bare = String::new();
    for (index, part) in out.split("\x1b[").enumerate() {
        bare.push_str(if index == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    let trimmed: Vec<&str> = bare.lines().map(str::trim_end).collect();
    assert_eq!(trimmed.join("\n"), rendered(Style::default()).trim_end_matches('\n').to_owned() + "\n");
}

#[test]
fn narrow() {
    let out = rendered(Style { color: false, width: Some(80) });
    assert!(out.lines().all(|line| line.chars().count() <= 80));
    assert!(out.lines().filter(|line| line.ends_with('…')).count() > 5);
    insta::assert_snapshot!(out);
}

#[test]
fn escape_sequences_in_arguments_and_paths_stay_text() {
    let alert = samples::lines().pop().unwrap().1;
    // A hostile process's escape characters arrive as JSON escapes.
    let hostile = alert
        .replace("/tmp/x", r"/tmp/\u001b[2J\u0007\u009b31m")
        .replace("curl", r"cu\u202erl\r\n")
        .replace("'x' was", r"\u001b]0;owned\u0007");
    let mut out = String::new();
    Renderer::new(Style::default()).line(hostile.as_bytes(), &mut out);
    let odd = out.chars().filter(|character| character.is_control() && *character != '\n').count();
    assert_eq!(odd, 0, "{out:?}");
    assert!(!out.contains('\u{202e}'));
    assert!(out.contains(r"/tmp/\x1b[2J\x07\x9b31m"), "{out}");
    assert_eq!(out.lines().count(), rendered_alert_rows(&alert), "no row is added");
}

fn rendered_alert_rows(alert: &str) -> usize {
    let mut out = String::new();
    Renderer::new(Style::default()).line(alert.as_bytes(), &mut out);
    out.lines().count()
}

#[test]
fn a_chain_with_circles_is_drawn_once() {
    let edge = |id: &str, parent: &str, kind: &str| {
        format!(
            r#"{{"kind":"{kind}","at":"x","process":{{"pid":1,"entity_id":"{id}","name":"{id}","parent":{{"entity_id":"{parent}"}}}},"object":"o"}}"#
        )
    };
    // A cycle, a process that is its own parent, and a process without id and name.
    let edges =
        [edge("a", "b", "create"), edge("b", "a", "connect"), edge("c", "c", "drop"), edge("", "", "modify")];
    let line = format!(r#"{{"event":{{"kind":"alert"}},"minerwatch":{{"chain":[{}]}}}}"#, edges.join(","));
    let mut out = String::new();
    Renderer::new(Style::default()).line(line.as_bytes(), &mut out);
    insta::assert_snapshot!(out);
}

#[test]
fn a_chain_of_any_depth_is_drawn() {
    let edges: Vec<String> = (1..2_000)
        .map(|pid| {
            format!(
                r#"{{"kind":"create","at":"","process":{{"pid":{pid},"entity_id":"{pid}","name":"sh","parent":{{"entity_id":"{}"}}}},"object":""}}"#,
                pid - 1
            )
        })
        .collect();
    let line = format!(r#"{{"event":{{"kind":"alert"}},"minerwatch":{{"chain":[{}]}}}}"#, edges.join(","));
    let mut out = String::new();
    Renderer::new(Style::default()).line(line.as_bytes(), &mut out);
    assert!(out.lines().count() < 20, "what stands above the first step is left out");
    let mut out = String::new();
    let line = line.replace("\"create\"", "\"modify\"");
    Renderer::new(Style::default()).line(line.as_bytes(), &mut out);
    assert!(out.lines().count() > 1_999);
    assert!(out.lines().all(|line| line.chars().count() < 200));
}

#[test]
fn an_update_draws_only_what_is_new() {
    let alert = samples::lines().pop().unwrap().1;
    let mut renderer = Renderer::default();
    let drawn = |renderer: &mut Renderer, alert: &str| {
        let mut out = String::new();
        renderer.line(alert.as_bytes(), &mut out);
        out.lines()
            .filter(|row| row.contains('└') || row.contains('├'))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(drawn(&mut renderer, &alert).len(), 6);
    assert!(drawn(&mut renderer, &alert).is_empty());
    let update = alert.replace("/etc/crontab", "/etc/cron.d/y");
    let rows = drawn(&mut renderer, &update);
    assert!(rows.iter().any(|row| row.contains("/etc/cron.d/y")), "{rows:?}");
    assert!(rows.len() <= 2, "{rows:?}");
}

#[test]
fn other_lines_are_shown_as_they_are_made_harmless() {
    let mut renderer = Renderer::default();
    for (line, expected) in [
        ("", "\n"),
        ("not json \x1b[31m", "not json \\x1b[31m\n"),
        (r#"{"event":{"action":7}}"#, "{\"event\":{\"action\":7}}\n"),
        ("[]", "[]\n"),
    ] {
        let mut out = String::new();
        renderer.line(line.as_bytes(), &mut out);
        assert_eq!(out, expected);
    }
}

proptest! {
    #[test]
    fn any_bytes_give_harmless_rows(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let mut out = String::new();
        Renderer::new(Style { color: false, width: Some(40) }).line(&bytes, &mut out);
        prop_assert!(out.chars().all(|character| !character.is_control() || character == '\n'));
    }

    /// Renders lines of the right structure with hostile text in every field.
    #[test]
    fn any_strings_give_harmless_rows(
        action in "exec|exit|connect|file-rename|cpu|.{0,8}",
        name in ".{0,20}",
        rest in ".{0,80}",
    ) {
        let line = serde_json::json!({
            "@timestamp": rest,
            "event": {"kind": "event", "action": action},
            "process": {"name": name, "command_line": rest, "user": {"name": name}},
            "file": {"path": rest},
            "container": {"id": rest},
        });
        let mut out = String::new();
        Renderer::default().line(line.to_string().as_bytes(), &mut out);
        prop_assert!(out.chars().all(|character| !character.is_control() || character == '\n'));
        prop_assert_eq!(out.matches('\n').count(), 1);
    }
}
