//! Builds and runs the simulators in `simulators/`. They are C programs, because control registers and memory mappings
//! need unsafe code, which the tests avoid in Rust. Each test builds the simulators that it needs.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Scratch, command};

/// A program in `simulators/`.
#[derive(Clone, Copy, Debug)]
pub enum Simulator {
    /// Floating-point work in given rounding modes.
    Arithmetic,
    /// Maps memory.
    Memory,
    /// Sends over TCP with a system call of the caller's choice.
    Client,
    /// Uses `io_uring` instead of system calls.
    Uring,
    /// Sends the messages of a miner to a pool.
    PoolClient,
    /// Makes privileged calls.
    Privileged,
}

impl Simulator {
    fn source(self) -> &'static str {
        match self {
            Self::Arithmetic => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/arithmetic.c"),
            Self::Memory => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/memory.c"),
            Self::Client => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/client.c"),
            Self::Uring => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/uring.c"),
            Self::PoolClient => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/pool-client.c"),
            Self::Privileged => concat!(env!("CARGO_MANIFEST_DIR"), "/simulators/privileged.c"),
        }
    }
}

/// Builds a simulator in a directory and returns its path. The caller chooses the file name, because detection must not
/// depend on it. The executable is static, so that it runs in a container without libraries.
///
/// # Panics
/// When there is no C compiler, or no static C library.
pub fn build(simulator: Simulator, scratch: &Scratch, name: &str) -> PathBuf {
    let target = scratch.join(name);
    command::run("cc", &["-O2", "-static", "-pthread", "-o", &target, simulator.source()]);
    PathBuf::from(target)
}

/// A running simulator. It is killed when dropped.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    pid: u32,
}

impl Worker {
    /// Starts a program. `arguments` are separated by spaces (`randomx 1 10 25`).
    ///
    /// # Panics
    /// When the program cannot be started.
    pub fn start(program: &Path, arguments: &str) -> Self {
        let mut command = Command::new(program);
        command.args(arguments.split_whitespace());
        Self::start_command(command)
    }

    /// Starts a command that the caller built.
    ///
    /// # Panics
    /// As [`Worker::start`].
    pub fn start_command(mut command: Command) -> Self {
        let child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        Self { pid: child.id(), child }
    }

    /// Starts a program from a new login shell, so that the program has its own incident.
    ///
    /// # Panics
    /// When bash is missing or cannot start the program.
    pub fn start_by_login(program: &str, arguments: &[&str]) -> Self {
        let mut child = Command::new("/bin/bash")
            .arg0("-bash")
            .args(["-c", r#""$@" >/dev/null & echo $!; wait $!"#, "-bash", program])
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("bash starts");
        let mut pid = String::new();
        BufReader::new(child.stdout.take().expect("piped"))
            .read_line(&mut pid)
            .expect("bash says its number");
        let pid = pid.trim().parse().unwrap_or_else(|error| panic!("{program}: {error}: {pid}"));
        Self { child, pid }
    }

    /// Process id of the simulator.
    pub fn pid(&self) -> u32 {
        self.pid
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(pid) = i32::try_from(self.pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
