//! The staged response, as a user runs it: simulated miners are isolated, throttled, frozen, stopped and quarantined, and
//! everything is as before after a release. Nothing here mines.

mod approval;
mod refusals;
mod stage;

use std::{fs, path::Path, process::Command, thread, time::Duration};

use minerwatch_tests::{agent::at, command, notes::note};
use rustix::process::Signal;

use self::stage::{Cgroups, Miner, Stage, beats, incident_of, stops, wait_until};
use crate::{SOON, machine};

/// Time from the alert to the frozen suspect. The machine of a test may be busy; docs/response.md has the measured time.
const QUICK_MS: f64 = 1_000.0;

/// A miner in a cgroup of its own, as a service or container has one: alert, isolated, throttled, frozen, evidence,
/// released, with everything as before. A neighbour keeps connecting all the time.
#[test]
fn a_service_is_isolated_throttled_frozen_and_released_as_before() {
    let Some(_machine) = machine("a_service_is_isolated_throttled_frozen_and_released_as_before") else {
        return;
    };
    let stage = Stage::new(61);
    let agent = stage.agent("enabled = true\nmining = [\"isolate\", \"throttle\", \"freeze\"]\n");
    let cgroups = Cgroups::create("service");
    let quota = cgroups.cpu.as_ref().map(|cpu| cpu.join("cpu.cfs_quota_us"));
    if let Some(quota) = &quota {
        fs::write(quota, "150000").expect("a quota");
    }
    let neighbour = stage.neighbour(6);
    let miner = Miner::start(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);

    let done = |action: &str| {
        agent.wait_for(action, SOON, |event| {
            *at(event, "event.action") == *action && *at(event, "minerwatch.incident.id") == *incident
        })
    };
    let isolated = done("response-isolate");
    assert_eq!(at(&isolated, "event.outcome"), "success", "{isolated}");
    let throttled = done("response-throttle");
    assert_eq!(at(&throttled, "event.outcome"), "success", "{throttled}");
    let frozen = done("response-freeze");
    assert_eq!(at(&frozen, "event.outcome"), "success", "{frozen}");
    let took = at(&frozen, "minerwatch.response.took_ms").as_f64().expect("a time");
    assert!(took < QUICK_MS, "{frozen}");
    note(&format!(
        "alert to isolated: {} ms, to frozen: {took} ms",
        at(&isolated, "minerwatch.response.took_ms")
    ));
    assert_eq!(at(&frozen, "minerwatch.response.by"), "policy");
    assert_eq!(at(&frozen, "process.pid"), miner.pid);

    let freezer = cgroups.unified.join("cgroup.freeze");
    assert_eq!(fs::read_to_string(&freezer).expect("a freezer").trim(), "1");
    assert!(stops(&miner.beats), "a frozen process does not run");
    if let Some(quota) = &quota {
        assert_eq!(fs::read_to_string(quota).expect("a quota").trim(), "5000");
    }
    let evidence = done("response-evidence");
    let directory = at(&evidence, "minerwatch.response.path").as_str().expect("a path").to_owned();
    stage::check_evidence(Path::new(&directory), &["exe", "maps", "environ", "memory.core"]);

    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    assert_eq!(at(&done("response-release"), "event.outcome"), "success");
    assert_eq!(fs::read_to_string(&freezer).expect("a freezer").trim(), "0");
    if let Some(quota) = &quota {
        assert_eq!(fs::read_to_string(quota).expect("a quota").trim(), "150000");
    }
    assert_eq!(cgroups.of(miner.pid), cgroups.names());
    let before = beats(&miner.beats);
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "it runs again");
    assert!(wait_until(|| stage::is_up(&miner.beats)), "it connects again");
    // Nothing is left on disk that could be undone twice.
    let again = stage.minerwatch(&["release", &incident]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to undo"), "{again:?}");
    assert!(neighbour.made() > 50, "a neighbour in another cgroup keeps connecting");
    drop(miner);
    agent.stop();
}

/// A miner that shares its cgroup with a shell: only the miner goes to a cgroup of its own, and comes back.
#[test]
fn a_child_of_a_shell_is_frozen_alone_and_goes_back_to_its_cgroup() {
    let Some(_machine) = machine("a_child_of_a_shell_is_frozen_alone_and_goes_back_to_its_cgroup") else {
        return;
    };
    let stage = Stage::new(62);
    let agent = stage.agent("enabled = true\nevidence = false\n");
    let cgroups = Cgroups::create("shell");
    let miner = Miner::start_beside_a_shell(&stage, &cgroups);
    let shell = miner.shell();
    let incident = incident_of(&agent, &miner);
    let dry = stage.minerwatch(&["respond", &incident, "--freeze", "--dry-run"]);
    assert!(String::from_utf8_lossy(&dry.stdout).contains("nothing was changed"), "{dry:?}");
    assert!(!stops(&miner.beats));

    let frozen = stage.minerwatch(&["respond", &incident, "--isolate", "--freeze", "--for", "1h"]);
    assert!(frozen.status.success(), "{frozen:?}");
    assert!(stops(&miner.beats));
    let own = format!("{}/minerwatch-{incident}", cgroups.names()[0]);
    assert_eq!(cgroups.of(miner.pid)[0], own, "the miner has a cgroup of its own, below the shared one");
    assert_eq!(cgroups.of(shell), cgroups.names(), "the shell stays");
    assert_eq!(stage::state(shell), 'S', "the shell waits, and is not frozen");

    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    assert_eq!(cgroups.of(miner.pid), cgroups.names());
    assert!(!cgroups.unified.join(format!("minerwatch-{incident}")).exists(), "its cgroup is gone");
    let before = beats(&miner.beats);
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "it runs again");
    drop(miner);
    agent.stop();
}

