//! Peers: other agents that are measured beside minerwatch.

mod falco;

use std::fmt;
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

/// Timeout for a peer to tell of a program, counted from its start.
const PATIENCE: Duration = Duration::from_secs(20);
/// The time between two programs that a peer should tell of.
const PAUSE: Duration = Duration::from_millis(300);
/// The number of programs that are started to see whether the eBPF programs of a silent peer run.
const TRIES: u32 = 5;
/// The least time that a peer without a message gets to start.
const LEAST_START: Duration = Duration::from_secs(2);

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
        Ok(match sight {
            // Twice the time, because it may be slower at another time.
            Sight::Told(after) => launch.after((after * 2).max(LEAST_START)),
            Sight::Ran(_) => launch,
        })
    }

    fn launch(&self) -> Result<Launch> {
        match self {
            Self::Bpftrace => {
                let program = find("bpftrace", "it is a package of most distributions")?;
                let arguments = ["-B", "line", "-e", BPFTRACE_SCRIPT].map(Into::into).to_vec();
                let launch = Launch::silent("bpftrace".into(), program, arguments, Duration::ZERO);
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

/// The evidence that a peer sees what happens.
#[derive(Debug, PartialEq, Eq)]
enum Sight {
    /// It told of a program on standard output, this long after it was started itself.
    Told(Duration),
    /// Its eBPF programs ran this often.
    Ran(u64),
}

impl fmt::Display for Sight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Told(after) => {
                write!(f, "it told of a program {:.1} s after its start", after.as_secs_f64())
            }
            Self::Ran(runs) => {
                write!(f, "its eBPF programs ran {runs} times while {TRIES} programs were started")
            }
        }
    }
}

/// Starts the peer, and programs that it should notice. Returns the evidence that it does.
fn sight(launch: &Launch) -> Result<Sight> {
    let start = Instant::now();
    // Without waiting: how long it takes to start is part of the answer.
    let (mut agent, output) = Agent::start_read(&launch.clone().after(Duration::ZERO))?;
    let lines = lines(output);
    let mark = format!("minerwatch-bench-{}", std::process::id());
    while start.elapsed() < PATIENCE {
        start_program(&mark)?;
        agent.stays_for(PAUSE)?;
        if is_told(&lines, &mark) {
            let after = start.elapsed();
            agent.stop()?;
            return Ok(Sight::Told(after));
        }
    }
    let ran = programs::during(agent.pid(), || {
        (0..TRIES).try_for_each(|_| start_program("again"))?;
        // A program may also be noticed later, by a look at all processes.
        thread::sleep(PAUSE);
        Ok(())
    })?;
    agent.stop()?;
    match ran.iter().map(|program| program.runs).sum::<u64>() {
        0 => bail!(
            "it runs, but sees nothing: standard output told of none of the programs that were started, and none of \
             its eBPF programs ran"
        ),
        runs => Ok(Sight::Ran(runs)),
    }
}

fn start_program(mark: &str) -> Result<()> {
    Command::new("/bin/true").arg(mark).status().context("cannot start /bin/true")?;
    Ok(())
}

/// Whether one of the lines that have been read contains the mark.
fn is_told(lines: &Receiver<String>, mark: &str) -> bool {
    lines.try_iter().any(|line| line.contains(mark))
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
        assert!(is_told(&receiver, "mark-1"));
        assert!(!is_told(&receiver, "mark-1"), "no line came since");
    }

    #[test]
    fn an_agent_that_ends_at_once_is_not_measured() {
        let peer = Peer::named("/bin/sh -c 'echo no BTF here >&2; exit 3'", None);
        let error = format!("{:#}", peer.verified().err().unwrap());
        assert!(error.contains("the peer sh cannot be measured") && error.contains("no BTF here"), "{error}");
    }
}
