//! Runs `minerwatch run` in the virtual machine.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead as _, BufReader},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::guest::{MINERWATCH, Port};

/// Time limit for the daemon to become ready. The verifier is slow on an emulated processor.
const START: Duration = Duration::from_secs(90);
/// Time limit for the daemon to exit after SIGTERM.
const STOP: Duration = Duration::from_secs(20);

const CONFIGURATION: &str = "/run/minerwatch.toml";
const EVENTS: &str = "/run/events.jsonl";

/// A running daemon.
pub struct Daemon {
    child: Child,
    messages: Receiver<String>,
    said: Vec<String>,
}

/// The exit status of a daemon and the events that it wrote.
pub struct End {
    /// Exit status after SIGTERM.
    pub status: ExitStatus,
    /// All objects in the file of the file sink.
    pub events: Vec<Value>,
}

impl Daemon {
    /// Starts the daemon with all events written to a file, and waits until it is ready.
    pub fn start_recording(options: &[String]) -> Result<Self> {
        let text = format!(
            "[[sink.file]]\npath = \"{EVENTS}\"\nevents = \"all\"\n[detection]\nmin_verdict = \"noted\"\n"
        );
        fs::write(CONFIGURATION, text).context("writing the configuration")?;
        let run = ["run", "--config", CONFIGURATION].map(str::to_owned);
        Self::start(run.iter().chain(options))
    }

    /// Starts the daemon and waits until it is ready.
    pub fn start(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Result<Self> {
        let mut child = Command::new(MINERWATCH)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("minerwatch cannot be started")?;
        let stderr = child.stderr.take().context("the daemon has no standard error")?;
        let (sender, messages) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let mut daemon = Self { child, messages, said: Vec::new() };
        daemon.wait_until_it_watches()?;
        Ok(daemon)
    }

    fn wait_until_it_watches(&mut self) -> Result<()> {
        let until = Instant::now() + START;
        loop {
            match self.messages.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    let watching = line.contains("watching");
                    self.said.push(line);
                    if watching {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => {
                    bail!("the daemon does not watch after {} s: {}", START.as_secs(), self.said.join(" / "))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    bail!("the daemon ended before it watched: {}", self.said.join(" / "))
                }
            }
        }
    }

    /// Process id of the daemon.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Ends the daemon with SIGTERM and copies its messages to `log`.
    pub fn end(mut self, log: &mut Port) -> Result<ExitStatus> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process id")?;
        kill_process(pid, Signal::TERM).context("the daemon has ended already")?;
        let status = self.wait();
        log.line("--- minerwatch run")?;
        self.said.extend(self.messages.try_iter());
        for line in &self.said {
            log.line(line)?;
        }
        status
    }

    /// Ends a daemon that writes its events to a file, and reads them.
    pub fn stop(self, log: &mut Port) -> Result<End> {
        let status = self.end(log)?;
        let text = fs::read_to_string(EVENTS).with_context(|| format!("reading {EVENTS}"))?;
        log.line("--- events")?;
        log.line(&text)?;
        let events = text
            .lines()
            .map(|line| serde_json::from_str(line).with_context(|| format!("not JSON: {line}")))
            .collect::<Result<_>>()?;
        Ok(End { status, events })
    }

    fn wait(&mut self) -> Result<ExitStatus> {
        let until = Instant::now() + STOP;
        loop {
            if let Some(status) = self.child.try_wait().context("waiting for the daemon")? {
                return Ok(status);
            }
            if Instant::now() >= until {
                let _ = self.child.kill();
                let _ = self.child.wait();
                bail!("SIGTERM did not end the daemon within {} s", STOP.as_secs());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}
