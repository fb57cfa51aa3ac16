//! Measures the latency from a system call, or from the start of a program, to the line that reports it.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::agent::{Agent, Launch};

/// The number of alerts to provoke.
const ALERTS: usize = 200;
/// The pause between two provoked alerts.
const PAUSE: Duration = Duration::from_millis(20);
/// The measurement ends if the agent has reported none of the programs up to this index, counted from 0.
const MUTE: usize = 2;
/// Timeout for the line of one alert.
const PATIENCE: Duration = Duration::from_secs(3);

/// A string with the form of a wallet address. In one command line with the address of a pool, it is enough for an
/// alert.
const WALLET: &str =
    "4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Measures minerwatch. Returns the sorted latencies in milliseconds, each from the deciding system call, by the
/// kernel's clock, until its line was read. The call is an exec of `/bin/true` with a miner's command line. A login
/// shell starts the programs, because each of them is then a separate incident.
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

/// Starts the programs with a miner's command line from a login shell.
fn start_miners() -> Result<()> {
    let script =
        format!("while read -r go; do /bin/true -o stratum+tcp://pool.example:3333 -u {WALLET}; done");
    let mut shell = Command::new("/bin/sh")
        .arg0("-sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .spawn()
        .context("cannot start /bin/sh")?;
    let mut go = shell.stdin.take().context("the shell has no standard input")?;
    for _ in 0..ALERTS {
        go.write_all(b"go\n").context("the shell has ended")?;
        thread::sleep(PAUSE);
    }
    drop(go);
    shell.wait().context("cannot wait for the shell")?;
    Ok(())
}

/// Reads lines in a thread. For each line that opens an incident, returns the age of the deciding event at that moment,
/// in milliseconds.
fn collect(output: ChildStdout) -> Receiver<f64> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(std::io::Result::ok) {
            let now = OffsetDateTime::now_utc();
            if let Some(at) = opened_at(&line)
                && sender.send((now - at).as_seconds_f64() * 1e3).is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// Returns the time of the deciding event, if the line opens an incident.
fn opened_at(line: &str) -> Option<OffsetDateTime> {
    let object: Value = serde_json::from_str(line).ok()?;
    if object.pointer("/event/action")? != "incident-opened" {
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
    fn only_new_incidents_count() {
        let line = |action: &str| {
            format!(r#"{{"@timestamp":"2026-01-02T03:04:05.000000006Z","event":{{"action":"{action}"}}}}"#)
        };
        assert_eq!(opened_at(&line("incident-opened")).unwrap().nanosecond(), 6);
        for other in [line("incident-updated"), line("exec"), "{}".to_owned(), "x".to_owned()] {
            assert_eq!(opened_at(&other), None, "{other}");
        }
    }
}
