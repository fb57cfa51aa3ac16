//! Many short-lived processes in short-lived cgroups: every event arrives, and memory does not grow.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Child, Command},
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
    unique,
};
use serde_json::Value;

use crate::{machine_for_long, simulator, start_agent};

/// Length of the test.
const STORM: Duration = Duration::from_secs(60);
/// Length of the test with `MINERWATCH_NIGHTLY` in the environment.
const NIGHTLY: Duration = Duration::from_secs(600);
/// Warm-up time. After it, the agent must not grow: the process table, which is small here, is full by then.
const WARM: Duration = Duration::from_secs(20);
/// Number of programs that the simulator starts in one round, as a command-line argument.
const ROUND: &str = "200";
/// Maximum memory of the agent, in KiB.
const MEMORY: u64 = 96 << 10;
/// Maximum growth after the warm-up, in KiB.
const WANDERING: u64 = 6 << 10;

/// A cgroup of the unified hierarchy. It is removed when dropped.
struct Cgroup(PathBuf);

impl Cgroup {
    fn new() -> Self {
        let roots = ["/sys/fs/cgroup/unified", "/sys/fs/cgroup"].map(Path::new);
        let root = roots.into_iter().find(|root| root.join("cgroup.controllers").exists());
        let path = root.expect("there is a unified hierarchy").join(unique("minerwatch-churn"));
        fs::create_dir(&path).expect("a cgroup can be made");
        Self(path)
    }

    /// Starts a process that enters the cgroup and runs programs one after the other.
    fn storm(&self) -> Child {
        let script =
            format!("echo $$ > {}/cgroup.procs; exec {} storm {ROUND}", self.0.display(), simulator());
        Command::new("sh").args(["-c", &script]).spawn().expect("it starts")
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_storm_of_processes_is_reported_completely() {
    let Some(_machine) = machine_for_long("a_storm_of_processes_is_reported_completely") else { return };
    let scratch = Scratch::new();
    let settings = "[sink.stdout]\nevents = [\"exec\", \"exit\"]\n[limits]\nmax_processes = 4096\n";
    let agent = start_agent(&scratch, settings);
    let length = if env::var_os("MINERWATCH_NIGHTLY").is_some() { NIGHTLY } else { STORM };
    let start = Instant::now();
    let (mut rounds, mut peak, mut warm) = (0_u64, 0, None);
    while start.elapsed() < length {
        let cgroups = [Cgroup::new(), Cgroup::new()];
        for mut each in cgroups.each_ref().map(Cgroup::storm) {
            assert!(each.wait().expect("our child").success());
            rounds += 1;
        }
        peak = peak.max(resident(&agent));
        if start.elapsed() >= WARM && warm.is_none() {
            warm = Some((resident(&agent), descriptors(&agent)));
        }
    }
    let (warm_memory, warm_descriptors) = warm.expect("it went on for longer");
    let (memory, descriptors) = (resident(&agent), descriptors(&agent));
    let started = rounds * ROUND.parse::<u64>().expect("a number");
    // The last events are still on their way.
    std::thread::sleep(Duration::from_millis(500));
    let objects = agent.stop();
    let count = |action: &str, named: &str| {
        let of_true = |object: &&Value| {
            at(object, "event.action") == action
                && at(object, "process.executable").as_str().is_some_and(|path| path.ends_with(named))
        };
        objects.iter().filter(of_true).count() as u64
    };
    println!(
        "{started} programs in {length:?} ({} a second); {} MiB when warm, {} at the end, at most {}",
        started / length.as_secs(),
        warm_memory >> 10,
        memory >> 10,
        peak >> 10
    );
    assert_eq!(count("exec", "/true"), started, "every exec is reported");
    assert_eq!(count("exit", "/true"), started, "every exit is reported");
    assert!(peak < MEMORY, "the agent takes {peak} KiB");
    assert!(memory < warm_memory + WANDERING, "it grew from {warm_memory} to {memory} KiB");
    assert_eq!(descriptors, warm_descriptors, "files are left open");
}

fn resident(agent: &Agent) -> u64 {
    agent.status("VmRSS").split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}

fn descriptors(agent: &Agent) -> usize {
    fs::read_dir(format!("/proc/{}/fd", agent.pid())).expect("the agent runs").count()
}
