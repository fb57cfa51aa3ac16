//! Everything that one sitting measured.

use std::fmt;

use serde_json::{Value, json};

use super::agent::Launch;
use super::details::Details;
use super::idle::Idle;
use super::sitting::Sitting;
use super::table::Table;
use super::{idle, loads, report};

/// The results of a sitting. What was not measured is absent.
pub struct Outcome {
    sitting: Sitting,
    /// The names of the agents.
    pub agents: Vec<String>,
    /// The operations.
    pub operations: Option<report::Report>,
    /// The details of each agent.
    pub details: Vec<Details>,
    /// The loads.
    pub loads: loads::Report,
    /// The agents on an idle host.
    pub idle: Vec<Idle>,
}

impl Outcome {
    /// Begins a sitting.
    pub fn begin(agents: &[Launch]) -> Self {
        let sitting = Sitting::begin();
        let agents: Vec<_> = agents.iter().map(|agent| agent.name.clone()).collect();
        let loads = loads::Report::new(&agents);
        Self { sitting, agents, operations: None, details: Vec::new(), loads, idle: Vec::new() }
    }

    /// Returns the figures as JSON.
    pub fn to_json(&self) -> String {
        let report = json!({
            "sitting": self.sitting.json(),
            "operations": self.operations.as_ref().map(report::Report::json),
            "agents": self.details.iter().map(Details::json).collect::<Value>(),
            "loads": self.loads.json(),
            "idle": self.idle.iter().map(Idle::json).collect::<Value>(),
        });
        format!("{report:#}\n")
    }

    /// Returns the tables as Markdown.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("{}.\n", self.sitting.line());
        for table in self.tables() {
            text.push('\n');
            text += &table.markdown();
        }
        for note in self.notes() {
            text.extend(["\n", &note, ".\n"]);
        }
        text
    }

    fn notes(&self) -> Vec<String> {
        self.loads.notes()
    }

    fn tables(&self) -> Vec<Table> {
        let operations = self.operations.as_ref().map(report::Report::table);
        let loads = (!self.loads.is_empty()).then(|| self.loads.table());
        operations.into_iter().chain(loads).chain(idle::tables(&self.idle)).collect()
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.sitting.line())?;
        for table in self.tables() {
            write!(f, "\n{}", table.text())?;
        }
        for note in self.notes() {
            writeln!(f, "{note}")?;
        }
        self.details.iter().try_for_each(|details| write!(f, "\n{details}"))
    }
}
