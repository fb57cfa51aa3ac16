//! The stage of these tests: a pool, an agent, and a simulated miner in a cgroup of the test.

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    command, executable,
    namespace::{Pair, Server},
    unique,
};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::SOON;

const POOL: u16 = 9000;
const OTHER: u16 = 9100;
/// Time that a miner runs at most, in seconds.
const LIFE: &str = "60";

/// A server that takes connections and closes them.
const CLOSER: &str =
    "import socket\ns=socket.create_server(('0.0.0.0',9100),backlog=128)\nwhile True: s.accept()[0].close()";

/// Two hosts, with a pool on one.
pub struct Stage {
    pub pair: Pair,
    pub scratch: Scratch,
    _servers: [Server; 2],
}

impl Stage {
    pub fn new(subnet: u8) -> Self {
        let scratch = Scratch::new();
        let pair = Pair::new(subnet);
        let server = scratch.join("server.py");
        fs::write(&server, include_str!("../wire/server.py")).expect("a file can be written");
        let pool = pair.server.serve(POOL, "/usr/bin/python3", &[&server]);
        let other = pair.server.serve(OTHER, "/usr/bin/python3", &["-c", CLOSER]);
        Self { pair, scratch, _servers: [pool, other] }
    }

    /// Starts the agent with this section `[response]`.
    pub fn agent(&self, response: &str) -> Agent {
        // Other tests may run simulators at the same time.
        let only = format!("only = [\"{}/*\"]", self.scratch.path().display());
        crate::start_agent(&self.scratch, &format!("[response]\n{only}\n{response}"))
    }

    /// Runs a command of minerwatch that asks the daemon of the test.
    pub fn minerwatch(&self, arguments: &[&str]) -> Output {
        Command::new(executable("minerwatch"))
            .args(arguments)
            .args(["--socket", &self.scratch.join("control.sock")])
            .stdin(Stdio::null())
            .output()
            .expect("it starts")
    }

    /// Connects again and again for these seconds, outside the cgroups of the test.
    pub fn neighbour(&self, seconds: u32) -> Neighbour {
        let peer = format!("{}:{OTHER}", self.pair.server.address);
        let child = self
            .pair
            .victim
            .command(&crate::simulator(), &["reconnect", &peer, "1000000", &seconds.to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        Neighbour(child)
    }
}

/// A process that connects all the time.
pub struct Neighbour(Child);

impl Neighbour {
    /// Waits for its end and returns the number of connections. It fails if one of them was refused.
    pub fn made(mut self) -> u32 {
        let mut text = String::new();
        self.0.stdout.take().expect("piped").read_to_string(&mut text).expect("it says how many");
        assert!(self.0.wait().expect("our child").success());
        text.trim().parse().expect("a number")
    }
}

/// The cgroups of a test. They are removed when dropped.
pub struct Cgroups {
    pub unified: PathBuf,
    pub cpu: Option<PathBuf>,
    name: String,
}

impl Cgroups {
    /// Creates cgroups for a miner: in the unified hierarchy, and in that of `cpu` on hosts with version 1.
    pub fn create(name: &str) -> Self {
        let name = unique(&format!("mw-test-{name}"));
        let unified = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"]
            .into_iter()
            .find(|path| Path::new(path).join("cgroup.controllers").exists())
            .expect("a unified hierarchy is mounted");
        let cpu = Path::new("/sys/fs/cgroup/cpu");
        let cpu = cpu.join("cpu.cfs_quota_us").exists().then(|| cpu.join(&name));
        let cgroups = Self { unified: Path::new(unified).join(&name), cpu, name };
        for directory in cgroups.directories() {
            fs::create_dir(directory).expect("a cgroup can be made");
        }
        cgroups
    }

    fn directories(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.unified].into_iter().chain(&self.cpu)
    }

    /// The names of the cgroups, as `/proc/PID/cgroup` has them: the unified one first.
    pub fn names(&self) -> Vec<String> {
        self.directories().map(|_| format!("/{}", self.name)).collect()
    }

    /// The cgroups of a process in the hierarchies of [`Self::names`].
    pub fn of(&self, pid: u32) -> Vec<String> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).expect("it runs");
        let find = |matches: &dyn Fn(&str) -> bool| {
            let line = text.lines().find(|line| matches(line)).expect("it is in each hierarchy");
            line.splitn(3, ':').nth(2).expect("a path").to_owned()
        };
        let mut found = vec![find(&|line| line.starts_with("0::"))];
        if self.cpu.is_some() {
            found.push(find(&|line| {
                line.split(':').nth(1).is_some_and(|list| list.split(',').any(|name| name == "cpu"))
            }));
        }
        found
    }
}

impl Drop for Cgroups {
    fn drop(&mut self) {
        for directory in self.directories() {
            let _ = fs::write(directory.join("cgroup.freeze"), "0");
            let _ = fs::write(directory.join("cgroup.kill"), "1");
        }
        for directory in self.directories() {
            // A killed process leaves its cgroup a moment later.
            for _ in 0..200 {
                if fs::remove_dir(directory).is_ok() {
                    break;
                }
                thread::sleep(Duration::from_millis(10));
            }
        }
    }
}

/// A simulated miner. It is killed when dropped.
pub struct Miner {
    child: Child,
    pub pid: u32,
    pub beats: String,
    pub program: String,
}

