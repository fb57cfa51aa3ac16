//! What each operation costs without the daemon and with it, counted in instructions.
//!
//! The machine has one processor, on which the emulator lets a nanosecond pass with each instruction: a duration is
//! what was executed, by the operation, the kernel and the daemon together.

use std::{fs, process, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use xtask::operations::{self, Operation};

use crate::{
    daemon::Daemon,
    guest::{self, Port},
};

/// The word on the kernel's command line that asks for the overhead.
const WORD: &str = "minerwatch.overhead";

/// The word that makes this program measure and end.
const MEASURE: &str = "measure";

/// Uptime before the first figure: until then the kernel still measures its clocks, and changes from one to another.
const SETTLED: Duration = Duration::from_secs(20);
/// How long the daemon is given to read executables and whatever else it does only at the start.
const DAEMON_SETTLED: Duration = Duration::from_secs(5);
/// How long the daemon is given after a batch, so that the rest of its work is counted, too. Longer than it
/// lets records gather.
const AFTERMATH: Duration = Duration::from_millis(50);
/// Batches of which the median counts.
const BATCHES: usize = 5;
/// How often a batch does an operation, at the least and at the most: an emulated processor is a hundred times slower.
const LEAST: u32 = 50;
const MOST: u32 = 2_000;

/// Whether the overhead is asked for.
pub fn asked_for() -> Result<bool> {
    Ok(guest::command_line()?.split_whitespace().any(|word| word == WORD))
}

/// Measures everything and reports a line each: `OVERHEAD operation off on`, with tabs between.
pub fn measure(report: &mut Port, log: &mut Port, options: &[String]) -> Result<()> {
    let uptime = guest::uptime()?;
    thread::sleep(SETTLED.saturating_sub(uptime));
    let off = by_itself(None)?;
    let daemon = Daemon::start([&["run".to_owned()], options].concat())?;
    thread::sleep(DAEMON_SETTLED);
    let on = by_itself(Some(daemon.pid()))?;
    daemon.end(log)?;
    // The machine's memory ages, and a fork takes longer with it: the figure without the daemon is the mean of one before and one after it.
    let afterwards = by_itself(None)?;
    let off = off.into_iter().zip(afterwards).map(|(before, after)| u64::midpoint(before, after));
    for (operation, (off, on)) in operations::ALL.iter().zip(off.zip(on)) {
        report.line(&format!("OVERHEAD\t{}\t{off}\t{on}", operation.name))?;
    }
    Ok(())
}

/// Measures in a process of its own. This one has more threads and memory once the daemon runs, and what a fork costs
/// depends on the memory of who forks.
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

/// The child's side of [`by_itself`]: prints a line for each operation. `None` if these arguments are not for it.
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

/// The median of some batches, after one that warms caches and tables up.
fn cost(operation: &Operation, daemon: Option<u32>) -> Result<u64> {
    batch(operation, daemon)?;
    let mut costs = (0..BATCHES).map(|_| batch(operation, daemon)).collect::<Result<Vec<_>>>()?;
    costs.sort_unstable();
    Ok(costs[BATCHES / 2])
}

/// Nanoseconds of one operation of a batch, with its share of what the daemon had still to do afterwards.
fn batch(operation: &Operation, daemon: Option<u32>) -> Result<u64> {
    let count = operation.batch.clamp(LEAST, MOST);
    let elapsed = (operation.run)(count).with_context(|| format!("measuring {}", operation.name))?;
    let before = daemon.map(time_on_cpu).transpose()?.unwrap_or(0);
    thread::sleep(AFTERMATH);
    let after = daemon.map(time_on_cpu).transpose()?.unwrap_or(0);
    let all =
        u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX).saturating_add(after.saturating_sub(before));
    Ok(all / u64::from(count))
}

/// Nanoseconds that the living threads of a process ran: the first field of `schedstat`
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
        // A process of its own: the threads of this one, which other tests run on, come and go.
        let mut child = process::Command::new("sleep").arg("60").spawn().unwrap();
        // It may not have run yet.
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
