//! Where loads run: a network namespace of their own and an unprivileged user, where possible.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use crate::command;
use crate::verb::setup;

/// The user and the group of servers and clients if nobody started this through sudo: nobody, on every distribution.
const NOBODY: u32 = 65534;
/// Maximum time of one run of a client.
const LIMIT: Duration = Duration::from_secs(60);
/// Timeout for a server to answer, and to end after SIGTERM.
const PATIENCE: Duration = Duration::from_secs(20);

/// Keeps the network namespace and the process group of everything that runs here. Its standard input closes however
/// this process ends, also by a signal. Then it kills the group, and the namespace goes with its last process.
const HOLDER: &str = "echo ready; cat >/dev/null; kill -KILL 0";
/// Prepares the network namespace: loopback, and enough ports for many short connections.
const NETWORK: &str = "ip link set lo up && echo 1024 65535 >/proc/sys/net/ipv4/ip_local_port_range && ";

/// The place where loads run. Dropping it kills everything that was started here and removes the directory.
pub struct Stage {
    holder: Child,
    group: i32,
    /// Whether there is a network namespace; without one, servers listen on the loopback address of the host.
    private: bool,
    user: Option<(u32, u32)>,
    directory: PathBuf,
}

impl Stage {
    /// Makes the namespace and an empty directory.
    pub fn open() -> Result<Self> {
        let directory = own_directory()?;
        let user = unprivileged(&directory);
        if let Some((user, group)) = user {
            chown(&directory, Some(user), Some(group)).context("cannot give the directory away")?;
        }
        let private =
            command::is_root() && command::find("unshare").is_some() && command::find("nsenter").is_some();
        let mut holder = Command::new(if private { "unshare" } else { "sh" });
        if private {
            holder.args(["--net", "--", "sh"]);
        }
        let script = format!("{}{HOLDER}", if private { NETWORK } else { "" });
        let holder = holder
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .context("cannot start a shell")?;
        let group = i32::try_from(holder.id()).context("no such process id")?;
        let mut stage = Self { holder, group, private, user, directory };
        let mut line = String::new();
        let output = stage.holder.stdout.take().context("the shell has no standard output")?;
        BufReader::new(output).read_line(&mut line).context("cannot read from the shell")?;
        ensure!(line == "ready\n", "cannot make a network namespace for the loads");
        Ok(stage)
    }

    /// Whether PostgreSQL can run here; it refuses to run as root.
    pub fn is_unprivileged(&self) -> bool {
        self.user.is_some() || !command::is_root()
    }

    /// Makes an empty directory for a server.
    pub fn directory(&self, name: &str) -> Result<PathBuf> {
        let directory = self.directory.join(name);
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
        if let Some((user, group)) = self.user {
            chown(&directory, Some(user), Some(group)).context("cannot give the directory away")?;
        }
        Ok(directory)
    }

    /// Returns a command for a program: on `PATH`, or unpacked by set-up. It runs in the namespace, as the unprivileged
    /// user.
    pub fn command(&self, program: &str) -> Result<Command> {
        let path = setup::program(program).with_context(|| format!("{program} is not installed"))?;
        Ok(self.wrapped(&[], &path))
    }

    fn wrapped(&self, before: &[String], path: &Path) -> Command {
        let mut words = Vec::new();
        if self.private {
            words.extend(["nsenter".to_owned(), format!("--net=/proc/{}/ns/net", self.group)]);
            if let Some((user, group)) = self.user {
                words.extend([format!("--setuid={user}"), format!("--setgid={group}")]);
            }
            words.push("--".to_owned());
        }
        words.extend_from_slice(before);
        words.push(path.display().to_string());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).current_dir(&self.directory).process_group(self.group);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("HOME", &self.directory).env("LC_ALL", "C");
        if let Some(libraries) = setup::libraries() {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command
    }

