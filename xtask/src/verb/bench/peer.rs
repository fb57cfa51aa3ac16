//! Peers: other agents that are measured beside minerwatch.

mod falco;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{ChildStdout, Command};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::agent::{Agent, Launch};
use super::programs;
use crate::verb::setup;

/// The help of `--against`.
pub const HELP: &str = "\
Also measure another agent, in the same rounds; may be repeated. PEER is one of:

  bpftrace          a script of three lines for bpftrace: programs started, connections, files opened to write
  falco-engine      Falco's engine with 22 calls (exec, open, connect, accept, …): scap-open of the Falco libraries
  falco-engine-all  the same with every system call and every context switch
  any other text    a shell command that starts an agent and stays in the foreground

A peer is measured only if it sees a program that is started before: it tells of it on standard output, or its eBPF
programs run. docs/prices.md says where to get each.";

/// Timeout for a peer to tell of a program.
const PATIENCE: Duration = Duration::from_secs(3);
/// The number of programs that are started to see whether a peer notices.
const TRIES: u32 = 5;
/// The time in which bpftrace compiles and attaches the script.
const BPFTRACE_START: Duration = Duration::from_secs(4);

/// The script for bpftrace. Only tracepoints, so that it works on kernels without kprobes.
const BPFTRACE_SCRIPT: &str = "\
tracepoint:syscalls:sys_enter_execve { printf(\"exec %d %s \", pid, comm); join(args->argv); }
tracepoint:syscalls:sys_enter_connect { printf(\"connect %d %s\\n\", pid, comm); }
tracepoint:syscalls:sys_enter_openat /args->flags & 3/ { printf(\"write %d %s %s\\n\", pid, comm, str(args->filename)); }";

/// An agent to measure beside minerwatch.
#[derive(Debug, PartialEq, Eq)]
pub enum Peer {
    /// bpftrace with a script.
    Bpftrace,
    /// Falco's engine, with all calls or with some.
    Falco {
        /// Whether it records every call.
        all: bool,
    },
    /// A shell command.
    Command {
        /// The command.
        command: String,
        /// Text that it writes when it is ready.
        ready: Option<String>,
    },
}

impl Peer {
    /// Returns the peer that the text names. `ready` is for commands only.
    pub fn named(text: &str, ready: Option<String>) -> Self {
        match text {
            "bpftrace" => Self::Bpftrace,
            "falco-engine" => Self::Falco { all: false },
            "falco-engine-all" => Self::Falco { all: true },
            command => Self::Command { command: command.to_owned(), ready },
        }
    }

    /// Returns the programs that set-up can offer for this peer.
    pub fn programs(&self) -> &'static [&'static str] {
        match self {
            Self::Bpftrace => &["bpftrace"],
            Self::Falco { .. } | Self::Command { .. } => &[],
        }
    }

    /// Returns how to start the peer, once it has been seen to work.
    pub fn verified(&self) -> Result<Launch> {
        let launch = self.launch()?;
        let sight = sight(&launch).with_context(|| format!("the peer {} cannot be measured", launch.name))?;
        eprintln!("bench: {} works: {sight}", launch.name);
        Ok(launch)
    }

    fn launch(&self) -> Result<Launch> {
        match self {
            Self::Bpftrace => {
                let program = find("bpftrace", "it is a package of most distributions")?;
                let arguments = ["-B", "line", "-e", BPFTRACE_SCRIPT].map(Into::into).to_vec();
                let launch = Launch::silent("bpftrace".into(), program, arguments, BPFTRACE_START);
                Ok(launch.with_libraries(setup::libraries()))
            }
            Self::Falco { all } => {
                let program = find("scap-open", "docs/prices.md says how to build it")?;
                falco::launch(program, *all)
            }
            Self::Command { command, ready } => {
                Ok(Launch::shell(short_name(command), command, ready.clone()))
            }
        }
    }
}

fn find(program: &str, where_from: &str) -> Result<PathBuf> {
    setup::program(program).with_context(|| format!("{program} is not installed; {where_from}"))
}

/// Returns the name of the program of a command, for the head of a column.
fn short_name(command: &str) -> String {
    let program = command.split_whitespace().next().unwrap_or(command);
    program.rsplit('/').next().unwrap_or(program).to_owned()
}

/// Starts the peer, and programs that it should notice. Returns the evidence that it does.
fn sight(launch: &Launch) -> Result<String> {
    let (agent, output) = Agent::start_read(launch)?;
    let lines = lines(output);
    for number in 0..TRIES {
        let mark = format!("minerwatch-bench-{}-{number}", std::process::id());
        Command::new("/bin/true").arg(&mark).status().context("cannot start /bin/true")?;
        if is_told(&lines, &mark, Instant::now() + PATIENCE / TRIES) {
            agent.stop()?;
            return Ok("it tells of a program that was started".to_owned());
        }
    }
    let ran = programs::during(agent.pid(), || {
        for _ in 0..TRIES {
            Command::new("/bin/true").status().context("cannot start /bin/true")?;
        }
        Ok(())
    })?;
    agent.stop()?;
    match ran.iter().map(|program| program.runs).sum::<u64>() {
        0 => bail!(
            "it runs, but sees nothing: {TRIES} programs were started, standard output told of none, and none of its \
             eBPF programs ran"
        ),
        runs => Ok(format!("its eBPF programs ran {runs} times while {TRIES} programs were started")),
    }
}

fn is_told(lines: &Receiver<String>, mark: &str, until: Instant) -> bool {
    loop {
        match lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(line) if line.contains(mark) => return true,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Reads lines in a thread, to the end of the output.
fn lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(std::io::Result::ok) {
            let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_peers_have_a_name_and_all_else_is_a_command() {
        let named = |text| Peer::named(text, Some("up".into()));
        assert_eq!(named("bpftrace"), Peer::Bpftrace);
        assert_eq!(named("falco-engine-all"), Peer::Falco { all: true });
        let command = Peer::Command { command: "/opt/agent -q".into(), ready: Some("up".into()) };
        assert_eq!(named("/opt/agent -q"), command);
        assert_eq!(short_name("/opt/agent -q"), "agent");
    }

    #[test]
    fn a_peer_that_tells_of_programs_is_seen() {
        let (sender, receiver) = mpsc::channel();
        for line in ["other", "exec /bin/true mark-1"] {
            sender.send(line.to_owned()).unwrap();
        }
        assert!(is_told(&receiver, "mark-1", Instant::now() + PATIENCE));
        drop(sender);
        assert!(!is_told(&receiver, "mark-2", Instant::now() + PATIENCE));
    }
}
