//! Formats the results of all machines as a table for people.

use std::fmt::Write as _;

use super::Machine;
use super::report::Outcome;

/// Formats the table: one row for each data source and hook, one column for each kernel. Rows with the number of checks
/// and the duration follow, then the reason for each unavailable data source and each failed check.
pub fn render(machines: &[Machine]) -> String {
    let mut rows = vec![header(machines)];
    for (purpose, hook) in services(machines) {
        let mut row = vec![purpose.to_owned(), hook.unwrap_or("no hook").to_owned()];
        row.extend(machines.iter().map(|machine| {
            let served = machine
                .report
                .purposes
                .iter()
                .any(|each| each.name == purpose && each.hook.as_deref() == hook);
            match (served, hook) {
                (true, Some(_)) => "yes",
                (true, None) => "UNAVAILABLE",
                (false, _) => "",
            }
            .to_owned()
        }));
        rows.push(row);
    }
    for (name, outcome) in
        [("ok", Outcome::Ok), ("unavailable", Outcome::Unavailable), ("FAILED", Outcome::Failed)]
    {
        let mut row = vec!["checks".to_owned(), name.to_owned()];
        row.extend(machines.iter().map(|machine| machine.report.count(outcome).to_string()));
        rows.push(row);
    }
    let mut row = vec!["seconds".to_owned(), "boot to power-off, emulated".to_owned()];
    row.extend(machines.iter().map(|machine| machine.elapsed.as_secs().to_string()));
    rows.push(row);
    let mut text = aligned(&rows);
    text.push_str(&reasons(machines));
    text
}

/// Returns the totals in one line.
pub fn closing(machines: &[Machine]) -> String {
    let count = |outcome| -> usize { machines.iter().map(|machine| machine.report.count(outcome)).sum() };
    let seconds: u64 = machines.iter().map(|machine| machine.elapsed.as_secs()).sum();
    format!(
        "{} kernels booted in {seconds} s, {} checks ok, {} unavailable, {} failed",
        machines.len(),
        count(Outcome::Ok),
        count(Outcome::Unavailable),
        count(Outcome::Failed)
    )
}

fn header(machines: &[Machine]) -> Vec<String> {
    let mut header = vec!["source".to_owned(), "hook".to_owned()];
    header.extend(machines.iter().map(|machine| short(&machine.report.kernel)));
    header
}

/// Returns a kernel's release without the suffix of Debian's cloud kernels.
fn short(release: &str) -> String {
    release.replace("-cloud-amd64", "").replace("-cloud-arm64", "")
}

/// Returns every pair of a data source and its hook (or none) that some kernel has, in the order of the data sources.
fn services(machines: &[Machine]) -> Vec<(&str, Option<&str>)> {
    let mut purposes: Vec<&str> = Vec::new();
    let all = || machines.iter().flat_map(|machine| &machine.report.purposes);
    for purpose in all() {
        if !purposes.contains(&&*purpose.name) {
            purposes.push(&purpose.name);
        }
    }
    let mut services = Vec::new();
    for name in purposes {
        for purpose in all().filter(|purpose| purpose.name == name) {
            let service = (name, purpose.hook.as_deref());
            if !services.contains(&service) {
                services.push(service);
            }
        }
    }
    services
}

fn reasons(machines: &[Machine]) -> String {
    let mut text = String::new();
    for machine in machines {
        let report = &machine.report;
        for purpose in report.purposes.iter().filter(|purpose| purpose.hook.is_none()) {
            let detail = purpose.detail.as_deref().unwrap_or("no reason given");
            let _ = writeln!(text, "{}: {} is unavailable: {detail}", machine.label, purpose.name);
        }
        for check in report.failed() {
            let _ = writeln!(text, "{}: {} FAILED: {}", machine.label, check.name, check.detail);
        }
    }
    if text.is_empty() { text } else { format!("\n{text}") }
}

fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::report::{Check, DataSource, Report};
    use super::*;

    fn machine(label: &str, hook: Option<&str>, outcome: Outcome) -> Machine {
        let purpose =
            DataSource { name: "exec".into(), hook: hook.map(Into::into), detail: Some("EPERM".into()) };
        let check = Check { name: "fork".into(), outcome, detail: "none".into() };
        let report =
            Report { kernel: format!("{label}.0-cloud-amd64"), purposes: vec![purpose], checks: vec![check] };
        Machine { label: label.into(), report, elapsed: Duration::from_secs(9) }
    }

    #[test]
    fn kernels_are_columns_of_the_table() {
        let machines =
            [machine("5.10", None, Outcome::Failed), machine("6.1", Some("tracepoint"), Outcome::Ok)];
        let expected = "\
source   hook                         5.10.0       6.1.0
exec     no hook                      UNAVAILABLE
exec     tracepoint                                yes
checks   ok                           0            1
checks   unavailable                  0            0
checks   FAILED                       1            0
seconds  boot to power-off, emulated  9            9

5.10: exec is unavailable: EPERM
5.10: fork FAILED: none
";
        assert_eq!(render(&machines), expected);
        assert_eq!(closing(&machines), "2 kernels booted in 18 s, 1 checks ok, 0 unavailable, 1 failed");
    }
}
