//! Many short-lived processes: nothing lost, nothing kept.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use minerwatch_tests::{
    Scratch,
    agent::{Agent, at},
};
use serde_json::Value;

use crate::{alone, configuration, simulator};

/// How long the two loops run.
const STORM: Duration = Duration::from_secs(30);
/// How many programs a loop starts before it looks at the clock.
const ROUND: &str = "200";
/// The most memory the agent may take, KiB.
const MEMORY: u64 = 64 << 10;

#[test]
fn a_storm_of_processes_is_reported_whole() {
    let Some(_machine) = alone("a_storm_of_processes_is_reported_whole") else { return };
    let scratch = Scratch::new();
    let configuration = configuration(&scratch, "[sink.stdout]\nevents = [\"exec\", \"exit\"]\n");
    let agent = Agent::start(["run", "--config", &configuration]);
    let until = Instant::now() + STORM;
    let mut rounds = 0_u64;
    let mut peak = 0;
    while Instant::now() < until {
        let loops: Vec<_> = (0..2)
            .map(|_| Command::new(simulator()).args(["storm", ROUND]).spawn().expect("it starts"))
            .collect();
        for mut each in loops {
            assert!(each.wait().expect("our child").success());
            rounds += 1;
        }
        peak = peak.max(resident(&agent));
    }
    let started = rounds * ROUND.parse::<u64>().expect("a number");
    // The last ones are on their way.
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
        "{started} programs in {STORM:?} ({} a second); at most {} MiB resident",
        started / STORM.as_secs(),
        peak >> 10
    );
    assert_eq!(count("exec", "/true"), started, "every exec is reported");
    assert_eq!(count("exit", "/true"), started, "every exit is reported");
    assert!(peak < MEMORY, "the agent takes {peak} KiB");
}

fn resident(agent: &Agent) -> u64 {
    agent.status("VmRSS").split_whitespace().next().and_then(|number| number.parse().ok()).expect("a number")
}
