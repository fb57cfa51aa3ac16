//! Generates `deploy/minerwatch.toml`: every key with its documentation. A few keys are set, and the others are
//! commented out.

use std::fmt::Write as _;

use super::entries;
use crate::schema::Shape;

const INTRODUCTION: &str = "\
# minerwatch: an example to start from. Every key is optional unless it is marked as required; a key behind `#`
# shows its default. docs/configuration.md has the same keys as a table.
";

/// The keys that the example sets. Alerts go to the journal or the container's log. Everything about processes and
/// connections goes to a file, for a later investigation.
const SET: [(&str, &str); 8] = [
    ("detection.min_verdict", "\"suspected\""),
    ("sink.stdout.alerts", "true"),
    ("sink.stdout.events", "\"none\""),
    ("sink.file.path", "\"/var/lib/minerwatch/events.json\""),
    ("sink.file.alerts", "true"),
    ("sink.file.events", "[\"exec\", \"exit\", \"connect\", \"close\", \"snapshot\"]"),
    ("sink.file.max_size_mib", "100"),
    ("log.level", "\"info\""),
];

/// Maximum width of a comment line, in bytes.
const WIDTH: usize = 108;

/// Returns the example, in TOML.
pub fn example() -> String {
    let mut example = String::from(INTRODUCTION);
    for entry in entries() {
        let set = |name: &str| {
            let path = format!("{}.{name}", entry.path);
            SET.into_iter().find(|(key, _)| *key == path).map(|(_, value)| value)
        };
        // The configuration refuses a repeated section without its required keys.
        let is_used = !entry.repeated || entry.keys.iter().any(|key| set(key.name).is_some());
        example.push('\n');
        comment(&mut example, &entry.meaning);
        let _ = writeln!(example, "{}{}", if is_used { "" } else { "#" }, entry.header());
        for key in &entry.keys {
            let Shape::Value { required, values, default } = &key.shape else { continue };
            let required = if *required { "; required" } else { "" };
            comment(&mut example, &format!("{} Values: {values}{required}.", key.meaning));
            let _ = match (set(key.name), default) {
                (Some(value), _) => writeln!(example, "{} = {value}", key.name),
                (None, Some(default)) => writeln!(example, "#{} = {default}", key.name),
                (None, None) => writeln!(example, "#{} =", key.name),
            };
        }
    }
    example
}

/// Appends a text as comment lines, without its Markdown.
fn comment(example: &mut String, text: &str) {
    let mut line = String::from("#");
    for word in without_links(&text.replace('`', "")).split_whitespace() {
        if line.len() + 1 + word.len() > WIDTH {
            let _ = writeln!(example, "{line}");
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(word);
    }
    let _ = writeln!(example, "{line}");
}

/// Turns `[privacy.md](privacy.md)` into `docs/privacy.md`.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, (label, after))) =
        rest.split_once('[').and_then(|(before, link)| Some((before, link.split_once("](")?)))
    {
        let Some((target, after)) = after.split_once(')') else { break };
        plain.push_str(before);
        plain.push_str(if label == target { "docs/" } else { "" });
        plain.push_str(label);
        rest = after;
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_becomes_the_file_it_names() {
        assert_eq!(without_links("see [a.md](a.md), [b](c.md)."), "see docs/a.md, b.");
        for text in ["", "[", "a [b] c", "[a](b", "](a)"] {
            assert_eq!(without_links(text), text);
        }
    }
}
