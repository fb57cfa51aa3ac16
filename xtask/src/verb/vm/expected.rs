//! The table in the tree with the hooks that each kernel is expected to allow. Each run is compared with the table.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::{Result, bail};

use super::report::Report;

/// The path of the table, relative to the workspace root.
pub const FILE: &str = "tests/kernels.expected";

const HEADER: &str = "\
# Which hook serves each data source on each kernel: kernel, source, hook (or `UNAVAILABLE`), with tabs between.
# `cargo xtask vm` fails when a kernel differs; `cargo xtask vm --bless` writes what it saw.
";
const UNAVAILABLE: &str = "UNAVAILABLE";

/// Data sources and their hooks, in the order of the sensor's table.
type Hooks = Vec<(String, String)>;

/// The expected hooks of each kernel, by the kernel's label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<String, Hooks>);

impl Expected {
    /// Parses the table.
    pub fn parse(text: &str) -> Result<Self> {
        let mut table = Self::default();
        for (number, line) in text.lines().enumerate() {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let [kernel, purpose, hook] = line.split('\t').collect::<Vec<_>>()[..] else {
                bail!("{FILE}:{}: not three fields with tabs between", number + 1);
            };
            table.0.entry(kernel.to_owned()).or_default().push((purpose.to_owned(), hook.to_owned()));
        }
        Ok(table)
    }

    /// Returns the table as text.
    pub fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (kernel, hooks) in &self.0 {
            for (purpose, hook) in hooks {
                let _ = writeln!(text, "{kernel}\t{purpose}\t{hook}");
            }
        }
        text
    }

    /// Replaces the expectation for one kernel by the hooks of its report.
    pub fn bless(&mut self, kernel: &str, report: &Report) {
        self.0.insert(kernel.to_owned(), hooks(report));
    }

    /// Returns each difference between a report and the expectation, as a sentence.
    pub fn differences(&self, kernel: &str, report: &Report) -> Vec<String> {
        let Some(expected) = self.0.get(kernel) else {
            return vec![format!("{kernel}: {FILE} has no rows for it; --bless writes them")];
        };
        let seen = hooks(report);
        let find = |hooks: &Hooks, name: &str| {
            hooks.iter().find(|(purpose, _)| purpose == name).map_or("nothing", |(_, hook)| hook).to_owned()
        };
        let names = expected.iter().chain(seen.iter().filter(|(name, _)| find(expected, name) == "nothing"));
        names
            .map(|(name, _)| (name, find(expected, name), find(&seen, name)))
            .filter(|(_, expected, seen)| expected != seen)
            .map(|(name, expected, seen)| {
                format!("{kernel}: {name} is served by {seen}, expected {expected}")
            })
            .collect()
    }
}

fn hooks(report: &Report) -> Hooks {
    let purposes = report.purposes.iter();
    purposes
        .map(|purpose| (purpose.name.clone(), purpose.hook.clone().unwrap_or_else(|| UNAVAILABLE.to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::report::DataSource;
    use super::*;

    fn report(hooks: &[(&str, Option<&str>)]) -> Report {
        let purpose = |(name, hook): &(&str, Option<&str>)| DataSource {
            name: (*name).to_owned(),
            hook: hook.map(str::to_owned),
            detail: None,
        };
        Report { purposes: hooks.iter().map(purpose).collect(), ..Report::default() }
    }

    #[test]
    fn a_blessed_table_is_written_read_and_matched() {
        let mut table = Expected::default();
        let seen = report(&[("exec", Some("a tracepoint")), ("udp-bytes", None)]);
        table.bless("6.1", &seen);
        table.bless("5.10", &seen);
        let read = Expected::parse(&table.to_text()).unwrap();
        assert_eq!(read, table);
        assert!(table.to_text().contains("5.10\tudp-bytes\tUNAVAILABLE\n"));
        assert!(read.differences("6.1", &seen).is_empty());
    }

    #[test]
    fn every_difference_is_reported() {
        let table = Expected::parse("6.1\texec\ta tracepoint\n6.1\tcpu\tanother\n").unwrap();
        let cases = [
            (report(&[("exec", None), ("cpu", Some("another"))]), "exec is served by UNAVAILABLE"),
            (report(&[("exec", Some("a tracepoint"))]), "cpu is served by nothing"),
            (
                report(&[("exec", Some("a tracepoint")), ("cpu", Some("another")), ("new", Some("a hook"))]),
                "new is served by a hook, expected nothing",
            ),
        ];
        for (seen, sentence) in cases {
            let differences = table.differences("6.1", &seen);
            assert!(differences.len() == 1 && differences[0].contains(sentence), "{differences:?}");
        }
        assert!(table.differences("7.3", &report(&[]))[0].contains("--bless"));
    }

    #[test]
    fn a_broken_line_is_reported_with_its_number() {
        let error = Expected::parse("# comment\n\n6.1 exec hook\n").unwrap_err().to_string();
        assert!(error.contains(":3:"), "{error}");
    }
}
