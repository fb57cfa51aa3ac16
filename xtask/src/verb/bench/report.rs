//! The report of `cargo xtask bench`, as a table for people and as JSON.

use std::fmt;

use serde_json::{Value, json};
use xtask::operations::Operation;

use super::measure::median;
use super::programs::Figures;
use super::throughput::Step;

/// The results of all measurements.
pub struct Report {
    agent: Option<String>,
    rows: Vec<Row>,
    idle: Option<Idle>,
    programs: Option<Vec<Figures>>,
    latencies: Option<(Ends, Vec<f64>)>,
    stream: Option<Stream>,
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

/// The times of an operation in each turn, in nanoseconds.
struct Row {
    name: &'static str,
    off: Vec<f64>,
    on: Vec<f64>,
}

/// The resources that the agent uses on an idle host.
struct Idle {
    /// CPU time as a share of one CPU.
    cpu: f64,
    /// Resident memory, in KiB.
    resident: u64,
    /// Peak resident memory, in KiB.
    peak: u64,
}

impl Row {
    /// Returns the spread of the turns without the agent, in nanoseconds.
    fn noise(&self) -> Option<f64> {
        let most = self.off.iter().copied().max_by(f64::total_cmp)?;
        let least = self.off.iter().copied().min_by(f64::total_cmp)?;
        Some(most - least)
    }

    /// Returns the medians with the agent off and with the agent on.
    fn medians(&self) -> (Option<f64>, Option<f64>) {
        (median(&self.off), median(&self.on))
    }
}

impl Report {
    /// Returns an empty report. `agent` is `None` if only the machine without an agent is measured.
    pub fn new(operations: &[&Operation], agent: Option<String>) -> Self {
        let rows =
            operations.iter().map(|operation| Row { name: operation.name, off: Vec::new(), on: Vec::new() });
        Self { agent, rows: rows.collect(), idle: None, programs: None, latencies: None, stream: None }
    }

    /// Adds a turn without the agent. The times are in the order of the operations.
    pub fn off(&mut self, times: Vec<f64>) {
        self.rows.iter_mut().zip(times).for_each(|(row, time)| row.off.push(time));
    }

    /// Adds a turn with the agent. The times are in the order of the operations.
    pub fn on(&mut self, times: Vec<f64>) {
        self.rows.iter_mut().zip(times).for_each(|(row, time)| row.on.push(time));
    }

    /// Sets what the idle agent uses: a share of one CPU, and memory in KiB.
    pub fn idle(&mut self, cpu: f64, resident: u64, peak: u64) {
        self.idle = Some(Idle { cpu, resident, peak });
    }

    /// Sets the kernel's figures of the agent's programs.
    pub fn programs(&mut self, figures: Vec<Figures>) {
        self.programs = Some(figures);
    }

    /// Sets the latencies, sorted and in milliseconds.
    pub fn latencies(&mut self, ends: Ends, latencies: Vec<f64>) {
        self.latencies = Some((ends, latencies));
    }

    /// Sets the throughput of minerwatch.
    pub fn stream(&mut self, stream: Stream) {
        self.stream = Some(stream);
    }

