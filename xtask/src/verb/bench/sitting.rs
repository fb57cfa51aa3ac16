//! When and where a sitting took place.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;

use serde_json::{Value, json};
use time::OffsetDateTime;

use xtask::workspace;

/// The time and the machine of a sitting, without a name that identifies the machine.
pub struct Sitting {
    date: String,
    kernel: String,
    cpus: usize,
    model: String,
    commit: String,
    /// The load average of the last minute when the sitting began, before anything was measured.
    load: String,
    /// Agents that were running already. They have their part in every figure.
    others: Vec<String>,
}

/// The names of processes that are agents, as in `/proc/PID/comm`.
const AGENTS: [&str; 9] =
    ["auditd", "bpftrace", "falco", "kunai", "minerwatch", "osqueryd", "scap-open", "sysdig", "tetragon"];

impl Sitting {
    /// Looks at this machine.
    pub fn begin() -> Self {
        let now = OffsetDateTime::now_utc();
        let read = |path: &str| fs::read_to_string(Path::new(path)).unwrap_or_default();
        let uname = rustix::system::uname();
        Self {
            date: now.date().to_string(),
            kernel: format!("Linux {}", version(&uname.release().to_string_lossy())),
            cpus: thread::available_parallelism().map_or(1, usize::from),
            model: model(&read("/proc/cpuinfo")).unwrap_or("unknown processor").to_owned(),
            commit: commit().unwrap_or_else(|| "unknown commit".to_owned()),
            load: read("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned(),
            others: agents(),
        }
    }

    /// Returns one line for people.
    pub fn line(&self) -> String {
        let Self { date, kernel, cpus, model, commit, load, others } = self;
        let others = match others.as_slice() {
            [] => String::new(),
            others => format!("; beside {}, which ran already", others.join(", ")),
        };
        format!(
            "{date}, {kernel}, {cpus} CPUs ({model}), commit {commit}, load average {load} at the beginning{others}"
        )
    }

    /// Returns the sitting as JSON.
    pub fn json(&self) -> Value {
        let Self { date, kernel, cpus, model, commit, load, others } = self;
        json!({
            "date": date, "kernel": kernel, "cpus": cpus, "model": model, "commit": commit,
            "load_average_before": load.parse::<f64>().ok(), "other_agents": others,
        })
    }
}

/// Returns the names of the agents that run.
fn agents() -> Vec<String> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let names = processes.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok());
    let names: BTreeSet<_> = names.map(|name| name.trim_end().to_owned()).collect();
    names.into_iter().filter(|name| AGENTS.contains(&name.as_str())).collect()
}

/// Returns the numbers of a kernel release. What follows them may name the machine's owner.
fn version(release: &str) -> &str {
    let end = release.find(|c: char| c != '.' && !c.is_ascii_digit()).unwrap_or(release.len());
    release[..end].trim_end_matches('.')
}

/// Returns the first model name of `/proc/cpuinfo`. Kernels of arm64 have none.
fn model(cpuinfo: &str) -> Option<&str> {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim())
}

/// Returns the commit of the tree, with a plus sign if the tree has changes.
fn commit() -> Option<String> {
    let git = |arguments: &[&str]| {
        let output = Command::new("git").arg("-C").arg(workspace::root()).args(arguments).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let commit = git(&["rev-parse", "--short", "HEAD"])?;
    let changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|lines| !lines.is_empty());
    Some(if changed { format!("{commit}+") } else { commit })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_numbers_of_the_release_are_told() {
        for (release, expected) in
            [("6.18.44-fc-v657", "6.18.44"), ("5.10.0-46-cloud-amd64", "5.10.0"), ("6.1", "6.1"), ("x", "")]
        {
            assert_eq!(version(release), expected);
        }
    }

    #[test]
    fn the_model_is_read_from_cpuinfo() {
        let text = "processor\t: 0\nmodel name\t: Fast CPU @ 2 GHz\nprocessor\t: 1\nmodel name\t: other\n";
        assert_eq!(model(text), Some("Fast CPU @ 2 GHz"));
        assert_eq!(model("processor\t: 0\nBogoMIPS\t: 50.00\n"), None);
    }
}
