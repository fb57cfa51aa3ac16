//! The figures of one agent besides the operations: its programs, its latency, and the throughput of minerwatch.

use std::fmt;

use serde_json::{Value, json};

use super::format::duration;
use super::programs::Figures;
use super::statistics::percentile;
use super::table::Table;
use super::throughput::Step;

/// The figures of one agent.
pub struct Details {
    /// The name of the agent.
    pub agent: String,
    /// The kernel's figures of the agent's programs.
    pub programs: Vec<Figures>,
    /// The latencies, sorted and in milliseconds.
    pub latencies: (Ends, Vec<f64>),
    /// The throughput, if the agent is minerwatch.
    pub stream: Option<Stream>,
}

/// The start and the end of a measured latency.
#[derive(Clone, Copy)]
pub enum Ends {
    /// From the deciding system call to the line of its alert.
    CallToAlert,
    /// From before the start of a program to a line that reports the program.
    StartToLine,
}

impl Ends {
    fn name(self) -> &'static str {
        match self {
            Self::CallToAlert => "from call to alert",
            Self::StartToLine => "from the start of a program to its line",
        }
    }
}

/// The throughput of minerwatch. There is no known way to measure this for other agents.
pub struct Stream {
    /// Events and lines at rising rates.
    pub steps: Vec<Step>,
    /// Events per second that the engine alone judges.
    pub engine: f64,
}

impl Details {
    /// Returns the figures as JSON. Names of fields end in their unit, such as `_ns`.
    pub fn json(&self) -> Value {
        let programs = self.programs.iter().map(|program| {
            json!({
                "id": program.id, "name": program.name, "tag": program.tag,
                "run_cnt": program.runs, "run_time_ns": program.nanoseconds,
            })
        });
        let stream = self.stream.as_ref().map(|Stream { steps, engine }| {
            let steps = steps.iter().map(|step| {
                json!({
                    "events_a_second": step.rate, "events": step.opens, "lines": step.lines,
                    "lost_share": step.lost(), "lines_a_core_second": step.a_core(),
                })
            });
            json!({ "rates": steps.collect::<Value>(), "engine_events_a_second": engine })
        });
        let (ends, latencies) = &self.latencies;
        json!({
            "agent": self.agent,
            "latency": {
                "what": ends.name(), "count": latencies.len(), "median_ms": percentile(latencies, 50),
                "p99_ms": percentile(latencies, 99),
            },
            "stream": stream,
            "programs": programs.collect::<Value>(),
        })
    }
}

impl fmt::Display for Details {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.agent)?;
        let (ends, latencies) = &self.latencies;
        let (what, count) = (ends.name(), latencies.len());
        match percentile(latencies, 50).zip(percentile(latencies, 99)) {
            Some((median, most)) => {
                writeln!(f, "latency: {median:.1} ms {what}, p99 {most:.1} ms ({count} times)")?;
            }
            None => writeln!(f, "latency: not known, nothing came on standard output ({what})")?,
        }
        if let Some(Stream { steps, engine }) = &self.stream {
            writeln!(f, "engine: {engine:.0} events a second of a recording\n")?;
            let mut table =
                Table::new(["file events a second", "lines", "lost", "a core-second"].map(String::from));
            for step in steps {
                table.push([
                    format!("{:.0}", step.rate),
                    step.lines.to_string(),
                    format!("{:.1} %", step.lost() * 100.0),
                    format!("{:.0}", step.a_core()),
                ]);
            }
            f.write_str(&table.text())?;
        }
        if self.programs.is_empty() {
            return writeln!(f, "\nit holds no eBPF program open, so the kernel's figures are not known");
        }
        let mut table = Table::new(["program", "runs", "in all", "a run"].map(String::from));
        let (ran, others): (Vec<_>, Vec<_>) = self.programs.iter().partition(|program| program.runs > 0);
        for program in ran {
            let name = if program.name.is_empty() { &program.tag } else { &program.name };
            let total = program.nanoseconds as f64;
            let each = duration(total / program.runs as f64);
            table.push([name.clone(), program.runs.to_string(), duration(total), each]);
        }
        write!(f, "\n{}", table.text())?;
        if others.is_empty() { Ok(()) } else { writeln!(f, "programs that did not run: {}", others.len()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_and_the_json_agree() {
        let program = Figures { id: 1, name: "exec".into(), runs: 2, nanoseconds: 900, ..Figures::default() };
        let latencies = (Ends::CallToAlert, vec![1.0, 2.0, 3.0]);
        let programs = vec![program, Figures { name: "never".into(), ..Figures::default() }];
        let details = Details { agent: "minerwatch".into(), programs, latencies, stream: None };
        let text = details.to_string();
        assert!(text.contains("latency: 2.0 ms from call to alert, p99 3.0 ms (3 times)"), "{text}");
        assert!(text.contains("450 ns") && !text.contains("never"), "{text}");
        assert!(text.ends_with("programs that did not run: 1\n"), "{text}");
        assert_eq!(details.json()["programs"][0]["run_cnt"], 2);
    }
}