    /// Runs a client and waits until it ends, at most one minute. Returns its output and the elapsed time.
    pub fn run<S: AsRef<str>>(&self, program: &str, arguments: &[S]) -> Result<(String, Duration)> {
        let start = Instant::now();
        let output = self.output(program, arguments)?;
        let elapsed = start.elapsed();
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            let last = said.lines().last().unwrap_or_default();
            bail!("{program} failed ({}): {last}", output.status);
        }
        Ok((String::from_utf8_lossy(&output.stdout).into_owned(), elapsed))
    }

    fn output<S: AsRef<str>>(&self, program: &str, arguments: &[S]) -> Result<Output> {
        let path = setup::program(program).with_context(|| format!("{program} is not installed"))?;
        // In the foreground, timeout makes no process group of its own.
        let timeout = ["timeout", "--foreground", "--kill-after=1"].map(str::to_owned);
        let timeout: Vec<_> = timeout.into_iter().chain([LIMIT.as_secs().to_string()]).collect();
        let mut command = self.wrapped(&timeout, &path);
        command.args(arguments.iter().map(AsRef::as_ref)).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.output().with_context(|| format!("cannot start {program}"))
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A running server. Dropping it ends it.
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts a server and waits until `answers` is true.
    pub fn start(name: &str, mut command: Command, answers: impl Fn() -> bool) -> Result<Server> {
        let mut child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let until = Instant::now() + PATIENCE;
        while !answers() {
            if let Some(status) = child.try_wait().context("cannot wait for the server")? {
                bail!("{name} ended ({status})");
            }
            if Instant::now() > until {
                let _ = child.kill();
                let _ = child.wait();
                bail!("{name} does not answer");
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(Server { child })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        let _ = pid.map(|pid| kill_process(pid, Signal::TERM));
        let until = Instant::now() + PATIENCE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes a directory for this stage, and removes those of processes that were killed.
fn own_directory() -> Result<PathBuf> {
    static STAGES: AtomicU32 = AtomicU32::new(0);
    let parent = command::target_dir().join("tmp");
    fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
    for entry in fs::read_dir(&parent).context("cannot read a directory")?.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix("bench-")?.split('-').next());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let number = STAGES.fetch_add(1, Ordering::Relaxed);
    let directory = parent.join(format!("bench-{}-{number}", std::process::id()));
    fs::create_dir(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    Ok(directory)
}

/// Returns a TCP port that is free on the host.
pub fn free_port() -> Result<u16> {
    let listener =
        std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).context("no port is free")?;
    Ok(listener.local_addr().context("cannot tell the port")?.port())
}

/// Returns the user and the group that loads run as: the user of sudo, or else nobody, if they can reach `directory`.
/// Returns `None` if this process is not root, or if loads have to run as root.
fn unprivileged(directory: &Path) -> Option<(u32, u32)> {
    if !command::is_root() {
        return None;
    }
    let from_sudo = |name| std::env::var(name).ok()?.parse().ok().filter(|id| *id != 0);
    let user = from_sudo("SUDO_UID").unwrap_or(NOBODY);
    let group = from_sudo("SUDO_GID").unwrap_or(NOBODY);
    let can_pass = |path: &Path| {
        path.metadata().is_ok_and(|meta| {
            let shift = if meta.uid() == user {
                6
            } else if meta.gid() == group {
                3
            } else {
                0
            };
            (meta.mode() >> shift) & 1 == 1
        })
    };
    // The directory itself is given to the user.
    let mut above = directory.ancestors().skip(1);
    above.all(can_pass).then_some((user, group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_on_the_stage_ends_with_it() {
        let stage = Stage::open().unwrap();
        let (said, _) = stage.run("sh", &["-c", "echo out; echo err >&2"]).unwrap();
        assert_eq!(said, "out\n");
        let error = stage.run("sh", &["-c", "echo no >&2; exit 3"]).unwrap_err().to_string();
        assert!(error.contains("no") && error.contains('3'), "{error}");

        let mut sleeper = stage.command("sleep").unwrap();
        let mut child = sleeper.arg("60").spawn().unwrap();
        drop(stage);
        assert!(!child.wait().unwrap().success());
    }

    #[test]
    fn a_server_that_does_not_start_is_an_error() {
        let stage = Stage::open().unwrap();
        let error =
            Server::start("false", stage.command("false").unwrap(), || false).err().unwrap().to_string();
        assert!(error.contains("ended"), "{error}");
    }
}