/// A second copy beside a frozen miner is no reason for another alert. The policy freezes it all the same.
#[test]
fn a_second_copy_of_a_frozen_miner_is_frozen() {
    let Some(_machine) = machine("a_second_copy_of_a_frozen_miner_is_frozen") else { return };
    let stage = Stage::new(74);
    let agent = stage.agent("enabled = true\nmining = [\"freeze\"]\nevidence = false\n");
    let (one, other) = (Cgroups::create("first"), Cgroups::create("second"));
    let miner = Miner::start(&stage, &one);
    let incident = incident_of(&agent, &miner);
    let is_frozen = |pid: u32| {
        agent.wait_for("a freeze", SOON, |event| {
            let pids = at(event, "minerwatch.response.pid").as_array();
            *at(event, "event.action") == *"response-freeze"
                && pids.is_some_and(|pids| pids.iter().any(|frozen| *frozen == pid))
        });
    };
    is_frozen(miner.pid);
    let second = miner.start_again(&stage, &other);
    is_frozen(second.pid);
    assert!(stops(&miner.beats) && stops(&second.beats), "frozen processes do not run");
    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    for miner in [&miner, &second] {
        let before = beats(&miner.beats);
        assert!(wait_until(|| beats(&miner.beats) > before + 5), "it runs again");
    }
    assert_eq!(other.of(second.pid), other.names());
    drop((miner, second));
    agent.stop();
}

