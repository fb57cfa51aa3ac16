//! The table in the tree with the overhead of operations on each kernel, in instructions. Each run is compared with the
//! table.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use xtask::workspace;

/// The path of the table, relative to the workspace root.
const FILE: &str = "tests/overhead.expected";

const HEADER: &str = "\
# Instructions of one operation on each kernel, without minerwatch and added by it: kernel, operation, instructions
# without, instructions added, with tabs between. `cargo xtask vm --overhead` fails when an addition has risen by more
# than a tenth; `cargo xtask vm --overhead --bless` writes what it saw. docs/overhead.md says how they are counted.
";

/// An overhead may rise by this share of itself. The largest of `TOLERANCE`, `NOISE` and `LEAST` applies.
const TOLERANCE: f64 = 0.10;
/// An overhead may rise by this share of the operation's cost without minerwatch, because a small overhead on a large
/// operation disappears in the noise of that operation.
const NOISE: f64 = 0.005;
/// An overhead may rise by this number of instructions, for operations that cost hardly anything.
const LEAST: f64 = 10.0;

/// The cost of an operation, in instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// The name of the operation.
    pub operation: String,
    /// The cost without the daemon.
    pub off: i64,
    /// The cost that the daemon adds.
    pub added: i64,
}

/// Parses the lines of a report that contain costs. Their fields are `OVERHEAD`, operation, cost without the daemon,
/// cost with the daemon.
pub fn parse_report(report: &str) -> Result<Vec<Cost>> {
    let costs: Vec<_> = report
        .lines()
        .filter_map(|line| line.trim_end().strip_prefix("OVERHEAD\t"))
        .map(|line| {
            let [operation, off, on] = line.split('\t').collect::<Vec<_>>()[..] else {
                bail!("a cost is not three fields: {line}");
            };
            let [off, on]: [i64; 2] = [off.parse()?, on.parse()?];
            Ok(Cost { operation: operation.to_owned(), off, added: on - off })
        })
        .collect::<Result<_>>()?;
    if costs.is_empty() {
        let failed = report.lines().find_map(|line| line.strip_prefix("CHECK "));
        bail!("the report has no cost; {}", failed.unwrap_or("it does not say why"));
    }
    Ok(costs)
}

/// Formats the lines of a report that say which programs ran in an operation, and how much the daemon itself did.
pub fn profile(report: &str) -> String {
    let mut text = String::new();
    for line in report.lines() {
        match line.trim_end().split('\t').collect::<Vec<_>>()[..] {
            ["PROGRAM", operation, program, runs, instructions] => {
                let _ = writeln!(text, "{operation:<26}{program:<28}{runs:>8}{instructions:>8}");
            }
            ["DAEMON", operation, instructions] => {
                let _ = writeln!(text, "{operation:<26}{:<28}{:>8}{instructions:>8}\n", "the daemon", "");
            }
            _ => {}
        }
    }
    text
}

/// The expected costs of each kernel, by the kernel's label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<String, Vec<Cost>>);

impl Expected {
    /// Reads the table in the tree. The table is empty if its file does not exist.
    pub fn read() -> Result<Self> {
        let file = workspace::root().join(FILE);
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text)
    }

    /// Writes the table to the tree.
    pub fn write(&self) -> Result<()> {
        let file = workspace::root().join(FILE);
        fs::write(&file, self.to_text()).with_context(|| format!("cannot write {}", file.display()))
    }

    fn parse(text: &str) -> Result<Self> {
        let mut table = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let fields: Vec<_> = line.split('\t').collect();
            let cost = match fields[..] {
                [_, operation, off, added] => off
                    .parse()
                    .ok()
                    .zip(added.parse().ok())
                    .map(|(off, added)| Cost { operation: operation.to_owned(), off, added }),
                _ => None,
            };
            let Some(cost) = cost else {
                bail!("{FILE}:{}: not two names and two numbers with tabs between", number + 1);
            };
            table.0.entry(fields[0].to_owned()).or_default().push(cost);
        }
        Ok(table)
    }

    fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (kernel, costs) in &self.0 {
            for Cost { operation, off, added } in costs {
                let _ = writeln!(text, "{kernel}\t{operation}\t{off}\t{added}");
            }
        }
        text
    }

    /// Replaces the expectation for one kernel by these costs.
    pub fn bless(&mut self, kernel: &str, costs: &[Cost]) {
        self.0.insert(kernel.to_owned(), costs.to_vec());
    }

    /// Returns a sentence for each operation that costs more than expected.
    pub fn rises(&self, kernel: &str, costs: &[Cost]) -> Vec<String> {
        let Some(expected) = self.0.get(kernel) else {
            return vec![format!("{kernel}: {FILE} has no rows for it; --bless writes them")];
        };
        costs
            .iter()
            .filter_map(|Cost { operation, off, added }| {
                let Some(known) = expected.iter().find(|known| known.operation == *operation) else {
                    return Some(format!("{kernel}: {FILE} has no row for {operation}; --bless writes it"));
                };
                let most =
                    known.added as f64 + (known.added as f64 * TOLERANCE).max(*off as f64 * NOISE).max(LEAST);
                (*added as f64 > most).then(|| {
                    format!("{kernel}: {operation} costs {added:+} instructions, expected {:+}", known.added)
                })
            })
            .collect()
    }
}

