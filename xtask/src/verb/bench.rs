//! `cargo xtask bench`.

mod agent;
mod latency;
mod measure;
mod programs;
mod report;
mod throughput;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, thread};

use anyhow::{Context, Error, Result, bail};
use clap::Args;
use xtask::operations::{self, Operation};

use super::build;
use crate::command;
use agent::{Agent, Launch, Usage};
use report::{Ends, Report, Stream};

/// The number of rounds, each with the agent off and on. The median of five turns tolerates two disturbed ones.
const ROUNDS: u32 = 5;

/// The time after which a started agent counts as idle.
const SETTLE: Duration = Duration::from_secs(15);

/// Measure what the agent costs: operations with the agent off and on, its programs, and its idle load
///
/// Alternates between agent off and agent on in one run, so that a drifting machine disturbs both alike. In each turn
/// the time of an operation is the shortest of many small batches, all on one CPU. The table has the median over the
/// turns. Its "noise" is the spread of the turns without the agent: an overhead below the noise means nothing. The
/// report also has the kernel's own figures per program (`bpf_stats`, restored afterwards), the agent's CPU time on an
/// idle host, its memory, and its latency from an event to the output. For minerwatch alone it has the number of events
/// that become lines, the loss at rising rates, and the events per second that the engine judges. Needs root, and goes
/// through sudo if you are not root.
#[derive(Args)]
pub struct Arguments {
    /// Also write the figures to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Total time to measure operations, in seconds; everything else takes extra time
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=3600))]
    seconds: u64,
    /// Only operations whose name contains this text
    #[arg(long, value_name = "OP")]
    only: Option<String>,
    /// Measure another agent, started with this shell command; it must stay in the foreground
    #[arg(long, value_name = "COMMAND")]
    against: Option<String>,
    /// Text that the agent of --against writes to standard error when ready; without this option it gets 10 s to start
    #[arg(long, value_name = "TEXT", requires = "against")]
    ready: Option<String>,
    /// Measure only without an agent, to see the machine's noise
    #[arg(long, conflicts_with = "against")]
    off: bool,
}

impl Arguments {
    /// Runs the verb.
    pub fn run(self) -> Result<()> {
        let operations: Vec<_> = operations::ALL
            .iter()
            .filter(|operation| self.only.as_ref().is_none_or(|only| operation.name.contains(only.as_str())))
            .collect();
        if operations.is_empty() {
            let names: Vec<_> = operations::ALL.iter().map(|operation| operation.name).collect();
            bail!("no operation has that in its name; there are: {}", names.join(", "));
        }
        let launch = self.launch()?;
        if launch.is_some() && !command::is_root() {
            return Err(again_as_root());
        }
        measure::pin_to_one_cpu()?;
        let report = self.measure(&operations, launch.as_ref())?;
        print!("{report}");
        if let Some(file) = &self.json {
            std::fs::write(file, report.to_json())
                .with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }

    /// Returns the agent to start; `None` with `--off`. Builds minerwatch if it is the agent.
    fn launch(&self) -> Result<Option<Launch>> {
        if self.off {
            return Ok(None);
        }
        if let Some(shell) = &self.against {
            return Ok(Some(Launch::shell(shell, self.ready.clone())));
        }
        // The run through sudo does not build again: the user's run has just built minerwatch, and root's cargo would
        // leave root's files in the tree.
        if env::var_os("SUDO_UID").is_none() {
            build::release()?;
        }
        Ok(Some(Launch::minerwatch(command::target_dir().join("release/minerwatch"))))
    }

    fn measure(&self, operations: &[&Operation], launch: Option<&Launch>) -> Result<Report> {
        let turns = ROUNDS * if launch.is_some() { 2 } else { 1 };
        let turn = Duration::from_secs(self.seconds) / turns;
        let mut report = Report::new(operations, launch.map(|launch| launch.name.clone()));
        for round in 1..=ROUNDS {
            eprintln!("bench: round {round} of {ROUNDS}");
            report.off(measure::turn(operations, turn)?);
            if let Some(launch) = launch {
                let agent = Agent::start(launch)?;
                report.on(measure::turn(operations, turn)?);
                agent.stop()?;
            }
        }
        if let Some(launch) = launch {
            let agent = Agent::start(launch)?;
            let idle = Duration::from_secs((self.seconds / 6).clamp(5, 60));
            eprintln!("bench: {} s idle, then the programs", idle.as_secs());
            // The agent's start and its first look at the host do not count as idle time.
            thread::sleep(SETTLE);
            let before = agent.usage()?;
            thread::sleep(idle);
            let after = agent.usage()?;
            report.idle(Usage::share(&before, &after, idle), after.resident, after.peak);
            let figures = programs::during(agent.pid(), || measure::turn(operations, turn).map(drop))?;
            report.programs(figures);
            agent.stop()?;
            eprintln!("bench: latencies");
            match &launch.minerwatch {
                Some(program) => report.latencies(Ends::CallToAlert, latency::measure(program.clone())?),
                None => report.latencies(Ends::StartToLine, latency::measure_marked(launch)?),
            }
            if let Some(program) = &launch.minerwatch {
                eprintln!("bench: lines, the engine");
                report.stream(Stream {
                    steps: throughput::measure(program.clone())?,
                    engine: throughput::engine(program, || measure::turn(operations, turn).map(drop))?,
                });
            }
        }
        Ok(report)
    }
}

/// Replaces this process by the same command, started through sudo. Returns only on failure.
fn again_as_root() -> Error {
    let become_root = || -> Result<Error> {
        let mut again =
            command::as_root("env").context("measuring an agent needs root: install sudo, or be root")?;
        if let Some(dir) = env::var_os("CARGO_TARGET_DIR") {
            again.arg(format!("CARGO_TARGET_DIR={}", dir.to_string_lossy()));
        }
        again
            .arg(env::current_exe().context("cannot tell where this executable is")?)
            .args(env::args_os().skip(1));
        Ok(Error::from(again.exec()).context("cannot start sudo"))
    };
    become_root().unwrap_or_else(|error| error)
}