/// An isolated suspect that runs on cannot connect anywhere, and what was blocked is counted.
#[test]
fn an_isolated_suspect_reaches_nobody_until_its_lease_ends() {
    let Some(_machine) = machine("an_isolated_suspect_reaches_nobody_until_its_lease_ends") else { return };
    let stage = Stage::new(63);
    let agent = stage.agent("enabled = true\nevidence = false\n");
    let cgroups = Cgroups::create("isolated");
    let miner = Miner::start_beside_a_shell(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let isolated = stage.minerwatch(&["respond", &incident, "--isolate", "--for", "4s"]);
    assert!(isolated.status.success(), "{isolated:?}");
    assert!(wait_until(|| !stage::is_up(&miner.beats)), "its connection is reset");
    let blocked = agent.wait_for("what was blocked", SOON, |event| {
        *at(event, "event.action") == *"response-blocked"
            && at(event, "minerwatch.response.blocked.connects").as_u64() > Some(0)
    });
    assert_eq!(at(&blocked, "minerwatch.incident.id"), &incident);
    agent.wait_for("the end of the lease", SOON, |event| {
        *at(event, "event.action") == *"response-release" && *at(event, "minerwatch.response.by") == *"lease"
    });
    assert!(wait_until(|| stage::is_up(&miner.beats)), "it connects again");
    assert_eq!(cgroups.of(miner.pid), cgroups.names());
    drop(miner);
    agent.stop();
}

/// The agent and its responder are killed while a suspect is frozen. The ledger alone is enough to release it.
#[test]
fn a_suspect_is_released_after_the_agent_was_killed() {
    let Some(_machine) = machine("a_suspect_is_released_after_the_agent_was_killed") else { return };
    let stage = Stage::new(64);
    let mut agent = stage.agent("enabled = true\nmining = [\"freeze\"]\nevidence = false\n");
    let cgroups = Cgroups::create("killed");
    let miner = Miner::start_beside_a_shell(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    assert!(wait_until(|| stops(&miner.beats)));
    let responder = stage::child_of(agent.pid()).expect("the responder");
    stage::kill(responder);
    agent.signal(Signal::KILL);
    agent.wait(SOON).expect("it was killed");
    assert!(stops(&miner.beats), "the suspect stays frozen");

    // Without a daemon, the command reads the ledger itself.
    let config = stage.scratch.join("minerwatch.toml");
    let released = stage.minerwatch(&["release", &incident, "--config", &config]);
    assert!(released.status.success(), "{released:?}");
    assert_eq!(cgroups.of(miner.pid), cgroups.names());
    let before = beats(&miner.beats);
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "it runs again");
}

/// Only the agent is killed. Its responder stays until the lease ends, and then releases the suspect.
#[test]
fn a_lease_ends_although_the_agent_was_killed() {
    let Some(_machine) = machine("a_lease_ends_although_the_agent_was_killed") else { return };
    let stage = Stage::new(65);
    let mut agent = stage.agent("enabled = true\nevidence = false\n");
    let cgroups = Cgroups::create("leased");
    let miner = Miner::start(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let frozen = stage.minerwatch(&["respond", &incident, "--freeze", "--for", "3s"]);
    assert!(frozen.status.success(), "{frozen:?}");
    let before = beats(&miner.beats);
    agent.signal(Signal::KILL);
    agent.wait(SOON).expect("it was killed");
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "the lease has ended");
    assert_eq!(fs::read_to_string(cgroups.unified.join("cgroup.freeze")).expect("a freezer").trim(), "0");
}

/// A bounded fork bomb is frozen completely, and then killed completely.
#[test]
fn a_fork_bomb_is_frozen_and_killed_completely() {
    let Some(_machine) = machine("a_fork_bomb_is_frozen_and_killed_completely") else { return };
    let stage = Stage::new(66);
    let agent = stage.agent("enabled = true\nevidence = false\n");
    let cgroups = Cgroups::create("bomb");
    let miner = Miner::multiply_beside_a_shell(&stage, &cgroups);
    let shell = miner.shell();
    let incident = incident_of(&agent, &miner);
    let program = miner.program.clone();
    assert!(wait_until(|| stage::running(&program).len() > 40), "it multiplies");
    let frozen = stage.minerwatch(&["respond", &incident, "--freeze"]);
    assert!(frozen.status.success(), "{frozen:?}");
    let first = stage::running(&program);
    thread::sleep(Duration::from_millis(200));
    assert_eq!(stage::running(&program), first, "no process starts or ends");
    assert!(first.len() > 10, "{first:?}");

    let stopped = stage.minerwatch(&["respond", &incident, "--stop"]);
    assert!(stopped.status.success(), "{stopped:?}");
    assert!(wait_until(|| stage::running(&program).is_empty()), "{:?}", stage::running(&program));
    assert!(Path::new(&format!("/proc/{shell}")).exists(), "the shell lives");
    assert!(!cgroups.unified.join(format!("minerwatch-{incident}")).exists(), "its cgroup is gone");
    drop(miner);
    agent.stop();
}

/// The executable is moved aside, and comes back as it was.
#[test]
fn an_executable_is_quarantined_and_put_back_with_its_metadata() {
    let Some(_machine) = machine("an_executable_is_quarantined_and_put_back_with_its_metadata") else {
        return;
    };
    let stage = Stage::new(67);
    let agent = stage.agent("enabled = true\nevidence = false\n");
    let cgroups = Cgroups::create("quarantine");
    let miner = Miner::start(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let path = miner.program.clone();
    command::run("chown", &["12:34", &path]);
    command::run("chmod", &["4751", &path]);
    command::run("touch", &["-d", "2020-01-02T03:04:05.678901Z", &path]);
    let metadata = || {
        let shown = command::run("stat", &["-c", "%a %u %g %s %Y %y", &path]);
        String::from_utf8_lossy(&shown.stdout).into_owned()
    };
    let (before, hash) = (metadata(), stage::sha256(&path));
    let done = stage.minerwatch(&["respond", &incident, "--stop", "--quarantine"]);
    assert!(done.status.success(), "{done:?}");
    assert!(!Path::new(&path).exists());
    let kept = fs::read_dir(stage.scratch.join("state/quarantine")).expect("a directory").flatten().next();
    let kept = kept.expect("the file").path().to_string_lossy().into_owned();
    assert_eq!(stage::sha256(&kept), hash);
    assert!(Command::new(&kept).status().is_err(), "nobody can run it");
    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    assert_eq!((metadata(), stage::sha256(&path)), (before, hash));
    assert!(!Path::new(&kept).exists());
    drop(miner);
    agent.stop();
}

/// Without a response in the configuration nothing is started, and a person can respond all the same.
#[test]
fn without_a_configured_response_nothing_runs_and_root_may_still_respond() {
    let Some(_machine) = machine("without_a_configured_response_nothing_runs_and_root_may_still_respond")
    else {
        return;
    };
    let stage = Stage::new(68);
    let agent = stage.agent("");
    assert_eq!(stage::child_of(agent.pid()), None, "no responder runs");
    let cgroups = Cgroups::create("off");
    let miner = Miner::start(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let frozen = stage.minerwatch(&["respond", &incident, "--freeze"]);
    assert!(frozen.status.success(), "{frozen:?}");
    assert!(stops(&miner.beats));
    let archive = stage.scratch.join("case.tar.gz");
    let kept = stage.minerwatch(&["evidence", &incident, "-o", &archive]);
    assert!(kept.status.success(), "{kept:?}");
    command::run("tar", &["-xzf", &archive, "-C", &stage.scratch.join("")]);
    stage::check_evidence(Path::new(&stage.scratch.join("case")), &["exe", "maps", "environ", "memory.core"]);
    let plan = stage.minerwatch(&["explain", &incident, "--clean"]);
    assert!(String::from_utf8_lossy(&plan.stdout).contains(&miner.program), "{plan:?}");
    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    let before = beats(&miner.beats);
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "it runs again");
    drop(miner);
    agent.stop();
}
