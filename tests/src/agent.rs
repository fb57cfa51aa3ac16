//! Starts the agent as a process and collects the lines that it writes.

use std::{
    ffi::OsStr,
    fs,
    io::{BufRead, BufReader, Read},
    process::{Child, Command, ExitStatus, Stdio},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::executable;

/// Time limit for an agent to load its programs and scan the host.
const START: Duration = Duration::from_secs(30);

/// Word on standard error that says that the agent is ready.
const READY: &str = "watching";

#[derive(Debug, Default)]
struct Lines {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Lines {
    /// Reads lines in a thread and keeps each line for which `keep` returns true.
    fn collect(
        source: impl Read + Send + 'static,
        mut keep: impl FnMut(&str) -> bool + Send + 'static,
    ) -> Arc<Self> {
        let lines = Arc::new(Self::default());
        let writer = Arc::clone(&lines);
        thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok).filter(|line| keep(line)) {
                writer.lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
                writer.more.notify_all();
            }
        });
        lines
    }

    fn find<T>(&self, limit: Duration, mut matches: impl FnMut(&str) -> Option<T>) -> Option<T> {
        let until = Instant::now() + limit;
        let mut seen = 0;
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = lines[seen..].iter().find_map(|line| matches(line)) {
                return Some(found);
            }
            seen = lines.len();
            let left = until.checked_duration_since(Instant::now())?;
            (lines, _) = self.more.wait_timeout(lines, left).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn all(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// A running agent. It is killed when dropped.
#[derive(Debug)]
pub struct Agent {
    child: Child,
    output: Arc<Lines>,
    messages: Arc<Lines>,
}

impl Agent {
    /// Starts `minerwatch` with these arguments and waits until it is ready.
    ///
    /// # Panics
    /// When the agent does not become ready. The message contains its standard error.
    pub fn start<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Self {
        let mut command = Command::new(executable("minerwatch"));
        command.args(arguments);
        Self::start_command(command)
    }

    /// Starts the agent with a command that the caller built.
    ///
    /// # Panics
    /// As [`Agent::start`].
    pub fn start_command(command: Command) -> Self {
        Self::start_keeping(command, |_| true)
    }

    /// Starts the agent with a command that the caller built, and passes each line of standard output to `keep`. Lines
    /// for which `keep` returns false are discarded, because all lines together may exceed the memory.
    ///
    /// # Panics
    /// As [`Agent::start`].
    pub fn start_keeping(mut command: Command, keep: impl FnMut(&str) -> bool + Send + 'static) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the agent can be started");
        let output = Lines::collect(child.stdout.take().expect("piped"), keep);
        let messages = Lines::collect(child.stderr.take().expect("piped"), |_| true);
        let agent = Self { child, output, messages };
        assert!(
            agent.says(READY, START),
            "the agent does not say that it is {READY}; it said:\n{}",
            agent.messages().join("\n")
        );
        agent
    }

    /// Process id of the agent.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for a line on standard error that contains `text`. Returns whether it came within `limit`.
    pub fn says(&self, text: &str, limit: Duration) -> bool {
        self.messages.find(limit, |line| line.contains(text).then_some(())).is_some()
    }

    /// Returns all lines on standard error so far.
    pub fn messages(&self) -> Vec<String> {
        self.messages.all()
    }

    /// Returns all kept lines of standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.output.all()
    }

    /// Returns all kept objects on standard output so far.
    ///
    /// # Panics
    /// When a line is not JSON. The output contract requires JSON on every line.
    pub fn objects(&self) -> Vec<Value> {
        self.output.all().iter().map(|line| parse(line)).collect()
    }

    /// Waits for an object for which `matches` returns true.
    ///
    /// # Panics
    /// When no such object comes within `limit`. The message contains `what`.
    pub fn wait_for(&self, what: &str, limit: Duration, matches: impl Fn(&Value) -> bool) -> Value {
        self.find(limit, matches).unwrap_or_else(|| {
            panic!(
                "no {what} within {limit:?} among {} lines; messages:\n{}",
                self.output.all().len(),
                self.messages().join("\n")
            )
        })
    }

    /// Returns the first object for which `matches` returns true, or `None` if no such object comes within `limit`.
    ///
    /// # Panics
    /// As [`Agent::objects`].
    pub fn find(&self, limit: Duration, matches: impl Fn(&Value) -> bool) -> Option<Value> {
        self.output.find(limit, |line| {
            let object = parse(line);
            matches(&object).then_some(object)
        })
    }

    /// Sends a signal to the agent.
    ///
    /// # Panics
    /// When the agent is gone.
    pub fn signal(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process id");
        kill_process(pid, signal).expect("the agent runs");
    }

    /// Waits for the agent to exit. Returns its exit status, or `None` if the agent still runs after `limit`.
    ///
    /// # Panics
    /// When the exit status cannot be read.
    pub fn wait(&mut self, limit: Duration) -> Option<ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            if let Some(status) = self.child.try_wait().expect("the agent is our child") {
                return Some(status);
            }
            if Instant::now() >= until {
                return None;
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends the agent with SIGTERM and returns all its kept objects.
    ///
    /// # Panics
    /// When the agent does not exit within ten seconds, or its exit code is not 0.
    pub fn stop(mut self) -> Vec<Value> {
        self.signal(Signal::TERM);
        let status = self.wait(Duration::from_secs(10)).expect("SIGTERM ends the agent");
        assert!(status.success(), "{status}:\n{}", self.messages().join("\n"));
        // The collecting thread needs a moment to read the rest of the pipe.
        thread::sleep(Duration::from_millis(200));
        self.objects()
    }

    /// Returns a field of `/proc/PID/status` as text.
    ///
    /// # Panics
    /// When the agent is gone.
    pub fn status(&self, field: &str) -> String {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("the agent runs");
        let line = status.lines().find(|line| line.starts_with(field)).expect("a field of the kernel's");
        line.split_once(':').map(|(_, value)| value.trim().to_owned()).expect("a value")
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn parse(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("not JSON ({error}): {line}"))
}

/// Returns the value at a dotted path of a nested object, or `null` if there is none.
pub fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, key| &value[key])
}
