//! The policy waits for a signed approval before it changes something.

use std::{
    fs,
    process::{Child, Command, Stdio},
};

use minerwatch_tests::agent::at;

use super::stage::{Cgroups, Miner, Stage, beats, incident_of, stops, wait_until};
use crate::{SOON, machine};

/// A server on loopback that decides as a file says. It is killed when dropped.
struct Approver {
    child: Child,
    decision: String,
    settings: String,
}

impl Approver {
    fn start(stage: &Stage) -> Self {
        let path = |name: &str| stage.scratch.join(name);
        let (script, address, secret, decision) =
            (path("approver.py"), path("address"), path("secret"), path("decision"));
        fs::write(&script, include_str!("approver.py")).expect("a file");
        fs::write(&secret, "a secret of the test\n").expect("a file");
        fs::write(&decision, "pending").expect("a file");
        let child = Command::new("/usr/bin/python3")
            .args([&script, &address, &secret, &decision])
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        assert!(wait_until(|| fs::exists(&address).expect("a path")), "it listens");
        let url = fs::read_to_string(&address).expect("an address");
        let settings = format!("[response.approval]\nurl = \"{url}\"\nsecret_file = \"{secret}\"\n");
        Self { child, decision, settings }
    }

    fn says(&self, decision: &str) {
        fs::write(&self.decision, decision).expect("a file");
    }
}

impl Drop for Approver {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_suspect_is_frozen_once_somebody_approved() {
    let Some(_machine) = machine("a_suspect_is_frozen_once_somebody_approved") else { return };
    let stage = Stage::new(73);
    let approver = Approver::start(&stage);
    let policy =
        "enabled = true\nevidence = false\nmining = [\"isolate\", \"freeze\"]\napprove = \"webhook\"\n";
    let agent = stage.agent(&format!("{policy}{}stages = [\"freeze\"]\ntimeout_s = 60\n", approver.settings));
    let cgroups = Cgroups::create("approval");
    let miner = Miner::start(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let event = |action: &str, outcome: &str| {
        agent.wait_for(action, SOON, |event| {
            *at(event, "event.action") == *action
                && *at(event, "minerwatch.response.outcome") == *outcome
                && *at(event, "minerwatch.incident.id") == *incident
        })
    };
    let waiting = event("response-approval", "waiting");
    assert_eq!(at(&waiting, "event.outcome"), "unknown", "{waiting}");
    // What needs no approval is done at once.
    assert_eq!(at(&event("response-isolate", "done"), "minerwatch.response.by"), "policy");
    let before = beats(&miner.beats);
    assert!(wait_until(|| beats(&miner.beats) > before + 5), "nobody has approved, so it runs");

    approver.says("approve");
    assert_eq!(at(&event("response-approval", "done"), "minerwatch.response.by"), "alice");
    let frozen = event("response-freeze", "done");
    assert_eq!(at(&frozen, "minerwatch.response.by"), "policy, approved by alice", "{frozen}");
    assert!(stops(&miner.beats), "a frozen process does not run");
    let released = stage.minerwatch(&["release", &incident]);
    assert!(released.status.success(), "{released:?}");
    drop(miner);

    // Another suspect, which somebody denies.
    approver.says("deny");
    let miner = Miner::start(&stage, &cgroups);
    let denied = event("response-approval", "refused");
    assert_eq!(at(&denied, "minerwatch.response.guard"), "approval", "{denied}");
    assert!(!stops(&miner.beats), "it runs on");
    drop(miner);
    agent.stop();
}
