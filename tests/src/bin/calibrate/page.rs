//! The result as `docs/accuracy.md`.

use minerwatch_tests::stories::Class;

use super::{Report, judged::Judged, text, without::Without};

const INTRODUCTION: &str = "\
# Accuracy

`cargo xtask calibrate` replays every recording in [tests/recordings](../tests/recordings/README.md) and computes the figures on this page. `cargo xtask calibrate --bless` writes the page, and `cargo xtask test` fails when the page is out of date. Nobody edits it by hand.

**What the figures mean.** We made the recordings ourselves, and we tuned the points of the signals with them. The miners are simulators, and the attacks follow published reports. The benign stories are real programs, but we chose them. So the figures show that minerwatch does on these stories what it is meant to do, and that a change did not break it. They do not predict the recall or the false alarms on other hosts. To measure your own host, record it with `minerwatch record` and replay the recording, or let the daemon run for some days and count its alerts.

";

const FIGURES: &str = "\
## All stories together

";

const DEFINITIONS: &str = "
- An attack is *found* if its verdict is `suspected` or `mining`. A benign story with such a verdict is a false alarm. Precision counts stories, so it depends on how many attacks and benign stories there are.
- A *page* is an incident that is `suspected` or `mining`. Later alerts of the same incident do not count again. `noted` incidents page nobody.
- *Seconds to verdict* are the seconds to the first alert of `suspected` or above. They begin at the earliest of three times, but not before the recording: when the suspect of this alert started its program, the first event that decided a signal of this alert, and the first step of its chain (a connection or a file change). Our attacks do not wait between their steps, so the seconds of real attacks are longer where the intruder waits. Waiting for the alert itself is included. The latency of the sensor is not: it is measured in [overhead.md](overhead.md). The percentiles are those of the attacks that were found.
- **The benign days are compressed.** The benign stories last seconds or minutes, and most of a real day is missing. The composed days repeat the same recordings over a longer time: `idle-week` has a health check each hour and a backup each night for seven days, and `busy-day` has every benign story once. Between them nothing happens. So the false pages per host-day are a lower bound for a host that does other things.
- A story that only a user's list of indicators can show is not counted.

";

const STORIES: &str = "\
*Points* and *signals* are those of the strongest alert, or of the strongest incident if there was no alert. Points in parentheses do not count: of several signals of load, only the strongest counts. *Next verdict* is what the strongest alert lacks for the next verdict.

";

const SIGNALS: &str = "
## Without a signal

Each signal is left out in turn, and every story is replayed. A signal without which nothing changes is not useless: other signals show the same stories, and an attacker can avoid some of them. A signal that no story shows is not measured by these stories.

";

/// Returns the page.
pub fn of(report: &Report) -> String {
    let mut page = INTRODUCTION.to_owned() + FIGURES;
    page += &table(&["figure", "value"], &text::figures(&report.totals));
    page += DEFINITIONS;
    page += "## Attacks\n\n";
    page += STORIES;
    page += &stories(&of_class(report, Class::Attack));
    page += "\n## Benign stories\n\n";
    page += &stories(&of_class(report, Class::Benign));
    page += "\nThe composed days:\n\n";
    page += &stories(&report.days.iter().collect::<Vec<_>>());
    page += SIGNALS;
    let head = ["signal", "points", "attacks with it", "benign with it", "lost", "weaker", "benign, quieter"];
    page += &table(&head, &report.signals.iter().map(signal).collect::<Vec<_>>());
    page
}

fn of_class(report: &Report, class: Class) -> Vec<&Judged> {
    report.stories.iter().filter(|story| story.class == Some(class)).collect()
}

fn stories(stories: &[&Judged]) -> String {
    let row = |story: &&Judged| {
        vec![
            format!("`{}`", story.name),
            text::word(story.verdict).to_owned(),
            text::seconds(story.seconds),
            story.points.to_string(),
            text::next(story),
            text::signals(story),
        ]
    };
    let head = ["story", "verdict", "seconds to verdict", "points", "next verdict", "signals"];
    table(&head, &stories.iter().map(row).collect::<Vec<_>>())
}

fn signal(without: &Without) -> Vec<String> {
    let info = &without.info;
    let points = if info.weight == info.full_weight {
        info.weight.to_string()
    } else {
        format!("{} to {}", info.weight, info.full_weight)
    };
    let [lost, weaker, quieter] = text::changes(without);
    let (attacks, benign) = (without.attacks.to_string(), without.benign.to_string());
    vec![format!("{} {}", info.id, info.name), points, attacks, benign, lost, weaker, quieter]
}

fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let head: Vec<String> = head.iter().map(ToString::to_string).collect();
    let rule = format!("|{}\n", "---|".repeat(head.len()));
    line(&head) + &rule + &rows.iter().map(|row| line(row)).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_head_and_a_rule() {
        let rows = vec![vec!["1".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["a", "b"], &rows), "| a | b |\n|---|---|\n| 1 | 2 |\n");
    }
}
