//! The result as text for a terminal, and the words that all forms of the result share.

use minerwatch::model::Verdict;
use minerwatch_tests::stories::Class;

use super::{
    Report,
    judged::{Contribution, Judged},
    totals::Totals,
    without::Without,
};

/// Shown for a value that does not exist.
const NONE: &str = "-";

/// Returns the result as text.
pub fn of(report: &Report) -> String {
    let mut lines = Vec::new();
    let mut stories = vec![
        ["story", "class", "verdict", "seconds", "points", "next verdict", "signals"]
            .map(str::to_owned)
            .to_vec(),
    ];
    for story in report.stories.iter().chain(&report.days) {
        let class = class(story.class).to_owned();
        let points = story.points.to_string();
        let name = story.name.clone();
        stories.push(vec![
            name,
            class,
            word(story.verdict).to_owned(),
            seconds(story.seconds),
            points,
            next(story),
            signals(story),
        ]);
    }
    lines.extend(aligned(&stories));
    lines.push(String::new());
    lines.push(summary(report));
    let head = ["without", "attacks lost", "attacks weaker", "benign quieter", "attacks", "benign"];
    let mut signals = vec![head.map(str::to_owned).to_vec()];
    for without in &report.signals {
        let Without { attacks, benign, .. } = without;
        let [lost, weaker, quieter] = changes(without);
        let id = without.info.id.to_owned();
        signals.push(vec![id, lost, weaker, quieter, attacks.to_string(), benign.to_string()]);
    }
    lines.extend(aligned(&signals));
    lines.join("\n") + "\n"
}

/// Returns the figures of all stories together as text.
pub fn summary(report: &Report) -> String {
    aligned(&figures(&report.totals)).join("\n") + "\n"
}

/// Returns the totals as pairs of a name and a value.
pub fn figures(totals: &Totals) -> Vec<Vec<String>> {
    let Totals { attacks, found, benign, paged, noted, pages, .. } = totals;
    let share = |value| number(value, 3);
    [
        (
            "recall",
            format!("{} ({found} of {attacks} attacks are suspected or mining)", share(totals.recall())),
        ),
        (
            "precision",
            format!(
                "{} ({paged} of {benign} benign stories are suspected or mining)",
                share(totals.precision())
            ),
        ),
        ("F1", share(totals.f1())),
        ("benign stories noted", format!("{} ({noted} of {benign})", share(totals.noted_share()))),
        (
            "false pages per host-day",
            format!(
                "{} ({pages} in {:.2} host-days)",
                share(totals.pages_per_host_day()),
                totals.host_days()
            ),
        ),
        ("benign time, recorded", format!("{:.0} s", totals.recorded.as_secs_f64())),
        ("benign time, composed", format!("{:.2} days", totals.composed.as_secs_f64() / 86_400.0)),
        ("seconds to verdict, median", seconds(totals.percentile(50))),
        ("seconds to verdict, 99th percentile", seconds(totals.percentile(99))),
    ]
    .map(|(name, value)| vec![name.to_owned(), value])
    .to_vec()
}

/// Returns the changes without a signal: the attacks that are lost, those that are weaker, and the benign stories that
/// are quieter.
pub fn changes(without: &Without) -> [String; 3] {
    let list = |names: &[String]| {
        if without.remains {
            "not measured".to_owned()
        } else if names.is_empty() {
            NONE.to_owned()
        } else {
            names.join(", ")
        }
    };
    [list(&without.lost), list(&without.weaker), list(&without.quieter)]
}

/// Returns the verdict as a word.
pub fn word(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        None => "none",
        Some(Verdict::Noted) => "noted",
        Some(Verdict::Suspected) => "suspected",
        Some(Verdict::Mining) => "mining",
    }
}

/// Returns the class as a word.
pub fn class(class: Option<Class>) -> &'static str {
    match class {
        None => "unknown",
        Some(Class::Attack) => "attack",
        Some(Class::Benign) => "benign",
        Some(Class::OnlyListed) => "not counted",
    }
}

/// Returns what is missing for the next verdict.
pub fn next(story: &Judged) -> String {
    match &story.next {
        Some(next) => format!("{}: {}", word(Some(next.verdict)), next.missing.join(", ")),
        None => NONE.to_owned(),
    }
}

/// Returns the signals with their points. Points in parentheses do not count.
pub fn signals(story: &Judged) -> String {
    if story.signals.is_empty() {
        return NONE.to_owned();
    }
    let shown = |Contribution { id, points, counted }: &Contribution| {
        if *counted { format!("{id} {points}") } else { format!("({id} {points})") }
    };
    story.signals.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// Returns seconds with three decimals.
pub fn seconds(seconds: Option<f64>) -> String {
    number(seconds, 3)
}

fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.decimals$}"))
}

/// Returns rows as lines in which each column begins at the same place.
fn aligned(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_begin_at_the_same_place() {
        let rows = [["a", "b"], ["long", ""], ["c", "d"]].map(|row| row.map(str::to_owned).to_vec());
        assert_eq!(aligned(&rows), ["a     b", "long", "c     d"]);
    }
}
