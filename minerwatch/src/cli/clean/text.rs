//! The plan as text for people.

use std::fmt::Write as _;

use super::{Kind, Plan, Step};

/// Escapes control characters: an intruder chooses names and paths.
pub fn shown(text: &str) -> String {
    text.chars().fold(String::new(), |mut shown, letter| {
        if letter.is_control() {
            shown.extend(letter.escape_default());
        } else {
            shown.push(letter);
        }
        shown
    })
}

/// Returns what a step does, as one sentence with its number.
pub(super) fn sentence(number: usize, step: &Step) -> String {
    let verb = match step.kind {
        Kind::Keep => "keep",
        Kind::Stop => "stop",
        Kind::Disable => "disable",
        Kind::Remove => "remove",
        Kind::Restore => "restore",
        Kind::Review => "review",
        Kind::Verify => "verify",
        Kind::Watch => "watch",
    };
    format!("{number}. {verb} {}: {}", shown(&step.object), shown(&step.why))
}

/// Writes the plan.
pub fn text(plan: &Plan) -> String {
    let mut text = format!("incident {}: {}\n", plan.incident, shown(&plan.message));
    for (number, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(text, "  {}", sentence(number + 1, step));
        for words in &step.commands {
            let line = match words.split_first() {
                Some((name, rest)) if name == "minerwatch-check-hash" => {
                    format!("sha256sum --check   # {}", rest.join(" "))
                }
                Some((name, rest)) if name == "minerwatch-edit" => format!("edit {}", rest.join(" ")),
                _ => words.join(" "),
            };
            let _ = writeln!(text, "       {}", shown(&line));
        }
    }
    text
}
