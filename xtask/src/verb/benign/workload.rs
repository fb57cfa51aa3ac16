//! The workloads of the benign suite.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process_group};

use super::network::OtherHost;

/// The script that is sourced before every workload.
const COMMON: &str = "common.bash";
/// The exit code of a workload that cannot run here. Its last line of output states the reason.
const NOT_RUN: i32 = 77;
/// The time that a workload may take to set up and to clean up, in addition to its length.
const LEEWAY: Duration = Duration::from_secs(180);

/// A script that runs innocent programs.
pub struct Workload {
    /// The name of the script's file, without its extension.
    pub name: String,
    /// The Debian packages that the script needs.
    pub packages: Vec<String>,
    script: PathBuf,
    common: PathBuf,
}

/// The outcome of a workload.
pub enum Outcome {
    /// The workload ran to its end.
    Ran,
    /// The workload cannot run here, for this reason.
    NotRun(String),
    /// The workload failed, for this reason.
    Failed(String),
}

/// Reads the workloads in a directory whose name contains one of `filter`, or all if `filter` is empty. Sorts them by
/// name.
pub fn all(directory: &Path, filter: &[String]) -> Result<Vec<Workload>> {
    let entries = fs::read_dir(directory).with_context(|| format!("cannot read {}", directory.display()))?;
    let mut workloads = Vec::new();
    for script in entries.flatten().map(|entry| entry.path()) {
        let name = script.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let is_wanted = filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()));
        if script.file_name().is_some_and(|file| file == COMMON) || !is_wanted {
            continue;
        }
        let text =
            fs::read_to_string(&script).with_context(|| format!("cannot read {}", script.display()))?;
        let packages = text.lines().find_map(|line| line.strip_prefix("# packages:")).unwrap_or_default();
        let packages = packages.split_whitespace().map(str::to_owned).collect();
        workloads.push(Workload { name, packages, script, common: directory.join(COMMON) });
    }
    workloads.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(workloads)
}

impl Workload {
    /// Runs the workload for `length`.
    pub fn run(&self, length: Duration, _other: &OtherHost) -> Result<Outcome> {
        // Not a temporary directory: the agent is suspicious of programs there.
        let work = PathBuf::from(format!("/srv/minerwatch-benign-{}", self.name));
        let _ = fs::remove_dir_all(&work);
        fs::create_dir_all(&work).with_context(|| format!("cannot make {}", work.display()))?;
        let log = work.with_extension("log");
        let output = fs::File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut child = Command::new("bash")
            .args(["-c", "source \"$1\"; source \"$2\"", "benign"])
            .arg(&self.common)
            .arg(&self.script)
            .env("LENGTH", length.as_secs().to_string())
            .env("WORK", &work)
            .env("SERVER", OtherHost::COMMAND)
            .env("SERVER_IP", OtherHost::ADDRESS)
            .env("CLIENT_IP", OtherHost::NEAR_ADDRESS)
            .stdin(Stdio::null())
            .stdout(output.try_clone().context("cannot share the log")?)
            .stderr(output)
            .process_group(0)
            .spawn()
            .context("cannot start bash")?;
        let until = Instant::now() + length + LEEWAY;
        let status = loop {
            if let Some(status) = child.try_wait().context("cannot wait for the workload")? {
                break Some(status);
            }
            if Instant::now() > until {
                break None;
            }
            thread::sleep(Duration::from_millis(50));
        };
        // Killing the group also ends servers that the workload left running.
        if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = child.wait();
        let said = fs::read_to_string(&log).unwrap_or_default();
        let last = said.lines().last().unwrap_or_default().to_owned();
        let _ = fs::remove_dir_all(&work);
        let _ = fs::remove_file(&log);
        Ok(match status {
            Some(status) if status.success() => Outcome::Ran,
            Some(status) if status.code() == Some(NOT_RUN) => Outcome::NotRun(last),
            Some(status) => Outcome::Failed(format!("{status}: {last}")),
            None => Outcome::Failed("it did not end".to_owned()),
        })
    }
}