    /// Returns the report as JSON. Names of fields end in their unit, such as `_ns`.
    pub fn to_json(&self) -> String {
        let operations = self.rows.iter().map(|row| {
            let (off, on) = row.medians();
            let added = on.zip(off).map(|(on, off)| on - off);
            json!({
                "operation": row.name, "off_ns": off, "on_ns": on, "added_ns": added, "noise_ns": row.noise(),
                "turns": { "off_ns": row.off, "on_ns": row.on },
            })
        });
        let programs = self.programs.iter().flatten().map(|program| {
            json!({
                "id": program.id, "name": program.name, "tag": program.tag,
                "run_cnt": program.runs, "run_time_ns": program.nanoseconds,
            })
        });
        let idle = self.idle.as_ref().map(
            |idle| json!({ "cpu_share": idle.cpu, "resident_kib": idle.resident, "peak_kib": idle.peak }),
        );
        let stream = self.stream.as_ref().map(|Stream { steps, engine }| {
            let steps = steps.iter().map(|step| {
                json!({
                    "events_a_second": step.rate, "events": step.opens, "lines": step.lines,
                    "lost_share": step.lost(), "lines_a_core_second": step.a_core(),
                })
            });
            json!({ "rates": steps.collect::<Value>(), "engine_events_a_second": engine })
        });
        let latency = self.latencies.as_ref().map(|(ends, latencies)| {
            json!({
                "what": ends.name(), "count": latencies.len(), "median_ms": percentile(latencies, 50),
                "p99_ms": percentile(latencies, 99),
            })
        });
        let report = json!({
            "agent": self.agent, "latency": latency, "stream": stream, "operations": operations.collect::<Value>(), "idle": idle,
            "programs": programs.collect::<Value>(),
        });
        format!("{report:#}\n")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<26}{:>11}{:>11}{:>11}{:>8}{:>11}",
            "operation", "off", "on", "added", "ratio", "noise"
        )?;
        for row in &self.rows {
            let (off, on) = row.medians();
            let both = on.zip(off);
            let added = both.map_or_else(dash, |(on, off)| {
                format!("{}{}", if on < off { '-' } else { '+' }, duration((on - off).abs()))
            });
            let ratio = both.map_or_else(dash, |(on, off)| format!("{:.3}", on / off));
            let [off, on, noise] = [off, on, row.noise()].map(|time| time.map_or_else(dash, duration));
            writeln!(f, "{:<26}{off:>11}{on:>11}{added:>11}{ratio:>8}{noise:>11}", row.name)?;
        }
        if let Some(Idle { cpu, resident, peak }) = &self.idle {
            let mib = |kib: &u64| *kib as f64 / 1024.0;
            let (cpu, resident, peak) = (cpu * 100.0, mib(resident), mib(peak));
            writeln!(f, "\nidle: {cpu:.2} % of one CPU, {resident:.1} MiB resident ({peak:.1} MiB at most)")?;
        }
        if let Some((ends, latencies)) = &self.latencies {
            let (what, count) = (ends.name(), latencies.len());
            match percentile(latencies, 50).zip(percentile(latencies, 99)) {
                Some((median, most)) => {
                    writeln!(f, "latency: {median:.1} ms {what}, p99 {most:.1} ms ({count} times)")?;
                }
                None => writeln!(f, "latency: not known, nothing came on standard output ({what})")?,
            }
        }
        if let Some(Stream { steps, engine }) = &self.stream {
            writeln!(f, "engine: {engine:.0} events a second of a recording")?;
            writeln!(
                f,
                "\n{:<26}{:>11}{:>11}{:>15}",
                "file events a second", "lines", "lost", "a core-second"
            )?;
            for step in steps {
                let (rate, lost, core) = (step.rate, step.lost() * 100.0, step.a_core());
                writeln!(f, "{rate:<26.0}{:>11}{lost:>10.1}%{core:>15.0}", step.lines)?;
            }
        }
        match self.programs.as_deref() {
            None => Ok(()),
            Some([]) => {
                writeln!(f, "\nthe agent holds no eBPF program open, so the kernel's figures are not known")
            }
            Some(programs) => {
                writeln!(f, "\n{:<26}{:>12}{:>12}{:>11}", "program", "runs", "in all", "a run")?;
                programs.iter().try_for_each(|program| {
                    let name = if program.name.is_empty() { &program.tag } else { &program.name };
                    let total = program.nanoseconds as f64;
                    let each = if program.runs == 0 { dash() } else { duration(total / program.runs as f64) };
                    writeln!(f, "{name:<26}{:>12}{:>12}{each:>11}", program.runs, duration(total))
                })
            }
        }
    }
}

/// Returns a percentile of sorted values (nearest rank). Returns `None` without values.
fn percentile(sorted: &[f64], percent: usize) -> Option<f64> {
    sorted.get((sorted.len() * percent).div_ceil(100).saturating_sub(1)).copied()
}

fn dash() -> String {
    "-".into()
}

/// Formats a duration in the unit that keeps it short.
fn duration(nanoseconds: f64) -> String {
    let (value, unit) = match nanoseconds {
        ..1e4 => (nanoseconds, "ns"),
        ..1e7 => (nanoseconds / 1e3, "µs"),
        _ => (nanoseconds / 1e6, "ms"),
    };
    let digits = usize::from(value < 100.0);
    format!("{value:.digits$} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use xtask::operations::ALL;

    #[test]
    fn durations_keep_their_digits() {
        let cases =
            [(7.04, "7.0 ns"), (930.0, "930 ns"), (8600.0, "8600 ns"), (6.2e5, "620 µs"), (2.5e7, "25.0 ms")];
        for (nanoseconds, expected) in cases {
            assert_eq!(duration(nanoseconds), expected);
        }
    }

    #[test]
    fn the_table_and_the_json_agree() {
        let mut report = Report::new(&[&ALL[0]], Some("minerwatch".into()));
        for (off, on) in [(76.0, 83.0), (80.0, 82.0), (75.0, 95.0)] {
            report.off(vec![off]);
            report.on(vec![on]);
        }
        report.idle(0.0031, 20480, 30720);
        report.programs(vec![Figures {
            id: 1,
            name: "exec".into(),
            runs: 2,
            nanoseconds: 900,
            ..Figures::default()
        }]);

        let table = report.to_string();
        let row: Vec<_> = table.lines().nth(1).unwrap().split_whitespace().collect();
        assert_eq!(row, ["getppid", "76.0", "ns", "83.0", "ns", "+7.0", "ns", "1.092", "5.0", "ns"]);
        assert!(table.contains("idle: 0.31 % of one CPU, 20.0 MiB resident (30.0 MiB at most)"), "{table}");

        let json: Value = serde_json::from_str(&report.to_json()).unwrap();
        assert_eq!(json["operations"][0]["added_ns"], 7.0);
        assert_eq!(json["programs"][0]["run_cnt"], 2);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let values: Vec<f64> = (1..=200).map(f64::from).collect();
        assert_eq!(percentile(&values, 50), Some(100.0));
        assert_eq!(percentile(&values, 99), Some(198.0));
        assert_eq!(percentile(&[], 50), None);
    }

    #[test]
    fn without_an_agent_only_the_machine_is_measured() {
        let mut report = Report::new(&[&ALL[0]], None);
        report.off(vec![76.0]);
        let row: Vec<_> =
            report.to_string().lines().nth(1).unwrap().split_whitespace().map(str::to_owned).collect();
        assert_eq!(row, ["getppid", "76.0", "ns", "-", "-", "-", "0.0", "ns"]);
    }
}
