//! The report of the loads.

use serde_json::{Value, json};

use super::super::format::{duration, percent};
use super::super::statistics::{self, SlowDown};
use super::super::table::Table;

/// The results of all loads.
pub struct Report {
    agents: Vec<String>,
    rows: Vec<Row>,
}

/// The results of one load, in seconds per unit of work.
pub struct Row {
    /// The name of the load.
    pub name: &'static str,
    /// What a unit of work is.
    pub unit: &'static str,
    /// The outcome of the load.
    pub outcome: Outcome,
}

/// The outcome of a load.
pub enum Outcome {
    /// The load was measured.
    Measured(Times),
    /// The load was not measured, for this reason.
    Skipped(String),
}

/// Seconds per unit of work, in each round.
#[derive(Default)]
pub struct Times {
    /// Without an agent.
    pub off: Vec<f64>,
    /// With each agent.
    pub on: Vec<Vec<f64>>,
}

impl Row {
    /// Returns the cells of the table; `None` if the load was skipped.
    fn cells(&self) -> Option<Vec<String>> {
        let Outcome::Measured(Times { off, on }) = &self.outcome else { return None };
        let base = statistics::median(off).map_or_else(dash, |time| duration(time * 1e9));
        let agents = on.iter().map(|on| statistics::slow_down(off, on).map_or_else(dash, cell));
        let noise = statistics::noise(off);
        let noise = noise.map_or_else(dash, |noise| percent(noise).trim_start_matches('+').to_owned());
        let fixed = [self.name.to_owned(), format!("{base}/{}", self.unit)];
        Some(fixed.into_iter().chain(agents).chain([noise]).collect())
    }
}

impl Report {
    /// Returns a report without results.
    pub fn new(agents: &[String]) -> Self {
        Self { agents: agents.to_vec(), rows: Vec::new() }
    }

    /// Whether there is no result.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds the result of a load.
    pub fn push(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// Returns the table: for each agent the median slow-down and the interval that contains it.
    pub fn table(&self) -> Table {
        let fixed = ["load", "off"].map(String::from);
        let head = fixed.into_iter().chain(self.agents.iter().cloned()).chain(["noise".to_owned()]);
        let mut table = Table::new(head);
        for cells in self.rows.iter().filter_map(Row::cells) {
            table.push(cells);
        }
        table
    }

    /// Returns the row that was added last, on one line.
    pub fn last(&self) -> Option<String> {
        Some(self.rows.last()?.cells()?.join("  "))
    }

    /// Returns a line for each load that was skipped.
    pub fn notes(&self) -> Vec<String> {
        let note = |row: &Row| match &row.outcome {
            Outcome::Skipped(reason) => Some(format!("skipped {}: {reason}", row.name)),
            Outcome::Measured(_) => None,
        };
        self.rows.iter().filter_map(note).collect()
    }

    /// Returns the report as JSON. Names of fields end in their unit.
    pub fn json(&self) -> Value {
        self.rows
            .iter()
            .map(|row| match &row.outcome {
                Outcome::Skipped(reason) => json!({ "load": row.name, "skipped": reason }),
                Outcome::Measured(Times { off, on }) => {
                    let agents = self.agents.iter().zip(on).map(|(agent, on)| {
                        let slow_down = statistics::slow_down(off, on).map(|slow_down| {
                            json!({
                                "median_share": slow_down.median,
                                "low_share": slow_down.interval.low,
                                "high_share": slow_down.interval.high,
                                "confidence": slow_down.interval.confidence,
                            })
                        });
                        json!({ "agent": agent, "slow_down": slow_down, "on_s": on })
                    });
                    json!({
                        "load": row.name, "unit": row.unit, "off_s": off, "noise_share": statistics::noise(off),
                        "agents": agents.collect::<Value>(),
                    })
                }
            })
            .collect()
    }
}

fn cell(SlowDown { median, interval }: SlowDown) -> String {
    format!("{} ({} to {})", percent(median), percent(interval.low), percent(interval.high))
}

fn dash() -> String {
    "-".into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_the_median_the_interval_and_the_noise() {
        let mut report = Report::new(&["minerwatch".into()]);
        let off = vec![1e-6, 1e-6, 2e-6];
        let on = vec![vec![1.01e-6, 1.03e-6, 2.04e-6]];
        let outcome = Outcome::Measured(Times { off, on });
        report.push(Row { name: "nginx", unit: "request", outcome });
        report.push(Row {
            name: "redis",
            unit: "command",
            outcome: Outcome::Skipped("no redis-server".into()),
        });
        let text = report.table().text();
        let lines: Vec<_> = text.lines().collect();
        assert!(
            lines[1].contains("1000 ns/request") && lines[1].contains("+2.0 % (+1.0 % to +3.0 %)"),
            "{text}"
        );
        assert!(lines[1].ends_with("0.0 %"), "{text}");
        assert_eq!((lines.len(), report.notes()), (2, vec!["skipped redis: no redis-server".to_owned()]));
        let json = report.json();
        assert_eq!(json[0]["agents"][0]["on_s"][2], 2.04e-6);
        assert_eq!(json[1]["skipped"], "no redis-server");
    }
}
