//! The process of the agent under measurement.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::command;

/// Timeout for an agent to become ready.
const START: Duration = Duration::from_secs(90);
/// The time that an agent without a ready message gets to start, unless more is known about it.
pub const SILENT_START: Duration = Duration::from_secs(10);
/// Timeout for an agent to end after SIGTERM.
const STOP: Duration = Duration::from_secs(60);
/// Maximum number of an agent's last lines that are shown if it does not start.
const LAST_LINES: usize = 5;

/// How to start an agent.
#[derive(Clone)]
pub struct Launch {
    /// The name of the agent in the report.
    pub name: String,
    /// The executable, if the agent is minerwatch. minerwatch is measured in more detail than other agents.
    pub minerwatch: Option<PathBuf>,
    program: PathBuf,
    arguments: Vec<OsString>,
    ready: Option<String>,
    /// Whether the ready message comes on standard output, which then has nothing else of note.
    is_ready_on_output: bool,
    /// The time to start without a ready message.
    silence: Duration,
    /// Variables for its environment.
    environment: Vec<(&'static str, OsString)>,
}

impl Launch {
    /// Describes how to start minerwatch with its default configuration, which writes alerts to standard output. Only
    /// its state is in a place of its own, so that it does not meet a daemon of this host.
    pub fn minerwatch(program: PathBuf) -> Self {
        Self {
            name: "minerwatch".into(),
            minerwatch: Some(program.clone()),
            program,
            arguments: vec!["run".into()],
            ready: Some("watching".into()),
            is_ready_on_output: false,
            silence: SILENT_START,
            environment: vec![
                ("MINERWATCH_STATE__DIRECTORY", command::target_dir().join("tmp/state-of-bench").into()),
                ("MINERWATCH_CONTROL__ENABLED", "false".into()),
            ],
        }
    }

    /// Describes how to start minerwatch with the caller's arguments.
    pub fn minerwatch_with(program: PathBuf, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from).collect();
        Self { arguments, ..Self::minerwatch(program) }
    }

    /// Describes how to start any agent with a shell command. The agent replaces the shell, so that signals and figures
    /// are the agent's.
    pub fn shell(name: String, command: &str, ready: Option<String>) -> Self {
        let arguments = vec!["-c".into(), format!("exec {command}").into()];
        Self { ready, ..Self::silent(name, "/bin/sh".into(), arguments, SILENT_START) }
    }

    /// Describes how to start a program that is ready after `silence` without a message.
    pub fn silent(name: String, program: PathBuf, arguments: Vec<OsString>, silence: Duration) -> Self {
        Self {
            name,
            minerwatch: None,
            program,
            arguments,
            ready: None,
            is_ready_on_output: false,
            silence,
            environment: Vec::new(),
        }
    }

    /// Returns the same with another time to start without a message; this does not matter if there is a message.
    pub fn after(self, silence: Duration) -> Self {
        Self { silence, ..self }
    }

    /// Sets the text on standard output that tells that the program is ready. The program must write little else there.
    pub fn ready_on_output(self, text: &str) -> Self {
        Self { ready: Some(text.to_owned()), is_ready_on_output: true, ..self }
    }

    /// Sets the library path of the program, if it was unpacked and not installed.
    pub fn with_libraries(self, libraries: Option<OsString>) -> Self {
        let environment = libraries.map(|libraries| ("LD_LIBRARY_PATH", libraries));
        Self { environment: environment.into_iter().collect(), ..self }
    }
}

/// A running agent. If it is dropped without [`Agent::stop`], it is killed.
pub struct Agent {
    child: Child,
    name: String,
    lines: Receiver<String>,
}

impl Agent {
    /// Starts the agent and waits until it is ready.
    pub fn start(launch: &Launch) -> Result<Self> {
        if !launch.is_ready_on_output {
            return Self::start_into(launch, Stdio::null());
        }
        let mut agent = Self::spawn(launch, Stdio::piped())?;
        agent.lines = agent.child.stdout.take().map(forward).context("the agent has no standard output")?;
        agent.wait_until_ready(launch)?;
        Ok(agent)
    }

    /// Starts the agent and waits until it is ready. Returns the agent and the read end of its standard output. A ready
    /// message on standard output is left there.
    pub fn start_read(launch: &Launch) -> Result<(Self, ChildStdout)> {
        let mut agent = if launch.is_ready_on_output {
            let mut agent = Self::spawn(launch, Stdio::piped())?;
            agent.stays_for(launch.silence)?;
            agent
        } else {
            Self::start_into(launch, Stdio::piped())?
        };
        let output = agent.child.stdout.take().context("the agent has no standard output")?;
        Ok((agent, output))
    }

    fn start_into(launch: &Launch, output: Stdio) -> Result<Self> {
        let mut agent = Self::spawn(launch, output)?;
        agent.wait_until_ready(launch)?;
        Ok(agent)
    }

    fn spawn(launch: &Launch, output: Stdio) -> Result<Self> {
        let mut command = ends_with_us(&launch.program);
        command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
        let mut child = command
            .args(&launch.arguments)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {}", launch.program.display()))?;
        let lines = child.stderr.take().map(forward).context("the agent has no standard error")?;
        let agent = Self { child, name: launch.name.clone(), lines };
        // Only the operations are pinned to one CPU. The agent runs where it would run without this benchmark.
        unpin(agent.pid())?;
        Ok(agent)
    }

