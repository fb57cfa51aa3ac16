//! `cargo xtask test --benign`: runs real programs that use a host much as a miner does, while the agent watches.

mod network;
mod watched;
mod workload;

use std::time::Duration;

use anyhow::{Result, bail};
use xtask::workspace;

use super::build;
use super::setup::{apt, consent};
use crate::command;
use network::OtherHost;
use watched::Watched;
use workload::{Outcome, Workload};

/// The directory of the workloads, relative to the workspace root. Each workload is a bash script. Its first lines
/// state what it does and which packages it needs.
const DIRECTORY: &str = "tests/benign";

/// Minimum number of workloads that must run when no filter is given.
const ENOUGH: usize = 20;

/// Runs the workloads whose name contains one of `filter`, or all if `filter` is empty. Each runs for `length`.
pub fn run(length: Duration, filter: &[String]) -> Result<()> {
    if !command::is_root() {
        bail!("the benign suite attaches to the kernel and sets up networks: run it as root");
    }
    let workloads = workload::all(&workspace::root().join(DIRECTORY), filter)?;
    if workloads.is_empty() {
        bail!("no workload in {DIRECTORY} has that in its name");
    }
    build::release()?;
    install(&workloads)?;
    let other = OtherHost::new()?;
    println!("{:<18} {:>4}  {:<10} signals", "workload", "s", "verdict");
    let (mut ran, mut alarms, mut broken) = (0, Vec::new(), Vec::new());
    for workload in &workloads {
        let agent = Watched::start(&command::target_dir())?;
        let outcome = workload.run(length, &other)?;
        let seen = agent.stop()?;
        let note = match &outcome {
            Outcome::Ran => {
                ran += 1;
                seen.signals()
            }
            Outcome::NotRun(reason) => format!("not run: {reason}"),
            Outcome::Failed(reason) => {
                broken.push(workload.name.clone());
                format!("the workload failed: {reason}")
            }
        };
        println!("{:<18} {:>4}  {:<10} {note}", workload.name, length.as_secs(), seen.worst());
        if seen.is_alarm() {
            println!("{}", seen.alarm());
            alarms.push(workload.name.clone());
        }
    }
    println!("benign: {ran} of {} workloads ran, {} raised an alarm", workloads.len(), alarms.len());
    if !alarms.is_empty() {
        bail!("innocent programs raised an alarm: {}", alarms.join(", "));
    }
    if !broken.is_empty() {
        bail!("these workloads did not work: {}", broken.join(", "));
    }
    if filter.is_empty() && ran < ENOUGH {
        bail!("only {ran} workloads ran; {ENOUGH} are the least that means anything");
    }
    Ok(())
}

/// Installs the packages of each workload separately, so that a missing package affects only its own workload.
fn install(workloads: &[Workload]) -> Result<()> {
    let missing = |workload: &Workload| -> Vec<String> {
        workload.packages.iter().filter(|package| !is_installed(package)).cloned().collect()
    };
    let wanted: Vec<_> = workloads
        .iter()
        .map(|workload| (workload, missing(workload)))
        .filter(|(_, missing)| !missing.is_empty())
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let shown = |(workload, missing): &(&Workload, Vec<String>)| {
        format!("for the workload {}: apt-get install {}", workload.name, missing.join(" "))
    };
    consent::ask(&wanted.iter().map(shown).collect::<Vec<_>>())?;
    for (_, missing) in &wanted {
        if let Err(error) = apt::install(missing) {
            eprintln!("setup: that did not work: {error:#}");
        }
    }
    Ok(())
}

fn is_installed(package: &str) -> bool {
    let status =
        std::process::Command::new("dpkg-query").args(["-W", "-f", "${db:Status-Status}", package]).output();
    status.is_ok_and(|output| output.stdout == b"installed")
}
