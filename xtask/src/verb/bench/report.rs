//! The report of the operations.

use serde_json::{Value, json};
use xtask::operations::Operation;

use super::format::{difference, duration};
use super::statistics::median;
use super::table::Table;

/// The times of all operations.
pub struct Report {
    agents: Vec<String>,
    rows: Vec<Row>,
}

/// The times of an operation in each turn, in nanoseconds.
struct Row {
    name: &'static str,
    off: Vec<f64>,
    on: Vec<Vec<f64>>,
}

impl Row {
    /// Returns the spread of the turns without an agent, in nanoseconds.
    fn noise(&self) -> Option<f64> {
        let most = self.off.iter().copied().max_by(f64::total_cmp)?;
        let least = self.off.iter().copied().min_by(f64::total_cmp)?;
        Some(most - least)
    }

    /// Returns the median with an agent, less the median without one.
    fn added(&self, on: &[f64]) -> Option<f64> {
        Some(median(on)? - median(&self.off)?)
    }
}

impl Report {
    /// Returns an empty report. Without agents, only the machine is measured.
    pub fn new(operations: &[&Operation], agents: &[String]) -> Self {
        let row = |operation: &&Operation| {
            let on = vec![Vec::new(); agents.len()];
            Row { name: operation.name, off: Vec::new(), on }
        };
        Self { rows: operations.iter().map(row).collect(), agents: agents.to_vec() }
    }

    /// Adds a turn without an agent. The times are in the order of the operations.
    pub fn off(&mut self, times: Vec<f64>) {
        self.rows.iter_mut().zip(times).for_each(|(row, time)| row.off.push(time));
    }

    /// Adds a turn with an agent. The times are in the order of the operations.
    pub fn on(&mut self, agent: usize, times: Vec<f64>) {
        self.rows.iter_mut().zip(times).for_each(|(row, time)| row.on[agent].push(time));
    }

    /// Returns the table: for each agent the time it adds, and the ratio.
    pub fn table(&self) -> Table {
        let fixed = ["operation", "off"].map(String::from);
        let head = fixed.into_iter().chain(self.agents.iter().cloned()).chain(["noise".to_owned()]);
        let mut table = Table::new(head);
        for row in &self.rows {
            let off = median(&row.off);
            let agents = row.on.iter().map(|on| match (row.added(on), off) {
                (Some(added), Some(off)) => format!("{} ({:.3})", difference(added), 1.0 + added / off),
                _ => "-".to_owned(),
            });
            let [off, noise] = [off, row.noise()].map(|time| time.map_or_else(|| "-".to_owned(), duration));
            table.push([row.name.to_owned(), off].into_iter().chain(agents).chain([noise]));
        }
        table
    }

    /// Returns the report as JSON. Names of fields end in their unit, such as `_ns`.
    pub fn json(&self) -> Value {
        self.rows
            .iter()
            .map(|row| {
                let agents = self.agents.iter().zip(&row.on).map(|(agent, on)| {
                    json!({
                        "agent": agent, "on_ns": median(on), "added_ns": row.added(on), "turns_ns": on,
                    })
                });
                json!({
                    "operation": row.name, "off_ns": median(&row.off), "noise_ns": row.noise(),
                    "turns_ns": row.off, "agents": agents.collect::<Value>(),
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xtask::operations::ALL;

    #[test]
    fn the_table_and_the_json_agree() {
        let mut report = Report::new(&[&ALL[0]], &["minerwatch".into(), "peer".into()]);
        for (off, on, peer) in [(76.0, 83.0, 70.0), (80.0, 82.0, 70.0), (75.0, 95.0, 70.0)] {
            report.off(vec![off]);
            report.on(0, vec![on]);
            report.on(1, vec![peer]);
        }
        let text = report.table().text();
        let row: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        let expected =
            ["getppid", "76.0", "ns", "+7.0", "ns", "(1.092)", "-6.0", "ns", "(0.921)", "5.0", "ns"];
        assert_eq!(row, expected);
        let json = report.json();
        assert_eq!(json[0]["agents"][0]["added_ns"], 7.0);
        assert_eq!(json[0]["agents"][1]["agent"], "peer");
    }

    #[test]
    fn without_an_agent_only_the_machine_is_measured() {
        let mut report = Report::new(&[&ALL[0]], &[]);
        report.off(vec![76.0]);
        let text = report.table().text();
        let row: Vec<_> = text.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["getppid", "76.0", "ns", "0.0", "ns"]);
    }
}