    /// The process ID of the agent.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits. An agent that ends in this time is an error.
    pub fn stays_for(&mut self, time: Duration) -> Result<()> {
        self.wait_for(None, time)
    }

    fn wait_until_ready(&mut self, launch: &Launch) -> Result<()> {
        match launch.ready.as_deref() {
            None => self.wait_for(None, launch.silence),
            ready => self.wait_for(ready, START),
        }
    }

    /// Waits for a message. Without a message, waits for the whole time, and fails only if the agent ends.
    fn wait_for(&mut self, ready: Option<&str>, time: Duration) -> Result<()> {
        let until = Instant::now() + time;
        let mut last = VecDeque::with_capacity(LAST_LINES);
        loop {
            match self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    if ready.is_some_and(|ready| line.contains(ready)) {
                        return Ok(());
                    }
                    if last.len() == LAST_LINES {
                        last.pop_front();
                    }
                    last.push_back(line);
                }
                Err(RecvTimeoutError::Timeout) if ready.is_none() => return Ok(()),
                Err(RecvTimeoutError::Timeout) => {
                    bail!("{} was not ready after {} s{}", self.name, START.as_secs(), said(&last))
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let status = self.child.wait().context("cannot wait for the agent")?;
                    bail!("{} ended before it was ready ({status}){}", self.name, said(&last))
                }
            }
        }
    }

    /// Returns the CPU time of all threads so far, user and system, in clock ticks.
    pub fn ticks(&self) -> Result<u64> {
        let stat = fs::read_to_string(Path::new("/proc").join(self.pid().to_string()).join("stat"))
            .with_context(|| format!("{} is gone", self.name))?;
        ticks(&stat).context("cannot read the agent's stat")
    }

    /// Ends the agent with SIGTERM and waits until it has ended. An agent that ended earlier is an error.
    pub fn stop(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait().context("cannot wait for the agent")? {
            bail!("{} ended while it was measured ({status})", self.name);
        }
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw).context("no such process id")?;
        kill_process(pid, Signal::TERM).context("cannot end the agent")?;
        let until = Instant::now() + STOP;
        while Instant::now() < until {
            if self.child.try_wait().context("cannot wait for the agent")?.is_some() {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(10));
        }
        bail!("{} did not end within {} s of SIGTERM", self.name, STOP.as_secs())
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        // These calls fail if the agent has already ended, which does not matter here.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns a command that gets SIGTERM when this process ends, however it ends. Without setpriv of util-linux, an agent
/// may outlive a bench that is killed.
fn ends_with_us(program: &Path) -> Command {
    match command::find("setpriv") {
        None => Command::new(program),
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(["--pdeathsig", "TERM", "--"]).arg(program);
            command
        }
    }
}

/// Reads standard error, or standard output, to its end in a thread, so that the agent never blocks on a full pipe. Lines that do not fit
/// into the channel are dropped.
fn forward(stderr: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1024);
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(std::io::Result::ok) {
            let _ = sender.try_send(line);
        }
    });
    receiver
}

/// Lets a process that inherited the affinity to our single CPU use all CPUs. Only the affinity of the main thread
/// changes, but the process has just started, and its later threads inherit the new affinity.
fn unpin(pid: u32) -> Result<()> {
    use rustix::thread::{CpuSet, sched_setaffinity};
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    sched_setaffinity(pid, &all).context("cannot give the agent all CPUs")
}

fn said(lines: &VecDeque<String>) -> String {
    if lines.is_empty() {
        return "; it said nothing".into();
    }
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    format!("; it said:\n  {}", lines.join("\n  "))
}

/// Parses the CPU time in `/proc/PID/stat` (fields 14 and 15); see proc(5).
fn ticks(stat: &str) -> Option<u64> {
    // The second field is the name in parentheses, and the name may contain any character. The third field follows the
    // last parenthesis.
    let mut fields = stat.get(stat.rfind(')')? + 1..)?.split_ascii_whitespace().skip(11);
    Some(fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_time_is_read_from_proc() {
        assert_eq!(
            ticks("42 (a) b) c) S 1 42 42 0 -1 4194560 1 2 3 4 120 30 0 0 20 0 3 0 99 1 2 3"),
            Some(150)
        );
        assert_eq!([ticks(""), ticks("42 (a) S 1")], [None, None]);
    }

    #[test]
    fn an_agent_is_started_measured_and_stopped() {
        let launch = Launch::shell(
            "fake".into(),
            "/bin/sh -c 'echo starting >&2; echo watching >&2; exec sleep 60'",
            Some("watching".into()),
        );
        let agent = Agent::start(&launch).unwrap();
        agent.ticks().unwrap();
        agent.stop().unwrap();
    }

    #[test]
    fn the_output_of_an_agent_that_ends_early_is_shown() {
        let launch = Launch::shell(
            "fake".into(),
            "/bin/sh -c 'echo no BTF here >&2; exit 3'",
            Some("watching".into()),
        );
        let error = Agent::start(&launch).err().unwrap().to_string();
        assert!(error.contains("ended before it was ready") && error.contains("no BTF here"), "{error}");
    }
}