/// Formats the table for people: for each kernel, the instructions without the daemon, and the instructions added.
pub fn render(kernels: &[(String, Vec<Cost>)]) -> String {
    let mut text = String::new();
    for (label, costs) in kernels {
        let _ = writeln!(text, "{label:<26}{:>12}{:>12}{:>8}", "without", "added", "ratio");
        for Cost { operation, off, added } in costs {
            let ratio = (off + added) as f64 / (*off).max(1) as f64;
            let _ = writeln!(text, "{operation:<26}{off:>12}{added:>+12}{ratio:>8.3}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cost(operation: &str, off: i64, added: i64) -> Cost {
        Cost { operation: operation.to_owned(), off, added }
    }

    #[test]
    fn costs_are_read_from_the_report() {
        let report = "noise\nOVERHEAD\tgetppid\t337\t340\r\nOVERHEAD\topen + close\t5000\t4990\r\nEND\r\n";
        let expected = [cost("getppid", 337, 3), cost("open + close", 5000, -10)];
        assert_eq!(parse_report(report).unwrap(), expected);
        assert!(parse_report("OVERHEAD\tgetppid\t337\nEND").is_err());
        let error = parse_report("CHECK sequence FAILED no BTF\nEND").unwrap_err().to_string();
        assert!(error.contains("no BTF"), "{error}");
    }

    #[test]
    fn a_profile_has_a_line_per_program_and_one_for_the_daemon() {
        let report =
            "PROGRAM\tgetppid\tsched_switch\t0.01\t3\r\nDAEMON\tgetppid\t12\r\nOVERHEAD\tgetppid\t1\t2\n";
        let lines: Vec<Vec<_>> = profile(report)
            .lines()
            .map(|line| line.split_whitespace().map(str::to_owned).collect())
            .collect();
        assert_eq!(
            lines,
            [vec!["getppid", "sched_switch", "0.01", "3"], vec!["getppid", "the", "daemon", "12"], vec![]]
        );
        assert!(profile("OVERHEAD\tgetppid\t1\t2").is_empty());
    }

    #[test]
    fn a_blessed_table_is_written_and_read() {
        let mut table = Expected::default();
        table.bless("6.1", &[cost("fork + exec + wait", 666_000, 40_000), cost("getppid", 337, -1)]);
        table.bless("5.10", &[cost("getppid", 300, 0)]);
        assert_eq!(Expected::parse(&table.to_text()).unwrap(), table);
        for damaged in ["6.1\tgetppid\t337", "6.1\tgetppid\tx\t1", "6.1"] {
            assert!(Expected::parse(damaged).unwrap_err().to_string().contains(":1:"), "{damaged}");
        }
    }

    #[test]
    fn a_rise_of_more_than_a_tenth_is_reported() {
        let mut table = Expected::default();
        table.bless(
            "6.1",
            &[cost("fork", 600_000, 40_000), cost("getppid", 337, 0), cost("send", 16_500, 20)],
        );
        let rises = |costs: &[Cost]| table.rises("6.1", costs);
        assert!(rises(&[cost("fork", 600_000, 43_900), cost("getppid", 400, 9)]).is_empty());
        assert!(rises(&[cost("send", 16_500, 100)]).is_empty(), "within the noise of the operation itself");
        let told = rises(&[cost("fork", 600_000, 44_100), cost("getppid", 337, 11)]);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("fork costs +44100 instructions, expected +40000"), "{told:?}");
        assert!(rises(&[cost("new", 1, 1)])[0].contains("no row for new"));
        assert!(table.rises("6.12", &[])[0].contains("no rows"));
    }
}
