//! Measures the latency from a system call, or from the start of a program, to the line that reports it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdout, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::agent::{Agent, Launch};
use crate::command;

/// The number of alerts to provoke. minerwatch limits the alerts about one user to 25 at once.
const ALERTS: usize = 20;
/// The pause between two provoked alerts.
const PAUSE: Duration = Duration::from_millis(200);
/// The measurement ends if the agent has reported none of the programs up to this index, counted from 0.
const MUTE: usize = 2;
/// Timeout for the line of one alert.
const PATIENCE: Duration = Duration::from_secs(3);

/// A string with the form of a wallet address. In one command line with the address of a pool, it is enough for an
/// alert.
const WALLET: &str =
    "4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Measures minerwatch. Returns the sorted latencies in milliseconds, each from the deciding system call, by the
/// kernel's clock, until its line was read. The call is an exec of a copy of `/bin/true` with a miner's command line. Each
/// copy is a suspect of its own, which is told at once.
pub fn measure(program: PathBuf) -> Result<Vec<f64>> {
    let launch = Launch::minerwatch_with(program, &["run"]);
    let (agent, output) = Agent::start_read(&launch)?;
    let latencies = collect(output);
    start_miners()?;
    let mut all: Vec<f64> = Vec::with_capacity(ALERTS);
    while all.len() < ALERTS {
        let Ok(latency) = latencies.recv_timeout(PATIENCE) else { break };
        all.push(latency);
    }
    agent.stop()?;
    all.sort_by(f64::total_cmp);
    Ok(all)
}

/// Measures any agent. Returns the sorted latencies in milliseconds, each from before the start of a program until the
/// agent wrote a line about the program to standard output. Each program has a miner's command line with a unique mark,
/// and the line must contain this mark. The latency includes the start of the program.
pub fn measure_marked(launch: &Launch) -> Result<Vec<f64>> {
    let (agent, output) = Agent::start_read(launch)?;
    let lines = lines(output);
    let mut all = Vec::with_capacity(ALERTS);
    for number in 0..ALERTS {
        let mark = format!("worker-{}-{number}", std::process::id());
        let start = Instant::now();
        Command::new("/bin/true")
            .args(["-o", "stratum+tcp://pool.example:3333", "-u", WALLET, "-p", &mark])
            .status()
            .context("cannot start /bin/true")?;
        let patience = if all.is_empty() { PATIENCE } else { PATIENCE / 3 };
        match wait_for(&lines, &mark, start + patience) {
            Some(at) => all.push((at - start).as_secs_f64() * 1e3),
            // An agent that reports none of the first programs reports none at all.
            None if number >= MUTE && all.is_empty() => break,
            None => {}
        }
    }
    agent.stop()?;
    all.sort_by(f64::total_cmp);
    Ok(all)
}

/// Reads lines in a thread. Returns each line with the time at which it was read.
fn lines(output: ChildStdout) -> Receiver<(Instant, String)> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            if sender.send((Instant::now(), line)).is_err() {
                return;
            }
        }
    });
    receiver
}

fn wait_for(lines: &Receiver<(Instant, String)>, mark: &str, until: Instant) -> Option<Instant> {
    loop {
        let (at, line) = lines.recv_timeout(until.saturating_duration_since(Instant::now())).ok()?;
        if line.contains(mark) {
            return Some(at);
        }
    }
}

/// Starts copies of a program with a miner's command line.
fn start_miners() -> Result<()> {
    let directory = command::target_dir().join("bench").join("miners");
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for number in 0..ALERTS {
        let copy = directory.join(format!("worker-{number}"));
        fs::copy("/bin/true", &copy).with_context(|| format!("cannot write {}", copy.display()))?;
        Command::new(&copy)
            .args(["-o", "stratum+tcp://pool.example:3333", "-u", WALLET])
            .status()
            .with_context(|| format!("cannot start {}", copy.display()))?;
        thread::sleep(PAUSE);
    }
    fs::remove_dir_all(&directory).with_context(|| format!("cannot remove {}", directory.display()))
}

/// Reads lines in a thread. For each alert, returns the age of the deciding event at that moment,
/// in milliseconds.
fn collect(output: ChildStdout) -> Receiver<f64> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            let now = OffsetDateTime::now_utc();
            if let Some(at) = alerted_at(&line)
                && sender.send((now - at).as_seconds_f64() * 1e3).is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// Returns the time of the deciding event, if the line is an alert about an incident.
fn alerted_at(line: &str) -> Option<OffsetDateTime> {
    let object: Value = serde_json::from_str(line).ok()?;
    let action = object.pointer("/event/action")?.as_str()?;
    if !matches!(action, "incident-opened" | "incident-updated") {
        return None;
    }
    OffsetDateTime::parse(object.get("@timestamp")?.as_str()?, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_that_repeats_its_input_is_measured() {
        let (sender, receiver) = mpsc::channel();
        let start = Instant::now();
        for line in ["other", "exec worker-1-0", "late"] {
            sender.send((start, line.to_owned())).unwrap();
        }
        assert_eq!(wait_for(&receiver, "worker-1-0", start + PATIENCE), Some(start));
        assert_eq!(wait_for(&receiver, "worker-1-1", start), None);
    }

    #[test]
    fn only_alerts_about_incidents_count() {
        let line = |action: &str| {
            format!(r#"{{"@timestamp":"2026-01-02T03:04:05.000000006Z","event":{{"action":"{action}"}}}}"#)
        };
        for action in ["incident-opened", "incident-updated"] {
            assert_eq!(alerted_at(&line(action)).unwrap().nanosecond(), 6);
        }
        for other in [line("exec"), "{}".to_owned(), "x".to_owned()] {
            assert_eq!(alerted_at(&other), None, "{other}");
        }
    }
}
