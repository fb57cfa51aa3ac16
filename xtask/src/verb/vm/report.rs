//! Parses the report of PID 1 in a virtual machine.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The check passed.
    Ok,
    /// The check failed.
    Failed,
    /// The kernel allows no hook for the check, so there was nothing to see.
    Unavailable,
}

/// A check that ran in the machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The name of the check.
    pub name: String,
    /// The outcome of the check.
    pub outcome: Outcome,
    /// What was seen, or the reason for the outcome.
    pub detail: String,
}

/// A data source of the sensor, and the hook that serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataSource {
    /// The name of the data source.
    pub name: String,
    /// The hook that serves the data source; `None` if there is none.
    pub hook: Option<String>,
    /// What the doctor reports about the data source.
    pub detail: Option<String>,
}

/// The report of a machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// The kernel's release, as `uname -r` has it.
    pub kernel: String,
    /// The data sources, in the order of the sensor's table.
    pub purposes: Vec<DataSource>,
    /// The checks, in the order of the sequence.
    pub checks: Vec<Check>,
}

impl Report {
    /// Parses the lines of the report port. Lines that do not belong to a report are ignored.
    pub fn parse(text: &str) -> Result<Self> {
        let mut report = Self::default();
        for line in text.lines().map(str::trim_end) {
            match line.split_once(' ') {
                Some(("DOCTOR", object)) => report.doctor(object)?,
                Some(("CHECK", rest)) => report.checks.push(check(rest)?),
                _ => {}
            }
        }
        if report.checks.is_empty() {
            bail!("the report has no check");
        }
        Ok(report)
    }

    fn doctor(&mut self, object: &str) -> Result<()> {
        let doctor: Value = serde_json::from_str(object).context("the doctor's object is not JSON")?;
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let release = doctor["kernel"].as_str().and_then(|kernel| kernel.split_whitespace().next());
        release.context("the doctor names no kernel")?.clone_into(&mut self.kernel);
        let purposes = doctor["purposes"].as_array().context("the doctor names no data sources")?;
        self.purposes = purposes
            .iter()
            .map(|purpose| {
                Some(DataSource {
                    name: text(&purpose["name"])?,
                    hook: text(&purpose["hook"]),
                    detail: text(&purpose["detail"]),
                })
            })
            .collect::<Option<_>>()
            .context("a data source of the doctor's has no name")?;
        if self.purposes.is_empty() {
            let conditions = doctor["conditions"].as_array().into_iter().flatten();
            let unmet: Vec<_> = conditions
                .filter(|condition| condition["met"] == false)
                .map(|condition| &condition["detail"])
                .collect();
            bail!("nothing is watched on {}: {unmet:?}", self.kernel);
        }
        Ok(())
    }

    /// Returns the number of checks with this outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        self.checks.iter().filter(|check| check.outcome == outcome).count()
    }

    /// Returns the checks that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Check> {
        self.checks.iter().filter(|check| check.outcome == Outcome::Failed)
    }
}

fn check(line: &str) -> Result<Check> {
    let mut words = line.splitn(3, ' ');
    let name = words.next().unwrap_or_default().to_owned();
    let outcome = match words.next() {
        Some("ok") => Outcome::Ok,
        Some("FAILED") => Outcome::Failed,
        Some("unavailable") => Outcome::Unavailable,
        _ => bail!("a check has no outcome: {line}"),
    };
    Ok(Check { name, outcome, detail: words.next().unwrap_or_default().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCTOR: &str = r#"DOCTOR {"kernel":"6.1.0-50-cloud-amd64 x86_64","conditions":[],"purposes":[{"name":"exec","hook":"a tracepoint","detail":null},{"name":"udp-bytes","hook":null,"detail":"no such tracepoint"}]}"#;

    #[test]
    fn a_report_is_read() {
        let text =
            format!("{DOCTOR}\r\nCHECK exec ok 1 seen\r\nnoise\r\nCHECK exit FAILED none among 3\r\nEND\r\n");
        let report = Report::parse(&text).unwrap();
        assert_eq!(report.kernel, "6.1.0-50-cloud-amd64");
        let hooks: Vec<_> = report.purposes.iter().map(|purpose| purpose.hook.as_deref()).collect();
        assert_eq!(hooks, [Some("a tracepoint"), None]);
        assert_eq!((report.count(Outcome::Ok), report.count(Outcome::Unavailable)), (1, 0));
        let failed: Vec<_> = report.failed().map(|check| (&*check.name, &*check.detail)).collect();
        assert_eq!(failed, [("exit", "none among 3")]);
    }

    #[test]
    fn a_broken_report_is_an_error() {
        let nothing =
            r#"DOCTOR {"kernel":"6.1 x","conditions":[{"met":false,"detail":"no BTF"}],"purposes":[]}"#;
        for (text, reason) in [
            ("", "no check"),
            ("CHECK exec maybe\n", "no outcome"),
            ("DOCTOR {\n", "not JSON"),
            (nothing, "no BTF"),
        ] {
            let error = format!("{:#}", Report::parse(text).unwrap_err());
            assert!(error.contains(reason), "{error}");
        }
    }
}
