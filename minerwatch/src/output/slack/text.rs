//! The text of messages, in the markup of Slack.

use std::fmt::Write as _;

use crate::{
    notice::{headline, summary},
    output::groups::Group,
};

/// Number of incidents that a message for many shows with their headlines.
const SHOWN: usize = 10;
/// Number of further incidents that it names.
const NAMED: usize = 40;
/// Facts that would repeat the headline.
const REPEATED: [&str; 2] = ["Host", "Verdict"];

/// Returns the message about one incident: its current state, and the number of alerts that led there.
pub(super) fn of_incident(group: &Group) -> String {
    let Some(last) = group.last() else { return String::new() };
    let mut text = format!("*{}*", escaped(&headline(last)));
    for (name, value) in summary(last).iter().filter(|(name, _)| !REPEATED.contains(name)) {
        // Writing to a text cannot fail.
        let _ = write!(text, "\n{name}: {}", escaped(value));
    }
    if let Some(earlier) = group.alerts.len().checked_sub(1).filter(|earlier| *earlier > 0) {
        let _ = write!(text, "\nThis message also stands for {earlier} earlier alerts of this incident.");
    }
    text
}

/// Returns the message about several incidents at once.
pub(super) fn of_many(groups: &[Group]) -> String {
    let alerts: usize = groups.iter().map(|group| group.alerts.len()).sum();
    let mut text = format!(
        "*{alerts} more alerts about {} incidents*, in one message because max_per_minute allows no more:",
        groups.len()
    );
    for group in groups.iter().take(SHOWN) {
        let _ = write!(
            text,
            "\n• {} ({})",
            escaped(&group.last().map(headline).unwrap_or_default()),
            escaped(&group.key)
        );
    }
    let rest = groups.get(SHOWN..).unwrap_or_default();
    if !rest.is_empty() {
        let named: Vec<String> = rest.iter().take(NAMED).map(|group| escaped(&group.key)).collect();
        let _ = write!(text, "\n• and {} more: {}", rest.len(), named.join(", "));
        if rest.len() > NAMED {
            text += ", …";
        }
    }
    text
}

/// Escapes what Slack would read as markup of its own.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn alert(incident: &str, program: &str) -> Value {
        json!({
            "event": {"kind": "alert", "action": "incident-updated"},
            "message": "it mines",
            "host": {"name": "node-1"},
            "process": {"pid": 7, "executable": program},
            "minerwatch": {"verdict": "mining", "incident": {"id": incident}},
        })
    }

    #[test]
    fn a_message_says_what_it_stands_for() {
        let group = Group { key: "i".to_owned(), alerts: vec![(0, alert("i", "/a")), (1, alert("i", "/b"))] };
        assert_eq!(
            of_incident(&group),
            "*Mining on node-1 (update): /b (pid 7)*\nWhat: it mines\nProgram: /b (pid 7)\nIncident: i\n\
             What to do: minerwatch explain i\nThis message also stands for 1 earlier alerts of this incident."
        );
        let groups: Vec<Group> = (0..12)
            .map(|number| Group {
                key: format!("i{number}"),
                alerts: vec![(number, alert("i", "/<!here>&"))],
            })
            .collect();
        let text = of_many(&groups);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 12);
        assert!(lines[0].starts_with("*12 more alerts about 12 incidents*"), "{text}");
        assert_eq!(lines[1], "• Mining on node-1 (update): /&lt;!here&gt;&amp; (pid 7) (i0)");
        assert_eq!(lines[11], "• and 2 more: i10, i11");
    }
}
