//! What is refused, each with its message.

use std::{fs, process::Command};

use minerwatch_tests::{command, executable};

use super::stage::{Cgroups, Miner, Stage, incident_of, stops};
use crate::machine;

#[test]
fn each_refusal_names_its_guard_and_changes_nothing() {
    let Some(_machine) = machine("each_refusal_names_its_guard_and_changes_nothing") else { return };
    let stage = Stage::new(69);
    let never = format!("never = [\"{}/never*\"]", stage.scratch.path().display());
    let agent = stage.agent(&format!("enabled = true\nevidence = false\n{never}\n"));
    let cgroups = Cgroups::create("refusals");
    let miner = Miner::start_beside_a_shell(&stage, &cgroups);
    let incident = incident_of(&agent, &miner);
    let refused = |arguments: &[&str], part: &str| {
        let output = stage.minerwatch(&[&["respond", &incident], arguments].concat());
        let said =
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(part), "{arguments:?}: {said}");
    };
    refused(&["--freeze", "--pid", "1"], "is no part of the incident");
    refused(&["--freeze", "--pid", &miner.shell().to_string()], "bystander");
    let unknown = stage.minerwatch(&["respond", "1-1-1", "--freeze"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("no open incident 1-1-1"), "{unknown:?}");
    assert!(!stops(&miner.beats), "nothing was changed");

    // The file is another one than that of the incident.
    fs::rename(&miner.program, format!("{}.moved", miner.program)).expect("our file");
    fs::write(&miner.program, "another").expect("our directory");
    refused(&["--quarantine"], "(hash)");
    fs::remove_file(&miner.program).expect("our file");
    refused(&["--quarantine"], "(no-file)");
    fs::rename(format!("{}.moved", miner.program), &miner.program).expect("our file");

    // A user who is neither root nor in the group.
    let socket = stage.scratch.join("control.sock");
    command::run("chmod", &["755", &stage.scratch.join("")]);
    let program = stage.scratch.join("minerwatch");
    fs::copy(executable("minerwatch"), &program).expect("a copy");
    let output = Command::new("setpriv")
        .args(["--reuid=65534", "--regid=65534", "--clear-groups", &program])
        .args(["respond", &incident, "--freeze", "--socket", &socket])
        .output()
        .expect("setpriv starts");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stderr).contains("response.group"), "{output:?}");
    drop(miner);
    agent.stop();
}

/// A process of the configuration's list is left alone, also by the policy, and the event says why.
#[test]
fn the_policy_leaves_alone_what_the_configuration_protects() {
    let Some(_machine) = machine("the_policy_leaves_alone_what_the_configuration_protects") else { return };
    let stage = Stage::new(70);
    let never = format!("never = [\"{}/worker*\"]", stage.scratch.path().display());
    let agent = stage.agent(&format!("enabled = true\nmining = [\"stop\"]\nevidence = false\n{never}\n"));
    let cgroups = Cgroups::create("never");
    let miner = Miner::start(&stage, &cgroups);
    incident_of(&agent, &miner);
    let event = agent.wait_for("the refusal", crate::SOON, |event| {
        *minerwatch_tests::agent::at(event, "event.action") == *"response-stop"
    });
    let guard = minerwatch_tests::agent::at(&event, "minerwatch.response.guard");
    assert_eq!(guard, "never", "{event}");
    assert!(!stops(&miner.beats), "it lives");
    drop(miner);
    agent.stop();
}
