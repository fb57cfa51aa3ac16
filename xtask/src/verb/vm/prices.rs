//! What operations cost on each kernel, in instructions: a table in the tree that a run is held against.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail};
use xtask::workspace;

/// Where it lies, below the root of the workspace.
const FILE: &str = "tests/prices.expected";

const HEADER: &str = "\
# Instructions of one operation on each kernel, without minerwatch and added by it: kernel, operation, instructions
# without, instructions added, with tabs between. `cargo xtask vm --prices` fails when an addition has risen by more
# than a tenth; `cargo xtask vm --prices --bless` writes what it saw. docs/prices.md says how they are counted.
";

/// An addition may rise by this share of itself…
const TOLERANCE: f64 = 0.10;
/// …or by this share of what the operation costs without minerwatch, whichever is more: a small addition to a large
/// operation cannot be told from the noise of that one.
const NOISE: f64 = 0.005;
/// …or by so many instructions, for operations that hardly cost anything.
const LEAST: f64 = 10.0;

/// One operation, in instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    /// Its name.
    pub operation: String,
    /// Without the daemon.
    pub off: i64,
    /// What the daemon adds.
    pub added: i64,
}

/// Reads the lines of a report that have prices: `PRICE`, operation, without, with.
pub fn parse_report(report: &str) -> Result<Vec<Price>> {
    let prices: Vec<_> = report
        .lines()
        .filter_map(|line| line.trim_end().strip_prefix("PRICE\t"))
        .map(|line| {
            let [operation, off, on] = line.split('\t').collect::<Vec<_>>()[..] else {
                bail!("a price is not three fields: {line}");
            };
            let [off, on]: [i64; 2] = [off.parse()?, on.parse()?];
            Ok(Price { operation: operation.to_owned(), off, added: on - off })
        })
        .collect::<Result<_>>()?;
    if prices.is_empty() {
        let failed = report.lines().find_map(|line| line.strip_prefix("CHECK "));
        bail!("the report has no price; {}", failed.unwrap_or("it does not say why"));
    }
    Ok(prices)
}

/// The prices of each kernel by its label.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected(BTreeMap<String, Vec<Price>>);

impl Expected {
    /// Reads the table of the tree; there may be none yet.
    pub fn read() -> Result<Self> {
        let file = workspace::root().join(FILE);
        if !file.exists() {
            return Ok(Self::default());
        }
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        Self::parse(&text)
    }

    /// Writes it.
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
            let price = match fields[..] {
                [_, operation, off, added] => off
                    .parse()
                    .ok()
                    .zip(added.parse().ok())
                    .map(|(off, added)| Price { operation: operation.to_owned(), off, added }),
                _ => None,
            };
            let Some(price) = price else {
                bail!("{FILE}:{}: not two names and two numbers with tabs between", number + 1);
            };
            table.0.entry(fields[0].to_owned()).or_default().push(price);
        }
        Ok(table)
    }

    fn to_text(&self) -> String {
        let mut text = HEADER.to_owned();
        for (kernel, prices) in &self.0 {
            for Price { operation, off, added } in prices {
                let _ = writeln!(text, "{kernel}\t{operation}\t{off}\t{added}");
            }
        }
        text
    }

    /// Takes what was counted on a kernel for what is to be paid; other kernels stay.
    pub fn bless(&mut self, kernel: &str, prices: &[Price]) {
        self.0.insert(kernel.to_owned(), prices.to_vec());
    }

    /// What has become dearer, a sentence each.
    pub fn rises(&self, kernel: &str, prices: &[Price]) -> Vec<String> {
        let Some(expected) = self.0.get(kernel) else {
            return vec![format!("{kernel}: {FILE} has no rows for it; --bless writes them")];
        };
        prices
            .iter()
            .filter_map(|Price { operation, off, added }| {
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

/// The table that a person reads: instructions without, and what is added, for each kernel.
pub fn render(kernels: &[(String, Vec<Price>)]) -> String {
    let mut text = String::new();
    for (label, prices) in kernels {
        let _ = writeln!(text, "{label:<26}{:>12}{:>12}{:>8}", "without", "added", "ratio");
        for Price { operation, off, added } in prices {
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

    fn price(operation: &str, off: i64, added: i64) -> Price {
        Price { operation: operation.to_owned(), off, added }
    }

    #[test]
    fn prices_are_read_from_the_report() {
        let report = "noise\nPRICE\tgetppid\t337\t340\r\nPRICE\topen + close\t5000\t4990\r\nEND\r\n";
        let expected = [price("getppid", 337, 3), price("open + close", 5000, -10)];
        assert_eq!(parse_report(report).unwrap(), expected);
        assert!(parse_report("PRICE\tgetppid\t337\nEND").is_err());
        let error = parse_report("CHECK sequence FAILED no BTF\nEND").unwrap_err().to_string();
        assert!(error.contains("no BTF"), "{error}");
    }

    #[test]
    fn what_is_blessed_is_written_and_read() {
        let mut table = Expected::default();
        table.bless("6.1", &[price("fork + exec + wait", 666_000, 40_000), price("getppid", 337, -1)]);
        table.bless("5.10", &[price("getppid", 300, 0)]);
        assert_eq!(Expected::parse(&table.to_text()).unwrap(), table);
        for damaged in ["6.1\tgetppid\t337", "6.1\tgetppid\tx\t1", "6.1"] {
            assert!(Expected::parse(damaged).unwrap_err().to_string().contains(":1:"), "{damaged}");
        }
    }

    #[test]
    fn a_rise_of_more_than_a_tenth_is_told_with_the_operation() {
        let mut table = Expected::default();
        table.bless(
            "6.1",
            &[price("fork", 600_000, 40_000), price("getppid", 337, 0), price("send", 16_500, 20)],
        );
        let rises = |prices: &[Price]| table.rises("6.1", prices);
        assert!(rises(&[price("fork", 600_000, 43_900), price("getppid", 400, 9)]).is_empty());
        assert!(rises(&[price("send", 16_500, 100)]).is_empty(), "within the noise of the operation itself");
        let told = rises(&[price("fork", 600_000, 44_100), price("getppid", 337, 11)]);
        assert_eq!(told.len(), 2);
        assert!(told[0].contains("fork costs +44100 instructions, expected +40000"), "{told:?}");
        assert!(rises(&[price("new", 1, 1)])[0].contains("no row for new"));
        assert!(table.rises("6.12", &[])[0].contains("no rows"));
    }
}