impl Miner {
    /// Starts a miner that is alone in its cgroups.
    pub fn start(stage: &Stage, cgroups: &Cgroups) -> Self {
        Self::launch(stage, cgroups, "mine", r#"echo $$; exec "$@""#, &[])
    }

    /// Starts a miner as the child of a shell in the same cgroups.
    pub fn start_beside_a_shell(stage: &Stage, cgroups: &Cgroups) -> Self {
        Self::launch(stage, cgroups, "mine", r#""$@" & echo $!; wait; exit 0"#, &[])
    }

    /// Starts a miner that multiplies, as the child of a shell.
    pub fn multiply_beside_a_shell(stage: &Stage, cgroups: &Cgroups) -> Self {
        Self::launch(stage, cgroups, "mine-and-multiply", r#""$@" & echo $!; wait; exit 0"#, &["6"])
    }

    /// Starts the program of this miner once more, alone in other cgroups.
    pub fn start_again(&self, stage: &Stage, cgroups: &Cgroups) -> Self {
        let script = r#"echo $$; exec "$@""#;
        Self::run(&self.program, stage, cgroups, "mine", script, &[])
    }

    fn launch(stage: &Stage, cgroups: &Cgroups, verb: &str, script: &str, more: &[&str]) -> Self {
        // A program of its own, so that nothing else on this host runs it.
        let program = stage.scratch.join(&unique("worker"));
        fs::copy(executable("simulator"), &program).expect("a copy");
        Self::run(&program, stage, cgroups, verb, script, more)
    }

    fn run(program: &str, stage: &Stage, cgroups: &Cgroups, verb: &str, script: &str, more: &[&str]) -> Self {
        let beats = stage.scratch.join(&unique("beats"));
        let peer = format!("{}:{POOL}", stage.pair.server.address);
        let join: Vec<String> = cgroups
            .directories()
            .map(|directory| format!("echo $$ > {}/cgroup.procs; ", directory.display()))
            .collect();
        let join = join.concat();
        let mut child = Command::new("/bin/bash")
            .arg0("-bash")
            .args(["-c", &format!("{join}{script}"), "-bash"])
            // `ip` replaces itself with the program.
            .args(["ip", "netns", "exec", &stage.pair.victim.name, program, verb, &peer, &beats])
            .args(more)
            .arg(LIFE)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("bash starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("it says its number");
        let pid = line.trim().parse().unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { child, pid, beats, program: program.to_owned() }
    }

    /// The pid of the shell that started it.
    pub fn shell(&self) -> u32 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).expect("it runs");
        let after = stat.rsplit_once(')').expect("a name").1;
        after.split_ascii_whitespace().nth(1).and_then(|parent| parent.parse().ok()).expect("a parent")
    }
}

impl Drop for Miner {
    fn drop(&mut self) {
        for pid in running(&self.program) {
            kill(pid);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for the alert about a miner. Returns the id of its incident.
pub fn incident_of(agent: &Agent, miner: &Miner) -> String {
    let alert = agent.wait_for("an alert", SOON, |alert| {
        *at(alert, "event.kind") == *"alert"
            && *at(alert, "minerwatch.verdict") == *"mining"
            && at(alert, "minerwatch.suspects").as_array().is_some_and(|suspects| {
                suspects.iter().any(|suspect| *at(suspect, "process.executable") == *miner.program)
            })
    });
    at(&alert, "minerwatch.incident.id").as_str().expect("an id").to_owned()
}

/// Waits until something is true, for at most ten seconds.
pub fn wait_until(mut is_true: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + SOON;
    while Instant::now() < until {
        if is_true() {
            return true;
        }
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// The number of beats of a miner.
pub fn beats(path: &str) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Whether a miner was connected at its last beat.
pub fn is_up(path: &str) -> bool {
    fs::read_to_string(path).is_ok_and(|text| text.lines().last() == Some("up"))
}

/// Whether a miner makes no beat for a while.
pub fn stops(path: &str) -> bool {
    let before = beats(path);
    thread::sleep(Duration::from_millis(300));
    beats(path) == before
}

/// The processes that run a program, in order.
pub fn running(program: &str) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("it is mounted").flatten();
    let mut pids: Vec<u32> = entries
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|path| path == Path::new(program)))
        .collect();
    pids.sort_unstable();
    pids
}

/// The state of a process as a letter.
pub fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it runs");
    stat.rsplit_once(')').and_then(|(_, rest)| rest.trim_start().chars().next()).expect("a state")
}

/// A child of a process.
pub fn child_of(pid: u32) -> Option<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten();
    threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .find_map(|children| children.split_whitespace().next()?.parse().ok())
}

pub fn kill(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::KILL);
    }
}

pub fn sha256(path: &str) -> String {
    let output = command::run("sha256sum", &[path]);
    String::from_utf8_lossy(&output.stdout).split_whitespace().next().expect("a hash").to_owned()
}

/// Checks the hashes of a collection, and that it has these files of a process.
pub fn check_evidence(directory: &Path, names: &[&str]) {
    let text = fs::read_to_string(directory.join("manifest.json")).expect("the manifest");
    let manifest: Value = serde_json::from_str(&text).expect("JSON");
    let files = manifest["files"].as_array().expect("a list");
    for file in files {
        let path = directory.join(file["path"].as_str().expect("a path"));
        assert_eq!(sha256(&path.to_string_lossy()), file["sha256"].as_str().expect("a hash"), "{file}");
    }
    for name in names {
        let has = files.iter().any(|file| {
            file["path"].as_str().is_some_and(|path| path.starts_with("process/") && path.ends_with(name))
                && file["bytes"].as_u64() > Some(0)
        });
        assert!(has, "{name}: {manifest}");
    }
    assert!(files.iter().any(|file| file["path"] == "incident.json"), "{manifest}");
}
