//! The process that is killed.

use std::{
    fmt, fs,
    io::{BufRead as _, BufReader, Write as _},
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{Scratch, executable};
use serde_json::Value;

use super::{LOOK, Plan, Seen};

/// Time for the process to end when it is told to.
const END: Duration = Duration::from_secs(6);

/// What is sent in all: alerts and events, in batches.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    pub batches: u64,
    pub alerts: u64,
    pub events: u64,
}

/// The program `shipper`. It is killed when dropped.
pub struct Shipping {
    /// The command, for example with a wrapper.
    command: Vec<String>,
    load: Load,
    state: PathBuf,
    child: Child,
    input: Option<ChildStdin>,
    /// What it reported last.
    report: Arc<Mutex<Value>>,
    log: PathBuf,
    allowed: u64,
}

impl Shipping {
    /// Starts the program with an output. Its state is in the directory `state` of the test. The words of `wrapper` stand
    /// in front of the command.
    pub fn start(
        wrapper: impl IntoIterator<Item = impl Into<String>>,
        scratch: &Scratch,
        section: &str,
        load: Load,
    ) -> Self {
        let configuration = scratch.join("shipper.toml");
        fs::write(&configuration, section).expect("a file can be written");
        let program = executable("shipper").to_string_lossy().into_owned();
        let mut command: Vec<String> = wrapper.into_iter().map(Into::into).collect();
        command.extend([program, configuration, scratch.join("state")]);
        let log = PathBuf::from(scratch.join("shipper.log"));
        let report = Arc::new(Mutex::new(Value::Null));
        let (child, input) = spawn(&command, load, 0, &report, &log);
        let state = PathBuf::from(scratch.join("state"));
        Self { command, load, state, child, input: Some(input), report, log, allowed: 0 }
    }

    /// Allows the batches up to a number.
    pub fn allow(&mut self, batches: u64) {
        self.allowed = batches;
        if let Some(input) = &mut self.input {
            // After a kill, the next process is told.
            let _ = writeln!(input, "{batches}");
        }
    }

    /// Samples the file and the memory, and checks them.
    pub fn look(&mut self, seen: &mut Seen, plan: Plan, start: u64) {
        if let Some(status) = self.child.try_wait().expect("our child") {
            panic!("the program ended by itself (seed {start}): {status}; {self}");
        }
        let directory = fs::read_dir(self.state.join("spool")).into_iter().flatten().flatten();
        let sizes = directory.filter(|file| file.path().extension().is_some_and(|ending| ending == "redb"));
        let size = sizes.filter_map(|file| Some(file.metadata().ok()?.len())).max().unwrap_or(0);
        seen.largest_file = seen.largest_file.max(size);
        assert!(size <= plan.spool_mib << 20, "the spool has {size} bytes (seed {start}): {self}");
        let memory = self.memory();
        seen.largest_memory = seen.largest_memory.max(memory);
    }

    /// Resident memory, in bytes. 0 for a process that is gone.
    pub fn memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let size = line.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
        size.unwrap_or(0) << 10
    }

    /// A number of the last report.
    pub fn number(&self, name: &str) -> u64 {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        let outputs = report["outputs"].as_object().into_iter().flat_map(|outputs| outputs.values());
        outputs.map(|output| output[name].as_u64().unwrap_or(0)).sum()
    }

    /// Number of batches that were handed over.
    pub fn batch(&self) -> u64 {
        self.report.lock().unwrap_or_else(PoisonError::into_inner)["batch"].as_u64().unwrap_or(0)
    }

    /// Kills the process, and starts it again.
    pub fn kill_and_restart(&mut self, seen: &mut Seen) {
        self.kill();
        self.count(seen);
        seen.kills += 1;
        self.restart();
    }

    /// Kills the process.
    pub fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("our child");
    }

    /// Starts the next process.
    pub fn restart(&mut self) {
        let first = self.batch();
        let (child, input) = spawn(&self.command, self.load, first, &self.report, &self.log);
        (self.child, self.input) = (child, Some(input));
        self.allow(self.allowed);
    }

    fn count(&self, seen: &mut Seen) {
        seen.alerts_dropped += self.number("alerts_dropped");
        seen.events_dropped += self.number("events_dropped");
    }

    /// Returns whether the sender has queued all its lines and the server has taken them.
    pub fn has_delivered(&self) -> bool {
        self.batch() == self.load.batches && self.number("waiting") == 0
    }

    /// Tells the process to end, and checks that it does.
    pub fn end(&mut self, seen: &mut Seen) {
        drop(self.input.take());
        let start = Instant::now();
        let status = loop {
            match self.child.try_wait().expect("our child") {
                Some(status) => break status,
                None => assert!(start.elapsed() < END, "it does not end: {self}"),
            }
            thread::sleep(LOOK);
        };
        assert!(status.success(), "{status}: {self}");
        self.count(seen);
    }

    /// Number of lines in the files of dead letters.
    pub fn dead_letters(&self) -> u64 {
        let files = fs::read_dir(self.state.join("spool")).into_iter().flatten().flatten();
        files
            .filter(|file| file.file_name().to_string_lossy().contains("dead-letters"))
            .map(|file| fs::read_to_string(file.path()).unwrap_or_default().lines().count() as u64)
            .sum()
    }

    /// What the processes said on standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

fn spawn(
    command: &[String],
    load: Load,
    first: u64,
    report: &Arc<Mutex<Value>>,
    log: &PathBuf,
) -> (Child, ChildStdin) {
    let (program, arguments) = command.split_first().expect("a program");
    let log = fs::OpenOptions::new().append(true).create(true).open(log).expect("a file can be opened");
    let numbers = [load.batches, load.alerts, load.events, first].map(|number| number.to_string());
    let mut child = Command::new(program)
        .args(arguments)
        .args(numbers)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .expect("the program can be started");
    let output = child.stdout.take().expect("piped");
    let report = Arc::clone(report);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A kill may cut the last line.
            if let Ok(value) = serde_json::from_str(&line) {
                *report.lock().unwrap_or_else(PoisonError::into_inner) = value;
            }
        }
    });
    let input = child.stdin.take().expect("piped");
    (child, input)
}

impl fmt::Display for Shipping {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.report.lock().unwrap_or_else(PoisonError::into_inner);
        write!(formatter, "{report}\n{}", self.log())
    }
}

impl Drop for Shipping {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
