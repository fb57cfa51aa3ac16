//! Measures the cost of each operation without and with the daemon, in instructions.
//!
//! The machine has one processor, and the emulator advances the clock by one nanosecond per instruction. So a duration
//! is the number of instructions that the operation, the kernel and the daemon executed together.

use std::{fs, process, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use xtask::operations::{self, Operation};

use crate::{
    daemon::Daemon,
    guest::{self, Port},
    profile,
};

/// Word on the kernel's command line that requests the measurement.
const WORD: &str = "minerwatch.overhead";

/// Argument that makes this program measure and exit.
const MEASURE: &str = "measure";

/// Minimum uptime before the first measurement. Until then, the kernel calibrates its clocks and may switch between
/// them.
const SETTLED: Duration = Duration::from_secs(20);
/// Time for the daemon to finish the work of its start: the kernel checks the programs, and executables are read. On an
/// emulated processor this takes more than five seconds.
const DAEMON_SETTLED: Duration = Duration::from_secs(20);
/// Time for the daemon to finish its work after a batch, so that the work is counted, too. It is longer than the time
/// for which the daemon lets records gather.
const AFTERMATH: Duration = Duration::from_millis(50);
/// Number of batches. Their median is the result.
const BATCHES: usize = 5;
/// Minimum number of operations in a batch. An emulated processor is a hundred times slower than a real one.
const LEAST: u32 = 50;
/// Maximum number of operations in a batch.
const MOST: u32 = 2_000;

/// Returns whether the kernel's command line requests the measurement.
pub fn asked_for() -> Result<bool> {
    Ok(guest::command_line()?.split_whitespace().any(|word| word == WORD))
}

/// Measures all operations and reports one line per operation, with tabs between the fields:
/// `OVERHEAD operation off on`.
pub fn measure(report: &mut Port, log: &mut Port, options: &[String]) -> Result<()> {
    let uptime = guest::uptime()?;
    thread::sleep(SETTLED.saturating_sub(uptime));
    let off = by_itself(None)?;
    let daemon = Daemon::start([&["run".to_owned()], options].concat())?;
    thread::sleep(DAEMON_SETTLED);
    let on = by_itself(Some(daemon.pid()))?;
    if profile::asked_for()? {
        profile(report, daemon.pid())?;
    }
    daemon.end(log)?;
    // A fork takes longer as the memory of the machine ages. So the figure without the daemon is the mean of one
    // measurement before and one after the daemon.
    let afterwards = by_itself(None)?;
    let off = off.into_iter().zip(afterwards).map(|(before, after)| u64::midpoint(before, after));
    for (operation, (off, on)) in operations::ALL.iter().zip(off.zip(on)) {
        report.line(&format!("OVERHEAD\t{}\t{off}\t{on}", operation.name))?;
    }
    Ok(())
}

/// Reports which programs ran in each operation, and the instructions of the daemon's own work: `DAEMON operation
/// instructions`.
fn profile(report: &mut Port, daemon: u32) -> Result<()> {
    for operation in &operations::ALL {
        let count = count(operation);
        let before = time_on_cpu(daemon)?;
        let programs = profile::of(operation, count)?;
        thread::sleep(AFTERMATH);
        let own = time_on_cpu(daemon)?.saturating_sub(before) / u64::from(count);
        for line in programs {
            report.line(&line)?;
        }
        report.line(&format!("DAEMON\t{}\t{own}", operation.name))?;
    }
    Ok(())
}

/// Measures in a child process. This process has more threads and memory once the daemon runs, and the cost of a fork
/// depends on the memory of the parent.
fn by_itself(daemon: Option<u32>) -> Result<Vec<u64>> {
    let output = process::Command::new("/init")
        .arg(MEASURE)
        .args(daemon.map(|pid| pid.to_string()))
        .output()
        .context("starting /init to measure")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "measuring ended with {}: {}", output.status, said.trim_end());
    let text = String::from_utf8_lossy(&output.stdout);
    text.lines().map(|cost| cost.parse().with_context(|| format!("no figure: {cost}"))).collect()
}

/// Runs the child process of [`by_itself`], which prints one line per operation. Returns `None` if the arguments do not
/// request a measurement.
pub fn in_child(mut arguments: impl Iterator<Item = String>) -> Option<Result<()>> {
    (arguments.next()? == MEASURE).then(|| {
        let daemon =
            arguments.next().map(|pid| pid.parse()).transpose().context("the daemon's process id")?;
        for operation in &operations::ALL {
            println!("{}", cost(operation, daemon)?);
        }
        Ok(())
    })
}

/// Returns the median cost over several batches. The first batch only warms up caches and tables.
fn cost(operation: &Operation, daemon: Option<u32>) -> Result<u64> {
    batch(operation, daemon)?;
    let mut costs = (0..BATCHES).map(|_| batch(operation, daemon)).collect::<Result<Vec<_>>>()?;
    costs.sort_unstable();
    Ok(costs[BATCHES / 2])
}

/// Returns the number of operations in a batch.
fn count(operation: &Operation) -> u32 {
    operation.batch.clamp(LEAST, MOST)
}

/// Runs a batch and returns the nanoseconds per operation, including the work of the daemon after the batch.
fn batch(operation: &Operation, daemon: Option<u32>) -> Result<u64> {
    let count = count(operation);
    let elapsed = (operation.run)(count).with_context(|| format!("measuring {}", operation.name))?;
    let before = daemon.map(time_on_cpu).transpose()?.unwrap_or(0);
    thread::sleep(AFTERMATH);
    let after = daemon.map(time_on_cpu).transpose()?.unwrap_or(0);
    let all =
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).saturating_add(after.saturating_sub(before));
    Ok(all / u64::from(count))
}

/// Returns the CPU time of the living threads of a process, in nanoseconds: the first field of `schedstat`
/// (Documentation/scheduler/sched-stats.rst). A thread that ends meanwhile is left out.
fn time_on_cpu(pid: u32) -> Result<u64> {
    let threads = format!("/proc/{pid}/task");
    let mut sum = 0;
    for thread in fs::read_dir(&threads).with_context(|| format!("reading {threads}"))? {
        let Ok(text) = fs::read_to_string(thread?.path().join("schedstat")) else { continue };
        let own: u64 =
            text.split_whitespace().next().unwrap_or_default().parse().context("a time on the CPU")?;
        sum += own;
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_process_has_a_time_on_the_cpu() {
        // Use a child process, because other tests start and end threads in this process.
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        // The child may not have run yet.
        let until = Instant::now() + Duration::from_secs(10);
        let mut taken = time_on_cpu(child.id());
        while matches!(taken, Ok(0)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(1));
            taken = time_on_cpu(child.id());
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(taken.unwrap() > 0);
        assert!(time_on_cpu(u32::MAX).is_err(), "nobody has that id");
    }
}
