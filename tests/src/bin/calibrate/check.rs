//! What the calibration demands.

use minerwatch_tests::stories::Class;

use super::{Report, text::word};

/// Of so many benign stories, at most one may be noted.
const NOTED: usize = 5;

/// Returns what is wrong, one sentence each.
pub fn wrong(report: &Report) -> Vec<String> {
    let mut wrong = Vec::new();
    for story in &report.stories {
        let verdict = word(story.verdict);
        match story.class {
            Some(Class::Attack) if !story.is_paged() => {
                wrong.push(format!("the attack {} is lost: its verdict is {verdict}", story.name));
            }
            Some(Class::Benign) if story.is_paged() => {
                wrong.push(format!("the benign story {} is {verdict}", story.name));
            }
            None => wrong.push(format!("{} is not in tests/src/stories.rs", story.name)),
            Some(_) => {}
        }
        if !story.unnamed.is_empty() {
            wrong.push(format!("{}: no alert lists {} as a suspect", story.name, story.unnamed.join(", ")));
        }
    }
    for day in report.days.iter().filter(|day| day.is_paged()) {
        wrong.push(format!("the benign day {} is {}", day.name, word(day.verdict)));
    }
    let totals = &report.totals;
    if totals.noted * NOTED > totals.benign {
        wrong.push(format!(
            "{} of {} benign stories are noted, more than one of {NOTED}",
            totals.noted, totals.benign
        ));
    }
    wrong
}
