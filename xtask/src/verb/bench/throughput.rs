//! How many events become lines, what of the CPU that takes, and what is lost when more come than that.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::agent::{Agent, Launch};
use crate::command;

/// Opens a second that are tried; the last is as fast as one CPU makes them.
const RATES: [Option<u32>; 4] = [Some(10_000), Some(50_000), Some(100_000), None];
/// How long each is kept up.
const LENGTH: Duration = Duration::from_secs(3);
/// Between two bursts of a steady rate.
const BEAT: Duration = Duration::from_millis(1);
/// No new line for this long means that all have come.
const QUIET: Duration = Duration::from_millis(500);

/// A rate and what came of it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Opens a second that were made.
    pub rate: f64,
    /// Opens in all.
    pub opens: u64,
    /// Lines about them.
    pub lines: u64,
    /// Nanoseconds of CPU that the agent took, in all; in ticks of 10 ms.
    pub cpu: f64,
}

impl Step {
    /// Events that a core would turn into lines in a second.
    pub fn a_core(&self) -> f64 {
        self.lines as f64 / (self.cpu / 1e9)
    }

    /// The share that is missing.
    pub fn lost(&self) -> f64 {
        1.0 - self.lines as f64 / self.opens.max(1) as f64
    }
}

/// Opens a file for writing again and again, at rising rates, with the events of files as lines to a pipe.
pub fn measure(program: PathBuf) -> Result<Vec<Step>> {
    let directory = command::target_dir().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let configuration = directory.join("files.toml");
    fs::write(&configuration, "[sink.stdout]\nalerts = false\nevents = [\"file\"]\n")
        .with_context(|| format!("cannot write {}", configuration.display()))?;
    let path = directory.join("opened");
    let configuration = configuration.to_string_lossy().into_owned();
    let launch = Launch::minerwatch_with(program, &["run", "--config", &configuration]);
    let (agent, output) = Agent::start_read(&launch)?;
    let lines = count(output, &path);
    let steps = RATES.iter().map(|rate| step(&agent, &lines, &path, *rate)).collect::<Result<Vec<_>>>()?;
    agent.stop()?;
    let _ = fs::remove_file(&path);
    Ok(steps)
}

fn step(agent: &Agent, lines: &AtomicU64, path: &Path, rate: Option<u32>) -> Result<Step> {
    let before = (agent.usage()?, lines.load(Ordering::Relaxed));
    let start = Instant::now();
    let opens = open(path, rate)?;
    let elapsed = start.elapsed();
    let mut seen = lines.load(Ordering::Relaxed);
    loop {
        thread::sleep(QUIET);
        let now = lines.load(Ordering::Relaxed);
        if now == seen {
            break;
        }
        seen = now;
    }
    let ticks = agent.usage()?.ticks.saturating_sub(before.0.ticks);
    let cpu = ticks as f64 / rustix::param::clock_ticks_per_second() as f64 * 1e9;
    Ok(Step { rate: opens as f64 / elapsed.as_secs_f64(), opens, lines: seen - before.1, cpu })
}

/// How many opens were made.
fn open(path: &Path, rate: Option<u32>) -> Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let start = Instant::now();
    let mut opens = 0;
    while start.elapsed() < LENGTH {
        let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due = rate.map_or(opens + 1_000, |rate| elapsed.saturating_mul(u64::from(rate)) / 1_000_000);
        while opens < due {
            options.open(path).with_context(|| format!("cannot open {}", path.display()))?;
            opens += 1;
        }
        if rate.is_some() {
            thread::sleep(BEAT);
        }
    }
    Ok(opens)
}

/// Counts the lines that name the file.
fn count(output: ChildStdout, path: &Path) -> Arc<AtomicU64> {
    let lines = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&lines);
    let name = path.to_string_lossy().into_owned();
    thread::spawn(move || {
        for line in BufReader::with_capacity(1 << 20, output).lines().map_while(std::io::Result::ok) {
            counter.fetch_add(u64::from(line.contains(&name)), Ordering::Relaxed);
        }
    });
    lines
}

/// Events a second that the engine alone judges: of a recording of `busy`, read before the clock starts.
pub fn engine(program: &Path, busy: impl FnOnce() -> Result<()>) -> Result<f64> {
    let directory = command::target_dir().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let recording = directory.join("recording.jsonl");
    let name = recording.to_string_lossy().into_owned();
    // `record` writes no file that exists: an earlier run may have been stopped before it removed its own.
    let _ = fs::remove_file(&recording);
    let agent = Agent::start(&Launch::minerwatch_with(program.to_owned(), &["record", &name]))?;
    busy()?;
    agent.stop()?;
    let output = Command::new(program)
        .args(["replay", "--measure", &name])
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start {}", program.display()))?;
    let _ = fs::remove_file(&recording);
    let said = String::from_utf8_lossy(&output.stderr);
    match said.lines().find_map(rate) {
        Some(rate) => Ok(rate),
        None => bail!("the replay said nothing of a rate: {}", said.trim_end()),
    }
}

/// `minerwatch: the engine judged N events in T, R a second`.
fn rate(line: &str) -> Option<f64> {
    line.strip_suffix(" a second")?.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_the_replays_output() {
        assert_eq!(rate("minerwatch: the engine judged 10 events in 1.0ms, 10000 a second"), Some(10_000.0));
        assert_eq!(rate("minerwatch: 10 events, 0 alerts, 0 damaged lines"), None);
    }

    #[test]
    fn what_is_missing_is_a_share() {
        let step = Step { rate: 1.0, opens: 200, lines: 150, cpu: 3e8 };
        assert!((step.lost() - 0.25).abs() < 1e-9);
        assert!((step.a_core() - 500.0).abs() < 1e-9);
    }
}
