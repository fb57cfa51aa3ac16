//! Measures how many events become lines, how much CPU time that takes, and how many events are lost at higher rates.

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

/// The rates to try, in opens per second. `None` is the highest rate that one CPU can make.
const RATES: [Option<u32>; 4] = [Some(10_000), Some(50_000), Some(100_000), None];
/// The duration of each rate.
const LENGTH: Duration = Duration::from_secs(3);
/// The pause between two bursts of a steady rate.
const BEAT: Duration = Duration::from_millis(1);
/// The number of files that are opened in turn. minerwatch reports a file that a process opens repeatedly once per second,
/// and remembers 4,096 opens.
const FILES: u64 = 16_384;
/// The measurement ends when no new line has arrived for this time.
const QUIET: Duration = Duration::from_millis(500);

/// The result of one rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Opens per second that were made.
    pub rate: f64,
    /// The total number of opens.
    pub opens: u64,
    /// The number of lines about these opens.
    pub lines: u64,
    /// The agent's total CPU time in nanoseconds, with the resolution of a clock tick (10 ms).
    pub cpu: f64,
}

impl Step {
    /// Returns the number of lines per second of CPU time.
    pub fn a_core(&self) -> f64 {
        self.lines as f64 / (self.cpu / 1e9)
    }

    /// Returns the share of opens without a line.
    pub fn lost(&self) -> f64 {
        1.0 - self.lines as f64 / self.opens.max(1) as f64
    }
}

/// Opens files for writing, at rising rates. Meanwhile minerwatch writes the file events as lines to a
/// pipe.
pub fn measure(program: PathBuf) -> Result<Vec<Step>> {
    let directory = command::target_dir().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let configuration = directory.join("files.toml");
    fs::write(&configuration, "[sink.stdout]\nalerts = false\nevents = [\"file\"]\n")
        .with_context(|| format!("cannot write {}", configuration.display()))?;
    let opened = directory.join("opened");
    fs::create_dir_all(&opened).with_context(|| format!("cannot make {}", opened.display()))?;
    let configuration = configuration.to_string_lossy().into_owned();
    let launch = Launch::minerwatch_with(program, &["run", "--config", &configuration]);
    let (agent, output) = Agent::start_read(&launch)?;
    let lines = count(output, &opened);
    let files: Vec<PathBuf> = (0..FILES).map(|number| opened.join(number.to_string())).collect();
    let steps = RATES.iter().map(|rate| step(&agent, &lines, &files, *rate)).collect::<Result<Vec<_>>>()?;
    agent.stop()?;
    let _ = fs::remove_dir_all(&opened);
    Ok(steps)
}

fn step(agent: &Agent, lines: &AtomicU64, files: &[PathBuf], rate: Option<u32>) -> Result<Step> {
    let before = (agent.ticks()?, lines.load(Ordering::Relaxed));
    let start = Instant::now();
    let opens = open(files, rate)?;
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
    let ticks = agent.ticks()?.saturating_sub(before.0);
    let cpu = ticks as f64 / rustix::param::clock_ticks_per_second() as f64 * 1e9;
    Ok(Step { rate: opens as f64 / elapsed.as_secs_f64(), opens, lines: seen - before.1, cpu })
}

/// Opens the files in turn at this rate for a fixed time. Returns the number of opens.
fn open(files: &[PathBuf], rate: Option<u32>) -> Result<u64> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    let start = Instant::now();
    let mut opens = 0;
    let mut next = files.iter().cycle();
    while start.elapsed() < LENGTH {
        let elapsed = u64::try_from(start.elapsed().as_micros()).unwrap_or(u64::MAX);
        let due = rate.map_or(opens + 1_000, |rate| elapsed.saturating_mul(u64::from(rate)) / 1_000_000);
        while opens < due
            && let Some(path) = next.next()
        {
            options.open(path).with_context(|| format!("cannot open {}", path.display()))?;
            opens += 1;
        }
        if rate.is_some() {
            thread::sleep(BEAT);
        }
    }
    Ok(opens)
}

/// Counts the lines that contain the path of the directory, in a thread.
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

/// Records the events during `busy`, and replays the recording. Returns the events per second that the engine alone
/// judges: the recording is read before the clock starts.
pub fn engine(program: &Path, busy: impl FnOnce() -> Result<()>) -> Result<f64> {
    let directory = command::target_dir().join("bench");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let recording = directory.join("recording.jsonl");
    let name = recording.to_string_lossy().into_owned();
    // `record` refuses to overwrite a file, and an earlier run may have been stopped before it removed its own.
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

/// Reads the rate from the line `minerwatch: the engine judged N events in T, R a second`.
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
